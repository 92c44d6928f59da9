/* linear_value.c - digests that can be appended to.
 *
 * With h the hash of bytes b1 ... bn at the point x, h = (b1 + 1) x^(n-1) + ... + (bn + 1), the
 * hash of a followed by b is h(a) x^|b| + h(b).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/linear_value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"

__extension__ typedef unsigned __int128 wide;

static const uint64_t prime = (UINT64_C(1) << 61) - 1;
static const uint64_t points[2] = {UINT64_C(0x0b7e151628aed2a6), UINT64_C(0x13198a2e03707344)};

static uint64_t multiply_add(uint64_t a, uint64_t b, uint64_t c) {
  const wide product = (wide)a * b + c;
  const uint64_t sum = (uint64_t)(product & prime) + (uint64_t)(product >> 61);
  return sum >= prime ? sum - prime : sum;
}

static uint64_t power(uint64_t base, uint64_t exponent) {
  uint64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    result = (exponent & 1) != 0 ? multiply_add(result, base, 0) : result;
    base = multiply_add(base, base, 0);
  }
  return result;
}

kv_linear_value kv_linear_value_of(const void *bytes, size_t length) {
  const unsigned char *from = bytes;
  kv_linear_value value = {.present = true, .length = length};
  for (size_t i = 0; i < length; i++) {
    value.digest[0] = multiply_add(value.digest[0], points[0], from[i] + UINT64_C(1));
    value.digest[1] = multiply_add(value.digest[1], points[1], from[i] + UINT64_C(1));
  }
  if (length > 0) {
    memcpy(value.head, bytes, length < KV_LINEAR_HEAD ? length : KV_LINEAR_HEAD);
  }
  return value;
}

kv_linear_value kv_linear_value_of_number(int64_t number) {
  char text[KV_DECIMAL_MAX] = {0};
  const size_t length = kv_decimal_write(number, text);
  return kv_linear_value_of(text, length);
}

bool kv_linear_value_equal(const kv_linear_value *a, const kv_linear_value *b) {
  return a->present == b->present && a->length == b->length && a->digest[0] == b->digest[0] &&
         a->digest[1] == b->digest[1];
}

kv_linear_value kv_linear_value_append(const kv_linear_value *a, const kv_linear_value *b) {
  kv_linear_value sum = *a;
  sum.present = true;
  sum.length += b->length;
  for (int i = 0; i < 2; i++) {
    sum.digest[i] = multiply_add(a->digest[i], power(points[i], b->length), b->digest[i]);
  }
  for (uint64_t i = a->length, j = 0; i < KV_LINEAR_HEAD && j < b->length; i++, j++) {
    sum.head[i] = b->head[j];
  }
  return sum;
}

bool kv_linear_value_number(const kv_linear_value *value, int64_t *number) {
  if (!value->present) {
    *number = 0;
    return true;
  }
  return value->length <= KV_DECIMAL_MAX &&
         kv_decimal_parse(value->head, (size_t)value->length, number);
}

void kv_linear_value_describe(const kv_linear_value *value, char text[KV_LINEAR_VALUE_TEXT]) {
  char head[KV_LINEAR_HEAD + 1] = {0};
  if (!value->present) {
    (void)snprintf(text, KV_LINEAR_VALUE_TEXT, "nothing");
    return;
  }
  for (size_t i = 0; i < KV_LINEAR_HEAD && i < value->length; i++) {
    head[i] = value->head[i];
    head[i] = isprint((unsigned char)value->head[i]) != 0 ? head[i] : '.';
  }
  if (value->length <= KV_LINEAR_HEAD) {
    (void)snprintf(text, KV_LINEAR_VALUE_TEXT, "\"%s\"", head);
  } else {
    (void)snprintf(text, KV_LINEAR_VALUE_TEXT, "\"%s...\" (%" PRIu64 " bytes, %08" PRIx64 ")", head,
                   value->length, value->digest[0] & 0xffffffffu);
  }
}
