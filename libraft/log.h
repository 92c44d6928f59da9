/* log.h - the replicated log as Raft sees it: storage and, behind it, what is not stored yet.
 *
 * Invariants: applied <= applying <= committed <= last index. Committed never moves back. Storage
 * may be compacted at any time by the embedder, so first_index() can rise between two calls.
 *
 * A storage that fails is noted in `failure`; the node poisons itself at the end of the call.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_LOG_H
#define RAFT_LOG_H

#include <libraft/storage.h>

#include "body.h"
#include "unstable.h"

/* No message and no storage brings entries beyond it: room enough to go on counting. */
#define RAFT_LAST_INDEX (UINT64_MAX / 2)

typedef struct raft_log {
  const raft_storage *storage;
  const raft_allocator *allocator;
  raft_unstable unstable;
  raft_body *spare; /* for the next slice; NULL: none */
  uint64_t committed;
  uint64_t applying; /* handed out to be applied */
  uint64_t applied;  /* acknowledged as applied */
  uint64_t max_applying_bytes;
  uint64_t applying_bytes; /* of entries in (applied, applying] */
  bool applying_paused; /* until an acknowledgement: the limit is reached, or the last hand-out was
                           cut */
  int failure;          /* first unexpected answer of storage, or RAFT_OK */
} raft_log;

/* Entries that somebody else keeps alive, and their size (raft_entry_size). */
typedef struct raft_entries {
  const raft_entry *items;
  size_t count;
  uint64_t bytes;
} raft_entries;

/* Where entries from storage are kept while a Ready shows them. Holds their references; its memory
 * serves the next Ready. Zero-initialised is empty. */
typedef struct raft_room {
  raft_entry *items;
  uint32_t count;
  uint32_t capacity;
} raft_room;

typedef struct raft_entry_id {
  uint64_t term;
  uint64_t index;
} raft_entry_id;

/* Reads the bounds of storage. RAFT_ESTORAGE. */
int raft_log_open(raft_log *log, const raft_storage *storage, const raft_allocator *allocator,
                  uint64_t max_applying_bytes);
void raft_log_close(raft_log *log);
/* Gives memory back that an idle group does not need. */
void raft_log_shrink(raft_log *log);

/* Storage's answer, where it is one of those that it may give; anything else is noted. */
int raft_log_storage_failure(raft_log *log, int rc);

uint64_t raft_log_first_index(raft_log *log);
static inline uint64_t raft_log_last_index(const raft_log *log) {
  return raft_unstable_last(&log->unstable);
}
/* RAFT_ENOMEM of storage; anything else is its failure: the last term is always known. */
int raft_log_last_id(raft_log *log, raft_entry_id *id);

/* RAFT_ECOMPACTED, RAFT_EUNAVAILABLE, RAFT_ENOMEM or RAFT_ESTORAGE. */
int raft_log_term(raft_log *log, uint64_t index, uint64_t *term);
/* Is there an entry of that term at that index? RAFT_ENOMEM, RAFT_ESTORAGE: not known. */
int raft_log_matches(raft_log *log, raft_entry_id id, bool *matches);
/* Is a log that ends with `id` at least as good as this one? (thesis 3.6.1) */
int raft_log_is_up_to_date(raft_log *log, raft_entry_id id, bool *up_to_date);
/* Largest index <= `index` whose term is <= `term`: where two logs may still agree. The term there,
 * or 0 where it is not known. */
raft_entry_id raft_log_find_conflict_by_term(raft_log *log, uint64_t index, uint64_t term);

/* Entries from `lo` up to `hi` (excluded), at most `max_bytes` but at least one. *body NULL:
 * none. RAFT_ECOMPACTED, RAFT_EUNAVAILABLE, RAFT_ENOMEM, RAFT_ESTORAGE. */
int raft_log_slice(raft_log *log, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_body **body);

/* The same range, lo < hi, without a copy of what is unstable: valid until that is changed, and
 * what is in `room` (empty before) until that is emptied. */
int raft_log_lend(raft_log *log, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_room *room,
                  raft_entries *lent);
void raft_room_empty(raft_room *room);
void raft_room_close(raft_room *room, const raft_allocator *allocator);

/* Puts `count` consecutive entries at their indexes, replacing what is there and behind. Payloads
 * without an owner are copied. RAFT_ENOMEM: unchanged. */
int raft_log_append(raft_log *log, const raft_entry *entries, size_t count);
/* Appends entries of a leader's own, whose terms and indexes are given here. */
int raft_log_append_own(raft_log *log, uint64_t term, const raft_entry *entries, size_t count);
/* What a follower does with an append behind `previous` (thesis 3.5). *last_new: index that now
 * matches the leader's log. RAFT_EUNAVAILABLE: the logs do not match at `previous`.
 * RAFT_EMALFORMED: it contradicts committed entries. RAFT_ENOMEM: unchanged. *conflict: first index
 * replaced, or 0. */
int raft_log_maybe_append(raft_log *log, raft_entry_id previous, const raft_entry *entries,
                          size_t count, uint64_t leader_commit, uint64_t *last_new,
                          uint64_t *conflict);
void raft_log_commit_to(raft_log *log, uint64_t index); /* index <= last index */
/* Commits up to `id` if that is an entry of that term and news: *moved. RAFT_ENOMEM, RAFT_ESTORAGE.
 */
int raft_log_maybe_commit(raft_log *log, raft_entry_id id, bool *moved);

/* A snapshot, whose body reference moves in, replaces the log. */
void raft_log_restore(raft_log *log, raft_body *body);

/* What can be applied next; of the entries that are committed but not stored here, the first
 * `ahead` count too. */
bool raft_log_has_next_committed(const raft_log *log, uint64_t ahead);
int raft_log_next_committed(raft_log *log, uint64_t ahead, raft_body **body);
void raft_log_accept_applying(raft_log *log, uint64_t index, uint64_t bytes, uint64_t ahead);
int raft_log_lend_committed(raft_log *log, raft_room *room, raft_entries *lent);
void raft_log_applied_to(raft_log *log, uint64_t index, uint64_t bytes);

/* Is there a committed entry in (applied, committed] for which wanted() is true? */
int raft_log_scan_unapplied(raft_log *log, bool (*wanted)(const raft_entry *), bool *found);

uint64_t raft_entries_size(const raft_entry *entries, size_t count);         /* as encoded */
uint64_t raft_entries_payload_size(const raft_entry *entries, size_t count); /* data only */

#endif
