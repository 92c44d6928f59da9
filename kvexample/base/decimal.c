/* decimal.c - 64-bit integers as decimal text, strictly.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/decimal.h"

#include <string.h>

size_t kv_decimal_write(int64_t number, char out[KV_DECIMAL_MAX]) {
  char digits[KV_DECIMAL_MAX];
  size_t at = sizeof digits;
  /* The magnitude of the smallest number exists only unsigned. */
  uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (number < 0) {
    digits[--at] = '-';
  }
  memcpy(out, digits + at, sizeof digits - at);
  return sizeof digits - at;
}

/* Digits without leading zeros; false: something else or beyond 64 bits. */
static bool parse_magnitude(const char *text, size_t len, uint64_t *magnitude) {
  uint64_t sum = 0;
  if (len == 0 || (text[0] == '0' && len > 1)) {
    return false;
  }
  for (size_t i = 0; i < len; i++) {
    if (text[i] < '0' || text[i] > '9') {
      return false;
    }
    uint64_t digit = (uint64_t)(text[i] - '0');
    if (sum > (UINT64_MAX - digit) / 10) {
      return false;
    }
    sum = sum * 10 + digit;
  }
  *magnitude = sum;
  return true;
}

bool kv_decimal_parse(const void *text, size_t len, int64_t *number) {
  const char *at = text;
  uint64_t magnitude;
  bool negative = len > 0 && at[0] == '-';
  if (negative) {
    at++;
    len--;
  }
  if (!parse_magnitude(at, len, &magnitude) || (negative && magnitude == 0) ||
      magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
    return false;
  }
  *number = negative ? -(int64_t)(magnitude - 1) - 1 : (int64_t)magnitude;
  return true;
}
