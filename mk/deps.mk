# deps.mk - Debian packages by purpose; `make deps` installs what is missing.
#
# Targets that people type depend on deps and do their work in a second make, because on a
# bare machine not even the compiler exists while the first one is read.
#
# SPDX-License-Identifier: Apache-2.0

# The package of a compiler has its name, a version suffix included (gcc-12, clang-14). Clang's
# sanitizers and coverage tools are packages of their own, with the version in the name.
CLANG_VERSION := $(or $(patsubst clang-%,%,$(filter clang-%,$(notdir $(CC)))),14)
DEPS_GCC := $(notdir $(CC) $(CXX))
DEPS_CLANG := $(notdir $(CC)) $(if $(SANITIZE)$(COVERAGE),libclang-rt-$(CLANG_VERSION)-dev) \
  $(if $(COVERAGE),llvm)
DEPS_COMPILER := $(if $(findstring clang,$(CC)),$(DEPS_CLANG),$(DEPS_GCC))

DEPS_BUILD := $(DEPS_COMPILER) binutils libc6-dev make pkg-config nanopb libnanopb-dev \
  protobuf-compiler python3-protobuf liblmdb-dev libuv1-dev libxxhash-dev libjansson-dev check
DEPS_RUN := redis-tools unicode-data procps patch
DEPS_LINT := gcc g++ clang clang-format clang-tidy cppcheck mandoc
DEPS_VALGRIND := valgrind
DEPS_INSTALL := gcc g++ cmake
DEPS_COVERAGE := gcovr
DEPS_BENCH_STORE := etcd-server redis-server libnghttp2-dev
DEPS_FUZZ := clang libclang-rt-14-dev

.PHONY: deps deps-lint deps-valgrind deps-coverage deps-install deps-fuzz
deps: ## Install the Debian packages that are missing
	@sh mk/deps.sh $(DEPS_BUILD) $(DEPS_RUN) $(if $(COVERAGE),$(DEPS_COVERAGE))

deps-lint: deps
	@sh mk/deps.sh $(DEPS_LINT)

deps-valgrind: deps
	@sh mk/deps.sh $(DEPS_VALGRIND)

deps-coverage: deps
	@sh mk/deps.sh $(DEPS_COVERAGE)

deps-install: deps
	@sh mk/deps.sh $(DEPS_INSTALL)

deps-fuzz: deps
	@sh mk/deps.sh $(DEPS_FUZZ)
