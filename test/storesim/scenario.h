/* scenario.h - the list of what can be played, and how one seed of it is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORESIM_SCENARIO_H
#define STORESIM_SCENARIO_H

#include "cluster.h"

/* A row of the matrix; see matrix.c. */
typedef struct ss_row {
  unsigned clients;
  bool unreliable;
  bool crash;
  bool partitions;
  uint64_t max_log; /* 0: the log is not cut */
  bool changes;     /* of membership */
  bool split;
} ss_row;

typedef struct ss_scenario {
  const char *name;
  const char *about;
  void (*prepare)(const struct ss_scenario *scenario, ss_options *options, uint64_t seed);
  void (*play)(const struct ss_scenario *scenario, ss_world *world);
  ss_row row;
} ss_scenario;

/* NULL: there is none of that number. */
const ss_scenario *ss_scenario_at(size_t position);

typedef struct ss_result {
  bool violated;
  char what[SS_SENTENCE];
  uint64_t now;
  uint64_t steps;
  uint64_t hash;
  uint64_t counts[SS_COUNTERS];
} ss_result;

void ss_play(const ss_scenario *scenario, uint64_t seed, sim_listener listener, void *ctx,
             ss_result *result);

/* matrix.c, directed.c, swarm.c */
void ss_matrix_prepare(const ss_scenario *scenario, ss_options *options, uint64_t seed);
void ss_matrix_play(const ss_scenario *scenario, ss_world *world);
void ss_directed_prepare(const ss_scenario *scenario, ss_options *options, uint64_t seed);
void ss_play_partition(const ss_scenario *scenario, ss_world *world);
void ss_play_snapshot(const ss_scenario *scenario, ss_world *world);
void ss_play_split(const ss_scenario *scenario, ss_world *world);
void ss_play_transfer(const ss_scenario *scenario, ss_world *world);
void ss_play_changes(const ss_scenario *scenario, ss_world *world);
void ss_play_remove_leader(const ss_scenario *scenario, ss_world *world);
void ss_swarm_prepare(const ss_scenario *scenario, ss_options *options, uint64_t seed);
void ss_swarm_play(const ss_scenario *scenario, ss_world *world);

#endif
