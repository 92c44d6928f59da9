/* wire_change.c - from raftpb bytes to membership changes.
 *
 * A type of change that is not known is passed on: refusing it is the affair of whoever proposes or
 * applies the change (RAFT_ECONF_TYPE), and describe shows it. An unknown transition is no
 * ConfChangeV2.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "allocate.h"
#include "confchange_visit.h"
#include "wire_pb.h"

static raft_bytes borrowed(raft_slice found, raft_buf *owner) {
  return (raft_bytes){found.data, found.len, found.data != NULL ? owner : NULL};
}

static bool is_representable(raft_pb_ConfChangeType type) {
  const uint64_t number = (uint64_t)type; /* where enums are short, none is too large */
  return number <= INT32_MAX;
}

int raft_conf_change_decode(raft_bytes input, raft_conf_change *change) {
  raft_slice bytes = {input.data, input.len};
  raft_wire_field context = raft_wire_field_of(bytes);
  raft_pb_ConfChange form = {.context = raft_wire_take(&context)};
  if (!raft_wire_decode(bytes, raft_pb_ConfChange_fields, &form) || !is_representable(form.type)) {
    return RAFT_EDECODE;
  }
  *change = (raft_conf_change){
      .id = form.id,
      .type = (raft_conf_change_type)form.type,
      .node_id = form.node_id,
      .context = borrowed(context.found, input.owner),
  };
  return RAFT_OK;
}

/* --- the general form ---------------------------------------------------------------------- */

typedef struct change_reader {
  raft_slice input;
  raft_change_visitor visit; /* NULL: only look */
  void *ctx;
} change_reader;

static bool take_change(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  (void)field;
  const change_reader *reader = *arg;
  raft_pb_ConfChangeSingle form = raft_pb_ConfChangeSingle_init_zero;
  if (!raft_wire_is_within(reader->input, stream) ||
      !pb_decode(stream, raft_pb_ConfChangeSingle_fields, &form) || !is_representable(form.type)) {
    return false;
  }
  if (reader->visit != NULL) {
    raft_conf_change_single change = {(raft_conf_change_type)form.type, form.node_id};
    reader->visit(reader->ctx, &change);
  }
  return true;
}

static int read_change_v2(change_reader *reader, raft_conf_change_transition *transition,
                          raft_slice *context) {
  raft_wire_field found = raft_wire_field_of(reader->input);
  raft_pb_ConfChangeV2 form = {
      .changes = {.funcs.decode = take_change, .arg = reader},
      .context = raft_wire_take(&found),
  };
  if (!raft_wire_decode(reader->input, raft_pb_ConfChangeV2_fields, &form) ||
      (unsigned)form.transition > RAFT_TRANSITION_JOINT_EXPLICIT) {
    return RAFT_EDECODE;
  }
  *transition = (raft_conf_change_transition)form.transition;
  *context = found.found;
  return RAFT_OK;
}

int raft_conf_change_v2_visit(raft_slice input, raft_change_visitor visit, void *ctx) {
  change_reader reader = {input, visit, ctx};
  raft_conf_change_transition transition;
  raft_slice context;
  return read_change_v2(&reader, &transition, &context);
}

/* Counts changes, and keeps them once there is room. */
typedef struct change_keeper {
  raft_conf_change_single *room;
  size_t count;
} change_keeper;

static void keep_change(void *ctx, const raft_conf_change_single *change) {
  change_keeper *keeper = ctx;
  if (keeper->room != NULL) {
    keeper->room[keeper->count] = *change;
  }
  keeper->count++;
}

int raft_conf_change_v2_decode(raft_bytes input, const raft_wire_limits *limits,
                               const raft_allocator *allocator, raft_conf_change_v2 *change,
                               void **memory) {
  raft_wire_limits bounds = raft_wire_limits_or_default(limits);
  change_keeper keeper = {NULL, 0};
  change_reader reader = {{input.data, input.len}, keep_change, &keeper};
  raft_slice context;
  allocator = raft_allocator_or_default(allocator);
  *memory = NULL;
  if (allocator == NULL) {
    return RAFT_EINVAL;
  }
  if (input.len > bounds.max_bytes) {
    return RAFT_ELIMIT;
  }
  int rc = read_change_v2(&reader, &change->transition, &context);
  if (rc == RAFT_OK && keeper.count > bounds.max_ids) {
    rc = RAFT_ELIMIT;
  }
  if (rc == RAFT_OK && keeper.count > 0) {
    keeper.room = raft_allocate_array(allocator, keeper.count, sizeof(*keeper.room));
    keeper.count = 0;
    rc = keeper.room == NULL ? RAFT_ENOMEM : read_change_v2(&reader, &change->transition, &context);
  }
  if (rc == RAFT_OK) {
    change->changes = keeper.room;
    change->change_count = keeper.count;
    change->context = borrowed(context, input.owner);
    *memory = keeper.room;
  }
  return rc;
}
