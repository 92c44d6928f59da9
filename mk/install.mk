# install.mk - the shared library, and libraft in the places where a system keeps libraries.
#
# Installed are the library in both forms, its headers, libraft.pc and the man pages; the store
# is not. Nothing here asks for packages: a packager's build has its own list.
#
# The files are named libraft-core, because Debian ships another libraft.a, libraft.so and
# libraft.so.2; whoever builds says `pkg-config libraft`.
#
# SPDX-License-Identifier: Apache-2.0

#= PREFIX=/usr/local           ## where `make install` puts things; also libdir, includedir, mandir
#= DESTDIR=/stage             ## a root in front of all of them, for packagers
PREFIX ?= /usr/local
prefix ?= $(PREFIX)
libdir ?= $(prefix)/lib
includedir ?= $(prefix)/include
mandir ?= $(prefix)/share/man
pkgconfigdir ?= $(libdir)/pkgconfig
DESTDIR ?=
INSTALL ?= install

# --- the shared library -----------------------------------------------------------------------

VERSION := $(shell awk '/^.define RAFT_VERSION_(MAJOR|MINOR|PATCH) / { v = v s $$3; s = "." } END { print v }' \
  include/libraft/version.h)
# Before 1.0 a minor version may change the interface.
ABI := $(if $(filter 0.%,$(VERSION)),$(basename $(VERSION)),$(firstword $(subst ., ,$(VERSION))))
STATIC_NAME := libraft-core.a
SHARED_LINK := libraft-core.so
SHARED_SONAME := $(SHARED_LINK).$(ABI)
SHARED_NAME := $(SHARED_LINK).$(VERSION)

# Objects of their own: position-independent, and all hidden but the public functions.
PIC := $(O)-pic
PIC_FLAGS := -fPIC -fvisibility=hidden
PIC_OBJECTS := $(LIBRAFT_SOURCES:%.c=$(PIC)/%.o)
PIC_GEN_OBJECTS := $(LIBRAFT_GEN:build/gen/%.c=$(PIC)/gen/%.o)

.PHONY: shared install uninstall check-install
shared: build/$(SHARED_NAME) ## Build the shared library, build/libraft-core.so.VERSION

# Sanitized objects need a runtime that only the program brings.
build/$(SHARED_NAME): $(PIC_OBJECTS) $(PIC_GEN_OBJECTS) libraft/libraft.map $(MODE_STAMP)
	$(if $(QUIET),,@echo "  LINK  $@")
	$(Q)$(CC) $(BASE_FLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SHARED_SONAME) \
	  -Wl,--version-script,libraft/libraft.map $(if $(SANITIZE),,-Wl,-z,defs) $(filter %.o,$^) \
	  -Wl,--as-needed $(LIBRAFT_LIBS) -o $@

$(PIC_OBJECTS): $(PIC)/%.o: %.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,$(WARNINGS) $(LIBRAFT_FLAGS) $(PIC_FLAGS) -include libraft/export.h)

$(PIC_GEN_OBJECTS): $(PIC)/gen/%.o: build/gen/%.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,-w $(PIC_FLAGS))

-include $(call depend,$(PIC_OBJECTS) $(PIC_GEN_OBJECTS))

# --- installing -------------------------------------------------------------------------------

INSTALLED_HEADERS := $(notdir $(wildcard include/libraft/*.h))
MAN_PAGES := $(notdir $(wildcard docs/man/*.[37]))
# $(call man_path,PAGE): man3/raft_bytes.3
man_path = man$(subst .,,$(suffix $(1)))/$(1)

build/libraft.pc: libraft/libraft.pc.in FORCE
	@mkdir -p $(@D)
	@sed -e 's|@prefix@|$(prefix)|' -e 's|@libdir@|$(libdir:$(prefix)/%=$${prefix}/%)|' \
	  -e 's|@includedir@|$(includedir:$(prefix)/%=$${prefix}/%)|' -e 's|@version@|$(VERSION)|' $< > $@

# Every function is an alias of the page that documents it.
install: build/libraft.a build/$(SHARED_NAME) build/libraft.pc ## Install libraft (PREFIX, DESTDIR)
	$(INSTALL) -d '$(DESTDIR)$(libdir)' '$(DESTDIR)$(includedir)/libraft' '$(DESTDIR)$(pkgconfigdir)'
	$(INSTALL) -m 644 build/libraft.a '$(DESTDIR)$(libdir)/$(STATIC_NAME)'
	$(INSTALL) -m 755 build/$(SHARED_NAME) '$(DESTDIR)$(libdir)/$(SHARED_NAME)'
	ln -sf $(SHARED_NAME) '$(DESTDIR)$(libdir)/$(SHARED_SONAME)'
	ln -sf $(SHARED_SONAME) '$(DESTDIR)$(libdir)/$(SHARED_LINK)'
	$(INSTALL) -m 644 $(INSTALLED_HEADERS:%=include/libraft/%) '$(DESTDIR)$(includedir)/libraft'
	$(INSTALL) -m 644 build/libraft.pc '$(DESTDIR)$(pkgconfigdir)/libraft.pc'
	@set -e; for page in $(MAN_PAGES); do \
	  section=$${page##*.} && $(INSTALL) -d "$(DESTDIR)$(mandir)/man$$section" && \
	  $(INSTALL) -m 644 docs/man/$$page "$(DESTDIR)$(mandir)/man$$section/$$page"; \
	done
	@mk/man_aliases.sh | while read -r alias page; do \
	  echo ".so man3/$$page" > "$(DESTDIR)$(mandir)/man3/$$alias" || exit 1; \
	done

uninstall: ## Remove what `make install` installed
	rm -f $(foreach name,$(STATIC_NAME) $(SHARED_NAME) $(SHARED_SONAME) $(SHARED_LINK), \
	    '$(DESTDIR)$(libdir)/$(name)') \
	  $(INSTALLED_HEADERS:%='$(DESTDIR)$(includedir)/libraft/%') '$(DESTDIR)$(pkgconfigdir)/libraft.pc' \
	  $(foreach page,$(MAN_PAGES),'$(DESTDIR)$(mandir)/$(call man_path,$(page))')
	@mk/man_aliases.sh | while read -r alias page; do rm -f "$(DESTDIR)$(mandir)/man3/$$alias"; done
	@rmdir '$(DESTDIR)$(includedir)/libraft' 2> /dev/null || [ ! -d '$(DESTDIR)$(includedir)/libraft' ] || \
	  echo 'kept: $(DESTDIR)$(includedir)/libraft has files of others'

check-install: deps deps-install ## Exports, and programs against an installed libraft, shared and static
	@+$(AGAIN) libraft shared
	@SHARED=build/$(SHARED_NAME) test/checks/exports.sh
	@test/checks/install.sh
