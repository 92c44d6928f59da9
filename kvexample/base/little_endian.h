/* little_endian.h - numbers as bytes, lowest first, at any alignment.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BASE_LITTLE_ENDIAN_H
#define KV_BASE_LITTLE_ENDIAN_H

#include <stdint.h>

static inline void kv_put_u32(unsigned char *to, uint32_t value) {
  for (int i = 0; i < 4; i++) {
    to[i] = (unsigned char)(value >> (8 * i));
  }
}

static inline void kv_put_u64(unsigned char *to, uint64_t value) {
  for (int i = 0; i < 8; i++) {
    to[i] = (unsigned char)(value >> (8 * i));
  }
}

static inline uint32_t kv_get_u32(const unsigned char *from) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) {
    value |= (uint32_t)from[i] << (8 * i);
  }
  return value;
}

static inline uint64_t kv_get_u64(const unsigned char *from) {
  uint64_t value = 0;
  for (int i = 0; i < 8; i++) {
    value |= (uint64_t)from[i] << (8 * i);
  }
  return value;
}

#endif
