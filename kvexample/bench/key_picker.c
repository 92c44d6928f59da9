/* key_picker.c - random numbers and the distributions made of them.
 *
 * Zipf by the closed form of Gray and others, "Quickly generating billion-record synthetic
 * databases" (SIGMOD 1994).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/key_picker.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const double theta = 0.99;

/* One round of splitmix64: every bit of the result depends on every bit of the number. */
static uint64_t mix(uint64_t number) {
  number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
  return number ^ number >> 31;
}

uint64_t kv_key_picker_random(kv_key_picker *picker) {
  picker->state += UINT64_C(0x9e3779b97f4a7c15);
  return mix(picker->state);
}

void kv_key_picker_init(kv_key_picker *picker, kv_distribution distribution, uint64_t keys,
                        uint64_t seed) {
  *picker = (kv_key_picker){.distribution = distribution, .keys = keys, .state = seed};
  if (distribution != KV_ZIPF) {
    return;
  }
  for (uint64_t rank = 1; rank <= keys; rank++) {
    picker->zeta += 1.0 / pow((double)rank, theta);
  }
  const double of_two = 1.0 + pow(0.5, theta);
  picker->eta = (1.0 - pow(2.0 / (double)keys, 1.0 - theta)) / (1.0 - of_two / picker->zeta);
}

/* 0 is the most frequent. */
static uint64_t zipf_rank(kv_key_picker *picker) {
  const double u = (double)(kv_key_picker_random(picker) >> 11) / 9007199254740992.0;
  const double weight = u * picker->zeta;
  if (weight < 1.0 || picker->keys < 2) {
    return 0;
  }
  if (weight < 1.0 + pow(0.5, theta)) {
    return 1;
  }
  const double rank =
      (double)picker->keys * pow(picker->eta * u - picker->eta + 1.0, 1.0 / (1.0 - theta));
  const uint64_t whole = (uint64_t)rank;
  return whole < picker->keys ? whole : picker->keys - 1;
}

uint64_t kv_key_picker_next(kv_key_picker *picker) {
  switch (picker->distribution) {
  case KV_SEQUENTIAL: return picker->next++ % picker->keys;
  case KV_ZIPF: return mix(zipf_rank(picker) + 1) % picker->keys;
  case KV_UNIFORM: break;
  }
  return kv_key_picker_random(picker) % picker->keys;
}

bool kv_distribution_parse(const char *name, kv_distribution *distribution) {
  static const struct {
    const char *name;
    kv_distribution distribution;
  } names[] = {{"uniform", KV_UNIFORM}, {"zipf", KV_ZIPF}, {"sequential", KV_SEQUENTIAL}};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    if (strcmp(name, names[i].name) == 0) {
      *distribution = names[i].distribution;
      return true;
    }
  }
  return false;
}
