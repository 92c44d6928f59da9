# fuzz.mk - libFuzzer targets: test/fuzz/fuzz_X.c becomes build/fuzz/fuzz_X (clang) and, with
# replay.c in the fuzzer's place, build/test/fuzz/fuzz_X, which `make test` runs on the corpus.
#
# test/fuzz/corpus/fuzz_X/    inputs in git: few and small, `make fuzz-corpus` chooses them
# build/fuzz/corpus/fuzz_X/   inputs that `make fuzz` found
# build/fuzz/findings/        inputs that broke something
#
# SPDX-License-Identifier: Apache-2.0

#= TIME=60                     ## seconds that `make fuzz` spends on each target
TIME ?= 60
#= TARGET=step                 ## ... on this one alone: wire step storage datadriven
TARGET ?=

FUZZ_SOURCES := $(wildcard test/fuzz/fuzz_*.c)
FUZZ_SUPPORT_SOURCES := $(filter-out $(FUZZ_SOURCES) test/fuzz/replay.c,$(wildcard test/fuzz/*.c)) \
  $(filter-out %/main.c,$(wildcard test/datadriven/*.c))
FUZZ_OBJECTS := $(call objects,$(wildcard test/fuzz/*.c))
FUZZ_SUPPORT := $(call objects,$(FUZZ_SUPPORT_SOURCES))
FUZZ_PROGRAMS := $(FUZZ_SOURCES:test/fuzz/%.c=build/fuzz/%)
FUZZ_REPLAYS := $(FUZZ_SOURCES:test/fuzz/%.c=build/test/fuzz/%)

.PHONY: fuzz fuzz-build fuzz-programs fuzz-corpus fuzz-replay fuzz-replays
fuzz: fuzz-build ## Go on fuzzing: TIME=60 seconds a target, TARGET=step (clang)
	@test/fuzz/fuzz.sh run $(TIME) $(TARGET)

fuzz-corpus: fuzz-build ## Choose the inputs worth keeping in test/fuzz/corpus/
	@test/fuzz/fuzz.sh merge $(TARGET)

fuzz-build: deps-fuzz ## Build the fuzz targets, build/fuzz/ (clang)
	@+$(AGAIN) CC=clang SANITIZE=fuzzer,address,undefined CPPFLAGS=-DRAFT_ABORT_ON_INVARIANT \
	  fuzz-programs

fuzz-replay: deps ## Run the inputs of test/fuzz/corpus/ (any compiler)
	@+$(AGAIN) fuzz-replays
	@test/run.sh fuzz

tests: $(FUZZ_REPLAYS)

fuzz-programs: $(FUZZ_PROGRAMS)
fuzz-replays: $(FUZZ_REPLAYS)

$(FUZZ_PROGRAMS): build/fuzz/%: $(O)/test/fuzz/%.o $(FUZZ_SUPPORT) build/libraft.a $(MODE_STAMP)
	$(call link,$(LIBRAFT_LIBS))

$(FUZZ_REPLAYS): build/test/fuzz/%: $(O)/test/fuzz/%.o $(O)/test/fuzz/replay.o $(FUZZ_SUPPORT) \
    build/libraft.a $(MODE_STAMP)
	$(call link,$(LIBRAFT_LIBS))

$(FUZZ_OBJECTS): $(O)/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(TEST_FLAGS))

-include $(call depend,$(FUZZ_OBJECTS))
