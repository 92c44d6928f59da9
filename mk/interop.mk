# interop.mk - libraft against etcd-io/raft itself, where there is a Go toolchain. Nothing else needs
# one. The first run fetches the Go modules that test/interop/go.mod pins.
#
# test/interop/*.go        random scripts, answered by both (docs/differences-from-the-model.md)
# test/interop/mixed/      groups of both kinds of nodes, which exchange encoded messages
# test/interop/encodings/  random objects, encoded and decoded by both
# test/interop/summary/    counts in words, for the programs in Go
# test/interop/peer/       a libraft node for such a group, build/interop/peer
# test/interop/codec/      libraft's encodings for comparison, build/interop/codec
# test/interop/pipe/       how these two speak with the programs in Go (test/interop/frames/)
#
# SPDX-License-Identifier: Apache-2.0

#= SCRIPTS=N                   ## how many random scripts `make interop` runs
SCRIPTS ?= 3000
#= MIXED=N                     ## how many mixed groups
MIXED ?= 100
#= ENCODINGS=N                 ## how many objects each way
ENCODINGS ?= 20000
#= SEED=N                      ## the first seed of all three
SEED ?= 1

PIPE_OBJECTS := $(call objects,$(wildcard test/interop/pipe/*.c))
PEER_OBJECTS := $(call objects,$(wildcard test/interop/peer/*.c)) $(PIPE_OBJECTS)
CODEC_OBJECTS := $(call objects,$(wildcard test/interop/codec/*.c)) $(PIPE_OBJECTS)
INTEROP_OBJECTS := $(sort $(PEER_OBJECTS) $(CODEC_OBJECTS))

.PHONY: interop run-interop
interop: deps ## Compare libraft with etcd-io/raft: scripts, groups, encodings (needs Go)
	@if command -v go > /dev/null; then $(AGAIN) run-interop; \
	else echo 'interop: skipped, there is no Go toolchain'; fi

run-interop: build/test/datadriven build/interop/peer build/interop/codec
	@cd test/interop && go build -o ../../build/interop/scripts . && \
	  go build -o ../../build/interop/mixed ./mixed && \
	  go build -o ../../build/interop/encodings ./encodings
	@test/interop/run.sh $(SEED) $(SCRIPTS) $(MIXED) $(ENCODINGS)

build/interop/peer: $(PEER_OBJECTS) build/libraft.a $(MODE_STAMP)
	$(call link,$(LIBRAFT_LIBS))

build/interop/codec: $(CODEC_OBJECTS) build/libraft.a $(MODE_STAMP)
	$(call link,$(LIBRAFT_LIBS))

$(INTEROP_OBJECTS): $(O)/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(TEST_FLAGS))

-include $(call depend,$(INTEROP_OBJECTS))
