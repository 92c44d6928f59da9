# kvexample.mk - the store: build/libkv.a from kvexample/*/*.c, one program a file of kvexample/cmd/.
#
# SPDX-License-Identifier: Apache-2.0

KV_SOURCES := $(filter-out kvexample/cmd/%,$(wildcard kvexample/*/*.c))
KV_OBJECTS := $(call objects,$(KV_SOURCES))
KV_GEN_OBJECTS := $(patsubst build/gen/%.c,$(O)/gen/%.o,$(KV_GEN))
KV_CMD_SOURCES := $(wildcard kvexample/cmd/*.c)
KV_CMD_OBJECTS := $(call objects,$(KV_CMD_SOURCES))
KV_PROGRAMS := $(KV_CMD_SOURCES:kvexample/cmd/%.c=build/bin/%)

.PHONY: kvexample demo cluster
kvexample: $(KV_PROGRAMS) ## Build the store's programs, build/bin/

# Archives go by path and in this order: Debian has another libraft.
build/libkv.a: $(KV_OBJECTS) $(KV_GEN_OBJECTS) $(MODE_STAMP)
	$(archive)

$(KV_PROGRAMS): build/bin/%: $(O)/kvexample/cmd/%.o build/libkv.a build/libraft.a $(MODE_STAMP)
	$(call link,$(KV_LIBS) $(LIBRAFT_LIBS))

$(KV_OBJECTS) $(KV_CMD_OBJECTS): $(O)/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(KV_FLAGS))

demo: deps ## Tour of the store on real data, every step verified
	@+$(AGAIN) kvexample
	@kvexample/demo/demo.sh

cluster: deps ## Run a scheduler and three stores on loopback until Ctrl-C
	@+$(AGAIN) kvexample
	@kvexample/demo/cluster.sh

-include $(call depend,$(KV_OBJECTS) $(KV_CMD_OBJECTS))
