# amalgamation.mk - libraft as two files to drop into any build: build/amalgamation/raft.c and raft.h.
#
# The check compiles them strictly, and runs the scripts of test/interaction against a runner that
# sees raft.h in place of each header and links raft.c in place of the library.
#
# SPDX-License-Identifier: Apache-2.0

AMALGAMATION := build/amalgamation
AMALGAMATED := $(AMALGAMATION)/raft.c $(AMALGAMATION)/raft.h

.PHONY: amalgamation check-amalgamation run-check-amalgamation
amalgamation: deps ## Make build/amalgamation/raft.c and raft.h, all of libraft
	@+$(AGAIN) $(AMALGAMATION)/raft.c

$(AMALGAMATION)/raft.c: mk/amalgamate.sh $(LIBRAFT_SOURCES) $(LIBRAFT_HEADERS) $(LIBRAFT_GEN)
	$(if $(QUIET),,@echo "  PASTE $(AMALGAMATED)")
	$(Q)mk/amalgamate.sh $(AMALGAMATION)

check-amalgamation: deps-lint ## raft.c compiles alone, without warnings, and passes all scripts
	@+$(AGAIN) run-check-amalgamation

run-check-amalgamation: $(AMALGAMATION)/raft.c $(DATADRIVEN_SOURCES)
	@CC=$(CC) FLAGS='$(BASE_FLAGS)' test/checks/amalgamation.sh
