/* linear_value.h - a value as the checker of histories keeps it: exact when short, else a digest.
 *
 * Comparing and appending cost the same for any length, so a list of thousands of elements is no
 * dearer than a number. The digest is a polynomial modulo 2^61 - 1 at two fixed points: two
 * different values of the same length share it with a probability below length^2 / 2^120, unless
 * somebody made them for that.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BENCH_LINEAR_VALUE_H
#define KV_BENCH_LINEAR_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Long enough for any number. */
enum { KV_LINEAR_HEAD = 24, KV_LINEAR_VALUE_TEXT = 160 };

/* All zero is the absent value. */
typedef struct kv_linear_value {
  bool present;
  char head[KV_LINEAR_HEAD]; /* the first bytes, then zeros */
  uint64_t length;
  uint64_t digest[2];
} kv_linear_value;

kv_linear_value kv_linear_value_of(const void *bytes, size_t length);
kv_linear_value kv_linear_value_of_number(int64_t number);
bool kv_linear_value_equal(const kv_linear_value *a, const kv_linear_value *b);
/* The bytes of a, then those of b; an absent value has none. */
kv_linear_value kv_linear_value_append(const kv_linear_value *a, const kv_linear_value *b);
/* As Redis reads it: an absent value is 0. false: it is not a number. */
bool kv_linear_value_number(const kv_linear_value *value, int64_t *number);
/* For people: the text if it is short and printable, else its beginning and its length. */
void kv_linear_value_describe(const kv_linear_value *value, char text[KV_LINEAR_VALUE_TEXT]);

#endif
