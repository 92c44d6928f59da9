/* world_log.c - the log device of a simulated store.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "world_log.h"

#include <stdlib.h>
#include <string.h>

static void *allocate(size_t size) {
  void *memory = calloc(1, size > 0 ? size : 1);
  if (memory == NULL) {
    abort();
  }
  return memory;
}

static void check(bool holds) {
  if (!holds) {
    abort(); /* the core broke the contract of device.h */
  }
}

/* ---- states ---- */

static void clear_region(world_region_log *region) {
  for (size_t i = 0; i < region->entry_count; i++) {
    raft_buf_release(region->entries[i].data.owner);
  }
  free(region->entries);
  region->entries = NULL;
  region->entry_room = 0;
  region->entry_count = 0;
  region->bytes = 0;
}

static void clear_state(world_log_state *state) {
  for (size_t i = 0; i < state->count; i++) {
    clear_region(&state->regions[i]);
  }
  free(state->regions);
  *state = (world_log_state){0};
}

static world_region_log *find(const world_log_state *state, uint64_t region_id) {
  for (size_t i = 0; i < state->count; i++) {
    if (state->regions[i].region_id == region_id) {
      return &state->regions[i];
    }
  }
  return NULL;
}

static world_region_log *find_or_add(world_log_state *state, uint64_t region_id) {
  world_region_log *region = find(state, region_id);
  if (region != NULL) {
    return region;
  }
  state->regions = realloc(state->regions, (state->count + 1) * sizeof *state->regions);
  check(state->regions != NULL);
  size_t at = 0;
  while (at < state->count && state->regions[at].region_id < region_id) {
    at++;
  }
  memmove(state->regions + at + 1, state->regions + at,
          (state->count - at) * sizeof *state->regions);
  state->regions[at] = (world_region_log){.region_id = region_id, .first_index = 1};
  state->count++;
  return &state->regions[at];
}

static void remove_region(world_log_state *state, uint64_t region_id) {
  world_region_log *region = find(state, region_id);
  if (region != NULL) {
    size_t at = (size_t)(region - state->regions);
    clear_region(region);
    state->count--;
    memmove(state->regions + at, state->regions + at + 1,
            (state->count - at) * sizeof *state->regions);
  }
}

static raft_entry own(const raft_entry *entry) {
  raft_entry copy = *entry;
  if (entry->data.owner != NULL) {
    (void)raft_buf_retain(entry->data.owner);
  } else if (entry->data.len > 0) {
    copy.data.owner = raft_buf_copy(NULL, entry->data.data, entry->data.len);
    copy.data.data = raft_buf_data(copy.data.owner);
  }
  return copy;
}

static void append(world_region_log *region, const raft_entry *entry) {
  check(entry->index >= region->first_index);
  size_t at = (size_t)(entry->index - region->first_index);
  check(at <= region->entry_count);
  while (region->entry_count > at) {
    region->bytes -= raft_entry_size(&region->entries[--region->entry_count]);
    raft_buf_release(region->entries[region->entry_count].data.owner);
  }
  if (at == region->entry_room) {
    region->entry_room = at * 2 + 8;
    region->entries = realloc(region->entries, region->entry_room * sizeof *region->entries);
    check(region->entries != NULL);
  }
  region->entries[region->entry_count++] = own(entry);
  region->bytes += raft_entry_size(entry);
}

static void compact(world_region_log *region, uint64_t index) {
  if (index < region->first_index) {
    return;
  }
  size_t gone = (size_t)(index - region->first_index + 1);
  check(gone <= region->entry_count);
  region->truncated_term = region->entries[gone - 1].term;
  for (size_t i = 0; i < gone; i++) {
    region->bytes -= raft_entry_size(&region->entries[i]);
    raft_buf_release(region->entries[i].data.owner);
  }
  region->entry_count -= gone;
  memmove(region->entries, region->entries + gone, region->entry_count * sizeof(raft_entry));
  region->first_index = index + 1;
}

static void apply(world_log_state *state, const kv_log_change *change) {
  if (change->destroy) {
    remove_region(state, change->region_id);
    return;
  }
  world_region_log *region = find_or_add(state, change->region_id);
  if (change->reset) {
    clear_region(region);
    region->first_index = change->reset_index + 1;
    region->truncated_term = change->reset_term;
  }
  if (change->hard_state.term != 0) {
    check(change->hard_state.term >= region->hard_state.term);
    check(change->hard_state.term > region->hard_state.term ||
          change->hard_state.vote == region->hard_state.vote || region->hard_state.vote == 0);
    region->hard_state = change->hard_state;
  }
  for (size_t i = 0; i < change->entry_count; i++) {
    append(region, &change->entries[i]);
  }
  if (change->compact_to != 0) {
    compact(region, change->compact_to);
  }
}

static world_log_state copy_state(const world_log_state *from) {
  world_log_state to = {allocate(from->count * sizeof *to.regions), from->count};
  for (size_t i = 0; i < from->count; i++) {
    const world_region_log *region = &from->regions[i];
    to.regions[i] = *region;
    to.regions[i].entry_room = region->entry_count;
    to.regions[i].entries = allocate(region->entry_count * sizeof(raft_entry));
    for (size_t j = 0; j < region->entry_count; j++) {
      to.regions[i].entries[j] = own(&region->entries[j]);
    }
  }
  return to;
}

/* ---- writes ---- */

static kv_log_change own_change(const kv_log_change *change) {
  kv_log_change copy = *change;
  raft_entry *entries = allocate(change->entry_count * sizeof *entries);
  for (size_t i = 0; i < change->entry_count; i++) {
    entries[i] = own(&change->entries[i]);
  }
  copy.entries = entries;
  return copy;
}

static void free_write(world_write *write) {
  for (size_t i = 0; i < write->count; i++) {
    union {
      const raft_entry *in;
      raft_entry *out;
    } entries = {write->changes[i].entries};
    for (size_t j = 0; j < write->changes[i].entry_count; j++) {
      raft_buf_release(entries.out[j].data.owner);
    }
    free(entries.out);
  }
  free(write->changes);
}

static int write_changes(void *ctx, const kv_log_change *changes, size_t count, uint64_t token) {
  world_log *log = ctx;
  if (log->limit > 0 && log->write_count >= log->limit) {
    return KV_EBUSY;
  }
  if (log->no_space) {
    return KV_EFULL;
  }
  world_write write = {token, allocate(count * sizeof *changes), count};
  for (size_t i = 0; i < count; i++) {
    apply(&log->seen, &changes[i]);
    write.changes[i] = own_change(&changes[i]);
  }
  log->writes = realloc(log->writes, (log->write_count + 1) * sizeof *log->writes);
  check(log->writes != NULL);
  log->writes[log->write_count++] = write;
  return KV_OK;
}

bool world_log_sync(world_log *log, uint64_t *token) {
  if (log->write_count == 0) {
    return false;
  }
  world_write write = log->writes[0];
  log->write_count--;
  memmove(log->writes, log->writes + 1, log->write_count * sizeof write);
  for (size_t i = 0; i < write.count; i++) {
    apply(&log->durable, &write.changes[i]);
  }
  *token = write.token;
  free_write(&write);
  return true;
}

static void drop_writes(world_log *log) {
  for (size_t i = 0; i < log->write_count; i++) {
    free_write(&log->writes[i]);
  }
  free(log->writes);
  log->writes = NULL;
  log->write_count = 0;
}

void world_log_crash(world_log *log) {
  drop_writes(log);
  clear_state(&log->seen);
  log->seen = copy_state(&log->durable);
}

void world_log_free(world_log *log) {
  drop_writes(log);
  clear_state(&log->seen);
  clear_state(&log->durable);
}

/* ---- reading ---- */

static int bounds(void *ctx, uint64_t region_id, kv_log_bounds *out) {
  const world_log *log = ctx;
  const world_region_log *region = find(&log->seen, region_id);
  if (region == NULL) {
    return KV_ENOTFOUND;
  }
  *out = (kv_log_bounds){.first_index = region->first_index,
                         .last_index = region->first_index + region->entry_count - 1,
                         .truncated_term = region->truncated_term,
                         .hard_state = region->hard_state,
                         .bytes = region->bytes};
  return KV_OK;
}

static int term(void *ctx, uint64_t region_id, uint64_t index, uint64_t *out) {
  const world_log *log = ctx;
  const world_region_log *region = find(&log->seen, region_id);
  if (region == NULL) {
    return KV_ENOTFOUND;
  }
  if (index + 1 < region->first_index) {
    return RAFT_ECOMPACTED;
  }
  if (index + 1 == region->first_index) {
    *out = region->truncated_term;
    return RAFT_OK;
  }
  size_t at = (size_t)(index - region->first_index);
  if (at >= region->entry_count) {
    return RAFT_EUNAVAILABLE;
  }
  *out = region->entries[at].term;
  return RAFT_OK;
}

static int entries(void *ctx, uint64_t region_id, uint64_t lo, uint64_t hi, uint64_t max_bytes,
                   raft_entry *out, size_t *count) {
  const world_log *log = ctx;
  const world_region_log *region = find(&log->seen, region_id);
  if (region == NULL || hi > region->first_index + region->entry_count) {
    return RAFT_EUNAVAILABLE;
  }
  if (lo < region->first_index) {
    return RAFT_ECOMPACTED;
  }
  uint64_t bytes = 0;
  size_t given = 0;
  for (uint64_t i = lo; i < hi && given < *count; i++) {
    const raft_entry *entry = &region->entries[i - region->first_index];
    bytes += raft_entry_size(entry);
    if (given > 0 && bytes > max_bytes) {
      break;
    }
    out[given++] = own(entry);
  }
  *count = given;
  return RAFT_OK;
}

static int each_region(void *ctx, int (*visit)(void *arg, uint64_t region_id), void *arg) {
  const world_log *log = ctx;
  int rc = KV_OK;
  for (size_t i = 0; i < log->seen.count && rc == KV_OK; i++) {
    rc = visit(arg, log->seen.regions[i].region_id);
  }
  return rc;
}

kv_log_device world_log_device(world_log *log) {
  return (kv_log_device){log, write_changes, bounds, term, entries, each_region};
}
