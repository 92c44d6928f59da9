/* split_finish.c - what a split in the log means for this store.
 *
 * Between handing the entry to the engine and hearing that it is applied, no message may create or
 * remove a peer of the new region: the engine decides by what it was told, and what it wrote is
 * durable before anybody hears of it. The new region's slot is held for so long.
 *
 * A peer of the new region may be here already: a leader created it before this store had the old
 * region, or a later one after the first was removed. The engine is told the lowest peer id that
 * may begin: an uninitialised peer of the same id is replaced and keeps its term and vote; one that
 * is later, or a grave, means that this store's part in the new region is over. Then nothing is
 * created, and the keys, which nobody owns, are deleted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "raftstore/peer.h"
#include "raftstore/split.h"

static uint64_t lowest_peer_id(const kv_region_slot *slot) {
  uint64_t lowest = slot->buried_peer + 1;
  const kv_peer *peer = slot->peer;
  if (peer == NULL) {
    return lowest;
  }
  bool stays = !peer->condemned && !peer->removed && !kv_region_initialised(&peer->region);
  uint64_t above = stays ? peer->peer_id : peer->peer_id + 1;
  return above > lowest ? above : lowest;
}

static bool hold(kv_store *store, kv_apply_task *task, uint64_t region_id, uint64_t *lowest) {
  kv_region_slot *slot = kv_region_map_add(&store->regions, region_id);
  uint64_t *held = realloc(task->held, (task->held_count + 1) * sizeof *held);
  if (held != NULL) {
    task->held = held;
  }
  if (slot == NULL || held == NULL) {
    return false;
  }
  held[task->held_count++] = region_id;
  slot->held++;
  *lowest = lowest_peer_id(slot);
  return true;
}

/* Commits travel with what is sent next. With this one the followers should begin now: its new
 * region's first election waits for them. */
static void tell_followers(kv_peer *peer) {
  (void)kv_peer_check(peer, raft_rawnode_ping(peer->node), "telling of a split failed");
  kv_store_mark(peer->store, peer);
}

int kv_split_prepare(kv_peer *peer, kv_apply_task *task) {
  if (task->held_count > 0) {
    return KV_OK; /* it has been at the engine before, and nothing could change since */
  }
  for (size_t i = 0; i < task->message.entry_count; i++) {
    const raft_entry *at = &task->message.entries[i];
    kv_entry entry;
    kv_split split;
    if (at->type != RAFT_ENTRY_NORMAL || at->data.len == 0 ||
        kv_entry_decode((raft_slice){at->data.data, at->data.len}, &entry) != KV_OK ||
        entry.kind != KV_ENTRY_SPLIT || kv_split_decode(entry.commands, &split) != KV_OK) {
      continue; /* what is malformed fails when it is applied */
    }
    if (!hold(peer->store, task, split.new_region_id, &task->results[i].lowest_peer_id)) {
      kv_split_release(peer->store, task);
      return KV_ENOMEM;
    }
  }
  if (task->held_count > 0 && kv_peer_is_leader(peer)) {
    tell_followers(peer);
  }
  return KV_OK;
}

void kv_split_release(kv_store *store, kv_apply_task *task) {
  for (size_t i = 0; i < task->held_count; i++) {
    kv_region_map_find(&store->regions, task->held[i])->held--;
  }
  task->held_count = 0;
}

static void deliver_votes(kv_store *store, uint64_t region_id) {
  raft_buf *payload;
  uint64_t from_store = 0;
  while ((payload = kv_pending_votes_take(&store->pending_votes, region_id, &from_store)) != NULL) {
    raft_bytes frame = {raft_buf_data(payload), raft_buf_len(payload), payload};
    kv_store_receive(store, from_store, KV_FRAME_RAFT, frame);
    raft_buf_release(payload);
  }
}

/* Term and vote of the one that was here before stay: they were promised under the same id. */
static int replace(kv_store *store, const kv_region_state *state, const kv_apply_state *applied) {
  kv_peer *before = kv_region_map_peer(&store->regions, state->region.id);
  raft_hard_state promised = {0};
  if (before != NULL) {
    promised = before->state;
    kv_peer_leave(before);
    kv_peer_close(before);
  }
  return kv_peer_open_promised(store, state, applied, &promised);
}

static void begin(kv_peer *parent, const kv_apply_split *split) {
  kv_store *store = parent->store;
  kv_region_state state = {.phase = KV_REGION_NORMAL, .peer_id = split->peer_id};
  kv_apply_state applied = {KV_INITIAL_LOG_INDEX, KV_INITIAL_LOG_TERM, KV_INITIAL_LOG_INDEX,
                            KV_INITIAL_LOG_TERM, split->size};
  state.region = split->region; /* lent */
  int rc = replace(store, &state, &applied);
  if (rc != KV_OK) {
    kv_store_fail(store, rc, "the new half of a split region could not be opened");
    return;
  }
  kv_peer *child = kv_region_map_peer(&store->regions, split->region.id);
  kv_log(&store->devices.logger, KV_INFO, "region split", "region=%llu new_region=%llu peer=%llu",
         (unsigned long long)parent->region_id, (unsigned long long)child->region_id,
         (unsigned long long)child->peer_id);
  if (kv_peer_is_leader(parent) && child->state.term == KV_INITIAL_LOG_TERM) {
    (void)kv_peer_check(child, raft_rawnode_campaign(child->node), "the first campaign failed");
  }
  deliver_votes(store, child->region_id);
}

void kv_split_finish(kv_peer *peer, kv_apply_task *task) {
  kv_store *store = peer->store;
  kv_split_release(store, task);
  for (size_t i = 0; i < task->split_count; i++) {
    kv_apply_split *split = &task->splits[i];
    if (split->created) {
      begin(peer, split);
    } else {
      kv_log(&store->devices.logger, KV_INFO, "region split; this store has no part in the new one",
             "region=%llu new_region=%llu", (unsigned long long)peer->region_id,
             (unsigned long long)split->region.id);
      kv_peer_clear_data(store, &split->region);
    }
  }
}
