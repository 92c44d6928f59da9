/* memory.h - memory for a simulation: there is some, or the program ends.
 *
 * A simulation that runs out of memory proves nothing, and nobody waits for its answer: it says so
 * and aborts. (Nodes under test that should survive that have allocators of their own.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

/* Grows or shrinks to `count` elements of `size` bytes each; `memory` may be NULL. Never NULL. */
static inline void *sim_resize(void *memory, size_t count, size_t size) {
  void *resized = realloc(memory, count == 0 ? size : count * size);
  if (resized == NULL) {
    (void)fputs("sim: out of memory\n", stderr);
    abort();
  }
  return resized;
}

/* `count` zeroed elements of `size` bytes each. Never NULL. */
static inline void *sim_zeroed(size_t count, size_t size) {
  void *memory = calloc(count == 0 ? 1 : count, size);
  if (memory == NULL) {
    (void)fputs("sim: out of memory\n", stderr);
    abort();
  }
  return memory;
}

#endif
