/* peer.c - one libraft node behind a pair of pipes, for groups mixed with etcd-io/raft nodes.
 *
 * The driver (../mixed/) makes requests (../pipe/pipe.h); these records say what came of one:
 *   m  a message to send: to, type; raftpb bytes
 *   a  an applied entry: index, term; one byte of type, then the payload
 *   s  a snapshot taken in: index, term; its data
 *   c  the membership from an index on: index; raftpb bytes of a ConfState
 *   q  a read that may be served: index; its context
 *   i  the node's state, always: term, leader; bytes: role, how much waits for the append thread,
 * the apply thread, the node itself, whether there is a Ready Nothing happens unasked: Readies wait
 * for `w`, storage threads for `A` and `Y`.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include <libraft/wire.h>

#include "peer.h"

/* --- from nothing to running and back --- */

/* What the group starts from; a node that joins it later starts from nothing. */
static void start(struct peer *peer, uint64_t voters) {
  uint64_t ids[MOST_MEMBERS];
  for (uint64_t i = 0; i < voters; i++) {
    ids[i] = i + 1;
  }
  const raft_snapshot snapshot = {.conf_state = {.voters = {.ids = ids, .count = (size_t)voters}},
                                  .data = {.data = "start", .len = 5},
                                  .index = START_INDEX,
                                  .term = 1};
  pipe_must(raft_memory_storage_apply_snapshot(peer->storage, &snapshot), "start");
  peer_keep_membership(peer, &snapshot.conf_state);
  peer->applied = START_INDEX;
  peer->applied_term = snapshot.term;
}

static void configure(raft_config *config, raft_bytes numbers) {
  config->pre_vote = pipe_number(numbers, 0) != 0;
  config->check_quorum = pipe_number(numbers, 1) != 0;
  config->max_size_per_message = pipe_number(numbers, 2);
  config->max_inflight_messages = (uint32_t)pipe_number(numbers, 3);
  config->seed = pipe_number(numbers, 4);
  config->async_storage_writes = pipe_number(numbers, 5) != 0;
  config->step_down_on_removal = pipe_number(numbers, 6) != 0;
  config->max_uncommitted_size = pipe_number(numbers, 7);
  config->max_committed_size_per_ready = pipe_number(numbers, 8);
  config->disable_proposal_forwarding = pipe_number(numbers, 9) != 0;
  /* What etcd-io/raft does not have. */
  config->hand_over_on_removal = pipe_number(numbers, 10) != 0;
  config->batch_append = pipe_number(numbers, 11) != 0;
  config->skip_commit_broadcast = pipe_number(numbers, 12) != 0;
  config->commit_in_votes = pipe_number(numbers, 13) != 0;
  config->priority = (int64_t)pipe_number(numbers, 14);
  config->max_unpersisted_apply = (uint32_t)pipe_number(numbers, 15);
}

/* o: id a, voters 1 to b (0: none known); the options. */
static int open_node(struct peer *peer, const struct pipe_request *request) {
  if (peer->node != NULL || request->b > MOST_MEMBERS) {
    return RAFT_EINVAL;
  }
  pipe_must(raft_memory_storage_open(NULL, &peer->storage), "storage");
  if (request->b > 0) {
    start(peer, request->b);
  }
  raft_config_init(&peer->config);
  peer->config.snapshot_timeout_ticks = 40; /* reports get lost */
  configure(&peer->config, request->bytes);
  peer->config.id = request->a;
  peer->config.storage = raft_memory_storage_interface(peer->storage);
  peer->config.applied = peer->applied;
  return raft_rawnode_open(&peer->config, &peer->node);
}

/* b: the first members of a group that starts from nothing are 1 to b. */
static int bootstrap(struct peer *peer, const struct pipe_request *request) {
  raft_peer peers[MOST_MEMBERS] = {{0}};
  if (request->b > MOST_MEMBERS) {
    return RAFT_EINVAL;
  }
  for (uint64_t i = 0; i < request->b; i++) {
    peers[i].id = i + 1;
  }
  return raft_rawnode_bootstrap(peer->node, peers, (size_t)request->b);
}

/* k: snapshot of what is applied, with these data; log up to b dropped, as far as the node has
 * heard that it is applied. */
static int compact(struct peer *peer, const struct pipe_request *request) {
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  uint64_t up_to = request->b < status.applied ? request->b : status.applied;
  int code = raft_memory_storage_create_snapshot(peer->storage, peer->applied,
                                                 &peer->membership.state, request->bytes);
  if (code == RAFT_OK && up_to > 0) {
    code = raft_memory_storage_compact(peer->storage, up_to);
  }
  return code;
}

/* With max_unpersisted_apply the state machine may be ahead of the log: its state replaces it. */
static void replace_log(struct peer *peer, raft_bytes data) {
  const raft_storage *storage = peer->config.storage;
  uint64_t term = 0;
  if (peer->applied > 0 && (storage->term(storage->ctx, peer->applied, &term) != RAFT_OK ||
                            term != peer->applied_term)) {
    const raft_snapshot state = {.index = peer->applied,
                                 .term = peer->applied_term,
                                 .conf_state = peer->membership.state,
                                 .data = data};
    pipe_must(raft_memory_storage_apply_snapshot(peer->storage, &state), "state");
  }
}

/* What was applied was committed, whether or not the disk has heard of it. */
static void commit_what_is_applied(struct peer *peer) {
  const raft_storage *storage = peer->config.storage;
  raft_hard_state state;
  raft_conf_state membership;
  pipe_must(storage->initial_state(storage->ctx, &state, &membership), "state");
  if (state.commit < peer->applied) {
    state.commit = peer->applied;
    pipe_must(raft_memory_storage_set_hard_state(peer->storage, &state), "hard state");
  }
}

/* r: the node dies and comes back with what is durable; b = 1: its next Ready still was written. */
static int restart(struct peer *peer, const struct pipe_request *request) {
  if (request->b == 1) {
    peer_persist(peer);
  }
  (void)compact(peer, &(struct pipe_request){.bytes = request->bytes});
  raft_rawnode_close(peer->node);
  queue_clear(&peer->append);
  queue_clear(&peer->apply);
  queue_clear(&peer->to_self);
  replace_log(peer, request->bytes);
  commit_what_is_applied(peer);
  peer->node = NULL;
  peer->config.applied = peer->applied;
  return raft_rawnode_open(&peer->config, &peer->node);
}

/* --- requests to the node --- */

static int step(struct peer *peer, const struct pipe_request *request) {
  raft_message message;
  int code = raft_message_decode(request->bytes, NULL, NULL, &message);
  if (code == RAFT_OK) {
    code = raft_rawnode_step(peer->node, &message);
    raft_message_release(&message);
  }
  return code;
}

/* c: a change of the general form. C: of the old one. */
static int propose_change(struct peer *peer, const struct pipe_request *request) {
  if (request->letter == 'C') {
    raft_conf_change old;
    int code = raft_conf_change_decode(request->bytes, &old);
    return code == RAFT_OK ? raft_rawnode_propose_conf_change(peer->node, &old) : code;
  }
  raft_conf_change_v2 change;
  void *memory = NULL;
  int code = raft_conf_change_v2_decode(request->bytes, NULL, NULL, &change, &memory);
  if (code == RAFT_OK) {
    code = raft_rawnode_propose_conf_change_v2(peer->node, &change);
  }
  raft_conf_state_free(NULL, memory);
  return code;
}

static int propose(struct peer *peer, const struct pipe_request *request) {
  const raft_slice payload = {.data = request->bytes.data, .len = request->bytes.len};
  return raft_rawnode_propose(peer->node, &payload, 1);
}

static int do_work(struct peer *peer, char letter) {
  switch (letter) {
  case 'w': peer_work(peer); return RAFT_OK;
  case 'A': peer_append(peer); return RAFT_OK;
  case 'Y': peer_apply(peer); return RAFT_OK;
  case 'D': return peer_hear(peer);
  default: return RAFT_EINVAL;
  }
}

static int ask(struct peer *peer, const struct pipe_request *request) {
  switch (request->letter) {
  case 'b': return bootstrap(peer, request);
  case 'r': return restart(peer, request);
  case 'k': return compact(peer, request);
  case 't': return raft_rawnode_tick(peer->node);
  case 'h': return raft_rawnode_campaign(peer->node);
  case 'P': return raft_rawnode_ping(peer->node);
  case 'g': return raft_rawnode_forget_leader(peer->node);
  case 's': return step(peer, request);
  case 'p': return propose(peer, request);
  case 'c':
  case 'C': return propose_change(peer, request);
  case 'q': return raft_rawnode_read_index(peer->node, &request->bytes);
  case 'l': return raft_rawnode_transfer_leader(peer->node, request->a);
  case 'f': return raft_rawnode_report_snapshot(peer->node, request->a, request->b != 0);
  case 'u': return raft_rawnode_report_unreachable(peer->node, request->a);
  default: return do_work(peer, request->letter);
  }
}

/* --- the answer --- */

static unsigned char few(size_t count) {
  return (unsigned char)(count < 255 ? count : 255);
}

static void put_state(struct peer *peer) {
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  const unsigned char content[] = {(unsigned char)status.soft_state.role, few(peer->append.count),
                                   few(peer->apply.count), few(peer->to_self.count),
                                   raft_rawnode_has_ready(peer->node)};
  pipe_put(peer->answer, 'i', status.hard_state.term, status.soft_state.lead, content,
           sizeof content);
}

static int serve(void *ctx, const struct pipe_request *request, struct pipe_answer *answer) {
  struct peer *peer = ctx;
  peer->answer = answer;
  bool opens = request->letter == 'o';
  int code = opens                ? open_node(peer, request)
             : peer->node == NULL ? RAFT_EINVAL
                                  : ask(peer, request);
  if (peer->node == NULL) {
    pipe_give_up("no node", code);
  }
  put_state(peer);
  return code;
}

int main(void) {
  struct peer peer = {.node = NULL};
  pipe_serve(serve, &peer);
  raft_rawnode_close(peer.node);
  queue_clear(&peer.append);
  queue_clear(&peer.apply);
  queue_clear(&peer.to_self);
  if (peer.storage != NULL) {
    raft_memory_storage_close(peer.storage);
  }
  return 0;
}
