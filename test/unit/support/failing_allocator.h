/* failing_allocator.h - an allocator that counts, and fails where a test wants it to.
 *
 * To prove that a call survives every failing allocation:
 *
 *   for (size_t n = 1; !done; n++) {
 *     failing_allocator_arm(&memory, n, false);
 *     done = call(...) == RAFT_OK;     RAFT_ENOMEM otherwise
 *   }
 *
 * and memory.live_blocks is 0 once everything is freed. For one thread at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_FAILING_ALLOCATOR_H
#define TEST_FAILING_ALLOCATOR_H

#include <libraft/allocator.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct failing_allocator {
  raft_allocator iface;
  size_t live_blocks;
  size_t live_bytes;      /* as asked for */
  size_t peak_bytes;      /* the most that live_bytes was */
  size_t total_calls;     /* of malloc and realloc, failed ones included */
  size_t fail_at;         /* the call with this number fails, counted from 1; 0: none */
  bool fail_from_then_on; /* ... and so do all after it */
} failing_allocator;

/* Nothing fails until fail_at is set. The struct must stay where it is. */
void failing_allocator_init(failing_allocator *fa);
/* From now on the `n`-th call fails: total_calls starts again at 0. */
void failing_allocator_arm(failing_allocator *fa, size_t n, bool from_then_on);

#endif
