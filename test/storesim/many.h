/* many.h - many seeds of one scenario, or of all, on several processors.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORESIM_MANY_H
#define STORESIM_MANY_H

#include "scenario.h"

typedef struct ss_many {
  const ss_scenario *only; /* NULL: all */
  uint64_t first, last;    /* seeds of each scenario, both included */
  unsigned workers;
  bool count_as_tests; /* end with a line that test/run.sh reads */
  /* Tells of a seed that broke a promise; called for the first few. */
  void (*tell)(const ss_scenario *scenario, uint64_t seed);
} ss_many;

/* Prints a line for each scenario when its seeds are through, and the sum. The pool of workers is
 * one for all scenarios, so that few seeds of many scenarios keep all processors busy. Returns how
 * many violations were found; -1: no memory or no processes. */
int64_t ss_run_many(const ss_many *many);

#endif
