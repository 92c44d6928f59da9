/* sim.h - run one seed: a group of libraft nodes under faults, every invariant checked.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "check.h"
#include "options.h"
#include "trace.h"

/* What a run counts. */
typedef enum sim_counter {
  SIM_MILLISECONDS, /* of virtual time */
  SIM_STEPS,
  SIM_ELECTIONS, /* won */
  SIM_COMMITTED,
  SIM_WRITES,    /* applied, of those that clients asked for */
  SIM_READS,     /* answered */
  SIM_CHANGES,   /* of membership, applied once */
  SIM_SNAPSHOTS, /* installed */
  SIM_RESTARTS,
  SIM_CRASHES,
  SIM_LOST,
  SIM_DUPLICATED,
  SIM_LATE,
  SIM_CUT,
  SIM_PARTITIONS,
  SIM_PAUSES,
  SIM_FAILED_WRITES,
  SIM_FAILED_READS,
  SIM_TORN,
  SIM_SLOW_WRITES,
  SIM_TRANSFERS,
  SIM_CAMPAIGNS,
  SIM_DROPPED_PROPOSALS,
  SIM_STUCK, /* groups that ended in the known hole of changes that take effect when applied */
  SIM_COUNTERS
} sim_counter;

/* Name of a counter, as for a table: "elections". */
const char *sim_counter_name(sim_counter counter);

typedef struct sim_result {
  bool violated;
  char what[SIM_SENTENCE]; /* what was broken, a sentence */
  uint64_t at;             /* virtual time in microseconds */
  uint64_t step;
  uint64_t hash; /* of all that happened */
  uint64_t counts[SIM_COUNTERS];
} sim_result;

/* One run; listener (may be NULL) gets the story. */
void sim_run(const sim_options *options, sim_listener listener, void *listener_ctx,
             sim_result *result);

#endif
