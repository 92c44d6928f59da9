/* journal.h - what has to survive, in one file that is only appended to.
 *
 * A frame for each Ready that has to be durable: hard state, entries and snapshot together, so a
 * crash leaves all of it or nothing. libraft reads from a copy in memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NOTEBOOK_JOURNAL_H
#define NOTEBOOK_JOURNAL_H

#include <libraft/memory_storage.h>
#include <libraft/raft.h>

typedef struct journal {
  int directory, file;
  raft_hard_state hard_state;
  raft_memory_storage *memory;
  const raft_storage *storage; /* the same, for libraft to read */
} journal;

/* Reads DIRECTORY/journal back, or begins it. */
void journal_open(journal *j, const char *directory);
/* Durable on return. */
void journal_save(journal *j, const raft_ready *rd);
/* Puts a snapshot at `index` in place of the entries that made it. */
void journal_compact(journal *j, uint64_t index, const raft_conf_state *members, raft_bytes data);
/* The last snapshot, index 0 if there is none; valid until the next call. */
raft_snapshot journal_snapshot(const journal *j);

#endif
