/* tally.c - a short table, searched from the front.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/tally.h"

#include <stdio.h>
#include <string.h>

static kv_tally_row *row_of(kv_tally *tally, const char *text) {
  for (size_t i = 0; i < tally->used; i++) {
    if (strncmp(tally->rows[i].text, text, KV_TALLY_TEXT - 1) == 0) {
      return &tally->rows[i];
    }
  }
  if (tally->used == KV_TALLY_ROWS) {
    return &tally->rows[KV_TALLY_ROWS - 1];
  }
  kv_tally_row *row = &tally->rows[tally->used++];
  (void)snprintf(row->text, sizeof(row->text), "%s",
                 tally->used == KV_TALLY_ROWS ? "other errors" : text);
  return row;
}

void kv_tally_add(kv_tally *tally, const char *text) {
  row_of(tally, text)->count++;
  tally->total++;
}
