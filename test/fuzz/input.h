/* input.h - the bytes of a fuzzer, taken one choice at a time.
 *
 * When they are used up every choice is 0, so that any input is a complete story.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the process when it does not hold, so that the fuzzer keeps the input. */
#define fuzz_require(holds) fuzz_require_at((holds), #holds, __FILE__, __LINE__)
static inline void fuzz_require_at(bool holds, const char *what, const char *file, int line) {
  if (!holds) {
    (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
  }
}

/* Of a whole word at a time: the fuzzer watches every comparison, and loops are full of them. */
static inline uint64_t fuzz_hash(uint64_t hash, const void *data, size_t len) {
  const unsigned char *at = data;
  for (; len >= sizeof hash; len -= sizeof hash, at += sizeof hash) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    hash ^= hash >> 29;
  }
  for (; len > 0; len--, at++) {
    hash = (hash ^ *at) * UINT64_C(1099511628211);
  }
  return hash;
}

typedef struct fuzz_input {
  const uint8_t *data;
  size_t len;
} fuzz_input;

static inline bool input_is_over(const fuzz_input *input) {
  return input->len == 0;
}

static inline uint8_t input_byte(fuzz_input *input) {
  if (input->len == 0) {
    return 0;
  }
  input->len--;
  return *input->data++;
}

/* 0 ... bound - 1; bound is at most 256. */
static inline unsigned input_below(fuzz_input *input, unsigned bound) {
  return input_byte(input) % bound;
}

static inline bool input_flag(fuzz_input *input) {
  return (input_byte(input) & 1) != 0;
}

/* All of them can be, those near 0, `near` and the largest one more often than others. */
static inline uint64_t input_number(fuzz_input *input, uint64_t near) {
  unsigned choice = input_byte(input);
  uint64_t number = 0;
  switch (choice & 7) {
  case 0:
  case 1:
  case 2: return near + (choice >> 3) % 8;
  case 3:
  case 4: return near - (choice >> 3) % 8;
  case 5: return choice >> 3;
  case 6: return UINT64_MAX - (choice >> 3);
  default:
    for (int i = 0; i < 8; i++) {
      number = number << 8 | input_byte(input);
    }
    return number;
  }
}

/* Up to `most` bytes, where they lie. */
static inline raft_bytes input_bytes(fuzz_input *input, size_t most) {
  size_t len = most == 0 ? 0 : input_byte(input) % (most + 1);
  len = len < input->len ? len : input->len;
  raft_bytes bytes = {input->data, len, NULL};
  input->data += len;
  input->len -= len;
  return bytes;
}

#endif
