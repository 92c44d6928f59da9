# test.mk - the tests and the targets that run them.
#
# test/unit/test_X.c       a Check suite, one program each; test/unit/support/*.c is linked into all
# test/datadriven/*.c      the datadriven runner, build/test/datadriven
# test/cluster/*.sh        real processes
# test/bench/*.c           benchmarks, one program each; built with the rest, run only by `make bench`
#
# SPDX-License-Identifier: Apache-2.0

UNIT_SOURCES := $(wildcard test/unit/test_*.c)
UNIT_SUPPORT_SOURCES := $(wildcard test/unit/support/*.c)
DATADRIVEN_SOURCES := $(wildcard test/datadriven/*.c)
BENCH_SOURCES := $(wildcard test/bench/*.c)
TEST_OBJECTS := $(call objects,$(UNIT_SOURCES) $(UNIT_SUPPORT_SOURCES) $(DATADRIVEN_SOURCES) \
  $(BENCH_SOURCES))

UNIT_PROGRAMS := $(UNIT_SOURCES:test/unit/%.c=build/test/unit/%)
DATADRIVEN := $(if $(DATADRIVEN_SOURCES),build/test/datadriven)
BENCH_PROGRAMS := $(BENCH_SOURCES:test/bench/%.c=build/bench/%)

.PHONY: tests benches
tests: $(UNIT_PROGRAMS) $(DATADRIVEN) ## Build the tests without running them
benches: $(BENCH_PROGRAMS)

$(UNIT_PROGRAMS): build/test/unit/%: $(O)/test/unit/%.o $(call objects,$(UNIT_SUPPORT_SOURCES)) \
    build/libkv.a build/libraft.a $(MODE_STAMP)
	$(call link,$(CHECK_LIBS) $(KV_LIBS) $(LIBRAFT_LIBS))

build/test/datadriven: $(call objects,$(DATADRIVEN_SOURCES)) build/libraft.a $(MODE_STAMP)
	$(call link,$(LIBRAFT_LIBS))

$(BENCH_PROGRAMS): build/bench/%: $(O)/test/bench/%.o build/libkv.a build/libraft.a $(MODE_STAMP)
	$(call link,$(KV_LIBS) $(LIBRAFT_LIBS))

$(TEST_OBJECTS): $(O)/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(TEST_FLAGS))

-include $(call depend,$(TEST_OBJECTS))
