/* world.c - the nodes of a fuzzed group: how they come to life, what they keep, what must hold.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "world.h"

#include <string.h>

#include "world_node.h"

/* ---- life ---- */

static const uint64_t SIZES[] = {1 << 20, 64, 0, 1};
static const uint32_t WINDOWS[] = {256, 1, 2, 7};

/* Those beyond etcd-io/raft. */
static void choose_more_options(raft_config *config, unsigned choice, unsigned more) {
  config->hand_over_on_removal = (choice & 1) != 0;
  config->batch_append = (choice & 2) != 0;
  config->skip_commit_broadcast = (choice & 4) != 0;
  config->etcd_quirks = (choice & 8) != 0;
  config->max_unpersisted_apply = (choice & 16) != 0 && config->async_storage_writes ? 2 : 0;
  config->commit_in_votes = (choice & 32) != 0;
  config->priority = (choice & 64) != 0 ? (int64_t)(config->id + (more & 3)) % 4 : 0;
}

static void choose_options(world *w, raft_config *config, const uint8_t *choice, bool honest) {
  config->pre_vote = (choice[0] & 1) == 0;
  config->check_quorum = (choice[0] & 2) == 0;
  config->async_storage_writes = (choice[0] & 4) != 0;
  config->step_down_on_removal = (choice[0] & 8) != 0;
  config->disable_proposal_forwarding = (choice[0] & 16) != 0;
  config->silent_read_drops = (choice[0] & 32) != 0;
  w->lease_read = (choice[0] & 64) != 0 && config->check_quorum;
  config->read_only = w->lease_read ? RAFT_READ_ONLY_LEASE_BASED : RAFT_READ_ONLY_SAFE;
  config->disable_conf_change_validation = (choice[0] & 128) != 0 && !honest;
  config->max_size_per_message = SIZES[choice[1] & 3];
  config->max_committed_size_per_ready = SIZES[choice[1] >> 2 & 3];
  config->max_inflight_messages = WINDOWS[choice[1] >> 4 & 3];
  config->max_uncommitted_size = (choice[1] & 64) != 0 ? 48 : 0;
  config->max_inflight_bytes = (choice[1] & 128) != 0 ? config->max_size_per_message : 0;
  config->snapshot_timeout_ticks = 5;
  config->election_ticks = 4;
  config->max_pending_reads = 8;
  config->seed = choice[2];
  choose_more_options(config, choice[3], choice[4]);
}

static void open_raft(world_node *n) {
  n->config.applied = n->applied;
  fuzz_require(raft_rawnode_open(&n->config, &n->raft) == RAFT_OK);
}

/* Voters start from a snapshot, which is all that whoever joins them can learn their membership
 * from. */
static void found(world_node *n) {
  static const uint64_t voters[WORLD_VOTERS] = {1, 2, 3};
  const raft_hard_state state = {1, 0, 1};
  const raft_snapshot snapshot = {.index = 1,
                                  .term = 1,
                                  .data = {&n->state, sizeof n->state, NULL},
                                  .conf_state.voters = {voters, WORLD_VOTERS}};
  fuzz_require(raft_memory_storage_apply_snapshot(n->storage, &snapshot) == RAFT_OK);
  fuzz_require(raft_memory_storage_set_hard_state(n->storage, &state) == RAFT_OK);
  node_load_snapshot(n, &snapshot);
  n->shown = state;
  n->handed_out = n->applied;
}

void world_open(world *w, fuzz_input *options, bool honest) {
  memset(w, 0, sizeof *w);
  w->forged = !honest;
  uint8_t choice[5];
  for (size_t i = 0; i < sizeof choice; i++) {
    choice[i] = input_byte(options);
  }
  for (uint64_t id = 1; id <= WORLD_NODES; id++) {
    world_node *n = &w->nodes[id];
    fuzz_require(raft_memory_storage_open(NULL, &n->storage) == RAFT_OK);
    if (id <= WORLD_VOTERS) {
      found(n);
    }
    raft_config_init(&n->config);
    n->config.id = id;
    n->config.storage = raft_memory_storage_interface(n->storage);
    choose_options(w, &n->config, choice, honest);
    open_raft(n);
  }
}

void world_crash(world *w, uint64_t id) {
  world_node *n = &w->nodes[id];
  queue_clear(&n->to_append);
  queue_clear(&n->to_apply);
  raft_rawnode_close(n->raft);
  n->raft = NULL;
  n->ready = NULL;
}

/* A snapshot of the state machine may have come to the disk before the commit index did. */
static void raise_commit(world_node *n) {
  raft_hard_state state;
  raft_conf_state ignored;
  const raft_storage *storage = n->config.storage;
  fuzz_require(storage->initial_state(storage->ctx, &state, &ignored) == RAFT_OK);
  if (state.commit < n->applied) {
    state.commit = n->applied;
    fuzz_require(raft_memory_storage_set_hard_state(n->storage, &state) == RAFT_OK);
    n->shown = state;
  }
}

void world_restart(world *w, uint64_t id) {
  world_node *n = &w->nodes[id];
  if (n->raft != NULL) {
    return;
  }
  raft_snapshot snapshot;
  fuzz_require(n->config.storage->snapshot(n->config.storage->ctx, &snapshot) == RAFT_OK);
  node_load_snapshot(n, &snapshot);
  n->handed_out = n->applied;
  raise_commit(n);
  open_raft(n);
}

void world_close(world *w) {
  queue_clear(&w->flight);
  for (uint64_t id = 1; id <= WORLD_NODES; id++) {
    world_crash(w, id);
    raft_memory_storage_close(w->nodes[id].storage);
  }
}

/* ---- what must hold ---- */

static bool is_answer(const world *w, int rc) {
  bool lie = rc == RAFT_EMALFORMED || rc == RAFT_ELOG_LOST || rc == RAFT_ESTEP_LOCAL ||
             rc == RAFT_ECONF_TYPE;
  return rc == RAFT_OK || rc == RAFT_EPEER_NOT_FOUND || raft_is_dropped(rc) ||
         (rc <= RAFT_EREAD_NO_LEADER && rc >= RAFT_EREAD_TOO_MANY) || (lie && w->forged);
}

void world_expect(world *w, uint64_t id, int rc) {
  (void)id;
  fuzz_require(is_answer(w, rc));
}

static void check_progress(const raft_rawnode *raft) {
  raft_progress_status progress;
  for (size_t i = 0; raft_rawnode_progress(raft, i, &progress) == RAFT_OK; i++) {
    fuzz_require(progress.match < progress.next);
  }
}

void world_check(world *w) {
  for (uint64_t id = 1; id <= WORLD_NODES; id++) {
    const world_node *n = &w->nodes[id];
    if (n->raft == NULL) {
      continue;
    }
    raft_basic_status s;
    raft_rawnode_basic_status(n->raft, &s);
    fuzz_require(s.applied <= s.hard_state.commit && s.hard_state.commit <= s.last_index);
    fuzz_require(s.hard_state.term >= n->shown.term && s.hard_state.commit >= n->shown.commit);
    fuzz_require(s.first_index <= s.last_index + 1 && s.last_term <= s.hard_state.term);
    check_progress(n->raft);
    uint64_t term = s.hard_state.term;
    if (s.soft_state.role == RAFT_LEADER && !w->forged && term < WORLD_TERMS) {
      fuzz_require(w->leaders[term] == 0 || w->leaders[term] == id);
      w->leaders[term] = id;
    }
  }
}

/* ---- from the outside ---- */

void world_read(world *w, uint64_t id) {
  uint64_t number = w->reads;
  raft_bytes context = {&number, sizeof number, NULL};
  if (w->nodes[id].raft == NULL || number >= WORLD_READS) {
    return;
  }
  w->reads++;
  w->read_floor[number] = w->applied;
  world_expect(w, id, raft_rawnode_read_index(w->nodes[id].raft, &context));
}

void world_compact(world *w, uint64_t id, uint64_t keep) {
  world_node *n = &w->nodes[id];
  raft_snapshot last;
  uint64_t stored = 0, first = 0;
  const raft_storage *storage = n->config.storage;
  fuzz_require(storage->snapshot(storage->ctx, &last) == RAFT_OK);
  fuzz_require(storage->last_index(storage->ctx, &stored) == RAFT_OK);
  fuzz_require(storage->first_index(storage->ctx, &first) == RAFT_OK);
  if (n->applied <= last.index || n->applied > stored) {
    return;
  }
  raft_bytes data = {&n->state, sizeof n->state, NULL};
  fuzz_require(raft_memory_storage_create_snapshot(n->storage, n->applied, &n->conf_state, data) ==
               RAFT_OK);
  /* What the node has not acknowledged as applied it may still ask for. */
  raft_basic_status s = {.applied = n->applied};
  if (n->raft != NULL) {
    raft_rawnode_basic_status(n->raft, &s);
  }
  uint64_t least = s.applied < n->applied ? s.applied : n->applied;
  if (least >= first + keep) {
    fuzz_require(raft_memory_storage_compact(n->storage, least - keep) == RAFT_OK);
  }
}

/* ---- the happy end ---- */

/* Lies can make nodes answer each other for ever. */
static void settle(world *w) {
  bool busy = true;
  for (int round = 0; round < (w->forged ? 8 : 200) && busy; round++) {
    busy = false;
    for (uint64_t id = 1; id <= WORLD_NODES; id++) {
      busy = world_pump(w, id) || busy;
      busy = world_write(w, id) || busy;
      busy = world_apply(w, id) || busy;
    }
    for (size_t n = w->flight.count; n > 0; n--) {
      world_deliver(w, 0, false);
      busy = true;
    }
  }
}

static uint64_t leader_of(const world *w) {
  uint64_t leader = 0, term = 0;
  for (uint64_t id = 1; id <= WORLD_NODES; id++) {
    raft_basic_status s;
    raft_rawnode_basic_status(w->nodes[id].raft, &s);
    if (s.soft_state.role == RAFT_LEADER && s.hard_state.term > term) {
      leader = id;
      term = s.hard_state.term;
    }
  }
  return leader;
}

static void pass_time(world *w, int ticks) {
  settle(w);
  for (int tick = 0; tick < ticks; tick++) {
    for (uint64_t id = 1; id <= WORLD_NODES; id++) {
      world_expect(w, id, raft_rawnode_tick(w->nodes[id].raft));
    }
    settle(w);
    world_check(w);
  }
}

static void agree(world *w) {
  const raft_slice news = {"news", 4};
  uint64_t before = w->applied, leader = leader_of(w);
  fuzz_require(leader != 0);
  fuzz_require(raft_rawnode_propose(w->nodes[leader].raft, &news, 1) == RAFT_OK);
  pass_time(w, 3); /* the news that it is committed may travel with a heartbeat */
  for (uint64_t id = 1; id <= WORLD_VOTERS; id++) {
    fuzz_require(w->nodes[id].applied > before && w->nodes[id].applied == w->applied);
  }
}

void world_heal(world *w) {
  for (uint64_t id = 1; id <= WORLD_NODES; id++) {
    world_restart(w, id);
  }
  pass_time(w, 40);
  /* A change of members may leave a majority that has not heard of being one. */
  if (!w->forged && !w->reshaped) {
    agree(w);
  }
}
