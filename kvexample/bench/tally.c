/* tally.c - a short table, searched from the front.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/tally.h"

#include <stdio.h>
#include <string.h>

static const char others[] = "other errors";

static kv_tally_row *find(kv_tally *tally, const char *text) {
  for (size_t i = 0; i < tally->used; i++) {
    if (strncmp(tally->rows[i].text, text, KV_TALLY_TEXT - 1) == 0) {
      return &tally->rows[i];
    }
  }
  return NULL;
}

/* The last row that is free is made for the others only, who may have one from a merge. */
static kv_tally_row *row_of(kv_tally *tally, const char *text) {
  kv_tally_row *row = find(tally, text);
  if (row == NULL && tally->used >= KV_TALLY_ROWS - 1) {
    text = others;
    row = find(tally, text);
  }
  if (row == NULL) {
    row = &tally->rows[tally->used++];
    (void)snprintf(row->text, sizeof(row->text), "%s", text);
  }
  return row;
}

void kv_tally_add(kv_tally *tally, const char *text) {
  row_of(tally, text)->count++;
  tally->total++;
}

void kv_tally_merge(kv_tally *tally, const kv_tally *more) {
  for (size_t i = 0; i < more->used; i++) {
    row_of(tally, more->rows[i].text)->count += more->rows[i].count;
  }
  tally->total += more->total;
}
