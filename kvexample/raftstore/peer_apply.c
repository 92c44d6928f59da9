/* peer_apply.c - committed entries to the engine, and what follows from them.
 *
 * When a transaction is given up (a full disk), every task that went out comes back failed: those
 * of the transaction, and those behind it, whose turn had not come. All of them go out again, in
 * order, some ticks later.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/wire.h>
#include <stdlib.h>

#include "raftstore/peer.h"
#include "raftstore/split.h"

enum { RETRY_TICKS = 5 };

static void push(kv_apply_task **first, kv_apply_task **last, kv_apply_task *task) {
  task->next = NULL;
  if (*last != NULL) {
    (*last)->next = task;
  } else {
    *first = task;
  }
  *last = task;
}

static void free_tasks(kv_apply_task *task) {
  while (task != NULL) {
    kv_apply_task *next = task->next;
    kv_apply_task_free(task);
    task = next;
  }
}

void kv_peer_apply_free(kv_peer *peer) {
  free_tasks(peer->apply.first);
  free_tasks(peer->apply.failed_first);
  peer->apply = (kv_apply_queue){0};
}

bool kv_peer_apply_is_idle(const kv_peer *peer) {
  return peer->apply.outstanding == 0 && peer->apply.first == NULL && !peer->apply.failed;
}

static kv_apply_task *create_task(kv_peer *peer, const raft_message *message) {
  kv_apply_task *task = calloc(1, sizeof *task);
  kv_apply_result *results = calloc(message->entry_count + 1, sizeof *results);
  if (task == NULL || results == NULL) {
    free(task);
    free(results);
    return NULL;
  }
  task->region_id = peer->region_id;
  task->peer_id = peer->peer_id;
  task->message = *message;
  raft_message_retain(&task->message);
  task->results = results;
  task->correction = kv_split_take_correction(peer);
  for (size_t i = 0; i < message->entry_count; i++) {
    const raft_entry *entry = &message->entries[i];
    results[i].answer = kv_proposal_waits(&peer->proposals, entry->term, entry->index);
    task->bytes += raft_entry_size(entry);
  }
  return task;
}

void kv_peer_apply(kv_peer *peer, const raft_message *message) {
  kv_apply_task *task = create_task(peer, message);
  if (task == NULL) {
    kv_store_fail(peer->store, KV_ENOMEM, "no memory to apply committed entries");
    return;
  }
  push(&peer->apply.first, &peer->apply.last, task);
}

/* All that went out is back: once more from the first one. */
static void gather_failed(kv_apply_queue *queue) {
  if (queue->failed_last != NULL) {
    queue->failed_last->next = queue->first;
    queue->first = queue->failed_first;
    queue->last = queue->last != NULL ? queue->last : queue->failed_last;
    queue->failed_first = queue->failed_last = NULL;
  }
  queue->failed = false;
}

void kv_peer_apply_submit(kv_peer *peer) {
  kv_apply_queue *queue = &peer->apply;
  kv_store *store = peer->store;
  if (queue->failed) {
    if (queue->outstanding > 0 || store->ticks < queue->retry_tick) {
      return;
    }
    gather_failed(queue);
  }
  while (queue->first != NULL && !store->engine_full) {
    kv_apply_task *task = queue->first, *next = task->next;
    if (kv_split_prepare(peer, task) != KV_OK) {
      break; /* no memory: with the next turn */
    }
    task->next = NULL;
    int rc = store->devices.engine.apply(store->devices.engine.ctx, task);
    if (rc != KV_OK) {
      task->next = next;
      store->engine_full = true;
      break;
    }
    queue->first = next;
    queue->last = next != NULL ? queue->last : NULL;
    queue->outstanding++;
  }
  if (queue->first != NULL) {
    kv_store_starve(store, peer);
  }
}

/* ---- what an applied entry means ---- */

static raft_slice reply_at(const kv_apply_task *task, size_t number) {
  size_t start = number > 0 ? task->reply_ends[number - 1] : 0;
  return (raft_slice){task->replies.data + start, task->reply_ends[number] - start};
}

static void answer_batch(kv_peer *peer, const kv_apply_task *task, const kv_apply_result *result,
                         kv_batch *batch) {
  if (result->outcome == KV_APPLY_STALE) {
    kv_route_batch_moved(peer, batch);
    return;
  }
  for (size_t i = 0; batch != NULL && i < batch->count; i++) {
    if (i < result->reply_count && batch->slots[i] != NULL) {
      kv_route_answered(peer, batch->slots[i], reply_at(task, result->first_reply + i));
    }
  }
  kv_answer_batch_unknown(peer->store, batch, "its entry holds no answer");
}

static void settle_proposals(kv_peer *peer, const kv_apply_task *task, size_t number) {
  const raft_entry *entry = &task->message.entries[number];
  kv_proposal proposal;
  kv_proposal_fate fate;
  while ((fate = kv_proposal_pop_applied(&peer->proposals, entry->term, entry->index, &proposal)) !=
         KV_FATE_OPEN) {
    if (fate == KV_FATE_APPLIED) {
      answer_batch(peer, task, &task->results[number], proposal.batch);
    } else if (fate == KV_FATE_FAILED) {
      kv_route_batch_again(peer, proposal.batch);
    } else {
      kv_answer_batch_unknown(peer->store, proposal.batch, "leadership moved away");
    }
  }
}

/* A change that was refused is made known to Raft as one that changes nothing. */
static int change_raft(kv_peer *peer, const raft_entry *entry, bool done) {
  static const raft_conf_change_single nobody = {RAFT_CONF_ADD_NODE, 0};
  raft_conf_change_v2 change = {.changes = &nobody, .change_count = 1}, many;
  raft_conf_change one;
  void *memory = NULL;
  raft_conf_change_single single;
  if (done && entry->type == RAFT_ENTRY_CONF_CHANGE &&
      raft_conf_change_decode(entry->data, &one) == RAFT_OK) {
    single = (raft_conf_change_single){one.type, one.node_id};
    change.changes = &single;
  } else if (done && entry->type == RAFT_ENTRY_CONF_CHANGE_V2) {
    const int rc = raft_conf_change_v2_decode(entry->data, NULL, NULL, &many, &memory);
    if (rc != RAFT_OK) {
      return rc;
    }
    change = many;
  }
  const int rc = raft_rawnode_apply_conf_change(peer->node, &change, NULL);
  raft_conf_state_free(NULL, memory);
  return rc;
}

static void tell_raft(kv_peer *peer, const raft_entry *entry, const kv_apply_result *result) {
  const int rc = change_raft(peer, entry, result->outcome == KV_APPLY_DONE);
  if (rc == RAFT_ECONF_OVERTAKEN) {
    return; /* the snapshot that is on its way brings the membership */
  }
  if (rc != RAFT_OK && !raft_is_fatal(rc)) {
    kv_store_fail(peer->store, KV_ECORRUPT, raft_error_string(rc));
  }
  (void)kv_peer_check(peer, rc, "applying a membership change failed");
}

static void learn_addresses(kv_peer *peer) {
  for (size_t i = 0; i < peer->region.peer_count; i++) {
    const kv_region_peer *member = &peer->region.peers[i];
    if (kv_address_book_find(&peer->store->addresses, member->store_id) == NULL) {
      (void)kv_address_book_learn(&peer->store->addresses, member->store_id, member->address);
    }
  }
}

/* Of two voters the one that stays can commit nothing, and win no election, before it knows that
 * the other one is out. A leader that would vanish with its own removal, and the message that tells
 * of it lost, would leave it like that for ever (P18). So Raft is not told: it leads on, and says
 * what is committed with every heartbeat, until the others must have heard. */
static void say_farewell(kv_peer *peer) {
  kv_store *store = peer->store;
  if (kv_peer_is_leader(peer) && kv_region_initialised(&peer->region)) {
    store->leader_count--; /* for everybody here it leads no more */
    peer->farewell_tick = store->ticks + 2 * (uint64_t)store->config.election_ticks;
  } else {
    peer->removed = true;
  }
}

static bool settle_entries(kv_peer *peer, const kv_apply_task *task) {
  bool stale = false;
  for (size_t i = 0; i < task->message.entry_count; i++) {
    const raft_entry *entry = &task->message.entries[i];
    if (entry->type != RAFT_ENTRY_NORMAL && peer->farewell_tick == 0) {
      tell_raft(peer, entry, &task->results[i]);
    }
    settle_proposals(peer, task, i);
    peer->applied_term = entry->term;
    stale = stale || task->results[i].outcome == KV_APPLY_STALE;
  }
  return stale;
}

/* Since the last reports; of the region its leader tells. */
static void note_written(kv_peer *peer, const kv_written *written) {
  kv_written *stores = &peer->store->scheduler.written;
  const kv_written before = kv_peer_is_leader(peer) ? peer->written : (kv_written){0};
  peer->written = (kv_written){before.bytes + written->bytes, before.keys + written->keys};
  stores->bytes += written->bytes;
  stores->keys += written->keys;
}

/* The map first, then what begins on its ground, then the answers. */
static void finish(kv_peer *peer, kv_apply_task *task) {
  if (task->region_changed) {
    kv_peer_set_region(peer, &task->region);
    learn_addresses(peer);
  }
  kv_split_note_size(peer, task);
  note_written(peer, &task->written);
  kv_split_finish(peer, task);
  if (task->tombstone) {
    say_farewell(peer);
  }
  bool stale = settle_entries(peer, task);
  if (task->tombstone && !peer->removed) {
    kv_peer_leave(peer); /* what was done before is answered by now */
  }
  peer->applied = task->applied > peer->applied ? task->applied : peer->applied;
  peer->stalled = false;
  if (task->truncated) {
    kv_durable_cut(peer->store, peer, task->truncated_index, task->sequence);
  }
  if (task->split_count > 0) {
    kv_peer_sort_again(peer);
  }
  if (stale || task->split_count > 0) {
    kv_peer_wake(peer);
  }
  kv_peer_deliver(peer, &task->message);
  kv_membership_continue(peer);
}

static bool may_be_retried(int rc) {
  return rc == KV_EFULL || rc == KV_EBUSY || rc == KV_EINVAL || rc == KV_ENOMEM;
}

/* ---- regions that are gone ---- */

/* In the queue like entries, so what is committed is applied before. */
void kv_peer_bury(kv_peer *peer) {
  kv_apply_task *task = calloc(1, sizeof *task);
  if (task != NULL) { /* else with the next turn */
    task->kind = KV_APPLY_BURY;
    task->region_id = peer->region_id;
    task->peer_id = peer->peer_id;
    push(&peer->apply.first, &peer->apply.last, task);
    peer->burying = true;
    kv_peer_apply_submit(peer);
  }
}

void kv_peer_clear_data(kv_store *store, const kv_region *range) {
  kv_apply_task *task = calloc(1, sizeof *task);
  if (task != NULL && kv_region_set_range(&task->clear, range->start, range->end) != KV_OK) {
    free(task);
    task = NULL;
  }
  if (task != NULL) { /* else with the next start */
    task->kind = KV_APPLY_CLEAR;
    task->region_id = range->id;
    push(&store->clear_first, &store->clear_last, task);
  }
}

void kv_store_clear_submit(kv_store *store) {
  while (store->clear_first != NULL && !store->engine_full) {
    kv_apply_task *task = store->clear_first, *next = task->next;
    task->next = NULL;
    if (store->devices.engine.apply(store->devices.engine.ctx, task) != KV_OK) {
      task->next = next;
      store->engine_full = true;
      break;
    }
    store->clear_first = next;
    store->clear_last = next != NULL ? store->clear_last : NULL;
  }
}

/* Space that could not be freed, because the disk is full, is freed with the next start. */
static void cleared(kv_store *store, kv_apply_task *task) {
  if (task->rc == KV_OK && task->more) {
    push(&store->clear_first, &store->clear_last, task);
  } else {
    kv_apply_task_free(task);
  }
}

void kv_peer_applied(kv_peer *peer, kv_apply_task *task) {
  kv_apply_queue *queue = &peer->apply;
  queue->outstanding--;
  if (task->rc != KV_EINVAL) { /* a task behind one that failed says nothing of the disk */
    peer->store->disk_full = task->rc == KV_EFULL;
  }
  if (task->rc == KV_OK && task->kind == KV_APPLY_BURY) {
    peer->removed = true;
    kv_apply_task_free(task);
  } else if (task->rc == KV_OK) {
    finish(peer, task);
    kv_apply_task_free(task);
  } else if (may_be_retried(task->rc)) {
    if (!queue->failed) {
      kv_log(&peer->store->devices.logger, KV_ERROR,
             "the engine could not commit, trying again; writes wait", "region=%llu code=%d",
             (unsigned long long)peer->region_id, task->rc);
    }
    queue->failed = true;
    queue->retry_tick = peer->store->ticks + RETRY_TICKS;
    push(&queue->failed_first, &queue->failed_last, task);
  } else {
    kv_store_fail(peer->store, task->rc, "applying committed entries failed");
    kv_apply_task_free(task);
  }
  kv_store_mark(peer->store, peer);
}

void kv_store_applied(kv_store *store, kv_apply_task *task) {
  kv_store_engine_moved(store);
  push(&store->applied_first, &store->applied_last, task);
}

void kv_store_handle_applied(kv_store *store) {
  while (store->applied_first != NULL) {
    kv_apply_task *task = store->applied_first;
    store->applied_first = task->next;
    store->applied_last = task->next != NULL ? store->applied_last : NULL;
    task->next = NULL;
    kv_peer *peer = kv_region_map_peer(&store->regions, task->region_id);
    if (task->kind == KV_APPLY_CLEAR) {
      cleared(store, task);
    } else if (peer != NULL && peer->peer_id == task->peer_id) {
      kv_peer_applied(peer, task);
    } else {
      kv_split_release(store, task);
      kv_apply_task_free(task);
    }
  }
}
