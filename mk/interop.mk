# interop.mk - libraft against etcd-io/raft itself, where there is a Go toolchain. Nothing else needs
# one. The first run fetches the Go modules that test/interop/go.mod pins.
#
# SPDX-License-Identifier: Apache-2.0

#= SCRIPTS=N                   ## how many random scripts `make interop` runs
SCRIPTS ?= 3000

INTEROP := build/interop/interop

.PHONY: interop run-interop
interop: deps ## Compare libraft with etcd-io/raft, script by script (needs Go)
	@if command -v go > /dev/null; then $(AGAIN) run-interop; \
	else echo 'interop: skipped, there is no Go toolchain'; fi

run-interop: build/test/datadriven
	@mkdir -p build/interop
	@cd test/interop && go build -o ../../$(INTEROP) .
	@nice $(INTEROP) -runner build/test/datadriven -out build/interop -count $(SCRIPTS)
