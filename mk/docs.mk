# docs.mk - the programs of the documentation: docs/examples/ and docs/snippets/.
#
# docs/examples/NAME/*.c   a whole program each, build/docs/NAME
# docs/snippets/*.c        one program a file, build/docs/snippets/NAME; host.c is linked into all.
#                          Its marked regions are the code of docs/*.md and README.md
#
# SPDX-License-Identifier: Apache-2.0

EXAMPLES := $(notdir $(patsubst %/,%,$(dir $(wildcard docs/examples/*/Makefile))))
EXAMPLE_SOURCES := $(wildcard docs/examples/*/*.c)
EXAMPLE_PROGRAMS := $(EXAMPLES:%=build/docs/%)
SNIPPET_SOURCES := $(wildcard docs/snippets/*.c)
SNIPPET_PROGRAMS := $(patsubst docs/snippets/%.c,build/docs/snippets/%,\
  $(filter-out %/host.c,$(SNIPPET_SOURCES)))
DOC_OBJECTS := $(call objects,$(EXAMPLE_SOURCES) $(SNIPPET_SOURCES))
DOC_FLAGS := -pthread -Iinclude

.PHONY: examples
examples: $(EXAMPLE_PROGRAMS) $(SNIPPET_PROGRAMS) ## Build the programs of docs/

# $(call example,NAME)
define example
build/docs/$(1): $(call objects,$(wildcard docs/examples/$(1)/*.c)) build/libraft.a $(MODE_STAMP)
	$$(call link,$$(LIBRAFT_LIBS))
endef
$(foreach name,$(EXAMPLES),$(eval $(call example,$(name))))

$(SNIPPET_PROGRAMS): build/docs/snippets/%: $(O)/docs/snippets/%.o $(O)/docs/snippets/host.o \
    build/libraft.a $(MODE_STAMP)
	$(call link,$(LIBRAFT_LIBS))

$(DOC_OBJECTS): $(O)/%.o: %.c $(FLAGS_STAMP)
	$(call compile,$(WARNINGS) $(DOC_FLAGS))

-include $(call depend,$(DOC_OBJECTS))
