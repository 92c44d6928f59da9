/* log_slice.c - entries read from the log, whichever part of it they are in.
 *
 * A slice is a copy in a body of its own, which messages share and other threads may keep. What a
 * synchronous Ready shows is lent instead: straight from the unstable block, or from storage into a
 * room that is used again and again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/error.h>
#include <string.h>

#include "allocate.h"
#include "buf.h"
#include "entry_size.h"
#include "log.h"

/* Storage entries are asked for in pieces of this many, so that a small answer to a large question
 * does not cost a large allocation. */
enum { PIECE = 64 };

/* Entries on their way from storage: a growing array that owns references. */
typedef struct gathered {
  raft_entry *entries;
  size_t count;
  size_t capacity;
  uint64_t bytes;
} gathered;

static void drop_from(gathered *got, size_t keep) {
  if (keep < got->count) {
    raft_entries_release(got->entries + keep, got->count - keep);
    got->count = keep;
  }
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
    uint64_t size = raft_entry_bytes(&entries[n]);
    if (n >= least && (size > max_bytes || *bytes > max_bytes - size)) {
      break;
    }
    *bytes += size;
  }
  return n;
}

static bool are_consecutive(const raft_entry *entries, size_t count, uint64_t from) {
  for (size_t i = 0; i < count; i++) {
    if (entries[i].index != from + i) {
      return false;
    }
  }
  return true;
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
    return raft_log_storage_failure(log, rc);
  }
  if (given == 0 || given > want) {
    return raft_log_storage_failure(log, RAFT_ESTORAGE);
  }
  size_t before = got->count;
  got->count += given; /* from here on their references are ours, whatever they are */
  if (!are_consecutive(got->entries + before, given, lo)) {
    return raft_log_storage_failure(log, RAFT_ESTORAGE);
  }
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
  *body = raft_body_of_entries(log->allocator, stored->count + count, &log->spare);
  if (*body == NULL) {
    return RAFT_ENOMEM;
  }
  if (stored->count > 0) {
    memcpy((*body)->entries, stored->entries, stored->count * sizeof *stored->entries);
  }
  if (count > 0) {
    memcpy((*body)->entries + stored->count, unstable, count * sizeof *unstable);
    raft_entries_retain(unstable, count);
  }
  stored->count = 0;
  return RAFT_OK;
}

/* The unstable part of a slice; `used` bytes were taken by the part from storage. */
static raft_entries unstable_part(const raft_log *log, uint64_t lo, uint64_t hi, uint64_t max_bytes,
                                  bool first) {
  raft_entries part = {.items = raft_unstable_at(&log->unstable, lo)};
  part.count = fitting(part.items, (size_t)(hi - lo), max_bytes, first ? 1 : 0, &part.bytes);
  return part;
}

/* What of the unstable part belongs behind what storage gave of [lo, hi). */
static raft_entries rest_of(const raft_log *log, uint64_t lo, uint64_t hi, uint64_t max_bytes,
                            const gathered *stored) {
  raft_entries none = {NULL, 0, 0};
  uint64_t next = lo + stored->count;
  bool room = next == lo || stored->bytes < max_bytes;
  if (next < log->unstable.offset || next >= hi || !room) {
    return none;
  }
  return unstable_part(log, next, hi, max_bytes - stored->bytes, next == lo);
}

/* The part of [lo, hi) that is in storage. */
static int stored_part(raft_log *log, uint64_t lo, uint64_t hi, uint64_t max_bytes, gathered *got) {
  uint64_t offset = log->unstable.offset;
  return lo >= offset ? RAFT_OK : gather(log, lo, hi < offset ? hi : offset, max_bytes, got);
}

int raft_log_slice(raft_log *log, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_body **body) {
  *body = NULL;
  if (lo >= hi) {
    return RAFT_OK;
  }
  if (hi > raft_log_last_index(log) + 1) {
    return RAFT_EUNAVAILABLE;
  }
  if (lo < log->unstable.offset && log->unstable.snapshot != NULL) {
    return RAFT_ECOMPACTED;
  }
  gathered stored = {NULL, 0, 0, 0};
  int rc = stored_part(log, lo, hi, max_bytes, &stored);
  if (rc == RAFT_OK) {
    raft_entries rest = rest_of(log, lo, hi, max_bytes, &stored);
    rc = make_body(log, &stored, rest.items, rest.count, body);
  }
  gathered_close(&stored, log->allocator);
  return rc;
}

/* ---- lent to a Ready ---- */

/* Puts the entries behind what storage gave. */
static int gather_rest(raft_log *log, const raft_entries *rest, gathered *got) {
  void *array = got->entries;
  if (rest->count == 0) {
    return RAFT_OK;
  }
  if (!raft_grow(log->allocator, &array, &got->capacity, got->count + rest->count,
                 sizeof *got->entries)) {
    return RAFT_ENOMEM;
  }
  got->entries = array;
  memcpy(got->entries + got->count, rest->items, rest->count * sizeof *rest->items);
  raft_entries_retain(rest->items, rest->count);
  got->count += rest->count;
  got->bytes += rest->bytes;
  return RAFT_OK;
}

static int fill_room(raft_log *log, uint64_t lo, uint64_t hi, uint64_t max_bytes, gathered *got) {
  int rc = stored_part(log, lo, hi, max_bytes, got);
  if (rc == RAFT_OK) {
    raft_entries rest = rest_of(log, lo, hi, max_bytes, got);
    rc = gather_rest(log, &rest, got);
  }
  if (rc == RAFT_OK && got->capacity > UINT32_MAX) {
    rc = RAFT_ENOMEM;
  }
  if (rc != RAFT_OK) {
    drop_from(got, 0);
  }
  return rc;
}

int raft_log_lend(raft_log *log, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_room *room,
                  raft_entries *lent) {
  if (lo >= log->unstable.offset) {
    *lent = unstable_part(log, lo, hi, max_bytes, true);
    return RAFT_OK;
  }
  gathered got = {room->items, 0, room->capacity, 0};
  int rc = fill_room(log, lo, hi, max_bytes, &got);
  room->items = got.entries;
  room->capacity = (uint32_t)got.capacity;
  room->count = (uint32_t)got.count;
  *lent = (raft_entries){got.entries, got.count, got.bytes};
  return rc;
}

void raft_room_empty(raft_room *room) {
  raft_entries_release(room->items, room->count);
  room->count = 0;
}

void raft_room_close(raft_room *room, const raft_allocator *allocator) {
  raft_room_empty(room);
  raft_deallocate(allocator, room->items);
  room->items = NULL;
  room->capacity = 0;
}

/* ---- searching ---- */

int raft_log_scan_unapplied(raft_log *log, bool (*wanted)(const raft_entry *), bool *found) {
  *found = false;
  uint64_t lo = log->applied + 1;
  while (lo <= log->committed && !*found) {
    raft_body *page = NULL;
    int rc = raft_log_slice(log, lo, log->committed + 1, log->max_applying_bytes, &page);
    uint64_t first = rc == RAFT_ECOMPACTED ? raft_log_first_index(log) : 0;
    if (first > lo) {
      lo = first; /* applied and cut off, and the node is about to be told */
      continue;
    }
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
