# test.mk - the tests and the targets that run them.
#
# test/unit/test_X.c       a Check suite, one program each; test/unit/support/*.c is linked into all
# test/datadriven/*.c      the datadriven runner, build/test/datadriven
# test/cluster/*.sh        real processes
#
# SPDX-License-Identifier: Apache-2.0

UNIT_SOURCES := $(wildcard test/unit/test_*.c)
UNIT_SUPPORT_SOURCES := $(wildcard test/unit/support/*.c)
DATADRIVEN_SOURCES := $(wildcard test/datadriven/*.c)
TEST_OBJECTS := $(call objects,$(UNIT_SOURCES) $(UNIT_SUPPORT_SOURCES) $(DATADRIVEN_SOURCES))

UNIT_PROGRAMS := $(UNIT_SOURCES:test/unit/%.c=build/test/unit/%)
DATADRIVEN := $(if $(DATADRIVEN_SOURCES),build/test/datadriven)

.PHONY: tests
tests: $(UNIT_PROGRAMS) $(DATADRIVEN) ## Build the tests without running them

$(UNIT_PROGRAMS): build/test/unit/%: $(O)/test/unit/%.o $(call objects,$(UNIT_SUPPORT_SOURCES)) \
    build/libkv.a build/libraft.a $(MODE_STAMP)
	$(call link,$(CHECK_LIBS) $(KV_LIBS) $(LIBRAFT_LIBS))

# The tests of the runner look into it.
build/test/unit/test_datadriven: \
    $(call objects,$(filter-out %/main.c,$(DATADRIVEN_SOURCES)))

build/test/datadriven: $(call objects,$(DATADRIVEN_SOURCES)) build/libraft.a $(MODE_STAMP)
	$(call link,$(LIBRAFT_LIBS))

$(TEST_OBJECTS): $(O)/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(TEST_FLAGS))

-include $(call depend,$(TEST_OBJECTS))

# --- running ---------------------------------------------------------------------------------

# The counters of an earlier run would be added to this one's.
FORGET_COUNTS = $(if $(COVERAGE),find $(O) -name '*.gcda' -delete;)

# TSan wants its own address layout; some kernels randomize too much for it.
AS_LAID_OUT = $(if $(findstring thread,$(SANITIZE)),$(shell setarch -R true 2> /dev/null && echo setarch -R))

# Instrumented programs are several times slower: they get a part of the seeds.
FEWER_SEEDS = $(if $(SANITIZE)$(COVERAGE),RANDOM_COUNT=3 SIM_SEEDS=300 STORE_SIM_SEEDS=1)

# $(call run_tests,GROUPS[,TARGETS]): build the targets (default: everything), then run the groups.
define run_tests
@+$(AGAIN) $(or $(2),everything)
@$(FORGET_COUNTS) $(FEWER_SEEDS) $(AS_LAID_OUT) test/run.sh $(1) $(if $(COVERAGE),coverage)
endef

.PHONY: test unit datadriven alloc-failures cluster-test soak-cluster tsan valgrind coverage
test: deps ## Run all tests: unit, datadriven, simulations, fuzz corpus, checks, cluster
	$(call run_tests,unit datadriven sim storesim fuzz checks cluster)

unit: deps ## Run the unit tests
	$(call run_tests,unit)

datadriven: deps ## Run the scripts of test/interaction and ../shared/etcd-raft
	$(call run_tests,datadriven)

alloc-failures: deps ## Fail every allocation of whole scenarios; how many is printed
	@+$(AGAIN) build/test/unit/test_node_memory build/test/unit/test_node_steady
	@build/test/unit/test_node_memory && build/test/unit/test_node_steady

cluster-test: deps ## Run the tests with real processes, those that take minutes too
	$(call run_tests,cluster long)

# One round of faults takes about a minute.
soak-cluster: deps ## Run five stores under every fault, again and again: SOAK_SECONDS (default 600)
	@+$(AGAIN) kvexample
	@SOAK_SECONDS=$${SOAK_SECONDS:-600} test/cluster/multi_region.sh

tsan: ## Run what has threads under the thread sanitizer
	@+$(AGAIN) SANITIZE=thread deps
	@+$(AGAIN) SANITIZE=thread run-tsan

# Suites in which threads meet, and scripts in which all threads of the servers have work; the others
# would only be slower.
THREADED_CLUSTER := failover full_disk redis regions snapshot
THREADED := bytes client committer history lmdb_engine load net_client overlay_threads raft_log worker

.PHONY: run-tsan
run-tsan: export UNIT := $(THREADED)
run-tsan: export CLUSTER := $(THREADED_CLUSTER)
run-tsan:
	$(call run_tests,unit cluster,kvexample examples $(THREADED:%=build/test/unit/test_%))

valgrind: deps-valgrind ## Run the unit tests under valgrind
	@+$(AGAIN) everything
	@CK_FORK=no TEST_TIMEOUT=900 \
	  RUN_WITH='valgrind --quiet --leak-check=full --error-exitcode=9' test/run.sh unit

coverage: deps-coverage ## Report what the last `make COVERAGE=1 test` covered
	@OBJECTS=$(O:-coverage=)-coverage test/coverage.sh
