/* many.c - the seeds of all scenarios in one row, and what came of them by scenario.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "many.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "test/sim/runner.h"

enum { FINDINGS_SHOWN = 3 };

/* What came of a scenario; workers add to it. */
typedef struct row {
  _Atomic uint64_t seeds;
  _Atomic uint64_t found;
  _Atomic uint64_t milliseconds; /* simulated */
  _Atomic uint64_t operations;
  _Atomic uint64_t cost; /* microseconds of a processor */
} row;

typedef struct pool {
  const ss_many *many;
  uint64_t seeds; /* of each scenario */
  size_t first;   /* scenario */
  size_t count;   /* of scenarios */
  size_t told;    /* the first so many are told of */
  row *rows;      /* shared with the workers */
} pool;

static const ss_scenario *scenario_of(const pool *all, uint64_t number) {
  return ss_scenario_at(all->first + (size_t)(number / all->seeds));
}

static uint64_t seed_of(const pool *all, uint64_t number) {
  return all->many->first + number % all->seeds;
}

static uint64_t processor_time(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * SS_SECOND + (uint64_t)t.tv_nsec / 1000;
}

static bool run_number(void *ctx, uint64_t number, uint64_t counts[SIM_RUNNER_COUNTS]) {
  const pool *all = ctx;
  row *sum = &all->rows[number / all->seeds];
  ss_result result;
  uint64_t begin = processor_time();
  ss_play(scenario_of(all, number), seed_of(all, number), NULL, NULL, &result);
  for (size_t i = 0; i < SS_COUNTERS; i++) {
    counts[i] += result.counts[i];
  }
  atomic_fetch_add(&sum->found, result.violated);
  atomic_fetch_add(&sum->milliseconds, result.counts[SS_MILLISECONDS]);
  atomic_fetch_add(&sum->operations, result.counts[SS_OPERATIONS]);
  atomic_fetch_add(&sum->cost, processor_time() - begin);
  atomic_fetch_add(&sum->seeds, 1);
  return result.violated;
}

/* ---- telling ---- */

static void print_row(const pool *all, size_t position) {
  const row *sum = &all->rows[position];
  (void)printf("%-50s %6" PRIu64 " seeds %4" PRIu64 " violations %7.1f h %9" PRIu64
               " operations %7.1f s of processors\n",
               ss_scenario_at(all->first + position)->name, atomic_load(&sum->seeds),
               atomic_load(&sum->found), (double)atomic_load(&sum->milliseconds) / 3600000.0,
               atomic_load(&sum->operations), (double)atomic_load(&sum->cost) / SS_SECOND);
  (void)fflush(stdout);
}

static void print_finished(void *ctx, uint64_t seeds, uint64_t found, double elapsed) {
  pool *all = ctx;
  (void)seeds;
  (void)found;
  (void)elapsed;
  while (all->told < all->count && atomic_load(&all->rows[all->told].seeds) == all->seeds) {
    print_row(all, all->told++);
  }
}

/* A seed at which a worker died is among them, too, and has no part in its row. */
static void print_findings(const pool *all, const sim_runner_result *sum) {
  (void)fflush(stdout);
  for (size_t i = 0; i < sum->finding_count; i++) {
    const ss_scenario *scenario = scenario_of(all, sum->findings[i]);
    uint64_t seed = seed_of(all, sum->findings[i]);
    (void)printf("%s, seed %" PRIu64 ": VIOLATION\n", scenario->name, seed);
  }
  if (sum->found > sum->finding_count) {
    (void)printf("… and %" PRIu64 " more\n", sum->found - sum->finding_count);
  }
  for (size_t i = 0; i < sum->finding_count && i < FINDINGS_SHOWN; i++) {
    (void)fflush(stdout);
    all->many->tell(scenario_of(all, sum->findings[i]), seed_of(all, sum->findings[i]));
  }
}

static void print_total(const sim_runner_result *sum) {
  double hours = (double)sum->counts[SS_MILLISECONDS] / 3600000.0;
  double elapsed = sum->elapsed > 0.001 ? sum->elapsed : 0.001;
  (void)printf("%" PRIu64 " runs, %" PRIu64 " violations, %.1f simulated hours in %.1f s: "
               "%.1f runs/s\n",
               sum->seeds, sum->found, hours, sum->elapsed, (double)sum->seeds / elapsed);
  for (size_t i = 1; i < SS_COUNTERS; i++) {
    (void)printf("  %-32s %14" PRIu64 "\n", ss_counter_name((ss_counter)i), sum->counts[i]);
  }
}

/* A scenario that has not run all its seeds has failed: a worker died there. */
static void print_tests(const pool *all) {
  size_t passed = 0;
  for (size_t i = 0; i < all->count; i++) {
    passed +=
        atomic_load(&all->rows[i].seeds) == all->seeds && atomic_load(&all->rows[i].found) == 0;
  }
  (void)printf("%zu passed, %zu failed\n", passed, all->count - passed);
}

/* ---- running ---- */

static void choose(pool *all) {
  const ss_scenario *only = all->many->only;
  if (only != NULL) {
    while (ss_scenario_at(all->first) != only) {
      all->first++;
    }
    all->count = 1;
    return;
  }
  while (ss_scenario_at(all->count) != NULL) {
    all->count++;
  }
}

static int64_t run_pool(pool *all) {
  sim_runner runner = {.run = run_number,
                       .ctx = all,
                       .last = all->seeds * all->count - 1,
                       .workers = all->many->workers,
                       .progress = print_finished};
  sim_runner_result sum;
  if (!sim_runner_run(&runner, &sum)) {
    return -1;
  }
  while (all->told < all->count) {
    print_row(all, all->told++);
  }
  print_findings(all, &sum);
  print_total(&sum);
  if (all->many->count_as_tests) {
    print_tests(all);
  }
  return (int64_t)sum.found;
}

int64_t ss_run_many(const ss_many *many) {
  pool all = {.many = many, .seeds = many->last - many->first + 1};
  choose(&all);
  size_t size = all.count * sizeof *all.rows;
  void *rows = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (rows == MAP_FAILED) {
    return -1;
  }
  all.rows = rows;
  int64_t found = run_pool(&all);
  (void)munmap(rows, size);
  return found;
}
