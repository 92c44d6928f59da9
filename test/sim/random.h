/* random.h - all chance of a simulation, drawn from one seed.
 *
 * SplitMix64: the state is a counter, so generators with different seeds are independent enough
 * for choosing faults, and a draw costs a nanosecond.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_CERTAIN 1000000u /* a probability of one: they are given in parts per million */

typedef struct sim_random {
  uint64_t state;
} sim_random;

static inline uint64_t sim_mix(uint64_t z) {
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  return z ^ (z >> 31);
}

static inline void sim_random_seed(sim_random *random, uint64_t seed) {
  random->state = sim_mix(seed ^ UINT64_C(0x5851F42D4C957F2D));
}

static inline uint64_t sim_random_next(sim_random *random) {
  random->state += UINT64_C(0x9E3779B97F4A7C15);
  return sim_mix(random->state);
}

/* 0 ... bound - 1; bound must not be 0. */
static inline uint64_t sim_random_below(sim_random *random, uint64_t bound) {
  return sim_random_next(random) % bound;
}

/* least ... most, both included. */
static inline uint64_t sim_random_between(sim_random *random, uint64_t least, uint64_t most) {
  return least + sim_random_below(random, most - least + 1);
}

static inline bool sim_random_chance(sim_random *random, uint32_t per_million) {
  return per_million != 0 && sim_random_below(random, SIM_CERTAIN) < per_million;
}

/* Position of one of `count` weights, each as likely as it is heavy; their sum must not be 0. */
static inline size_t sim_random_pick(sim_random *random, const uint32_t *weights, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; i++) {
    sum += weights[i];
  }
  uint64_t at = sim_random_below(random, sum);
  size_t picked = 0;
  while (at >= weights[picked]) {
    at -= weights[picked++];
  }
  return picked;
}

/* One of the set bits of `set`, as a number from 0; the set must not be empty. */
static inline unsigned sim_random_member(sim_random *random, uint64_t set) {
  unsigned skip = (unsigned)sim_random_below(random, (uint64_t)__builtin_popcountll(set));
  for (; skip > 0; skip--) {
    set &= set - 1;
  }
  return (unsigned)__builtin_ctzll(set);
}

#endif
