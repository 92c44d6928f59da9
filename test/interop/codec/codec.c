/* codec.c - raftpb bytes decoded and encoded by libraft, field by field, for comparison with Go.
 *
 * The driver (../mixed/codec.go) sends one request for one object, of the kind that the letter
 * says: m message  e entry  h hard state  s snapshot  c membership  1 change of the old form  2
 * general a = 0: the bytes are an object that Go encoded. a = 1: libraft is to make one up, from
 * seed b. Answer: the code of the decoder; if it is RAFT_OK, a record 't' with the object's fields
 * as text and a record 'b' with what libraft encodes it to. With a = 1 the bytes that were decoded
 * are libraft's own, and the text is that of the object before it was encoded.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include <libraft/wire.h>

#include "fields.h"
#include "make.h"

static bool is_kind(char letter) {
  switch (letter) {
  case 'm':
  case 'e':
  case 'h':
  case 's':
  case 'c':
  case '1':
  case '2': return true;
  default: return false;
  }
}

static int encode(const struct object *object, void *bytes, size_t size, size_t *len) {
  switch (object->kind) {
  case 'm':
    *len = raft_message_wire_size(&object->of.message);
    return *len > size ? RAFT_ENOSPACE : raft_message_encode(&object->of.message, bytes, size, len);
  case 'e': return raft_entry_encode(&object->of.entry, bytes, size, len);
  case 'h': return raft_hard_state_encode(&object->of.hard_state, bytes, size, len);
  case 's': return raft_snapshot_encode(&object->of.snapshot, bytes, size, len);
  case 'c': return raft_conf_state_encode(&object->of.conf_state, bytes, size, len);
  case '1': return raft_conf_change_encode(&object->of.change, bytes, size, len);
  default: return raft_conf_change_v2_encode(&object->of.change_v2, bytes, size, len);
  }
}

static int decode(struct object *object, raft_bytes input) {
  const raft_slice slice = {.data = input.data, .len = input.len};
  switch (object->kind) {
  case 'm': return raft_message_decode(input, NULL, NULL, &object->of.message);
  case 'e': return raft_entry_decode(input, &object->of.entry);
  case 'h': return raft_hard_state_decode(slice, &object->of.hard_state);
  case 's': return raft_snapshot_decode(input, NULL, NULL, &object->of.snapshot, &object->memory);
  case 'c':
    return raft_conf_state_decode(slice, NULL, NULL, &object->of.conf_state, &object->memory);
  case '1': return raft_conf_change_decode(input, &object->of.change);
  default:
    return raft_conf_change_v2_decode(input, NULL, NULL, &object->of.change_v2, &object->memory);
  }
}

static void release(struct object *object) {
  if (object->kind == 'm') {
    raft_message_release(&object->of.message);
  }
  if (object->memory != NULL) {
    raft_conf_state_free(NULL, object->memory);
  }
}

static void put_text(struct pipe_answer *answer, const struct object *object) {
  struct fields fields = {0};
  fields_print(&fields, object);
  pipe_put(answer, 't', 0, 0, fields.text, fields.len);
  free(fields.text);
}

static void put_bytes(struct pipe_answer *answer, const struct object *object) {
  size_t len = 0;
  if (encode(object, NULL, 0, &len) != RAFT_ENOSPACE && len > 0) {
    pipe_give_up("room for nothing is enough", RAFT_EINVAL);
  }
  void *bytes = pipe_allocate(NULL, len);
  pipe_must(encode(object, bytes, len, &len), "encode");
  pipe_put(answer, 'b', 0, 0, bytes, len);
  free(bytes);
}

static int serve(void *ctx, const struct pipe_request *request, struct pipe_answer *answer) {
  struct object object = {.kind = request->letter};
  (void)ctx;
  if (!is_kind(request->letter)) {
    return RAFT_EINVAL;
  }
  if (request->a == 1) {
    struct maker maker = {.random = request->b};
    make_object(&maker, &object);
    put_text(answer, &object);
    put_bytes(answer, &object);
    make_release(&maker);
    return RAFT_OK;
  }
  int code = decode(&object, request->bytes);
  if (code == RAFT_OK) {
    put_text(answer, &object);
    put_bytes(answer, &object);
    release(&object);
  }
  return code;
}

int main(void) {
  pipe_serve(serve, NULL);
  return 0;
}
