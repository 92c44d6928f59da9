/* table.h - rows of text in columns that are as wide as they need to be.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CTL_TABLE_H
#define KV_CTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "client/buffer.h"
#include "client/resp_value.h"

enum { KV_TABLE_COLUMNS = 12 };

/* All zero, but for `columns`, is empty. */
typedef struct kv_table {
  size_t columns;
  size_t cells;
  kv_buffer text; /* all cells, row by row, each ended by a zero */
} kv_table;

/* The next cell: to the right of the last one, or the first one of the next row. KV_ENOMEM. */
int kv_table_add(kv_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A number of a reply; "-" when it is absent. */
void kv_table_add_number(kv_table *table, const kv_value *number);
void kv_table_print(const kv_table *table, FILE *file);
void kv_table_free(kv_table *table);

#endif
