# mutants.mk - planted bugs, and who finds them (test/mutants/).
#
# The tests are linked against a shared libraft, so that a mutant is one compiled file and one linked
# library, not twenty programs.
#
# SPDX-License-Identifier: Apache-2.0

#= NAMES='figure-8 vote-twice' ## which mutants, all by default
NAMES ?=
#= MUTANT_SEEDS=N              ## how many seeds the simulator tries on each
MUTANT_SEEDS ?= 2000

MUTANTS := build/mutants
MUTANT_FLAGS := -fPIC
# What looks at libraft alone; those first that find most.
MUTANT_SUITES := $(addprefix test_,node_election node_replication node_ready node_reads \
  node_membership node_proposal node_snapshot node_transfer node_open log unstable tracker progress \
  inflights quorum confchange outbox)
MUTANT_OBJECTS := $(LIBRAFT_SOURCES:%.c=$(MUTANTS)/obj/%.o)
MUTANT_GEN_OBJECTS := $(LIBRAFT_GEN:build/gen/%.c=$(MUTANTS)/obj/gen/%.o)
MUTANT_PROGRAMS := $(MUTANT_SUITES:%=$(MUTANTS)/bin/%) $(MUTANTS)/bin/datadriven \
  $(MUTANTS)/bin/raft-sim

.PHONY: mutants run-mutants
mutants: deps ## Plant bugs in libraft, one at a time, and show what finds each
	@+$(AGAIN) run-mutants

run-mutants: $(MUTANTS)/libraft.so $(MUTANT_PROGRAMS)
	@CC='$(CC)' CFLAGS='$(BASE_FLAGS) $(WARNINGS) -Werror $(LIBRAFT_FLAGS) $(MUTANT_FLAGS) $(CPPFLAGS)' \
	  LIBS='$(LIBRAFT_LIBS)' SUITES='$(MUTANT_SUITES)' SEEDS='$(MUTANT_SEEDS)' \
	  JOBS='$(shell nproc)' test/mutants/run.sh $(NAMES)

$(MUTANTS)/libraft.so: $(MUTANT_OBJECTS) $(MUTANT_GEN_OBJECTS)
	$(if $(QUIET),,@echo "  LINK  $@")
	$(Q)$(CC) $(BASE_FLAGS) $(LDFLAGS) -shared -Wl,-Bsymbolic $^ $(LIBRAFT_LIBS) -o $@

$(MUTANT_OBJECTS): $(MUTANTS)/obj/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(LIBRAFT_FLAGS) $(MUTANT_FLAGS))

$(MUTANT_GEN_OBJECTS): $(MUTANTS)/obj/gen/%.o: build/gen/%.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,-w $(MUTANT_FLAGS))

# Who runs them says where libraft.so is (LD_LIBRARY_PATH).
$(MUTANTS)/bin/test_%: $(O)/test/unit/test_%.o $(call objects,$(UNIT_SUPPORT_SOURCES)) build/libkv.a \
    | $(MUTANTS)/libraft.so
	$(call link,$(CHECK_LIBS) -L$(MUTANTS) -l:libraft.so $(KV_LIBS) $(LIBRAFT_LIBS))

$(MUTANTS)/bin/datadriven: $(call objects,$(DATADRIVEN_SOURCES)) | $(MUTANTS)/libraft.so
	$(call link,-L$(MUTANTS) -l:libraft.so $(LIBRAFT_LIBS))

$(MUTANTS)/bin/raft-sim: $(SIM_MAIN) $(SIM_OBJECTS) | $(MUTANTS)/libraft.so
	$(call link,-L$(MUTANTS) -l:libraft.so $(LIBRAFT_LIBS))

-include $(call depend,$(MUTANT_OBJECTS))
