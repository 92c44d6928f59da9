/* decimal.h - 64-bit integers as decimal text, strictly.
 *
 * The one form that is accepted is the one that is written: no blanks, no plus, no leading zeros,
 * no minus zero. So a value that was read as a number and written back keeps its bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BASE_DECIMAL_H
#define KV_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room that any int64_t needs, without a terminator. */
#define KV_DECIMAL_MAX 20

/* Writes the number without a terminator; returns its length. */
size_t kv_decimal_write(int64_t number, char out[KV_DECIMAL_MAX]);

/* False: not in the strict form, or beyond 64 bits; *number is untouched. */
bool kv_decimal_parse(const void *text, size_t len, int64_t *number);

#endif
