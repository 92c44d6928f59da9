/* table.c - cells first, widths when all are known.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ctl/table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/error.h"

int kv_table_add(kv_table *table, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int rc = kv_buffer_vprint(&table->text, format, arguments);
  va_end(arguments);
  if (rc == KV_OK) {
    kv_buffer_added(&table->text, 1); /* the zero */
    table->cells++;
  }
  return rc;
}

void kv_table_add_number(kv_table *table, const kv_value *number) {
  if (number != NULL && number->kind == KV_VALUE_INTEGER) {
    (void)kv_table_add(table, "%" PRId64, number->integer);
  } else {
    (void)kv_table_add(table, "-");
  }
}

static void measure(const kv_table *table, size_t widths[KV_TABLE_COLUMNS]) {
  const char *cell = table->cells > 0 ? kv_buffer_front(&table->text) : "";
  for (size_t i = 0; i < table->cells; i++, cell += strlen(cell) + 1) {
    size_t *width = &widths[i % table->columns];
    *width = strlen(cell) > *width ? strlen(cell) : *width;
  }
}

void kv_table_print(const kv_table *table, FILE *file) {
  size_t widths[KV_TABLE_COLUMNS] = {0};
  measure(table, widths);
  const char *cell = table->cells > 0 ? kv_buffer_front(&table->text) : "";
  size_t owed = 0; /* blanks that are due before the next cell that is not empty */
  for (size_t i = 0; i < table->cells; i++, cell += strlen(cell) + 1) {
    const size_t column = i % table->columns;
    if (cell[0] != '\0') {
      (void)fprintf(file, "%*s%s", (int)owed, "", cell);
      owed = 0;
    }
    owed += widths[column] - strlen(cell) + 2;
    if (column + 1 == table->columns) {
      (void)fputc('\n', file);
      owed = 0;
    }
  }
}

void kv_table_free(kv_table *table) {
  kv_buffer_free(&table->text);
  table->cells = 0;
}
