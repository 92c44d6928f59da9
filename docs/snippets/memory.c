/* memory.c - an allocator that counts and refuses: a failed allocation is a lost message.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

static host group[GROUP];

/* snippet: allocator */
static bool no_memory;
static size_t allocations;

static void *counting_malloc(void *ctx, size_t size) {
  (void)ctx;
  allocations++;
  return no_memory ? NULL : malloc(size);
}

static void *counting_realloc(void *ctx, void *pointer, size_t size) {
  (void)ctx;
  allocations++;
  return no_memory ? NULL : realloc(pointer, size);
}

static void plain_free(void *ctx, void *pointer) {
  (void)ctx;
  free(pointer);
}

static const raft_allocator COUNTING = {
    .malloc = counting_malloc, .realloc = counting_realloc, .free = plain_free};

static void use_counting(raft_config *config) {
  config->allocator = &COUNTING; /* referred to, so it must outlive the node */
}
/* end */

int main(void) {
  group_open(group, use_counting);
  host *leader = group_leader(group);
  EXPECT(host_propose(leader, 1) == RAFT_OK);
  group_run(group, 20);

  size_t before = allocations;
  group_run(group, 100); /* heartbeats and their answers */
  EXPECT(allocations == before);

  no_memory = true;
  EXPECT(host_propose(leader, 1) == RAFT_ENOMEM); /* without effect */
  no_memory = false;
  EXPECT(host_propose(leader, 1) == RAFT_OK);
  group_run(group, 2);
  EXPECT(group[0].total == 2 && group[1].total == 2 && group[2].total == 2);
  group_close(group);
  return 0;
}
