/* log_append.c - entries and snapshots coming into the log, and the commit index.
 *
 * Whatever may fail is done before anything is changed: an append that finds no memory is an
 * append that never arrived.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/error.h>
#include <string.h>

#include "buf.h"
#include "log.h"

static bool is_borrowed(const raft_entry *entry) {
  return entry->data.owner == NULL && entry->data.len > 0;
}

/* One buffer with the payloads of all entries that have no owner, and one reference for each of
 * them; NULL with RAFT_OK: none needed. */
static int copy_payloads(const raft_log *log, const raft_entry *entries, size_t count,
                         raft_buf **copy) {
  uint64_t bytes = 0;
  size_t users = 0;
  *copy = NULL;
  for (size_t i = 0; i < count; i++) {
    bytes += is_borrowed(&entries[i]) ? entries[i].data.len : 0;
    users += is_borrowed(&entries[i]) ? 1 : 0;
  }
  if (users == 0) {
    return RAFT_OK;
  }
  if (bytes > SIZE_MAX / 2) {
    return RAFT_ENOMEM;
  }
  void *data = NULL;
  *copy = raft_buf_create(log->allocator, (size_t)bytes, &data);
  if (*copy == NULL) {
    return RAFT_ENOMEM;
  }
  atomic_store_explicit(&(*copy)->references, users, memory_order_relaxed);
  unsigned char *at = data;
  for (size_t i = 0; i < count; i++) {
    if (is_borrowed(&entries[i])) {
      memcpy(at, entries[i].data.data, entries[i].data.len);
      at += entries[i].data.len;
    }
  }
  return RAFT_OK;
}

/* Entries of their own term and index, or, with a term in `first`, numbered from there. */
static void push_all(raft_log *log, raft_entry_id first, const raft_entry *entries, size_t count,
                     raft_buf *copy) {
  const unsigned char *at = copy == NULL ? NULL : raft_buf_data(copy);
  raft_entries_retain(entries, count);
  for (size_t i = 0; i < count; i++) {
    raft_entry entry = entries[i];
    if (is_borrowed(&entry)) {
      entry.data.data = at;
      entry.data.owner = copy;
      at += entry.data.len;
    } else if (entry.data.owner == NULL && entry.data.data != NULL) {
      entry.data.data = ""; /* present and empty: nothing to keep alive */
    }
    if (first.term != 0) {
      entry.term = first.term;
      entry.index = first.index + i;
    }
    raft_unstable_push(&log->unstable, &entry);
  }
}

static int append(raft_log *log, raft_entry_id first, uint64_t index, const raft_entry *entries,
                  size_t count) {
  raft_buf *copy = NULL;
  int rc = copy_payloads(log, entries, count, &copy);
  if (rc != RAFT_OK) {
    return rc;
  }
  rc = raft_unstable_reserve(&log->unstable, index, count, log->allocator);
  if (rc == RAFT_OK) {
    raft_unstable_truncate(&log->unstable, index);
    push_all(log, first, entries, count, copy);
  } else if (copy != NULL) {
    raft_buf_destroy(copy);
  }
  return rc;
}

int raft_log_append(raft_log *log, const raft_entry *entries, size_t count) {
  static const raft_entry_id as_they_are = {0, 0};
  return count == 0 ? RAFT_OK : append(log, as_they_are, entries[0].index, entries, count);
}

int raft_log_append_own(raft_log *log, uint64_t term, const raft_entry *entries, size_t count) {
  raft_entry_id first = {term, raft_log_last_index(log) + 1};
  return append(log, first, first.index, entries, count);
}

/* Position of the first entry that the log does not have as it is; `count`: it has them all. An
 * entry whose term storage could not tell must not pass for a missing one: what stands there and
 * behind may have been promised. */
static int first_missing(raft_log *log, const raft_entry *entries, size_t count, size_t *position) {
  int rc = RAFT_OK;
  bool matches = true;
  size_t i = 0;
  while (i < count) {
    raft_entry_id id = {entries[i].term, entries[i].index};
    rc = raft_log_matches(log, id, &matches);
    if (!matches) {
      break;
    }
    i++;
  }
  *position = i;
  return rc;
}

int raft_log_maybe_append(raft_log *log, raft_entry_id previous, const raft_entry *entries,
                          size_t count, uint64_t leader_commit, uint64_t *last_new,
                          uint64_t *conflict) {
  bool matches = false;
  size_t skip = 0;
  *conflict = 0;
  int rc = raft_log_matches(log, previous, &matches);
  if (rc == RAFT_OK && !matches) {
    return RAFT_EUNAVAILABLE;
  }
  if (rc == RAFT_OK) {
    rc = first_missing(log, entries, count, &skip);
  }
  if (rc != RAFT_OK) {
    return rc;
  }
  *last_new = previous.index + count;
  if (skip < count) {
    if (entries[skip].index <= log->committed) {
      return RAFT_EMALFORMED;
    }
    uint64_t last = raft_log_last_index(log);
    rc = raft_log_append(log, entries + skip, count - skip);
    if (rc != RAFT_OK) {
      return rc;
    }
    *conflict = entries[skip].index <= last ? entries[skip].index : 0;
  }
  raft_log_commit_to(log, leader_commit < *last_new ? leader_commit : *last_new);
  return RAFT_OK;
}

void raft_log_commit_to(raft_log *log, uint64_t index) {
  if (index > log->committed) {
    log->committed = index;
  }
}

int raft_log_maybe_commit(raft_log *log, raft_entry_id id, bool *moved) {
  *moved = false;
  if (id.term == 0 || id.index <= log->committed) {
    return RAFT_OK;
  }
  /* Thesis 3.6.2: only entries of the leader's own term commit by counting. */
  int rc = raft_log_matches(log, id, moved);
  if (*moved) {
    raft_log_commit_to(log, id.index);
  }
  return rc;
}

void raft_log_restore(raft_log *log, raft_body *body) {
  log->committed = body->snapshot->index;
  raft_unstable_restore(&log->unstable, body);
}
