/* split.c - the leader's side of a split: a key, ids for the new region, an entry.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/split.h"

#include <stdlib.h>
#include <string.h>

#include "raftstore/membership.h"
#include "raftstore/peer.h"

void kv_split_reply(kv_reply *reply, uint64_t region_id, uint64_t new_region_id, raft_slice key) {
  kv_reply_map(reply, 3);
  kv_reply_text(reply, "region");
  kv_reply_integer(reply, (int64_t)region_id);
  kv_reply_text(reply, "new_region");
  kv_reply_integer(reply, (int64_t)new_region_id);
  kv_reply_text(reply, "key");
  kv_reply_bulk(reply, key.data, key.len);
}

bool kv_split_is_in_flight(const kv_peer *peer) {
  return peer->split_index > peer->applied;
}

int kv_split_propose(kv_peer *peer, const kv_split *split, kv_batch *batch) {
  raft_buf *payload = NULL;
  int rc = kv_split_encode(peer->region_id, peer->region.epoch, split, &payload);
  if (rc == KV_OK) {
    rc = kv_peer_propose_payload(peer, payload, batch);
  }
  raft_buf_release(payload);
  if (rc == KV_OK) {
    raft_basic_status status;
    raft_rawnode_basic_status(peer->node, &status);
    peer->split_index = status.last_index;
    kv_store_mark(peer->store, peer);
  }
  return rc;
}

/* ---- jobs ---- */

static void free_key(raft_slice key) {
  free((void *)(uintptr_t)key.data); /* a slice says const, this one owns */
}

void kv_split_abandon(kv_peer *peer) {
  if (peer->split != NULL) {
    free_key(peer->split->key);
    kv_read_task_free(peer->split->task);
    free(peer->split);
    peer->split = NULL;
  }
}

static bool copy_key(raft_slice *to, raft_slice key) {
  void *copy = malloc(key.len > 0 ? key.len : 1);
  if (copy == NULL) {
    return false;
  }
  if (key.len > 0) {
    memcpy(copy, key.data, key.len);
  }
  to->data = copy;
  to->len = key.len;
  return true;
}

bool kv_split_set_key(kv_peer *peer, raft_slice key, const kv_region_size *left) {
  kv_split_job *job = peer->split;
  raft_slice copy;
  if (!copy_key(&copy, key)) {
    return false;
  }
  free_key(job->key);
  job->key = copy;
  job->left_bytes = left->bytes;
  job->left_keys = left->keys;
  return true;
}

bool kv_split_begin(kv_peer *peer, raft_slice key, uint64_t request_id) {
  kv_split_job *job = calloc(1, sizeof *job);
  if (job == NULL || !copy_key(&job->key, key)) {
    free(job);
    return false;
  }
  job->request_id = request_id;
  job->epoch = peer->region.epoch;
  peer->split = job;
  return true;
}

static kv_request *request_of(const kv_peer *peer) {
  uint64_t id = peer->split->request_id;
  return id != 0 ? kv_request_find(&peer->store->requests, id) : NULL;
}

/* The job ends without a split; who asked for it is told. */
void kv_split_fail(kv_peer *peer, const char *code, const char *why) {
  kv_request *request = request_of(peer);
  kv_log(&peer->store->devices.logger, KV_WARN, "region not split", "region=%llu reason=\"%s\"",
         (unsigned long long)peer->region_id, why);
  if (request != NULL) {
    kv_answer_error(peer->store, request, "%s %s", code, why);
  }
  kv_split_abandon(peer);
}

static void propose(kv_peer *peer) {
  kv_split_job *job = peer->split;
  kv_request *request = request_of(peer);
  kv_batch *batch = request != NULL ? kv_batch_create(1) : NULL;
  kv_split split = {.key = job->key,
                    .new_region_id = job->ids.region_id,
                    .new_peer_count = job->ids.peer_count,
                    .left_bytes = job->left_bytes,
                    .left_keys = job->left_keys};
  memcpy(split.new_peer_ids, job->ids.peer_ids, sizeof split.new_peer_ids);
  if (request != NULL && batch == NULL) {
    return; /* with the next tick */
  }
  int rc = kv_split_propose(peer, &split, batch);
  if (rc != KV_OK) {
    kv_batch_dissolve(batch, NULL, KV_STAGE_ADMIN);
    return; /* busy: with the next tick; no leader any more: that ends the job */
  }
  if (request != NULL) {
    kv_batch_add(batch, request, KV_STAGE_PROPOSED);
  }
  kv_split_abandon(peer);
}

static void on_ids(void *ctx, kv_store *store, uint64_t region_id, int rc, const char *why,
                   const kv_split_ids *ids) {
  kv_peer *peer = kv_region_map_peer(&store->regions, region_id);
  kv_split_job *job = peer != NULL ? peer->split : NULL;
  (void)ctx;
  if (job == NULL || !job->asked) {
    return; /* the job is gone, and perhaps another one has begun */
  }
  job->asked = false;
  if (rc == KV_EBUSY && job->request_id == 0) {
    return; /* the key was found at some cost: once more with the next tick */
  }
  if (rc != KV_OK) {
    kv_split_fail(peer, rc == KV_EBUSY ? "TRYAGAIN" : "ERR", why);
  } else {
    job->ids = *ids;
    job->have_ids = true;
    kv_store_mark(store, peer);
  }
}

/* The next step. The job may be over afterwards. */
void kv_split_advance(kv_peer *peer) {
  kv_split_job *job = peer->split;
  if (job->asked || job->reading != 0 || kv_member_change_in_flight(peer)) {
    return;
  }
  if (job->key.len == 0) {
    kv_split_count(peer);
    return;
  }
  if (!kv_epoch_equal(job->epoch, peer->region.epoch)) { /* ids are for the peers of then */
    job->epoch = peer->region.epoch;
    job->have_ids = false;
  }
  if (!kv_region_has_inside(&peer->region, job->key)) {
    kv_split_fail(peer, "TRYAGAIN", "the key is not inside the region any more");
  } else if (job->have_ids) {
    propose(peer);
  } else {
    int rc = kv_scheduler_ask_split(peer, on_ids, NULL);
    job->asked = rc == KV_OK;
    if (rc != KV_OK && rc != KV_ENOMEM) {
      kv_split_fail(peer, "ERR", "a split needs ids from the scheduler, and this store has none");
    }
  }
}

/* Who asked gave up waiting: nobody would hear of it. */
static bool is_orphan(const kv_peer *peer) {
  return peer->split->request_id != 0 && request_of(peer) == NULL;
}

void kv_split_tick(kv_peer *peer) {
  if (peer->split != NULL && is_orphan(peer)) {
    kv_split_abandon(peer);
  }
  if (peer->split != NULL) {
    kv_split_advance(peer);
  }
  kv_split_check(peer);
}

int kv_split_order(kv_peer *peer, raft_slice key, const char **why) {
  *why = NULL;
  if (key.len > 0 && !kv_region_has_inside(&peer->region, key)) {
    *why = "the key is not inside the region";
    return KV_EINVAL;
  }
  if (peer->split != NULL || kv_member_change_in_flight(peer)) {
    *why = "the region is changing";
    return KV_EBUSY;
  }
  if (!kv_split_begin(peer, key, 0)) {
    *why = "out of memory";
    return KV_EBUSY;
  }
  peer->split->ordered = true;
  kv_sleep_wake(peer); /* what does not come at once is asked for by ticks */
  kv_split_advance(peer);
  return KV_OK;
}

/* ---- operators' requests ---- */

static bool refuse(kv_peer *peer, kv_request *request, const char *text) {
  kv_answer_error(peer->store, request, "%s", text);
  return true;
}

/* Two regions meet there: it has been done, perhaps by the same request before. */
static bool answer_done(kv_peer *peer, kv_request *request, raft_slice key) {
  const kv_region_map *map = &peer->store->regions;
  const kv_peer *right = kv_region_map_by_key(map, key);
  kv_reply reply = {0};
  kv_split_reply(&reply, peer->region_id, right != NULL ? right->region_id : 0, key);
  kv_answer(peer->store, request, (raft_slice){reply.data, reply.failed ? 0 : reply.len});
  kv_reply_free(&reply);
  return true;
}

static bool same(raft_slice a, raft_slice b) {
  return kv_key_compare(a, b) == 0;
}

bool kv_split_step(kv_peer *peer, kv_request *request, const kv_admin *admin) {
  const kv_region *region = &peer->region;
  if (peer->split != NULL && is_orphan(peer)) {
    kv_split_abandon(peer);
  }
  if (peer->split != NULL) {
    bool own = peer->split->request_id == request->id;
    if (own) {
      kv_split_advance(peer);
    }
    return own;
  }
  if (kv_member_change_in_flight(peer)) {
    return false;
  }
  if (admin->key.len > 0 && (same(admin->key, region->start) || same(admin->key, region->end))) {
    return answer_done(peer, request, admin->key);
  }
  if (admin->key.len > 0 && !kv_region_has_inside(region, admin->key)) {
    return refuse(peer, request, "ERR the key to split at is not inside the region");
  }
  if (!kv_scheduler_exists(peer->store)) {
    return refuse(peer, request, "ERR a split needs ids from a scheduler, and this store has none");
  }
  if (kv_split_begin(peer, admin->key, request->id)) {
    kv_split_advance(peer);
  }
  return false; /* the request may be gone */
}
