# bench.mk - the benchmarks.
#
# test/bench/raft/*.c      libraft's, build/bench/raft: one run over all points, a line each
# test/bench/go/*.go       the same points on etcd-io/raft, build/bench/etcd, where there is Go
# test/bench/run.sh        runs both in turn and makes the table
# test/bench/store/        kvexample, etcd and Redis side by side
# test/bench/store/*.sh    whole stores, as processes
# test/bench/*.c           kvexample's, one program each
#
# SPDX-License-Identifier: Apache-2.0

#= BENCH='--quick NAME…'       ## arguments of `make bench`: less time, some points only
BENCH ?=

BENCH_SOURCES := $(wildcard test/bench/*.c)
BENCH_PROGRAMS := $(BENCH_SOURCES:test/bench/%.c=build/bench/%)
RAFT_BENCH_SOURCES := $(wildcard test/bench/raft/*.c)
BENCH_OBJECTS := $(call objects,$(BENCH_SOURCES) $(RAFT_BENCH_SOURCES))

.PHONY: benches bench bench-regions bench-etcd
benches: $(BENCH_PROGRAMS) build/bench/raft

$(BENCH_PROGRAMS): build/bench/%: $(O)/test/bench/%.o $(call objects,$(UNIT_SUPPORT_SOURCES)) \
    build/libkv.a build/libraft.a $(MODE_STAMP)
	$(call link,$(CHECK_LIBS) $(KV_LIBS) $(LIBRAFT_LIBS))

build/bench/raft: $(call objects,$(RAFT_BENCH_SOURCES)) build/libraft.a $(MODE_STAMP)
	$(call link,$(LIBRAFT_LIBS))

$(BENCH_OBJECTS): $(O)/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(TEST_FLAGS))

# Needs libnghttp2, as nothing else here does: without it only `make bench-etcd` has less to show.
PEER_LOAD_SOURCES := $(wildcard test/bench/store/*.c)
PEER_LOAD_OBJECTS := $(call objects,$(PEER_LOAD_SOURCES))

build/bench/peer_load: $(PEER_LOAD_OBJECTS) build/libkv.a build/libraft.a $(MODE_STAMP)
	$(call link,-lnghttp2 $(KV_LIBS) $(LIBRAFT_LIBS))

$(PEER_LOAD_OBJECTS): $(O)/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(TEST_FLAGS))

-include $(call depend,$(BENCH_OBJECTS) $(PEER_LOAD_OBJECTS))

#= REGIONS='--seconds 10 1000' ## arguments of `make bench-regions`
REGIONS ?=

bench-regions: deps ## What thousands of quiet regions cost: start, memory, CPU, first write
	@+$(AGAIN) kvexample
	@test/bench/store/regions.sh $(REGIONS)

bench: deps ## Run the benchmarks; against etcd-io/raft too where there is Go
	@+$(AGAIN) benches
	@test/bench/run.sh $(BENCH)

bench-etcd: deps ## Three stores, three etcd members, three Redis servers under the same load
	@sh mk/deps.sh $(DEPS_BENCH_STORE) || echo 'bench-etcd: what is missing is left out'
	@+$(AGAIN) kvexample
	@+$(AGAIN) build/bench/peer_load || echo 'bench-etcd: no load for etcd and Redis: libnghttp2-dev is missing'
	@test/bench/store/run.sh $(BENCH)
