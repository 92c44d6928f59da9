/* faulty_storage.c - a Storage in front of another one that fails where a test wants it to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "faulty_storage.h"

#include <libraft/error.h>
#include <string.h>

static int fault(faulty_storage *storage, storage_call call) {
  storage->calls++;
  bool hit =
      storage->fail_at != 0 && (storage->calls == storage->fail_at ||
                                (storage->fail_from_then_on && storage->calls > storage->fail_at));
  return hit ? storage->code : storage->answers[call];
}

static int initial_state(void *ctx, raft_hard_state *hard_state, raft_conf_state *conf_state) {
  faulty_storage *storage = ctx;
  int rc = fault(storage, STORAGE_INITIAL_STATE);
  return rc != RAFT_OK ? rc
                       : storage->inner->initial_state(storage->inner->ctx, hard_state, conf_state);
}

static int entries(void *ctx, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_entry *out,
                   size_t *count) {
  faulty_storage *storage = ctx;
  int rc = fault(storage, STORAGE_ENTRIES);
  return rc != RAFT_OK
             ? rc
             : storage->inner->entries(storage->inner->ctx, lo, hi, max_bytes, out, count);
}

static int term_of(void *ctx, uint64_t index, uint64_t *term) {
  faulty_storage *storage = ctx;
  int rc = fault(storage, STORAGE_TERM);
  return rc != RAFT_OK ? rc : storage->inner->term(storage->inner->ctx, index, term);
}

static int first_index(void *ctx, uint64_t *index) {
  faulty_storage *storage = ctx;
  int rc = fault(storage, STORAGE_FIRST_INDEX);
  return rc != RAFT_OK ? rc : storage->inner->first_index(storage->inner->ctx, index);
}

static int last_index(void *ctx, uint64_t *index) {
  faulty_storage *storage = ctx;
  int rc = fault(storage, STORAGE_LAST_INDEX);
  return rc != RAFT_OK ? rc : storage->inner->last_index(storage->inner->ctx, index);
}

static int snapshot(void *ctx, raft_snapshot *to) {
  faulty_storage *storage = ctx;
  int rc = fault(storage, STORAGE_SNAPSHOT);
  return rc != RAFT_OK ? rc : storage->inner->snapshot(storage->inner->ctx, to);
}

void faulty_storage_init(faulty_storage *storage, const raft_storage *inner) {
  memset(storage, 0, sizeof *storage);
  storage->inner = inner;
  storage->iface = (raft_storage){.size = sizeof(raft_storage),
                                  .ctx = storage,
                                  .initial_state = initial_state,
                                  .entries = entries,
                                  .term = term_of,
                                  .first_index = first_index,
                                  .last_index = last_index,
                                  .snapshot = snapshot};
}
