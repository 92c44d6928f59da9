/* log.c - the replicated log as Raft sees it: storage and, behind it, what is not stored yet.
 *
 * Reading and committing are here; entries come in by log_append.c and leave for the state machine
 * by log_apply.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "log.h"

#include <libraft/error.h>
#include <string.h>

#include "allocate.h"

/* Storage entries are asked for in pieces of this many, so that a small answer to a large question
 * does not cost a large allocation. */
enum { PIECE = 64 };

static int storage_failure(raft_log *log, int rc) {
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
  if (first == 0 || last + 1 < first || last == UINT64_MAX) {
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
}

uint64_t raft_log_first_index(raft_log *log) {
  if (log->unstable.snapshot != NULL) {
    return log->unstable.snapshot->index + 1;
  }
  uint64_t first = 1;
  storage_failure(log, log->storage->first_index(log->storage->ctx, &first));
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
  return storage_failure(log, log->storage->term(log->storage->ctx, index, term));
}

int raft_log_last_id(raft_log *log, raft_entry_id *id) {
  id->index = raft_log_last_index(log);
  int rc = raft_log_term(log, id->index, &id->term);
  if (rc != RAFT_OK && rc != RAFT_ENOMEM) {
    rc = storage_failure(log, RAFT_ESTORAGE);
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
    size += raft_entry_size(&entries[i]);
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

/* ---- slices ---- */

/* Entries on their way from storage: a growing array that owns references. */
typedef struct gathered {
  raft_entry *entries;
  size_t count;
  size_t capacity;
  uint64_t bytes;
} gathered;

static void drop_from(gathered *got, size_t keep) {
  for (size_t i = keep; i < got->count; i++) {
    raft_buf_release(got->entries[i].data.owner);
  }
  got->count = keep;
}

static void gathered_close(gathered *got, const raft_allocator *allocator) {
  drop_from(got, 0);
  raft_deallocate(allocator, got->entries);
}

/* How many of `count` entries fit into max_bytes; `least` of them in any case. */
static size_t fitting(const raft_entry *entries, size_t count, uint64_t max_bytes, size_t least,
                      uint64_t *bytes) {
  size_t n = 0;
  *bytes = 0;
  for (; n < count; n++) {
    uint64_t size = raft_entry_size(&entries[n]);
    if (n >= least && (size > max_bytes || *bytes > max_bytes - size)) {
      break;
    }
    *bytes += size;
  }
  return n;
}

/* Takes one piece of [lo, hi) from storage. *done: storage gave less than there was room for. */
static int gather_piece(raft_log *log, uint64_t lo, uint64_t hi, uint64_t max_bytes, gathered *got,
                        bool *done) {
  size_t want = hi - lo < PIECE + got->count ? (size_t)(hi - lo) : PIECE + got->count;
  void *array = got->entries;
  if (!raft_grow(log->allocator, &array, &got->capacity, got->count + want, sizeof *got->entries)) {
    return RAFT_ENOMEM;
  }
  got->entries = array;
  size_t given = want;
  int rc = log->storage->entries(log->storage->ctx, lo, lo + want, max_bytes - got->bytes,
                                 got->entries + got->count, &given);
  if (rc != RAFT_OK) {
    return storage_failure(log, rc);
  }
  if (given == 0 || given > want || got->entries[got->count].index != lo) {
    return storage_failure(log, RAFT_ESTORAGE);
  }
  size_t before = got->count;
  got->count += given;
  /* The first piece is taken as storage gave it: cutting it again would skip entries that
   * the limit's owner has already accounted for. Later pieces must fit what is left. */
  uint64_t bytes = raft_entries_size(got->entries + before, given);
  if (before > 0 && bytes > max_bytes - got->bytes) {
    size_t keep = fitting(got->entries + before, given, max_bytes - got->bytes, 0, &bytes);
    drop_from(got, before + keep);
    given = keep;
  }
  got->bytes += bytes;
  *done = given < want || got->bytes >= max_bytes;
  return RAFT_OK;
}

static int gather(raft_log *log, uint64_t lo, uint64_t hi, uint64_t max_bytes, gathered *got) {
  bool done = false;
  while (!done && lo + got->count < hi) {
    int rc = gather_piece(log, lo + got->count, hi, max_bytes, got, &done);
    if (rc != RAFT_OK) {
      return rc;
    }
  }
  return RAFT_OK;
}

/* One body out of what storage gave (references move) and what is unstable (references are taken).
 */
static int make_body(raft_log *log, gathered *stored, const raft_entry *unstable, size_t count,
                     raft_body **body) {
  *body = NULL;
  if (stored->count + count == 0) {
    return RAFT_OK;
  }
  raft_body_shape shape = {.entries = stored->count + count};
  *body = raft_body_create(log->allocator, &shape);
  if (*body == NULL) {
    return RAFT_ENOMEM;
  }
  if (stored->count > 0) {
    memcpy((*body)->entries, stored->entries, stored->count * sizeof *stored->entries);
  }
  for (size_t i = 0; i < count; i++) {
    (*body)->entries[stored->count + i] = unstable[i];
    raft_buf_retain(unstable[i].data.owner);
  }
  stored->count = 0;
  return RAFT_OK;
}

/* The unstable part of a slice; `used` bytes were taken by the part from storage. */
static size_t unstable_part(const raft_log *log, uint64_t lo, uint64_t hi, uint64_t max_bytes,
                            bool first, const raft_entry **entries) {
  uint64_t bytes = 0;
  *entries = raft_unstable_at(&log->unstable, lo);
  return fitting(*entries, (size_t)(hi - lo), max_bytes, first ? 1 : 0, &bytes);
}

int raft_log_slice(raft_log *log, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_body **body) {
  *body = NULL;
  if (lo >= hi) {
    return RAFT_OK;
  }
  if (hi > raft_log_last_index(log) + 1) {
    return RAFT_EUNAVAILABLE;
  }
  uint64_t offset = log->unstable.offset;
  if (lo < offset && log->unstable.snapshot != NULL) {
    return RAFT_ECOMPACTED;
  }
  gathered stored = {NULL, 0, 0, 0};
  int rc = RAFT_OK;
  if (lo < offset) {
    rc = gather(log, lo, hi < offset ? hi : offset, max_bytes, &stored);
  }
  const raft_entry *rest = NULL;
  size_t rest_count = 0;
  uint64_t next = lo + stored.count;
  if (rc == RAFT_OK && next >= offset && next < hi && (next == lo || stored.bytes < max_bytes)) {
    rest_count = unstable_part(log, next, hi, max_bytes - stored.bytes, next == lo, &rest);
  }
  if (rc == RAFT_OK) {
    rc = make_body(log, &stored, rest, rest_count, body);
  }
  gathered_close(&stored, log->allocator);
  return rc;
}

int raft_log_scan_unapplied(raft_log *log, bool (*wanted)(const raft_entry *), bool *found) {
  *found = false;
  uint64_t lo = log->applied + 1;
  while (lo <= log->committed && !*found) {
    raft_body *page = NULL;
    int rc = raft_log_slice(log, lo, log->committed + 1, log->max_applying_bytes, &page);
    if (rc != RAFT_OK || page == NULL) {
      return rc;
    }
    for (size_t i = 0; i < page->entry_count && !*found; i++) {
      *found = wanted(&page->entries[i]);
    }
    lo += page->entry_count;
    raft_body_release(page);
  }
  return RAFT_OK;
}
