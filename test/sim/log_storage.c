/* log_storage.c - what libraft asks of the simulated log; reads may fail.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "log_storage.h"

#include <string.h>

/* What a failing disk answers: a code that is not one of libraft's. */
enum { DISK_FAILURE = -5 };

static bool can_read(sim_log *log) {
  bool ok = sim_disk_read(log->disk);
  log->failed_reads += !ok;
  return ok;
}

static int initial_state(void *ctx, raft_hard_state *hard_state, raft_conf_state *conf_state) {
  sim_log *log = ctx;
  *hard_state = log->seen.hard_state;
  *conf_state = sim_conf_state(&log->seen.image.conf, &log->lists);
  return RAFT_OK;
}

static int entries(void *ctx, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_entry *out,
                   size_t *count) {
  sim_log *log = ctx;
  if (lo <= log->seen.cut) {
    return RAFT_ECOMPACTED;
  }
  if (hi > sim_log_last(&log->seen) + 1) {
    return RAFT_EUNAVAILABLE;
  }
  if (!can_read(log)) {
    return DISK_FAILURE;
  }
  uint64_t bytes = 0;
  size_t given = 0;
  for (; given < *count && lo + given < hi; given++) {
    const raft_entry *entry = &sim_log_entry(&log->seen, lo + given)->entry;
    bytes += raft_entry_size(entry);
    if (given > 0 && bytes > max_bytes) {
      break;
    }
    out[given] = *entry;
    raft_buf_retain(entry->data.owner);
  }
  *count = given;
  return RAFT_OK;
}

static int term(void *ctx, uint64_t index, uint64_t *value) {
  sim_log *log = ctx;
  uint64_t chain = 0;
  if (index < log->seen.cut) {
    return RAFT_ECOMPACTED;
  }
  return sim_log_at(&log->seen, index, value, &chain) ? RAFT_OK : RAFT_EUNAVAILABLE;
}

static int first_index(void *ctx, uint64_t *index) {
  const sim_log *log = ctx;
  *index = log->seen.cut + 1;
  return RAFT_OK;
}

static int last_index(void *ctx, uint64_t *index) {
  const sim_log *log = ctx;
  *index = sim_log_last(&log->seen);
  return RAFT_OK;
}

/* One that was kept is of use only while the membership is the same: whoever it is sent to must be
 * part of it, or refuses it. */
static const sim_image *image_to_show(const sim_log *log) {
  bool of_now = log->snapshot_of_now || !sim_conf_equal(&log->seen.image.conf, &log->now->conf);
  return of_now ? log->now : &log->seen.image;
}

static int snapshot(void *ctx, raft_snapshot *out) {
  sim_log *log = ctx;
  const sim_image *image = image_to_show(log);
  memset(out, 0, sizeof *out);
  if (image->index == 0 || image->index < log->seen.cut ||
      sim_random_chance(log->disk->random, log->no_snapshot)) {
    return RAFT_ESNAPSHOT_UNAVAILABLE;
  }
  if (!can_read(log)) {
    return DISK_FAILURE;
  }
  log->snapshot_data[0] = image->index;
  log->snapshot_data[1] = image->chain;
  out->index = image->index;
  out->term = image->term;
  out->conf_state = sim_conf_state(&image->conf, &log->lists);
  out->data.data = log->snapshot_data;
  out->data.len = sizeof log->snapshot_data;
  return RAFT_OK;
}

raft_storage sim_log_storage(sim_log *log) {
  raft_storage storage = {.size = sizeof storage,
                          .ctx = log,
                          .initial_state = initial_state,
                          .entries = entries,
                          .term = term,
                          .first_index = first_index,
                          .last_index = last_index,
                          .snapshot = snapshot};
  return storage;
}

bool sim_image_of(const raft_snapshot *snapshot, sim_image *image) {
  uint64_t data[2];
  if (snapshot->data.len != sizeof data) {
    return false;
  }
  memcpy(data, snapshot->data.data, sizeof data);
  image->index = snapshot->index;
  image->term = snapshot->term;
  image->chain = data[1];
  image->conf = sim_conf_of(&snapshot->conf_state);
  return data[0] == snapshot->index;
}
