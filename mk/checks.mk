# checks.mk - what the tree promises about itself: layers, names, headers, files, format, lint.
#
# The scripts of test/checks/ get the compilers and the object tree from here.
#
# SPDX-License-Identifier: Apache-2.0

export CC CXX
export OBJECTS := $(O)
export FLAGS := $(strip $(CFLAGS) $(MODE_FLAGS))

C_FILES = $(shell find include libraft kvexample test docs -name '*.[ch]' 2> /dev/null)

.PHONY: check check-layers check-freestanding check-names check-headers check-files check-snippets check-links check-behaviours check-store-rules check-man \
  check-format format check-tidy run-tidy check-cppcheck check-bare

CHECKS := check-layers check-freestanding check-headers check-names check-files check-behaviours check-store-rules check-links check-snippets check-man \
  check-format check-tidy check-cppcheck

check: deps-lint ## All checks below
	@+$(AGAIN) $(CHECKS)

check-layers: deps ## Who may include and call what
	@+$(AGAIN) $(if $(wildcard kvexample/raftstore/*.c),build/libkv.a)
	@test/checks/layers.sh

check-freestanding: deps ## The core of libraft needs string.h and nothing else
	@+$(AGAIN) build/libraft.a
	@test/checks/freestanding.sh

check-headers: deps deps-lint ## Public headers compile alone in C and C++, gcc and clang
	@CC=gcc CXX=g++ test/checks/headers.sh
	@CC=clang CXX=clang++ test/checks/headers.sh

check-names: deps ## Global symbols of libraft.a are ours alone
	@+$(AGAIN) build/libraft.a
	@test/checks/names.sh

check-files: ## Opening comments, sizes of files and functions, no machine paths
	@test/checks/files.sh

check-behaviours: ## Every test that docs/behaviours.md names exists; planted bugs fit
	@test/checks/behaviours.sh
	@test/checks/mutants.sh

check-store-rules: ## docs/store-rules.md has every rule; the files and tests that it names exist
	@test/checks/store-rules.sh

check-links: ## What the documents link to is there
	@test/checks/links.sh

check-snippets: deps ## The C of README.md and docs/ is that of programs that run
	@+$(AGAIN) examples
	@test/checks/snippets.sh

check-man: deps-lint ## Manual pages are clean, complete and say what the headers say
	@test/checks/man.sh

format: deps-lint ## Lay out all C files
	@clang-format -i $(C_FILES)

check-format: deps-lint ## clang-format would change nothing
	@clang-format --dry-run -Werror $(C_FILES)

check-cppcheck: deps-lint ## cppcheck finds nothing in libraft and kvexample
	@mkdir -p build/cppcheck
	@cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability \
	  --inline-suppr --suppress=missingInclude --suppress=missingIncludeSystem \
	  --suppress=unmatchedSuppression --suppress=internalAstError --cppcheck-build-dir=build/cppcheck -j 2 --error-exitcode=1 \
	  -Iinclude -Ikvexample $(wildcard libraft kvexample)

check-bare: ## make demo and make test in fresh Debian 12 roots (root; MIRROR=URL)
	@test/checks/bare-root.sh

# --- clang-tidy, one file at a time and again only when the file or a header changed ------------

#= TIDY=product               ## check-tidy looks at the product only, not at the tests
TIDY_PRODUCT := $(LIBRAFT_SOURCES) $(KV_SOURCES) $(KV_CMD_SOURCES)
TIDY_TESTS := $(UNIT_SOURCES) $(UNIT_SUPPORT_SOURCES) $(DATADRIVEN_SOURCES) $(BENCH_SOURCES) \
  $(EXAMPLE_SOURCES) $(SNIPPET_SOURCES) $(wildcard test/fuzz/*.c)
TIDY_SOURCES := $(TIDY_PRODUCT) $(if $(filter product,$(TIDY)),,$(TIDY_TESTS))
TIDY_MARKS := $(TIDY_SOURCES:%.c=build/tidy/%.ok)

check-tidy: deps-lint ## clang-tidy finds nothing
	@+$(AGAIN) everything
	@+$(AGAIN) -k run-tidy

run-tidy: $(TIDY_MARKS)

# The object is newer than every header that it includes.
build/tidy/%.ok: $(O)/%.o .clang-tidy test/.clang-tidy
	@mkdir -p $(@D)
	@echo "  TIDY  $*.c"
	@clang-tidy --quiet $*.c -- -std=c11 $(tidy_flags) 2> $(@:.ok=.err) || { cat $(@:.ok=.err); exit 1; }
	@touch $@

build/tidy/libraft/%: tidy_flags = $(LIBRAFT_FLAGS)
build/tidy/kvexample/%: tidy_flags = $(KV_FLAGS)
build/tidy/test/%: tidy_flags = $(TEST_FLAGS)
build/tidy/docs/%: tidy_flags = $(DOC_FLAGS)
