/* failing_allocator.c - an allocator that counts, and fails where a test wants it to.
 *
 * A prefix in front of each block remembers its size.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "failing_allocator.h"

#include <stdint.h>
#include <stdlib.h>

union prefix {
  size_t size;
  max_align_t alignment;
};

static bool is_to_fail(failing_allocator *fa, size_t size) {
  fa->total_calls++;
  bool hit = fa->fail_at != 0 && (fa->total_calls == fa->fail_at ||
                                  (fa->fail_from_then_on && fa->total_calls > fa->fail_at));
  return hit || size > SIZE_MAX - sizeof(union prefix);
}

static void count_block(failing_allocator *fa, size_t size) {
  fa->live_blocks++;
  fa->live_bytes += size;
  fa->peak_bytes = fa->live_bytes > fa->peak_bytes ? fa->live_bytes : fa->peak_bytes;
}

static void uncount_block(failing_allocator *fa, size_t size) {
  fa->live_blocks--;
  fa->live_bytes -= size;
}

static void *failing_realloc(void *ctx, void *pointer, size_t size) {
  failing_allocator *fa = ctx;
  union prefix *old = pointer == NULL ? NULL : (union prefix *)pointer - 1;
  size_t old_size = old == NULL ? 0 : old->size;
  if (is_to_fail(fa, size)) {
    return NULL;
  }
  union prefix *block = realloc(old, sizeof *block + size);
  if (block == NULL) {
    return NULL;
  }
  if (pointer != NULL) {
    uncount_block(fa, old_size);
  }
  count_block(fa, size);
  block->size = size;
  return block + 1;
}

static void *failing_malloc(void *ctx, size_t size) {
  return failing_realloc(ctx, NULL, size);
}

static void failing_free(void *ctx, void *pointer) {
  if (pointer != NULL) {
    union prefix *block = (union prefix *)pointer - 1;
    uncount_block(ctx, block->size);
    free(block);
  }
}

void failing_allocator_init(failing_allocator *fa) {
  *fa = (failing_allocator){0};
  fa->iface = (raft_allocator){failing_malloc, failing_realloc, failing_free, fa};
}

void failing_allocator_arm(failing_allocator *fa, size_t n, bool from_then_on) {
  fa->total_calls = 0;
  fa->fail_at = n;
  fa->fail_from_then_on = from_then_on;
}
