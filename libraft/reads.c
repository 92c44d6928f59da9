/* reads.c - linearizable reads without a log entry (thesis 6.4).
 *
 * A read may be answered at the commit index of the moment it came, once it is certain that
 * this node was still the leader then. Certain it becomes by a round of heartbeats that was begun
 * after the read came and that a quorum answered. Before the first commit of its term a
 * leader does not know the commit index: reads wait for that.
 *
 * With leases the round may be an earlier one: a quorum that answered a heartbeat sent at tick T
 * keeps other candidates away until its own election_ticks-th tick after the heartbeat came, which
 * is at least election_ticks - 1 whole ticks later: the first one may come at once. The leader
 * reads before its tick T + election_ticks - 1, not more than election_ticks - 1 of its ticks after
 * it sent. The two ticks that are taken off so pay for the phase of both clocks, and for nothing
 * else: no drift. The moment of sending counts, and a hand-over makes the lease void.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "allocate.h"
#include "node.h"

/* ---- what there is while there are reads ---- */

static bool have_reads(raft_rawnode *node) {
  if (node->reads == NULL) {
    node->reads = raft_allocate(raft_memory(node), sizeof *node->reads);
    if (node->reads != NULL) {
      memset(node->reads, 0, sizeof *node->reads);
    }
  }
  return node->reads != NULL;
}

static void release_states(raft_answered_reads *reads) {
  for (uint32_t i = 0; i < reads->count; i++) {
    raft_buf_release(reads->items[i].context.owner);
  }
  reads->count = 0;
}

void raft_reads_close(raft_rawnode *node) {
  const raft_allocator *memory = raft_memory(node);
  raft_reads *reads = node->reads;
  if (reads == NULL) {
    return;
  }
  for (uint32_t i = 0; i < reads->pending.count; i++) {
    raft_buf_release(reads->pending.items[i].context.owner);
  }
  release_states(&reads->answered);
  release_states(&reads->handed_out);
  raft_deallocate(memory, reads->pending.items);
  raft_deallocate(memory, reads->answered.items);
  raft_deallocate(memory, reads->handed_out.items);
  raft_deallocate(memory, reads);
  node->reads = NULL;
}

void raft_reads_shrink(raft_rawnode *node) {
  const raft_reads *reads = node->reads;
  if (reads != NULL && reads->pending.count == 0 && reads->answered.count == 0 &&
      reads->handed_out.count == 0) {
    raft_reads_close(node);
  }
}

/* ---- Ready ---- */

void raft_reads_hand_out(raft_rawnode *node, raft_ready *ready) {
  raft_reads *reads = node->reads;
  if (reads == NULL) {
    return;
  }
  raft_answered_reads spare = reads->handed_out;
  reads->handed_out = reads->answered;
  reads->answered = spare; /* empty, its memory serves the next ones */
  ready->read_states = reads->handed_out.items;
  ready->read_state_count = reads->handed_out.count;
}

void raft_reads_take_back(raft_rawnode *node) {
  if (node->reads != NULL) {
    release_states(&node->reads->handed_out);
  }
}

/* ---- answers ---- */

static bool push_answer(raft_rawnode *node, raft_read_state state) {
  if (!have_reads(node)) {
    return false;
  }
  raft_answered_reads *reads = &node->reads->answered;
  void *items = reads->items;
  size_t capacity = reads->capacity;
  if (reads->count == UINT32_MAX || !raft_grow(raft_memory(node), &items, &capacity,
                                               (size_t)reads->count + 1, sizeof *reads->items)) {
    return false;
  }
  reads->items = items;
  reads->capacity = (uint32_t)capacity;
  reads->items[reads->count++] = state;
  return true;
}

/* Tells a follower at which index the read that it forwarded may be served. */
static void send_answer(raft_rawnode *node, const raft_pending_read *read) {
  raft_body_shape shape = {.entries = 1};
  raft_body *body = raft_body_create(raft_memory(node), &shape);
  if (body == NULL) {
    return; /* a lost message: who asked asks again */
  }
  body->entries[0].data = read->context;
  raft_buf_retain(read->context.owner);
  raft_message response = {.type = RAFT_MSG_READ_INDEX_RESP,
                           .to = read->from,
                           .index = read->index,
                           .entries = body->entries,
                           .entry_count = 1,
                           .body = body};
  raft_send(node, &response);
}

static void answer(raft_rawnode *node, const raft_pending_read *read) {
  if (read->from == node->config.id) {
    raft_read_state state = {read->index, read->context, RAFT_OK};
    if (push_answer(node, state)) {
      return; /* the reference moved along */
    }
  } else {
    send_answer(node, read);
  }
  raft_buf_release(read->context.owner);
}

/* ---- confirmation ---- */

static bool acked_round(const void *ctx, uint64_t id, uint64_t *round) {
  const raft_rawnode *node = ctx;
  const raft_progress *progress = raft_tracker_get(&node->tracker, id);
  *round = id == node->config.id ? UINT64_MAX : progress == NULL ? 0 : progress->acked_round;
  return true;
}

/* Newest round that a quorum has answered. */
static uint64_t confirmed_round(const raft_rawnode *node) {
  return raft_joint_committed(raft_idset_view(&node->tracker.config.incoming),
                              raft_idset_view(&node->tracker.config.outgoing), acked_round, node);
}

static bool lease_is_valid(const raft_rawnode *node) {
  uint64_t round = confirmed_round(node);
  uint64_t sent = round >> RAFT_ROUND_BITS;
  return node->config.read_only == RAFT_READ_ONLY_LEASE_BASED && !node->lease_void && round != 0 &&
         node->clock + 2 <= sent + node->config.election_ticks;
}

static void drop_front(raft_read_queue *reads, uint32_t count) {
  reads->count -= count;
  if (count > 0 && reads->count > 0) {
    memmove(reads->items, reads->items + count, reads->count * sizeof *reads->items);
  }
}

void raft_reads_confirm(raft_rawnode *node) {
  if (raft_reads_pending(node) == 0) {
    return;
  }
  raft_read_queue *reads = &node->reads->pending;
  uint64_t round = confirmed_round(node);
  uint32_t done = 0;
  while (done < reads->count && reads->items[done].index != 0 &&
         reads->items[done].round <= round) {
    answer(node, &reads->items[done]);
    done++;
  }
  drop_front(reads, done);
}

/* ---- requests ---- */

static bool committed_in_term(raft_rawnode *node) {
  raft_entry_id id = {node->term, node->log.committed};
  bool matches = false;
  if (raft_log_matches(&node->log, id, &matches) == RAFT_ENOMEM) {
    node->commit_owed = true;
  }
  return matches;
}

/* The reads from `first` on get their index and a round of their own, unless nobody has to be
 * asked: a lease is valid, or this node is the whole quorum. */
static void begin_round(raft_rawnode *node, uint32_t first) {
  bool certain = lease_is_valid(node) || confirmed_round(node) == UINT64_MAX;
  raft_read_queue *reads = &node->reads->pending;
  for (uint32_t i = first; i < reads->count; i++) {
    if (!certain && (i == first || node->config.etcd_quirks)) {
      raft_broadcast_heartbeat(node);
    }
    reads->items[i].index = node->log.committed;
    reads->items[i].round = certain ? 0 : node->round;
  }
  raft_reads_confirm(node);
}

void raft_reads_term_committed(raft_rawnode *node) {
  uint32_t first = 0, count = raft_reads_pending(node);
  while (first < count && node->reads->pending.items[first].index != 0) {
    first++;
  }
  if (first < count && committed_in_term(node)) {
    begin_round(node, first);
  }
}

static int own_context(raft_rawnode *node, raft_bytes *context) {
  if (context->owner != NULL) {
    raft_buf_retain(context->owner);
    return RAFT_OK;
  }
  if (context->len == 0) {
    context->data = context->data == NULL ? NULL : "";
    return RAFT_OK;
  }
  context->owner = raft_buf_copy(raft_memory(node), context->data, context->len);
  if (context->owner == NULL) {
    return RAFT_ENOMEM;
  }
  context->data = raft_buf_data(context->owner);
  return RAFT_OK;
}

static int enqueue(raft_rawnode *node, uint64_t from, raft_bytes context) {
  uint32_t limit = node->config.max_pending_reads;
  if (limit > 0 && raft_reads_pending(node) >= limit) {
    return RAFT_EREAD_TOO_MANY;
  }
  if (!have_reads(node)) {
    return RAFT_ENOMEM;
  }
  raft_read_queue *reads = &node->reads->pending;
  void *items = reads->items;
  size_t capacity = reads->capacity;
  if (!raft_grow(raft_memory(node), &items, &capacity, (size_t)reads->count + 1,
                 sizeof *reads->items)) {
    return RAFT_ENOMEM;
  }
  reads->items = items;
  reads->capacity = (uint32_t)capacity;
  int rc = own_context(node, &context);
  if (rc == RAFT_OK) {
    raft_pending_read read = {.from = from, .context = context};
    reads->items[reads->count++] = read;
  }
  return rc;
}

int raft_reads_leader_request(raft_rawnode *node, const raft_message *message) {
  if (message->entry_count != 1) {
    return RAFT_EMALFORMED;
  }
  uint64_t from = message->from == RAFT_NO_ID ? node->config.id : message->from;
  int rc = enqueue(node, from, message->entries[0].data);
  if (rc == RAFT_OK) {
    raft_reads_term_committed(node);
  }
  return rc;
}

int raft_reads_follower_response(raft_rawnode *node, const raft_message *message) {
  if (message->entry_count != 1) {
    return RAFT_EMALFORMED;
  }
  raft_read_state state = {message->index, message->entries[0].data, RAFT_OK};
  int rc = own_context(node, &state.context);
  if (rc == RAFT_OK && !push_answer(node, state)) {
    raft_buf_release(state.context.owner);
    rc = RAFT_ENOMEM;
  }
  return rc;
}

/* ---- the end ---- */

static bool report(raft_rawnode *node, const raft_pending_read *read, int reason) {
  if (read->from != node->config.id || node->config.silent_read_drops) {
    return false;
  }
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_READ_ABANDONED, 0, 0, (uint64_t)-reason, 0);
  raft_read_state state = {0, read->context, reason};
  return push_answer(node, state);
}

void raft_reads_abandon(raft_rawnode *node, int reason) {
  if (node->reads == NULL) {
    return;
  }
  raft_read_queue *reads = &node->reads->pending;
  for (uint32_t i = 0; i < reads->count; i++) {
    if (!report(node, &reads->items[i], reason)) {
      raft_buf_release(reads->items[i].context.owner);
    }
  }
  reads->count = 0;
}
