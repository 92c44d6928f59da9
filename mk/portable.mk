# portable.mk - libraft elsewhere: 32 bits, big-endian, a microcontroller. Not part of `make test`.
#
# A port has the library's own unit tests and the datadriven runner, linked statically; foreign
# programs run under qemu-user. Check and nanopb for it come from Debian's packages of that
# architecture, unpacked below build/port/ARCHITECTURE/root.
#
# The second make gets the port's variables:
#   PORT          its folder in build/port/
#   PORT_CC       its compiler and machine flags
#   PORT_RUN      what runs its programs, if the machine cannot
#   PORT_LIBDIR   where its libraries are below the root
#
# SPDX-License-Identifier: Apache-2.0

.PHONY: test-m32 test-bigendian size-cortex-m run-port
test-m32: ## Run libraft's tests as a 32-bit program (i386)
	@$(MAKE) --no-print-directory deps
	@sh mk/deps.sh lib32gcc-12-dev libc6-dev-i386
	@mk/foreign.sh i386 build/port/i386/root $(PORT_PACKAGES)
	@+$(AGAIN) run-port PORT=i386 PORT_RUN= PORT_LIBDIR=usr/lib/i386-linux-gnu \
	  PORT_CC="gcc -m32 -idirafter /usr/include/$$(gcc -print-multiarch)"

test-bigendian: ## Run libraft's tests on a big-endian machine (s390x, under qemu-user)
	@$(MAKE) --no-print-directory deps
	@sh mk/deps.sh gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user
	@mk/foreign.sh s390x build/port/s390x/root $(PORT_PACKAGES)
	@+$(AGAIN) run-port PORT=s390x PORT_CC=s390x-linux-gnu-gcc PORT_RUN=qemu-s390x \
	  PORT_LIBDIR=usr/lib/s390x-linux-gnu

size-cortex-m: ## Compile libraft for a Cortex-M4 without an operating system, print its size
	@$(MAKE) --no-print-directory deps
	@sh mk/deps.sh gcc-arm-none-eabi
	@+$(AGAIN) -s $(LIBRAFT_GEN)
	@test/portable/cortex_m.sh

PORT_PACKAGES := check libsubunit-dev libnanopb-dev

# --- what the second make does ----------------------------------------------------------------

ifneq ($(PORT),)
P := build/port/$(PORT)
PORT_ROOT := $(P)/root

# The store is not ported: suites and support that include none of its headers.
PORT_OWN := $(shell test/portable/libraft_tests.sh)
PORT_SUITES := $(filter test/unit/test_%,$(PORT_OWN))
PORT_SUPPORT := $(filter test/unit/support/%,$(PORT_OWN))
PORT_PROGRAMS := $(PORT_SUITES:test/unit/%.c=$(P)/unit/%)
port_objects = $(patsubst %.c,$(P)/obj/%.o,$(1))
PORT_LIBRAFT := $(call port_objects,$(LIBRAFT_SOURCES) $(LIBRAFT_GEN))
PORT_SIM := $(call port_objects,$(SIM_SOURCES))
PORT_OBJECTS := $(PORT_LIBRAFT) $(PORT_SIM) $(call port_objects,$(PORT_OWN) $(DATADRIVEN_SOURCES))

PORT_FLAGS := -std=c11 -O2 -g -isystem $(PORT_ROOT)/usr/include -Iinclude -Ibuild/gen/libraft/proto
PORT_LINK = $(PORT_CC) -static -L$(PORT_ROOT)/$(PORT_LIBDIR) $(filter %.o,$^) \
  -lcheck -lsubunit -lrt -lm -lpthread -lprotobuf-nanopb -o $@

run-port: $(PORT_PROGRAMS) $(P)/datadriven
	@RUN='$(PORT_RUN)' test/portable/run.sh $(P)

$(P)/obj/%.o: %.c | $(GEN_HEADERS)
	@mkdir -p $(@D)
	$(if $(QUIET),,@echo "  CC    $<   ($(PORT))")
	$(Q)$(PORT_CC) $(PORT_FLAGS) $(PORT_MORE) $(CPPFLAGS) -MMD -MP -c $< -o $@

# Not ours to clean of warnings.
$(P)/obj/build/gen/%.o: PORT_MORE := -w
$(P)/obj/libraft/%.o: PORT_MORE := $(WARNINGS)
$(P)/obj/test/%.o: PORT_MORE := $(WARNINGS) -D_GNU_SOURCE -iquote . -iquote test/unit/support

$(PORT_PROGRAMS): $(P)/unit/%: $(P)/obj/test/unit/%.o $(call port_objects,$(PORT_SUPPORT)) $(PORT_LIBRAFT)
	@mkdir -p $(@D)
	$(Q)$(PORT_LINK)

$(P)/unit/test_datadriven: $(call port_objects,$(filter-out %/main.c,$(DATADRIVEN_SOURCES)))

$(P)/unit/test_sim: $(PORT_SIM)

$(P)/datadriven: $(call port_objects,$(DATADRIVEN_SOURCES)) $(PORT_LIBRAFT)
	$(Q)$(PORT_LINK)

-include $(wildcard $(PORT_OBJECTS:.o=.d))
endif
