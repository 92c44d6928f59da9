# interop.mk - libraft against etcd-io/raft itself, where there is a Go toolchain. Nothing else needs
# one. The first run fetches the Go modules that test/interop/go.mod pins.
#
# test/interop/*.go        random scripts, answered by both (docs/differences-from-the-model.md)
# test/interop/mixed/      groups of both kinds of nodes, which exchange encoded messages
# test/interop/peer/       a libraft node for such a group, build/interop/peer
#
# SPDX-License-Identifier: Apache-2.0

#= SCRIPTS=N                   ## how many random scripts `make interop` runs
SCRIPTS ?= 3000
#= MIXED=N                     ## how many mixed groups
MIXED ?= 100
#= SEED=N                      ## the first seed of both
SEED ?= 1

PEER_SOURCES := $(wildcard test/interop/peer/*.c)
PEER_OBJECTS := $(call objects,$(PEER_SOURCES))

.PHONY: interop run-interop
interop: deps ## Compare libraft with etcd-io/raft: scripts, mixed groups (needs Go)
	@if command -v go > /dev/null; then $(AGAIN) run-interop; \
	else echo 'interop: skipped, there is no Go toolchain'; fi

run-interop: build/test/datadriven build/interop/peer
	@cd test/interop && go build -o ../../build/interop/scripts . && \
	  go build -o ../../build/interop/mixed ./mixed
	@nice build/interop/scripts -first $(SEED) -count $(SCRIPTS)
	@nice build/interop/mixed -first $(SEED) -count $(MIXED)

build/interop/peer: $(PEER_OBJECTS) build/libraft.a $(MODE_STAMP)
	$(call link,$(LIBRAFT_LIBS))

$(PEER_OBJECTS): $(O)/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(TEST_FLAGS))

-include $(call depend,$(PEER_OBJECTS))
