/* log.c - the replicated log as Raft sees it: storage and, behind it, what is not stored yet.
 *
 * Terms and bounds are here; entries are read by log_slice.c, come in by log_append.c and leave
 * for the state machine by log_apply.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "log.h"

#include <libraft/error.h>
#include <string.h>

#include "entry_size.h"

int raft_log_storage_failure(raft_log *log, int rc) {
  if (rc == RAFT_OK || rc == RAFT_ENOMEM || rc == RAFT_ECOMPACTED || rc == RAFT_EUNAVAILABLE) {
    return rc;
  }
  if (log->failure == RAFT_OK) {
    log->failure = RAFT_ESTORAGE;
  }
  return RAFT_ESTORAGE;
}

int raft_log_open(raft_log *log, const raft_storage *storage, const raft_allocator *allocator,
                  uint64_t max_applying_bytes) {
  uint64_t first = 0, last = 0;
  int rc = storage->first_index(storage->ctx, &first);
  if (rc == RAFT_OK) {
    rc = storage->last_index(storage->ctx, &last);
  }
  if (rc != RAFT_OK) {
    return rc == RAFT_ENOMEM ? RAFT_ENOMEM : RAFT_ESTORAGE;
  }
  if (first == 0 || last > RAFT_LAST_INDEX || last + 1 < first) {
    return RAFT_ESTORAGE;
  }
  memset(log, 0, sizeof *log);
  log->storage = storage;
  log->allocator = allocator;
  log->max_applying_bytes = max_applying_bytes;
  raft_unstable_init(&log->unstable, last + 1);
  log->committed = log->applying = log->applied = first - 1;
  return RAFT_OK;
}

void raft_log_close(raft_log *log) {
  raft_unstable_close(&log->unstable, log->allocator);
  raft_log_shrink(log);
}

void raft_log_shrink(raft_log *log) {
  raft_body_release(log->spare);
  log->spare = NULL;
  raft_unstable_shrink(&log->unstable, log->allocator);
}

uint64_t raft_log_first_index(raft_log *log) {
  if (log->unstable.snapshot != NULL) {
    return log->unstable.snapshot->index + 1;
  }
  uint64_t first = 1;
  raft_log_storage_failure(log, log->storage->first_index(log->storage->ctx, &first));
  return first;
}

int raft_log_term(raft_log *log, uint64_t index, uint64_t *term) {
  *term = 0;
  if (raft_unstable_term(&log->unstable, index, term)) {
    return RAFT_OK;
  }
  if (index >= log->unstable.offset) {
    return RAFT_EUNAVAILABLE;
  }
  if (log->unstable.snapshot != NULL) {
    return RAFT_ECOMPACTED;
  }
  return raft_log_storage_failure(log, log->storage->term(log->storage->ctx, index, term));
}

int raft_log_last_id(raft_log *log, raft_entry_id *id) {
  id->index = raft_log_last_index(log);
  int rc = raft_log_term(log, id->index, &id->term);
  if (rc != RAFT_OK && rc != RAFT_ENOMEM) {
    rc = raft_log_storage_failure(log, RAFT_ESTORAGE);
  }
  return rc;
}

int raft_log_matches(raft_log *log, raft_entry_id id, bool *matches) {
  uint64_t term = 0;
  int rc = raft_log_term(log, id.index, &term);
  *matches = rc == RAFT_OK && term == id.term;
  return rc == RAFT_ECOMPACTED || rc == RAFT_EUNAVAILABLE ? RAFT_OK : rc;
}

int raft_log_is_up_to_date(raft_log *log, raft_entry_id id, bool *up_to_date) {
  raft_entry_id own = {0, 0};
  int rc = raft_log_last_id(log, &own);
  *up_to_date = id.term > own.term || (id.term == own.term && id.index >= own.index);
  return rc;
}

raft_entry_id raft_log_find_conflict_by_term(raft_log *log, uint64_t index, uint64_t term) {
  for (; index > 0; index--) {
    raft_entry_id id = {0, index};
    if (raft_log_term(log, index, &id.term) != RAFT_OK) {
      id.term = 0; /* compacted or beyond: whether it matches is not known, so it may */
      return id;
    }
    if (id.term <= term) {
      return id;
    }
  }
  raft_entry_id nothing = {0, 0};
  return nothing;
}

uint64_t raft_entries_size(const raft_entry *entries, size_t count) {
  uint64_t size = 0;
  for (size_t i = 0; i < count; i++) {
    size += raft_entry_bytes(&entries[i]);
  }
  return size;
}

uint64_t raft_entries_payload_size(const raft_entry *entries, size_t count) {
  uint64_t size = 0;
  for (size_t i = 0; i < count; i++) {
    size += entries[i].data.len;
  }
  return size;
}
