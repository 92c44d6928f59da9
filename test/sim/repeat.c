/* repeat.c - a leader sends older parts of its log again.
 *
 * libraft's leader finds out exactly where a follower's log parts from its own, and begins there.
 * Other leaders do not, and a follower must do right by any append that is true: with an earlier
 * beginning than it needs, and fewer entries than would show that the rest of its log is not the
 * leader's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <libraft/wire.h>

#include "memory.h"
#include "world.h"

enum { BACK_MOST = 4, ENTRIES_MOST = 2 };

/* Encoded and decoded: the receiver gets its own entries. */
static raft_message *copy_of(sim_node *node, const raft_message *message) {
  size_t size = raft_message_wire_size(message), len = 0;
  unsigned char *bytes = sim_resize(NULL, size + 1, 1);
  raft_message *copy = sim_zeroed(1, sizeof *copy);
  sim_expect(node, "encode", raft_message_encode(message, bytes, size, &len));
  raft_bytes input = {bytes, len, NULL};
  sim_expect(node, "decode", raft_message_decode(input, NULL, NULL, copy));
  free(bytes);
  return copy;
}

static void send_from(sim_node *leader, unsigned to, uint64_t previous, uint64_t count) {
  sim_world *world = leader->world;
  raft_entry entries[ENTRIES_MOST];
  uint64_t chain = 0, arrivals[SIM_COPIES];
  raft_message message = {.type = RAFT_MSG_APP,
                          .from = leader->id,
                          .to = to,
                          .term = leader->last.hard_state.term,
                          .index = previous,
                          .commit = leader->last.hard_state.commit,
                          .entries = entries};
  if (!sim_log_at(&leader->log.seen, previous, &message.log_term, &chain)) {
    return;
  }
  for (; message.entry_count < count; message.entry_count++) {
    const sim_entry *next = sim_log_entry(&leader->log.seen, previous + 1 + message.entry_count);
    if (next == NULL) {
      break;
    }
    entries[message.entry_count] = next->entry;
  }
  size_t copies = sim_network_send(&world->network, leader->id, to, sim_now(world), arrivals);
  for (size_t i = 0; i < copies; i++) {
    sim_plan(world, arrivals[i] - sim_now(world), SIM_DELIVER, to, 0, copy_of(leader, &message));
  }
}

void sim_node_repeat(sim_node *leader) {
  sim_world *world = leader->world;
  uint32_t others = sim_conf_members(&leader->machine.conf) & ~sim_bit(leader->id);
  for (; others != 0; others &= others - 1) {
    uint64_t last = sim_log_last(&leader->log.seen);
    uint64_t back = sim_random_between(&world->random, 1, BACK_MOST);
    if (last > back) {
      send_from(leader, (unsigned)__builtin_ctz(others), last - back,
                sim_random_between(&world->random, 0, ENTRIES_MOST));
    }
  }
}
