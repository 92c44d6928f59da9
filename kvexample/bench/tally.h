/* tally.h - errors counted by their text.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BENCH_TALLY_H
#define KV_BENCH_TALLY_H

#include <stddef.h>
#include <stdint.h>

enum { KV_TALLY_TEXT = 120, KV_TALLY_ROWS = 24 };

typedef struct kv_tally_row {
  char text[KV_TALLY_TEXT]; /* cut to this */
  uint64_t count;
} kv_tally_row;

/* All zero is empty. One row is for all texts for which there was none left. */
typedef struct kv_tally {
  kv_tally_row rows[KV_TALLY_ROWS];
  size_t used;
  uint64_t total;
} kv_tally;

void kv_tally_add(kv_tally *tally, const char *text);
/* Adds what another one counted. */
void kv_tally_merge(kv_tally *tally, const kv_tally *more);

#endif
