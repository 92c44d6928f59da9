/* main.c - arguments, the clock, and the loop over the points.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

volatile uint64_t bench_sink;

static double budget_ns = 60e6;

static const bench_point *const LISTS[] = {
    bench_proposal_points,
    bench_idle_points,
    bench_wire_points,
    bench_memory_points,
};

/* Time that this thread had a processor: others that run on the machine do not count. */
static double now_ns(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double bench_time(void (*work)(void *ctx, size_t n), void *ctx, size_t chunk) {
  work(ctx, chunk);
  double begin = now_ns(), elapsed = 0;
  size_t done = 0;
  do {
    work(ctx, chunk);
    done += chunk;
    elapsed = now_ns() - begin;
  } while (elapsed < budget_ns);
  return elapsed / (double)done;
}

void bench_check(int rc, const char *what) {
  if (rc != RAFT_OK) {
    fprintf(stderr, "bench: %s: %s\n", what, raft_error_string(rc));
    exit(1);
  }
}

static bool is_wanted(const char *name, char *const *filters, int count) {
  for (int i = 0; i < count; i++) {
    if (strstr(name, filters[i]) != NULL) {
      return true;
    }
  }
  return count == 0;
}

int main(int argc, char **argv) {
  int first = 1;
  if (argc > 1 && strcmp(argv[1], "--quick") == 0) {
    budget_ns = 10e6;
    first = 2;
  } else if (argc > 1 && strcmp(argv[1], "--once") == 0) { /* for valgrind --tool=callgrind */
    budget_ns = 0;
    first = 2;
  }
  if (argc > first && argv[first][0] == '-') {
    fprintf(stderr, "usage: %s [--quick|--once] [PART_OF_A_NAME]...\n", argv[0]);
    return 2;
  }
  for (size_t i = 0; i < sizeof LISTS / sizeof LISTS[0]; i++) {
    for (const bench_point *point = LISTS[i]; point->name != NULL; point++) {
      if (is_wanted(point->name, argv + first, argc - first)) {
        printf("%s\t%s\t%.3f\n", point->name, point->unit, point->run(point));
        (void)fflush(stdout);
      }
    }
  }
  return 0;
}
