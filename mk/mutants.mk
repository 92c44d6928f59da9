# mutants.mk - planted bugs, and who finds them (test/mutants/).
#
# The tests are linked against a shared library, libraft.so or libkv.so, so that a mutant is one
# compiled file and one linked library, not twenty programs.
#
# SPDX-License-Identifier: Apache-2.0

#= NAMES='figure-8 vote-twice' ## which mutants, all by default, of libraft and of the store
NAMES ?=
#= MUTANT_SEEDS=N              ## how many seeds the simulator tries on each of libraft's
MUTANT_SEEDS ?= 2000
#= STORE_MUTANT_SEEDS=N        ## how many the simulator of clusters tries on each of the store's
STORE_MUTANT_SEEDS ?= 500

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

# The same for the store, with a libraft without bugs in its library; slow suites last.
STORE_MUTANTS := $(MUTANTS)/store
STORE_MUTANT_SUITES := $(addprefix test_,split_races split_apply apply region_change proposal \
  store_members store_swap store_overlay scheduler_regions scheduler_stores scheduler_operators \
  scheduler_balance scheduler_client heartbeat_batch region_cache raw region split store_review \
  store_scheduler store overlay front snapshot hibernate split_orders)
STORE_MUTANT_OBJECTS := $(KV_SOURCES:%.c=$(STORE_MUTANTS)/obj/%.o)
STORE_MUTANT_GEN_OBJECTS := $(KV_GEN:build/gen/%.c=$(STORE_MUTANTS)/obj/gen/%.o)
STORE_MUTANT_PROGRAMS := $(STORE_MUTANT_SUITES:%=$(STORE_MUTANTS)/bin/%) $(STORE_MUTANTS)/bin/store-sim

# Of libraft is what the folder itself has, of the store what its folder store/ has.
names_of = $(filter $(patsubst test/mutants/$(1)%.patch,%,$(wildcard test/mutants/$(1)*.patch)),$(NAMES))
UNKNOWN_NAMES = $(filter-out $(call names_of) $(call names_of,store/),$(NAMES))
# $(call wanted,FOLDER): not empty if this group has any of NAMES, or all are wanted.
wanted = $(if $(NAMES),$(call names_of,$(1)),all)

.PHONY: mutants run-mutants
mutants: deps ## Plant bugs in libraft and in the store, one at a time, and show what finds each
	@+$(AGAIN) run-mutants

run-mutants: $(if $(call wanted,),$(MUTANTS)/libraft.so $(MUTANT_PROGRAMS)) \
    $(if $(call wanted,store/),$(STORE_MUTANTS)/libkv.so $(STORE_MUTANT_PROGRAMS))
	$(if $(UNKNOWN_NAMES),$(error there is no planted bug $(UNKNOWN_NAMES)))
	@status=0; \
	$(if $(call wanted,),$(MUTATE_LIBRAFT) || status=1;) \
	$(if $(call wanted,store/),$(MUTATE_STORE) || status=1;) \
	exit $$status

MUTATE_LIBRAFT = TREE=libraft PATCHES=test/mutants ROOT=$(MUTANTS) LIBRARY=libraft.so \
  CC='$(CC)' CFLAGS='$(BASE_FLAGS) $(WARNINGS) -Werror $(LIBRAFT_FLAGS) $(MUTANT_FLAGS) $(CPPFLAGS)' \
  LIBS='$(LIBRAFT_LIBS)' SCRIPTS=datadriven SUITES='$(MUTANT_SUITES)' SIMULATOR=raft-sim \
  SEEDS='$(MUTANT_SEEDS)' JOBS='$(shell nproc)' test/mutants/run.sh $(call names_of)

MUTATE_STORE = TREE=kvexample PATCHES=test/mutants/store ROOT=$(STORE_MUTANTS) LIBRARY=libkv.so \
  CC='$(CC)' CFLAGS='$(BASE_FLAGS) $(WARNINGS) -Werror $(KV_FLAGS) $(MUTANT_FLAGS) $(CPPFLAGS)' \
  MORE_OBJECTS='$(MUTANT_OBJECTS) $(MUTANT_GEN_OBJECTS)' LIBS='$(KV_LIBS) $(LIBRAFT_LIBS)' \
  SUITES='$(STORE_MUTANT_SUITES)' SIMULATOR='store-sim --scenario swarm' \
  SEEDS='$(STORE_MUTANT_SEEDS)' TEST_TIMEOUT=240 JOBS='$(shell nproc)' test/mutants/run.sh $(call names_of,store/)

define link_shared
$(if $(QUIET),,@echo "  LINK  $@")
$(Q)$(CC) $(BASE_FLAGS) $(LDFLAGS) -shared -Wl,-Bsymbolic $^ $(1) -o $@
endef

$(MUTANTS)/libraft.so: $(MUTANT_OBJECTS) $(MUTANT_GEN_OBJECTS)
	$(call link_shared,$(LIBRAFT_LIBS))

$(STORE_MUTANTS)/libkv.so: $(STORE_MUTANT_OBJECTS) $(STORE_MUTANT_GEN_OBJECTS) $(MUTANT_OBJECTS) \
    $(MUTANT_GEN_OBJECTS)
	$(call link_shared,$(KV_LIBS) $(LIBRAFT_LIBS))

$(MUTANT_OBJECTS): $(MUTANTS)/obj/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(LIBRAFT_FLAGS) $(MUTANT_FLAGS))

$(STORE_MUTANT_OBJECTS): $(STORE_MUTANTS)/obj/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(KV_FLAGS) $(MUTANT_FLAGS))

$(MUTANT_GEN_OBJECTS): $(MUTANTS)/obj/gen/%.o: build/gen/%.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,-w $(MUTANT_FLAGS))

$(STORE_MUTANT_GEN_OBJECTS): $(STORE_MUTANTS)/obj/gen/%.o: build/gen/%.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,-w $(MUTANT_FLAGS))

# Who runs them says where the library is (LD_LIBRARY_PATH).
$(MUTANTS)/bin/test_%: $(O)/test/unit/test_%.o $(call objects,$(UNIT_SUPPORT_SOURCES)) build/libkv.a \
    | $(MUTANTS)/libraft.so
	$(call link,$(CHECK_LIBS) -L$(MUTANTS) -l:libraft.so $(KV_LIBS) $(LIBRAFT_LIBS))

$(MUTANTS)/bin/datadriven: $(call objects,$(DATADRIVEN_SOURCES)) | $(MUTANTS)/libraft.so
	$(call link,-L$(MUTANTS) -l:libraft.so $(LIBRAFT_LIBS))

$(MUTANTS)/bin/raft-sim: $(SIM_MAIN) $(SIM_OBJECTS) | $(MUTANTS)/libraft.so
	$(call link,-L$(MUTANTS) -l:libraft.so $(LIBRAFT_LIBS))

$(STORE_MUTANTS)/bin/test_%: $(O)/test/unit/test_%.o $(call objects,$(UNIT_SUPPORT_SOURCES)) \
    | $(STORE_MUTANTS)/libkv.so
	$(call link,$(CHECK_LIBS) -L$(STORE_MUTANTS) -l:libkv.so $(KV_LIBS) $(LIBRAFT_LIBS))

$(STORE_MUTANTS)/bin/store-sim: $(STORESIM_OBJECTS) $(call objects,test/unit/support/world_log.c) \
    build/libraftsim.a | $(STORE_MUTANTS)/libkv.so
	$(call link,-L$(STORE_MUTANTS) -l:libkv.so $(KV_LIBS) $(LIBRAFT_LIBS))

-include $(call depend,$(MUTANT_OBJECTS) $(STORE_MUTANT_OBJECTS))
