/* check.h - what must hold in every state of a group, checked as it unfolds.
 *
 * The checker is told what happened (a vote, an entry in a log, a commit, ...) and remembers just
 * enough to see that it contradicts something that happened before. The first contradiction is
 * kept as a sentence; after it the run is over. It knows no node and no network: tests can feed it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "log.h"

enum { SIM_SENTENCE = 400 };

/* An entry that some log has or had. */
typedef struct sim_known_entry {
  uint64_t term;
  uint64_t chain;
  uint32_t older; /* position + 1 of another one with the same index; 0: none */
} sim_known_entry;

typedef struct sim_committed {
  uint64_t term;
  uint64_t chain;
  uint64_t by_term; /* term of the node that was first seen to have it committed */
  bool is_change;   /* of the membership */
  bool applied;
  bool has_conf;
  sim_conf conf; /* in force behind it; has_conf says whether it is known */
} sim_committed;

typedef struct sim_term {
  uint8_t leader;
  uint8_t votes[SIM_NODES + 1]; /* who voted for whom */
} sim_term;

typedef struct sim_check {
  bool broken;
  char what[SIM_SENTENCE];
  sim_term *terms;
  size_t term_count;
  uint32_t *newest_entry; /* by index: position + 1 in entries */
  size_t index_count;
  sim_known_entry *entries;
  size_t entry_count;
  size_t entry_capacity;
  sim_committed *committed; /* by index */
  size_t committed_count;
  uint64_t conf_from; /* configurations of indexes below are not compared */
  uint64_t commit;    /* highest index that somebody knows to be committed */
  uint64_t applied;   /* highest index that somebody has applied: clients may have been told */
} sim_check;

/* All zero is a checker that has seen nothing. */
void sim_check_close(sim_check *check);

/* Keeps the sentence, if it is the first one. */
void sim_check_broken(sim_check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* `voter` promised its vote of this term to `candidate`. */
void sim_check_vote(sim_check *check, uint64_t term, unsigned voter, unsigned candidate);
/* `leader` leads this term and has this log: at most one a term, and all that was committed in
 * earlier terms is in its log. */
void sim_check_leader(sim_check *check, uint64_t term, unsigned leader, const sim_log_state *log);
/* An entry is in a log: no two logs differ below an entry that both have. */
void sim_check_entry(sim_check *check, unsigned node, uint64_t index, uint64_t term,
                     uint64_t chain);
/* A node knows the entry to be committed. */
void sim_check_commit(sim_check *check, unsigned node, uint64_t node_term, const raft_entry *entry,
                      uint64_t chain);
/* A node applied it, which leaves its state machine like this. */
void sim_check_apply(sim_check *check, unsigned node, const sim_image *machine);

static inline uint64_t sim_check_leader_of(const sim_check *check, uint64_t term) {
  return term < check->term_count ? check->terms[term].leader : 0;
}

#endif
