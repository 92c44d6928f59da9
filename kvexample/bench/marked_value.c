/* marked_value.c - making and checking values of the verified load.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/marked_value.h"

#include <string.h>

#include "base/crc32c.h"

enum { AT_SEQUENCE = 16, AT_CHECKSUM = 32 };

static const char digits[] = "0123456789abcdef";

static void put_hex(char *to, uint64_t number, int count) {
  for (int i = count - 1; i >= 0; i--, number >>= 4) {
    to[i] = digits[number & 15];
  }
}

static bool get_hex(const char *from, int count, uint64_t *number) {
  *number = 0;
  for (int i = 0; i < count; i++) {
    const char *digit = memchr(digits, from[i], 16);
    if (digit == NULL) {
      return false;
    }
    *number = *number << 4 | (uint64_t)(digit - digits);
  }
  return true;
}

/* Of all but the checksum itself. */
static uint32_t checksum(const char *value, size_t size) {
  const uint32_t mark = kv_crc32c(0, value, AT_CHECKSUM);
  return kv_crc32c(mark, value + KV_MARK_BYTES, size - KV_MARK_BYTES);
}

void kv_marked_value_fill(char *value, size_t size, uint64_t key, uint64_t sequence) {
  uint64_t state = key * UINT64_C(0x9e3779b97f4a7c15) + sequence;
  put_hex(value, key, 16);
  put_hex(value + AT_SEQUENCE, sequence, 16);
  for (size_t i = KV_MARK_BYTES; i < size; i++) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    value[i] = (char)('a' + (state >> 59) % 26);
  }
  put_hex(value + AT_CHECKSUM, checksum(value, size), 8);
}

bool kv_marked_value_check(const char *value, size_t size, uint64_t key, uint64_t *sequence) {
  uint64_t found_key;
  uint64_t found_checksum;
  return size >= KV_MARK_BYTES && get_hex(value, 16, &found_key) && found_key == key &&
         get_hex(value + AT_SEQUENCE, 16, sequence) &&
         get_hex(value + AT_CHECKSUM, 8, &found_checksum) &&
         found_checksum == checksum(value, size);
}
