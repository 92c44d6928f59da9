/* runner.h - many seeds on several processors: workers are processes, results are summed up.
 *
 * It knows nothing of what a run is. A worker that dies (a sanitizer, a signal) is a finding at the
 * seed it was at, and the others go on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_RUNNER_H
#define SIM_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_RUNNER_COUNTS = 48, SIM_RUNNER_WORKERS = 64, SIM_RUNNER_FINDINGS = 16 };

/* Runs one seed and adds to `counts`. True: it found something. Called in a worker. */
typedef bool (*sim_runner_function)(void *ctx, uint64_t seed, uint64_t counts[SIM_RUNNER_COUNTS]);

typedef struct sim_runner {
  sim_runner_function run;
  void *ctx;
  uint64_t first;
  uint64_t last;    /* included */
  double seconds;   /* stop after so long; 0: at the last seed */
  unsigned workers; /* 1 ... SIM_RUNNER_WORKERS */
  /* Called now and then in the parent; may be NULL. */
  void (*progress)(void *ctx, uint64_t seeds, uint64_t found, double elapsed);
} sim_runner;

typedef struct sim_runner_result {
  uint64_t seeds; /* that ran to their end */
  uint64_t found;
  uint64_t findings[SIM_RUNNER_FINDINGS]; /* the smallest seeds with one */
  size_t finding_count;
  uint64_t counts[SIM_RUNNER_COUNTS];
  double elapsed; /* seconds */
} sim_runner_result;

/* False: the system gave no memory or processes. */
bool sim_runner_run(const sim_runner *runner, sim_runner_result *result);

#endif
