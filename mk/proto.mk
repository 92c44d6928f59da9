# proto.mk - nanopb code from .proto and .options files; it goes to build/gen/, never into git.
#
# libraft/proto/raftpb.proto becomes build/gen/libraft/proto/raftpb.pb.[ch], included as "raftpb.pb.h".
#
# SPDX-License-Identifier: Apache-2.0

LIBRAFT_PROTO := $(wildcard libraft/proto/*.proto)
KV_PROTO := $(wildcard kvexample/proto/*.proto)

LIBRAFT_GEN := $(LIBRAFT_PROTO:%.proto=build/gen/%.pb.c)
KV_GEN := $(KV_PROTO:%.proto=build/gen/%.pb.c)
GEN_HEADERS := $(patsubst %.c,%.h,$(LIBRAFT_GEN) $(KV_GEN))

build/gen/%.pb.c build/gen/%.pb.h: %.proto
	@mkdir -p $(@D)
	$(if $(QUIET),,@echo "  PROTO $<")
	$(Q)protoc -I$(<D) --nanopb_out=$(dir build/gen/$<) --nanopb_opt=-I$(<D) $<

# The options file steers the generator: a change of it generates again.
$(foreach p,$(LIBRAFT_PROTO:.proto=) $(KV_PROTO:.proto=),\
  $(eval build/gen/$(p).pb.c build/gen/$(p).pb.h: $(wildcard $(p).options)))

# Generated code is not ours to clean of warnings, but it is sanitized like everything else.
GEN_OBJECTS := $(patsubst build/gen/%.c,$(O)/gen/%.o,$(LIBRAFT_GEN) $(KV_GEN))

$(O)/gen/%.o: build/gen/%.c $(FLAGS_STAMP) | $(GEN_HEADERS)
	$(call compile,-w)

-include $(call depend,$(GEN_OBJECTS))
