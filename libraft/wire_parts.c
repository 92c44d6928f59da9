/* wire_parts.c - from raftpb bytes to entries, hard states, memberships and snapshots.
 *
 * Fields of variable size are found as slices of the input; what consists of them is decoded in
 * turn, never by recursion. Lists of ids are read twice: counted within the limits, then
 * filled in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "allocate.h"
#include "wire_get.h"
#include "wire_pb.h"

/* --- limits and slices --------------------------------------------------------------------- */

void raft_wire_limits_init(raft_wire_limits *limits) {
  limits->max_bytes = (size_t)512 << 20;
  limits->max_entries = (size_t)1 << 20;
  limits->max_ids = (size_t)64 << 10;
}

raft_wire_limits raft_wire_limits_or_default(const raft_wire_limits *limits) {
  raft_wire_limits defaults;
  raft_wire_limits_init(&defaults);
  return limits != NULL ? *limits : defaults;
}

bool raft_wire_decode(raft_slice input, const pb_msgdesc_t *fields, void *to) {
  pb_istream_t stream = pb_istream_from_buffer(input.data, input.len);
  return pb_decode(&stream, fields, to);
}

bool raft_wire_is_within(raft_slice input, const pb_istream_t *stream) {
  uintptr_t begin = (uintptr_t)input.data;
  uintptr_t at = (uintptr_t)stream->state;
  return at >= begin && at - begin <= input.len && stream->bytes_left <= input.len - (at - begin);
}

raft_wire_field raft_wire_field_of(raft_slice input) {
  return (raft_wire_field){input, {NULL, 0}};
}

static bool take_slice(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  (void)field;
  raft_wire_field *to = *arg;
  if (!raft_wire_is_within(to->input, stream)) {
    return false;
  }
  to->found = (raft_slice){stream->state, stream->bytes_left};
  return pb_read(stream, NULL, stream->bytes_left);
}

pb_callback_t raft_wire_take(raft_wire_field *field) {
  return (pb_callback_t){.funcs.decode = take_slice, .arg = field};
}

static raft_slice slice_of(raft_bytes bytes) {
  return (raft_slice){bytes.data, bytes.len};
}

/* --- entries and hard states --------------------------------------------------------------- */

/* False: a known field of another wire type. */
static bool take_of_entry(const raft_wire_item *item, uint64_t *type, raft_slice *data,
                          raft_entry *entry) {
  switch (item->field) {
  case raft_pb_Entry_type_tag: return raft_wire_get_number(item, type);
  case raft_pb_Entry_term_tag: return raft_wire_get_number(item, &entry->term);
  case raft_pb_Entry_index_tag: return raft_wire_get_number(item, &entry->index);
  case raft_pb_Entry_data_tag: return raft_wire_get_bytes(item, data);
  default: return true;
  }
}

bool raft_wire_read_entry(raft_slice input, raft_entry *entry) {
  raft_wire_reader from = {.input = input};
  raft_wire_item item;
  uint64_t type = RAFT_ENTRY_NORMAL;
  raft_slice data = {NULL, 0};
  *entry = (raft_entry){.term = 0};
  while (raft_wire_next(&from, &item)) {
    if (!take_of_entry(&item, &type, &data, entry)) {
      return false;
    }
  }
  entry->type = (raft_entry_type)type;
  entry->data = (raft_bytes){data.data, data.len, NULL};
  return !from.malformed && type <= RAFT_ENTRY_CONF_CHANGE_V2;
}

int raft_entry_decode(raft_bytes input, raft_entry *entry) {
  raft_entry decoded;
  if (!raft_wire_read_entry(slice_of(input), &decoded)) {
    return RAFT_EDECODE;
  }
  decoded.data.owner = decoded.data.data != NULL ? input.owner : NULL;
  *entry = decoded;
  return RAFT_OK;
}

int raft_hard_state_decode(raft_slice input, raft_hard_state *state) {
  raft_pb_HardState form = raft_pb_HardState_init_zero;
  if (!raft_wire_decode(input, raft_pb_HardState_fields, &form)) {
    return RAFT_EDECODE;
  }
  *state = (raft_hard_state){form.term, form.vote, form.commit};
  return RAFT_OK;
}

/* --- membership ---------------------------------------------------------------------------- */

enum { VOTERS, LEARNERS, VOTERS_OUTGOING, LEARNERS_NEXT, LIST_COUNT };

/* One list while it is counted (room NULL) or filled in. */
typedef struct id_list {
  raft_slice input;
  uint64_t *room;
  size_t count;
  size_t limit;
  bool over_limit;
} id_list;

/* Ids come packed, many in a string, or one by one; nanopb shows both as bytes of varints, the
 * latter in a scratch buffer that must hold just one (else the wire type is wrong). */
static bool take_ids(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  (void)field;
  id_list *list = *arg;
  bool packed = raft_wire_is_within(list->input, stream);
  while (stream->bytes_left > 0) {
    uint64_t id;
    if (!pb_decode_varint(stream, &id) || (!packed && stream->bytes_left > 0)) {
      return false;
    }
    if (list->count == list->limit) {
      list->over_limit = true;
      return false;
    }
    if (list->room != NULL) {
      list->room[list->count] = id;
    }
    list->count++;
  }
  return true;
}

static pb_callback_t take_list(id_list *list) {
  return (pb_callback_t){.funcs.decode = take_ids, .arg = list};
}

static int read_lists(raft_slice input, id_list lists[LIST_COUNT], bool *auto_leave) {
  raft_pb_ConfState form = {
      .voters = take_list(&lists[VOTERS]),
      .learners = take_list(&lists[LEARNERS]),
      .voters_outgoing = take_list(&lists[VOTERS_OUTGOING]),
      .learners_next = take_list(&lists[LEARNERS_NEXT]),
  };
  if (raft_wire_decode(input, raft_pb_ConfState_fields, &form)) {
    *auto_leave = form.auto_leave;
    return RAFT_OK;
  }
  for (size_t i = 0; i < LIST_COUNT; i++) {
    if (lists[i].over_limit) {
      return RAFT_ELIMIT;
    }
  }
  return RAFT_EDECODE;
}

static int count_lists(raft_slice input, size_t max_ids, id_list lists[LIST_COUNT]) {
  bool auto_leave;
  for (size_t i = 0; i < LIST_COUNT; i++) {
    lists[i] = (id_list){.input = input, .limit = max_ids};
  }
  return read_lists(input, lists, &auto_leave);
}

int raft_wire_count_ids(raft_slice input, size_t max_ids, size_t *total) {
  id_list lists[LIST_COUNT];
  int rc = count_lists(input, max_ids, lists);
  *total = 0;
  for (size_t i = 0; i < LIST_COUNT; i++) {
    *total += lists[i].count;
  }
  return rc;
}

static raft_ids ids_of(const id_list *list) {
  return (raft_ids){list->count > 0 ? list->room : NULL, list->count};
}

int raft_wire_read_conf_state(raft_slice input, uint64_t *ids, raft_conf_state *state) {
  id_list lists[LIST_COUNT];
  int rc = count_lists(input, SIZE_MAX, lists);
  if (rc != RAFT_OK) {
    return rc;
  }
  for (size_t i = 0; i < LIST_COUNT; i++) {
    lists[i].room = ids;
    lists[i].limit = lists[i].count;
    ids = ids == NULL ? NULL : ids + lists[i].count;
    lists[i].count = 0;
  }
  rc = read_lists(input, lists, &state->auto_leave);
  state->voters = ids_of(&lists[VOTERS]);
  state->learners = ids_of(&lists[LEARNERS]);
  state->voters_outgoing = ids_of(&lists[VOTERS_OUTGOING]);
  state->learners_next = ids_of(&lists[LEARNERS_NEXT]);
  return rc;
}

/* The ConfState in memory of its own. */
static int keep_conf_state(raft_slice input, const raft_wire_limits *limits,
                           const raft_allocator *allocator, raft_conf_state *state, void **memory) {
  size_t total;
  int rc = raft_wire_count_ids(input, limits->max_ids, &total);
  if (rc != RAFT_OK) {
    return rc;
  }
  uint64_t *ids = NULL;
  if (total > 0) {
    ids = raft_allocate_array(allocator, total, sizeof(uint64_t));
    if (ids == NULL) {
      return RAFT_ENOMEM;
    }
  }
  *memory = ids;
  return raft_wire_read_conf_state(input, ids, state);
}

int raft_conf_state_decode(raft_slice input, const raft_wire_limits *limits,
                           const raft_allocator *allocator, raft_conf_state *state, void **memory) {
  raft_wire_limits bounds = raft_wire_limits_or_default(limits);
  allocator = raft_allocator_or_default(allocator);
  *memory = NULL;
  if (allocator == NULL) {
    return RAFT_EINVAL;
  }
  if (input.len > bounds.max_bytes) {
    return RAFT_ELIMIT;
  }
  return keep_conf_state(input, &bounds, allocator, state, memory);
}

void raft_conf_state_free(const raft_allocator *allocator, void *memory) {
  allocator = raft_allocator_or_default(allocator);
  if (allocator != NULL) {
    raft_deallocate(allocator, memory);
  }
}

/* --- snapshots ----------------------------------------------------------------------------- */

int raft_wire_open_snapshot(raft_slice input, raft_wire_snapshot *snapshot) {
  raft_wire_field data = raft_wire_field_of(input);
  raft_wire_field metadata = raft_wire_field_of(input);
  raft_wire_field conf_state = raft_wire_field_of(input);
  raft_pb_Snapshot outer = {.data = raft_wire_take(&data), .metadata = raft_wire_take(&metadata)};
  raft_pb_SnapshotMetadata inner = {.conf_state = raft_wire_take(&conf_state)};
  if (!raft_wire_decode(input, raft_pb_Snapshot_fields, &outer) ||
      !raft_wire_decode(metadata.found, raft_pb_SnapshotMetadata_fields, &inner)) {
    return RAFT_EDECODE;
  }
  *snapshot = (raft_wire_snapshot){
      .data = data.found,
      .conf_state = conf_state.found,
      .index = inner.index,
      .term = inner.term,
  };
  return RAFT_OK;
}

int raft_snapshot_decode(raft_bytes input, const raft_wire_limits *limits,
                         const raft_allocator *allocator, raft_snapshot *snapshot, void **memory) {
  raft_wire_limits bounds = raft_wire_limits_or_default(limits);
  raft_wire_snapshot opened;
  allocator = raft_allocator_or_default(allocator);
  *memory = NULL;
  if (allocator == NULL) {
    return RAFT_EINVAL;
  }
  if (input.len > bounds.max_bytes) {
    return RAFT_ELIMIT;
  }
  int rc = raft_wire_open_snapshot(slice_of(input), &opened);
  if (rc != RAFT_OK) {
    return rc;
  }
  snapshot->data = (raft_bytes){opened.data.data, opened.data.len,
                                opened.data.data != NULL ? input.owner : NULL};
  snapshot->index = opened.index;
  snapshot->term = opened.term;
  return keep_conf_state(opened.conf_state, &bounds, allocator, &snapshot->conf_state, memory);
}
