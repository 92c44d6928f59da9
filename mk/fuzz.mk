# fuzz.mk - libFuzzer targets: test/fuzz/fuzz_X.c becomes build/fuzz/fuzz_X. Not part of `make test`.
#
# SPDX-License-Identifier: Apache-2.0

FUZZ_SOURCES := $(wildcard test/fuzz/fuzz_*.c)
FUZZ_OBJECTS := $(call objects,$(FUZZ_SOURCES))
FUZZ_PROGRAMS := $(FUZZ_SOURCES:test/fuzz/%.c=build/fuzz/%)

.PHONY: fuzz-build fuzz-programs
fuzz-build: ## Build the fuzz targets, build/fuzz/ (clang)
	@+$(MAKE) --no-print-directory CC=clang SANITIZE=fuzzer,address,undefined fuzz-programs

fuzz-programs: $(FUZZ_PROGRAMS)

$(FUZZ_PROGRAMS): build/fuzz/%: $(O)/test/fuzz/%.o build/libraft.a $(MODE_STAMP)
	$(call link,$(LIBRAFT_LIBS))

$(FUZZ_OBJECTS): $(O)/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(TEST_FLAGS))

-include $(call depend,$(FUZZ_OBJECTS))
