# storesim.mk - the simulator of whole clusters: build/bin/store-sim from test/storesim/*.c.
#
# It stands on the parts of libraft's simulator that know nothing of Raft (build/libraftsim.a), and on
# the simulated raft log of the unit tests.
#
# SPDX-License-Identifier: Apache-2.0

STORESIM_SOURCES := $(wildcard test/storesim/*.c)
STORESIM_OBJECTS := $(call objects,$(STORESIM_SOURCES))

.PHONY: store-simulator store-sim
store-simulator: build/bin/store-sim ## Build the simulator of clusters, build/bin/store-sim

tests: store-simulator

build/bin/store-sim: $(STORESIM_OBJECTS) $(call objects,test/unit/support/world_log.c) \
    build/libraftsim.a build/libkv.a build/libraft.a $(MODE_STAMP)
	$(call link,$(KV_LIBS) $(LIBRAFT_LIBS))

$(STORESIM_OBJECTS): $(O)/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(TEST_FLAGS))

-include $(call depend,$(STORESIM_OBJECTS))

store-sim: deps ## Run simulations of whole clusters under faults: SEEDS=A..B (default 1..20)
	@+$(AGAIN) store-simulator
	@build/bin/store-sim --scenario all --seeds $(or $(SEEDS),1..20)
