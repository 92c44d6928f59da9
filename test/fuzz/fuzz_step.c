/* fuzz_step.c - libFuzzer: a running group of three, in which anything may happen at any time.
 *
 * The first byte chooses between two kinds of stories. In honest ones messages are lost, doubled,
 * and come in any order, nodes crash anywhere between two calls and members change: every promise
 * of Raft must hold, and in the end a healed group must agree. In forged ones nodes also get
 * messages that nobody sent: then no node may crash, poison itself, break its own promises, write
 * to a message, or fail to come back from what it stored.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/wire.h>

#include "forge.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STORY_MOST = 600 }; /* steps of one story */

static world w;

/* ---- calls ---- */

static void call_propose(fuzz_input *input, uint64_t id) {
  raft_bytes bytes = input_bytes(input, 40);
  const raft_slice slices[2] = {{bytes.data, bytes.len}, {"", 0}};
  world_expect(&w, id, raft_rawnode_propose(w.nodes[id].raft, slices, 2));
}

static void call_propose_batch(fuzz_input *input, uint64_t id) {
  raft_bytes payloads[5];
  size_t count = 1 + input_below(input, 5);
  for (size_t i = 0; i < count; i++) {
    payloads[i] = input_bytes(input, 20);
  }
  world_expect(&w, id, raft_rawnode_propose_batch(w.nodes[id].raft, payloads, count));
}

static void call_change(fuzz_input *input, uint64_t id) {
  raft_conf_change_single singles[4];
  raft_conf_change_v2 change = forge_change(input, singles);
  w.reshaped = true;
  world_expect(&w, id, raft_rawnode_propose_conf_change_v2(w.nodes[id].raft, &change));
}

static void call_old_change(fuzz_input *input, uint64_t id) {
  unsigned choice = input_byte(input);
  raft_conf_change change = {.type = (raft_conf_change_type)(choice & 3),
                             .node_id = (choice >> 2) % 6};
  w.reshaped = true;
  world_expect(&w, id, raft_rawnode_propose_conf_change(w.nodes[id].raft, &change));
}

static void call_tick(fuzz_input *input, uint64_t id) {
  for (unsigned ticks = 1 + input_below(input, 8); ticks > 0; ticks--) {
    world_expect(&w, id, raft_rawnode_tick(w.nodes[id].raft));
  }
}

static void call_campaign(fuzz_input *input, uint64_t id) {
  (void)input;
  world_expect(&w, id, raft_rawnode_campaign(w.nodes[id].raft));
}

static void call_transfer(fuzz_input *input, uint64_t id) {
  world_expect(&w, id, raft_rawnode_transfer_leader(w.nodes[id].raft, input_below(input, 7)));
}

static void call_forget(fuzz_input *input, uint64_t id) {
  (void)input;
  world_expect(&w, id, raft_rawnode_forget_leader(w.nodes[id].raft));
}

static void call_ping(fuzz_input *input, uint64_t id) {
  (void)input;
  world_expect(&w, id, raft_rawnode_ping(w.nodes[id].raft));
}

static void call_commit_groups(fuzz_input *input, uint64_t id) {
  unsigned choice = input_byte(input);
  raft_rawnode *raft = w.nodes[id].raft;
  raft_commit_group groups[WORLD_VOTERS];
  for (uint64_t i = 0; i < WORLD_VOTERS; i++) {
    groups[i] = (raft_commit_group){i + 1, choice >> (2 * i) & 3};
  }
  world_expect(&w, id, raft_rawnode_enable_group_commit(raft, (choice & 64) != 0));
  world_expect(&w, id, raft_rawnode_assign_commit_groups(raft, groups, WORLD_VOTERS));
}

static void call_read(fuzz_input *input, uint64_t id) {
  (void)input;
  world_read(&w, id);
}

static void call_report(fuzz_input *input, uint64_t id) {
  unsigned choice = input_byte(input);
  raft_rawnode *raft = w.nodes[id].raft;
  int rc = (choice & 1) != 0
               ? raft_rawnode_report_unreachable(raft, (choice >> 2) % 7)
               : raft_rawnode_report_snapshot(raft, (choice >> 2) % 7, (choice & 2) != 0);
  world_expect(&w, id, rc);
}

/* What is asked for in the wrong order is refused, and changes nothing. */
static void call_out_of_order(fuzz_input *input, uint64_t id) {
  (void)input;
  raft_rawnode *raft = w.nodes[id].raft;
  const raft_ready *rd = NULL;
  if (w.nodes[id].ready != NULL) {
    fuzz_require(raft_rawnode_ready(raft, &rd) == RAFT_EUSAGE);
  } else {
    fuzz_require(raft_rawnode_advance(raft, rd) == RAFT_EUSAGE);
  }
  raft_peer peer = {.id = id};
  int rc = raft_rawnode_bootstrap(raft, &peer, 0);
  fuzz_require(rc == RAFT_EINVAL);
}

/* Everybody does what can be done. */
static void call_round(fuzz_input *input, uint64_t id) {
  (void)input;
  (void)id;
  for (uint64_t each = 1; each <= WORLD_NODES; each++) {
    world_pump(&w, each);
    world_write(&w, each);
    world_apply(&w, each);
    world_pump(&w, each);
  }
  for (size_t n = w.flight.count; n > 0; n--) {
    world_deliver(&w, 0, false);
  }
}

static void (*const CALLS[])(fuzz_input *, uint64_t) = {
    call_tick,     call_propose, call_round,        call_campaign,   call_propose_batch, call_round,
    call_transfer, call_forget,  call_report,       call_old_change, call_change,        call_read,
    call_round,    call_ping,    call_out_of_order, call_round,      call_commit_groups,
};
enum { CALL_COUNT = sizeof CALLS / sizeof CALLS[0] };

/* ---- lies ---- */

static void forge(fuzz_input *input, uint64_t id) {
  raft_basic_status s;
  forged lie;
  raft_rawnode_basic_status(w.nodes[id].raft, &s);
  forge_message(input, id, s.hard_state.term, s.last_index, &lie);
  world_step(&w, id, &lie.message);
}

static void forge_bytes(fuzz_input *input, uint64_t id) {
  const raft_wire_limits limits = {1 << 16, 64, 64};
  raft_message message;
  if (raft_message_decode(input_bytes(input, 120), &limits, NULL, &message) == RAFT_OK) {
    world_step(&w, id, &message);
    raft_message_release(&message);
  }
}

/* ---- the story ---- */

enum { DELIVER, DOUBLE, LOSE, PUMP, WRITE, APPLY, CALL, CRASH, COMPACT, FORGE, FORGE_BYTES, STEPS };

static void act(fuzz_input *input, unsigned what, unsigned choice) {
  uint64_t id = 1 + choice % WORLD_NODES;
  bool up = w.nodes[id].raft != NULL;
  switch (what) {
  case DELIVER: world_deliver(&w, choice, false); break;
  case DOUBLE: world_deliver(&w, choice, true); break;
  case LOSE: world_lose(&w, choice); break;
  case PUMP: world_pump(&w, id); break;
  case WRITE: world_write(&w, id); break;
  case APPLY: world_apply(&w, id); break;
  case CRASH: up ? world_crash(&w, id) : world_restart(&w, id); break;
  case COMPACT: world_compact(&w, id, choice / WORLD_NODES % 4); break;
  case CALL:
    if (up) {
      CALLS[choice / WORLD_NODES % CALL_COUNT](input, id);
    }
    break;
  default:
    if (up && w.forged) {
      (what == FORGE ? forge : forge_bytes)(input, id);
    }
    break;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_input input = {data, size};
  bool honest = (input_byte(&input) & 1) == 0;
  world_open(&w, &input, honest);
  for (int step = 0; step < STORY_MOST && !input_is_over(&input); step++) {
    unsigned what = input_below(&input, STEPS);
    act(&input, what, input_byte(&input));
    world_check(&w);
  }
  world_heal(&w);
  world_close(&w);
  return 0;
}
