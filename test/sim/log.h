/* log.h - the log of one simulated node: what is written, what of it is durable, and its Storage.
 *
 * Writes are seen by the reading functions at once, as from a page cache; they become durable one
 * after the other when sim_log_synced is called. A crash brings back what was durable, and perhaps
 * some more: whole writes, and of the one after them the first entries without their hard state. A
 * hard state is one record: term, vote and commit are there together or not at all. A write with a
 * snapshot is there as a whole or not at all.
 *
 * Each entry has a chain: a hash over all entries up to it. Two logs that have the same chain
 * somewhere are the same up to there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_LOG_H
#define SIM_LOG_H

#include <libraft/raft.h>

#include "conf.h"
#include "disk.h"

/* The state machine at an index, which for this purpose is a hash. */
typedef struct sim_image {
  uint64_t index;
  uint64_t term;
  uint64_t chain;
  sim_conf conf;
} sim_image;

typedef struct sim_entry {
  raft_entry entry; /* owns a reference of its payload */
  uint64_t chain;
} sim_entry;

typedef struct sim_log_state {
  raft_hard_state hard_state;
  sim_image image; /* the state machine as it is kept; never below first_index - 1 */
  uint64_t cut;    /* entries up to here are gone; the first one is cut + 1 */
  uint64_t cut_term;
  uint64_t cut_chain;
  sim_entry *entries;
  size_t count;
  size_t capacity;
} sim_log_state;

typedef struct sim_write {
  raft_hard_state hard_state; /* all zero: none */
  bool has_image;
  sim_image image;
  raft_entry *entries; /* own references */
  size_t count;
} sim_write;

typedef struct sim_log {
  sim_log_state seen;
  sim_log_state durable;
  sim_write *writes; /* not durable, in order */
  size_t write_count;
  size_t write_capacity;
  const sim_image *now; /* the state machine of now, for snapshots; not owned */
  bool snapshot_of_now; /* snapshots show the machine of now, else the one that is kept */
  sim_disk *disk;
  uint32_t no_snapshot;  /* chance that there is none just now */
  uint64_t failed_reads; /* since the log was opened */
  raft_storage storage;
  sim_conf_lists lists;
  uint64_t snapshot_data[2]; /* index and chain */
} sim_log;

/* The chain of an entry behind one with the chain `previous`. */
uint64_t sim_chain(uint64_t previous, const raft_entry *entry);

/* Empty but for `image`, which all members of a group begin with; NULL: nothing. */
void sim_log_init(sim_log *log, sim_disk *disk, const sim_image *image);
void sim_log_close(sim_log *log);

/* Writes: seen now, durable when synced. */
void sim_log_write(sim_log *log, const raft_hard_state *hard_state, const sim_image *image,
                   const raft_entry *entries, size_t count);
/* The oldest write is durable. */
void sim_log_synced(sim_log *log);
void sim_log_crash(sim_log *log);
/* Keeps the state machine's image, durably. False: not now, writes are under way, or the commit
 * index that is durable is behind it. */
bool sim_log_keep(sim_log *log, const sim_image *image);
/* Drops entries up to `index`, which is not behind the image kept. False: writes are under way. */
bool sim_log_compact(sim_log *log, uint64_t index);

/* Looking inside; false: the index is not in the log (that where it was cut is). */
bool sim_log_at(const sim_log_state *state, uint64_t index, uint64_t *term, uint64_t *chain);
uint64_t sim_log_last(const sim_log_state *state);
const sim_entry *sim_log_entry(const sim_log_state *state, uint64_t index);

/* The image that a snapshot message carries. False: it is none of ours. */
bool sim_image_of(const raft_snapshot *snapshot, sim_image *image);

#endif
