# libraft.mk - the library: build/libraft.a from libraft/*.c and the generated raftpb codec.
#
# SPDX-License-Identifier: Apache-2.0

LIBRAFT_SOURCES := $(wildcard libraft/*.c)
LIBRAFT_HEADERS := $(wildcard include/libraft/*.h libraft/*.h)
LIBRAFT_OBJECTS := $(call objects,$(LIBRAFT_SOURCES))
LIBRAFT_GEN_OBJECTS := $(patsubst build/gen/%.c,$(O)/gen/%.o,$(LIBRAFT_GEN))

.PHONY: libraft
libraft: build/libraft.a ## Build the library, build/libraft.a

build/libraft.a: $(LIBRAFT_OBJECTS) $(LIBRAFT_GEN_OBJECTS) $(MODE_STAMP)
	$(archive)

$(LIBRAFT_OBJECTS): $(O)/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(LIBRAFT_FLAGS))

-include $(call depend,$(LIBRAFT_OBJECTS))
