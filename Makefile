# libraft: the Makefile for people. `make help` lists what it can do.
#
# One make, no recursion into folders: every part below adds the objects and rules of one
# folder, and each folder is a wildcard, so a new .c file needs no edit here.
# Results are always in build/: build/libraft.a, build/bin/, build/test/. Objects are in
# build/obj/MODE/, one tree a mode, so that modes never mix; results are linked again when
# the mode changes.
#
# SPDX-License-Identifier: Apache-2.0

.DEFAULT_GOAL := all

# Several targets are done one after the other (`make clean all`, `make unit datadriven`); each of
# them uses all processors.
ifneq ($(words $(or $(MAKECMDGOALS),all)),1)
.NOTPARALLEL:
endif

include mk/toolchain.mk
include mk/deps.mk
include mk/proto.mk
include mk/libraft.mk
include mk/install.mk
include mk/amalgamation.mk
include mk/kvexample.mk
include mk/docs.mk
include mk/test.mk
include mk/bench.mk
include mk/fuzz.mk
include mk/sim.mk
include mk/storesim.mk
include mk/portable.mk
include mk/mutants.mk
include mk/interop.mk
include mk/checks.mk

.PHONY: all everything help clean

all: deps ## Build everything: library, programs, tests, benchmarks (the default)
	@+$(AGAIN) everything

everything: libraft kvexample examples tests benches

help: ## List targets and variables
	@echo 'Usage: make [TARGET] [VARIABLE=value …]'
	@echo
	@echo 'Targets:'
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'Variables:'
	@awk -F '## ' '/^#= .*## / { sub(/^#= /, "", $$1); printf "  %-28s %s\n", $$1, $$2 }' \
	    $(MAKEFILE_LIST)
	@echo
	@echo 'Results: build/libraft.a build/bin/ build/test/ (of the mode built last);'
	@echo 'objects: build/obj/MODE/, one tree for each CC, SANITIZE, COVERAGE.'

clean: ## Remove build/
	rm -rf build
