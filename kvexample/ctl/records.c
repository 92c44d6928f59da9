/* records.c - rows with named columns, as a table for people or as JSON for programs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ctl/records.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void kv_records_begin(kv_records *records, const char *const *names, size_t columns) {
  *records = (kv_records){
      .names = names, .columns = columns, .table.columns = columns, .array = json_array()};
  for (size_t i = 0; i < columns; i++) {
    char head[64];
    size_t len = 0;
    for (; names[i][len] != '\0' && len + 1 < sizeof(head); len++) {
      head[len] = (char)(names[i][len] == '_' ? ' ' : toupper((unsigned char)names[i][len]));
    }
    head[len] = '\0';
    (void)kv_table_add(&records->table, "%s", head);
  }
}

/* Puts a cell into the JSON row; takes the value over. Comes before the table counts it. */
static void add_json(kv_records *records, json_t *value) {
  const size_t column = records->table.cells % records->columns;
  if (column == 0) {
    records->row = json_object();
    (void)json_array_append_new(records->array, records->row);
  }
  (void)json_object_set_new(records->row, records->names[column], value);
}

void kv_records_number(kv_records *records, uint64_t number) {
  add_json(records, json_integer((json_int_t)number));
  (void)kv_table_add(&records->table, "%" PRIu64, number);
}

void kv_records_text(kv_records *records, const char *format, ...) {
  kv_buffer cell = {0};
  va_list arguments;
  va_start(arguments, format);
  const int rc = kv_buffer_vprint(&cell, format, arguments);
  va_end(arguments);
  const char *text = rc == KV_OK ? kv_buffer_front(&cell) : "";
  add_json(records, json_string(text));
  (void)kv_table_add(&records->table, "%s", text[0] != '\0' ? text : "-");
  kv_buffer_free(&cell);
}

/* Four characters for each byte at most. NULL: out of memory. */
static char *escape(raft_slice key) {
  char *text = malloc(key.len * 4 + 1);
  char *out = text;
  for (size_t i = 0; text != NULL && i < key.len; i++) {
    const unsigned char byte = ((const unsigned char *)key.data)[i];
    if (byte == '\\') {
      out += sprintf(out, "\\\\");
    } else if (byte >= 0x20 && byte < 0x7f) {
      *out++ = (char)byte;
    } else {
      out += sprintf(out, "\\x%02x", byte);
    }
  }
  if (text != NULL) {
    *out = '\0';
  }
  return text;
}

/* Tables show long keys by their beginning. */
void kv_records_key(kv_records *records, raft_slice key, const char *empty) {
  char *text = escape(key);
  add_json(records, json_string(text != NULL ? text : ""));
  if (text == NULL || key.len == 0) {
    (void)kv_table_add(&records->table, "%s", empty);
  } else {
    (void)kv_table_add(&records->table, "%.40s%s", text, strlen(text) > 40 ? "..." : "");
  }
  free(text);
}

void kv_records_bytes(kv_records *records, uint64_t bytes) {
  add_json(records, json_integer((json_int_t)bytes));
  if (bytes < 1024) {
    (void)kv_table_add(&records->table, "%" PRIu64 " B", bytes);
  } else if (bytes < 1024 * 1024) {
    (void)kv_table_add(&records->table, "%.1f KiB", (double)bytes / 1024);
  } else if (bytes < 1024ull * 1024 * 1024) {
    (void)kv_table_add(&records->table, "%.1f MiB", (double)bytes / (1024 * 1024));
  } else {
    (void)kv_table_add(&records->table, "%.1f GiB", (double)bytes / (1024.0 * 1024 * 1024));
  }
}

void kv_records_age(kv_records *records, uint64_t ms) {
  if (ms == UINT64_MAX) {
    add_json(records, json_null());
    (void)kv_table_add(&records->table, "never");
  } else {
    add_json(records, json_integer((json_int_t)ms));
    (void)kv_table_add(&records->table, "%.1f s", (double)ms / 1000);
  }
}

void kv_records_end(kv_records *records, bool json, const char *name) {
  if (json) {
    json_t *root = json_pack("{s:O}", name, records->array);
    (void)json_dumpf(root, stdout, JSON_INDENT(2));
    (void)putchar('\n');
    json_decref(root);
  } else {
    kv_table_print(&records->table, stdout);
  }
  kv_records_drop(records);
}

void kv_records_drop(kv_records *records) {
  json_decref(records->array);
  kv_table_free(&records->table);
}
