/* log.c - writes, what a crash leaves of them, compaction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "log.h"

#include <string.h>

#include "log_storage.h"
#include "memory.h"

/* ---- chains ---- */

uint64_t sim_chain(uint64_t previous, const raft_entry *entry) {
  uint64_t chain = sim_mix(previous ^ entry->term * UINT64_C(0x9E3779B97F4A7C15));
  chain = sim_mix(chain ^ (uint64_t)entry->type ^ ((uint64_t)entry->data.len << 8));
  const unsigned char *bytes = entry->data.data;
  uint64_t word = 0;
  for (size_t i = 0; i < entry->data.len; i += sizeof word) {
    size_t left = entry->data.len - i;
    word = 0;
    memcpy(&word, bytes + i, left < sizeof word ? left : sizeof word);
    chain = (chain ^ word) * UINT64_C(0x100000001B3);
    chain ^= chain >> 32;
  }
  return chain;
}

/* ---- states ---- */

uint64_t sim_log_last(const sim_log_state *state) {
  return state->cut + state->count;
}

bool sim_log_at(const sim_log_state *state, uint64_t index, uint64_t *term, uint64_t *chain) {
  if (index == state->cut) {
    *term = state->cut_term;
    *chain = state->cut_chain;
    return true;
  }
  const sim_entry *entry = sim_log_entry(state, index);
  if (entry == NULL) {
    return false;
  }
  *term = entry->entry.term;
  *chain = entry->chain;
  return true;
}

const sim_entry *sim_log_entry(const sim_log_state *state, uint64_t index) {
  return index <= state->cut || index > sim_log_last(state)
             ? NULL
             : &state->entries[index - state->cut - 1];
}

static void truncate_to(sim_log_state *state, size_t count) {
  while (state->count > count) {
    raft_buf_release(state->entries[--state->count].entry.data.owner);
  }
}

static void push(sim_log_state *state, const raft_entry *entry) {
  if (state->count == state->capacity) {
    state->capacity = state->capacity == 0 ? 32 : state->capacity * 2;
    state->entries = sim_resize(state->entries, state->capacity, sizeof *state->entries);
  }
  uint64_t previous = state->count == 0 ? state->cut_chain : state->entries[state->count - 1].chain;
  sim_entry kept = {*entry, sim_chain(previous, entry)};
  raft_buf_retain(entry->data.owner);
  state->entries[state->count++] = kept;
}

/* Replaces what stands at the entries' indexes and behind. */
static void append(sim_log_state *state, const raft_entry *entries, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (entries[i].index <= state->cut) {
      continue;
    }
    truncate_to(state, (size_t)(entries[i].index - state->cut - 1));
    push(state, &entries[i]);
  }
}

static void install(sim_log_state *state, const sim_image *image) {
  truncate_to(state, 0);
  state->image = *image;
  state->cut = image->index;
  state->cut_term = image->term;
  state->cut_chain = image->chain;
}

static void cut_front(sim_log_state *state, uint64_t index) {
  size_t gone = (size_t)(index - state->cut);
  if (gone == 0) {
    return;
  }
  state->cut_term = state->entries[gone - 1].entry.term;
  state->cut_chain = state->entries[gone - 1].chain;
  for (size_t i = 0; i < gone; i++) {
    raft_buf_release(state->entries[i].entry.data.owner);
  }
  state->count -= gone;
  memmove(state->entries, state->entries + gone, state->count * sizeof *state->entries);
  state->cut = index;
}

static void copy_state(sim_log_state *to, const sim_log_state *from) {
  truncate_to(to, 0);
  sim_entry *entries = to->entries;
  size_t capacity = to->capacity;
  *to = *from;
  to->entries = entries;
  to->capacity = capacity;
  to->count = 0;
  for (size_t i = 0; i < from->count; i++) {
    push(to, &from->entries[i].entry);
  }
}

static void apply_write(sim_log_state *state, const sim_write *write) {
  if (write->has_image) {
    install(state, &write->image);
  }
  append(state, write->entries, write->count);
  if (write->hard_state.term != 0 || write->hard_state.commit != 0) {
    state->hard_state = write->hard_state;
  }
}

/* ---- writes ---- */

void sim_log_init(sim_log *log, sim_disk *disk, const sim_image *image) {
  memset(log, 0, sizeof *log);
  log->disk = disk;
  log->storage = sim_log_storage(log);
  if (image != NULL) {
    install(&log->seen, image);
    log->seen.hard_state.term = image->term;
    log->seen.hard_state.commit = image->index;
    copy_state(&log->durable, &log->seen);
  }
}

static void free_write(sim_write *write) {
  for (size_t i = 0; i < write->count; i++) {
    raft_buf_release(write->entries[i].data.owner);
  }
  free(write->entries);
}

static void drop_writes(sim_log *log) {
  for (size_t i = 0; i < log->write_count; i++) {
    free_write(&log->writes[i]);
  }
  log->write_count = 0;
}

void sim_log_close(sim_log *log) {
  drop_writes(log);
  free(log->writes);
  truncate_to(&log->seen, 0);
  truncate_to(&log->durable, 0);
  free(log->seen.entries);
  free(log->durable.entries);
}

void sim_log_write(sim_log *log, const raft_hard_state *hard_state, const sim_image *image,
                   const raft_entry *entries, size_t count) {
  sim_write write = {.hard_state = *hard_state, .has_image = image != NULL, .count = count};
  if (image != NULL) {
    write.image = *image;
  }
  if (count > 0) {
    write.entries = sim_resize(NULL, count, sizeof *entries);
    memcpy(write.entries, entries, count * sizeof *entries);
  }
  for (size_t i = 0; i < count; i++) {
    raft_buf_retain(entries[i].data.owner);
  }
  if (log->write_count == log->write_capacity) {
    log->write_capacity = log->write_capacity == 0 ? 8 : log->write_capacity * 2;
    log->writes = sim_resize(log->writes, log->write_capacity, sizeof *log->writes);
  }
  log->writes[log->write_count++] = write;
  apply_write(&log->seen, &write);
}

void sim_log_synced(sim_log *log) {
  apply_write(&log->durable, &log->writes[0]);
  free_write(&log->writes[0]);
  log->write_count--;
  memmove(log->writes, log->writes + 1, log->write_count * sizeof *log->writes);
}

/* ---- crashes ---- */

/* How many pieces the writes have: each entry and each hard state is one. */
static size_t pieces(const sim_write *write) {
  return write->has_image ? 1 : write->count + 1;
}

void sim_log_crash(sim_log *log) {
  size_t pending = 0;
  for (size_t i = 0; i < log->write_count; i++) {
    pending += pieces(&log->writes[i]);
  }
  size_t survived = sim_disk_crash(log->disk, pending);
  for (size_t i = 0; i < log->write_count && survived > 0; i++) {
    const sim_write *write = &log->writes[i];
    if (survived >= pieces(write)) {
      apply_write(&log->durable, write);
      survived -= pieces(write);
      continue;
    }
    append(&log->durable, write->entries, survived); /* the hard state is behind them */
    break;
  }
  drop_writes(log);
  copy_state(&log->seen, &log->durable);
}

/* ---- compaction ---- */

bool sim_log_keep(sim_log *log, const sim_image *image) {
  if (log->write_count > 0 || image->index > log->durable.hard_state.commit ||
      image->index < log->durable.image.index) {
    return false;
  }
  log->seen.image = *image;
  log->durable.image = *image;
  return true;
}

bool sim_log_compact(sim_log *log, uint64_t index) {
  if (log->write_count > 0 || index <= log->durable.cut || index > log->durable.image.index) {
    return false;
  }
  cut_front(&log->seen, index);
  cut_front(&log->durable, index);
  return true;
}
