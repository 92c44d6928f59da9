# sim.mk - the simulator: build/libraftsim.a from test/sim/*.c, and the program build/bin/raft-sim.
#
# SPDX-License-Identifier: Apache-2.0

#= TIME=600                    ## seconds that `make soak` runs
#= SEEDS=A..B                  ## seeds that `make sim` runs

SIM_SOURCES := $(filter-out test/sim/raft_sim.c,$(wildcard test/sim/*.c))
SIM_OBJECTS := $(call objects,$(SIM_SOURCES))
SIM_MAIN := $(call objects,test/sim/raft_sim.c)

.PHONY: simulator sim soak
simulator: build/libraftsim.a build/bin/raft-sim ## Build the simulator, build/bin/raft-sim

tests: simulator

build/libraftsim.a: $(SIM_OBJECTS) $(MODE_STAMP)
	$(archive)

build/bin/raft-sim: $(SIM_MAIN) build/libraftsim.a build/libraft.a $(MODE_STAMP)
	$(call link,$(LIBRAFT_LIBS))

$(SIM_OBJECTS) $(SIM_MAIN): $(O)/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(TEST_FLAGS))

-include $(call depend,$(SIM_OBJECTS) $(SIM_MAIN))

sim: deps ## Run simulations of libraft under faults: SEEDS=A..B (default 1..2000)
	@+$(AGAIN) simulator
	@build/bin/raft-sim --seeds $(or $(SEEDS),1..2000)

soak: deps ## Run simulations with fresh seeds for TIME seconds (default 600)
	@+$(AGAIN) simulator
	@build/bin/raft-sim --time $(or $(TIME),600)

# The simulator's own tests.
build/test/unit/test_sim: $(SIM_OBJECTS)
