/* records.h - rows with named columns, as a table for people or as JSON for programs.
 *
 * Every cell goes into both; only one of them is printed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CTL_RECORDS_H
#define KV_CTL_RECORDS_H

#include <jansson.h>
#include <libraft/bytes.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/table.h"

typedef struct kv_records {
  const char *const *names; /* of the columns, as in JSON; tables show them in capitals */
  size_t columns;
  kv_table table;
  json_t *array;
  json_t *row; /* the last one; belongs to array */
} kv_records;

void kv_records_begin(kv_records *records, const char *const *names, size_t columns);

/* The next cell, from left to right, row by row. */
void kv_records_number(kv_records *records, uint64_t number);
void kv_records_text(kv_records *records, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A key: what is not printable ASCII appears as \xNN, and a backslash as two. */
void kv_records_key(kv_records *records, raft_slice key, const char *empty);
/* A number of bytes: 3.4 MiB in the table. */
void kv_records_bytes(kv_records *records, uint64_t bytes);
/* A number of milliseconds: 1.2 s in the table. UINT64_MAX: never. */
void kv_records_age(kv_records *records, uint64_t ms);

/* Prints all rows to standard output and frees them. `name`: of the list in JSON. */
void kv_records_end(kv_records *records, bool json, const char *name);
/* Frees them without printing. */
void kv_records_drop(kv_records *records);

#endif
