# toolchain.mk - compiler, flags and modes.
#
# SPDX-License-Identifier: Apache-2.0

#= CC=clang                    ## compiler: gcc (default) or clang
#= SANITIZE=address,undefined  ## instrument everything; also SANITIZE=thread
#= COVERAGE=1                  ## count lines and branches; `make coverage` reports
#= WERROR=1                    ## a warning is an error (.ci/run sets it)
#= CFLAGS='-O2 -g'             ## optimisation and debugging, the default shown
#= V=1                         ## show whole commands

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := $(if $(findstring clang,$(CC)),$(subst clang,clang++,$(CC)),$(subst gcc,g++,$(CC)))
endif

SANITIZE ?=
COVERAGE ?=
WERROR ?=
V ?=
Q := $(if $(V),,@)
QUIET := $(V)$(findstring s,$(firstword -$(MAKEFLAGS)))

# What people ask for is done by a second make, on all processors unless -j says otherwise.
AGAIN = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

# --- flags -----------------------------------------------------------------------------------

ifneq ($(SANITIZE),)
CFLAGS ?= -O1 -g
else ifneq ($(COVERAGE),)
CFLAGS ?= -O0 -g
else
CFLAGS ?= -O2 -g
endif

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
  -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Wwrite-strings -Wcast-qual \
  -Wswitch-enum -Wdouble-promotion $(if $(WERROR),-Werror)

MODE_FLAGS := \
  $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer) \
  $(if $(findstring undefined,$(SANITIZE)),-fno-sanitize-recover=undefined) \
  $(if $(COVERAGE),--coverage)

BASE_FLAGS := -std=c11 $(CFLAGS) $(MODE_FLAGS)

# libraft knows string.h, the fixed-width types and atomics; it sees its public headers only.
LIBRAFT_FLAGS := -Iinclude -Ibuild/gen/libraft/proto
# kvexample may use POSIX and Linux. "part/name.h" is kvexample/part/name.h.
KV_FLAGS := -D_GNU_SOURCE -pthread -Iinclude -iquote kvexample -Ibuild/gen/kvexample/proto
# Tests look inside: "libraft/name.h" is internal, <libraft/name.h> is public.
TEST_FLAGS := -D_GNU_SOURCE -pthread -Iinclude -iquote . -iquote kvexample -iquote test/unit/support \
  -Ibuild/gen/libraft/proto -Ibuild/gen/kvexample/proto

LIBRAFT_LIBS := -lprotobuf-nanopb
KV_LIBS := -llmdb -luv -lxxhash -ljansson -lm -pthread
CHECK_LIBS = $(shell pkg-config --libs check)

# --- mode ------------------------------------------------------------------------------------

comma := ,
quote = $(subst ','\'',$(1))
MODE := $(notdir $(CC))$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))$(if $(COVERAGE),-coverage)
O := build/obj/$(MODE)

# Two files whose time is when their content last changed. Objects depend on the first, the
# flags. Results depend on the second, because they are shared by all modes; it also has the list
# of sources, so that a removed one leaves its archive.
FLAGS_STAMP := $(O)/.flags
MODE_STAMP := build/.mode
FLAGS_TEXT = $(CC) $(BASE_FLAGS) $(WARNINGS) $(CPPFLAGS)
MODE_TEXT = $(FLAGS_TEXT) $(LDFLAGS) $(LIBRAFT_SOURCES) $(KV_SOURCES) $(UNIT_SUPPORT_SOURCES) \
  $(DATADRIVEN_SOURCES)

.PHONY: FORCE
FORCE:

$(FLAGS_STAMP): stamp_text = $(FLAGS_TEXT)
$(MODE_STAMP): stamp_text = $(MODE_TEXT)
$(FLAGS_STAMP) $(MODE_STAMP): FORCE
	@mkdir -p $(@D)
	@echo '$(call quote,$(stamp_text))' | cmp -s - $@ || echo '$(call quote,$(stamp_text))' > $@

# --- verbs -----------------------------------------------------------------------------------

# $(call compile,FLAGS)
define compile
@mkdir -p $(@D)
$(if $(QUIET),,@echo "  CC    $<")
$(Q)$(CC) $(BASE_FLAGS) $(1) $(CPPFLAGS) -MMD -MP -c $< -o $@
endef

define archive
@mkdir -p $(@D)
$(if $(QUIET),,@echo "  AR    $@")
$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)
endef

# $(call link,LIBS)
define link
@mkdir -p $(@D)
$(if $(QUIET),,@echo "  LINK  $@")
$(Q)$(CC) $(BASE_FLAGS) $(LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) -Wl,--as-needed $(1) -o $@
endef

# $(call objects,SOURCES): where the objects of these sources are.
objects = $(patsubst %.c,$(O)/%.o,$(1))

# $(call depend,OBJECTS): headers that these objects were seen to include.
depend = $(wildcard $(patsubst %.o,%.d,$(1)))
