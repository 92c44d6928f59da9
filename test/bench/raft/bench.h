/* bench.h - one run over the points: each is measured once, and printed as a line.
 *
 * The lines are "name TAB unit TAB value"; test/bench/run.sh starts this program several times, in
 * turn with the one that measures the same points on etcd-io/raft, and makes a table of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bench_point {
  const char *name; /* the same in test/bench/go */
  const char *unit; /* "ns" an operation, "B" a node, "allocations" an operation */
  double (*run)(const struct bench_point *point);
  unsigned nodes;
  unsigned batch;
  unsigned size;
} bench_point;

/* A list of points, ended by one without a name. */
extern const bench_point bench_proposal_points[];
extern const bench_point bench_idle_points[];
extern const bench_point bench_wire_points[];
extern const bench_point bench_memory_points[];

/* Nanoseconds one of the operations takes that work(ctx, n) does n of. Does `chunk` of them once
 * without looking at the clock, then as often as --quick or not has time for. */
double bench_time(void (*work)(void *ctx, size_t n), void *ctx, size_t chunk);

/* Ends the program with a message: a benchmark of calls that fail measures nothing. */
void bench_check(int rc, const char *what);

/* Where results go that nobody looks at. */
extern volatile uint64_t bench_sink;

#endif
