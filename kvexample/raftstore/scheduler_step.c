/* scheduler_step.c - what comes back from the scheduler: addresses, ids, and steps to carry out.
 *
 * A step is meant for one region in one epoch; a leader whose region is elsewhere already ignores
 * it, and reports the region once more. What cannot be done now is not remembered: the scheduler
 * says it again with the next report.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "raftstore/peer.h"
#include "raftstore/region_change.h"
#include "raftstore/scheduler_report.h"
#include "raftstore/split.h"
#include "scheduler/message.h"

/* ---- steps ---- */

static bool to_change(const kv_peer *peer, const kv_step_change *from, kv_change_peer *change) {
  const kv_region_peer *member = kv_region_find_peer(&peer->region, from->peer_id);
  *change = (kv_change_peer){.peer_id = from->peer_id,
                             .store_id = from->store_id,
                             .remove = from->kind == KV_CHANGE_REMOVE};
  const char *address = member != NULL ? member->address : from->address;
  if (strlen(address) > KV_MAX_ADDRESS) {
    return false;
  }
  memcpy(change->address, address, strlen(address) + 1);
  switch (from->kind) {
  case KV_CHANGE_ADD_VOTER:
    change->role =
        member == NULL || member->role == KV_PEER_INCOMING ? KV_PEER_INCOMING : KV_PEER_VOTER;
    return true;
  case KV_CHANGE_PROMOTE: change->role = KV_PEER_VOTER; return true;
  case KV_CHANGE_ADD_LEARNER:
  case KV_CHANGE_DEMOTE:
  case KV_CHANGE_REMOVE: change->role = KV_PEER_LEARNER; return true;
  default: return false;
  }
}

static int change_peers(kv_peer *peer, const kv_step *step, const char **why) {
  kv_change_peer changes[KV_MAX_CHANGES];
  if (step->changes_count > KV_MAX_CHANGES) {
    *why = "too many changes";
    return KV_EINVAL;
  }
  for (size_t i = 0; i < step->changes_count; i++) {
    if (!to_change(peer, &step->changes[i], &changes[i])) {
      *why = "a kind of change that this release does not know";
      return KV_EINVAL;
    }
  }
  return kv_membership_change(peer, changes, step->changes_count, why);
}

static void carry_out(kv_peer *peer, const kv_scheduler_response *response) {
  const char *why = NULL;
  int rc = KV_OK;
  switch (response->step.kind) {
  case KV_STEP_NONE: return;
  case KV_STEP_TRANSFER_LEADER:
    rc = kv_membership_transfer(peer, response->step.peer_id, &why);
    break;
  case KV_STEP_CHANGE_PEERS: rc = change_peers(peer, &response->step, &why); break;
  case KV_STEP_SPLIT: rc = kv_split_order(peer, response->split_key, &why); break;
  default:
    rc = KV_EINVAL;
    why = "a kind of step that this release does not know";
    break;
  }
  kv_log(&peer->store->devices.logger, rc == KV_EINVAL ? KV_WARN : KV_DEBUG,
         rc == KV_OK ? "step of the scheduler begun" : "step of the scheduler waits",
         "region=%" PRIu64 " kind=%u reason=\"%s\"", peer->region_id, (unsigned)response->step.kind,
         why != NULL ? why : "");
}

static void on_region(kv_store *store, const kv_scheduler_response *response) {
  kv_peer *peer = kv_region_map_peer(&store->regions, response->region_id);
  if (response->status == KV_SCHEDULER_OK && peer != NULL && kv_peer_is_leader(peer) &&
      !peer->removed && kv_epoch_equal(peer->region.epoch, response->epoch)) {
    carry_out(peer, response);
  }
}

/* What a peer asked that has no leader, or sleeps: is it a member still? */
static void on_member_lists(kv_store *store, const kv_scheduler_response *response) {
  for (size_t i = 0; response->status == KV_SCHEDULER_OK && i < response->region_count; i++) {
    const kv_region *region = &response->regions[i].region;
    kv_peer *peer = kv_region_map_peer(&store->regions, region->id);
    if (peer != NULL) {
      kv_stale_told(peer, region);
    }
  }
}

/* ---- stores ---- */

static void learn_stores(kv_store *store, const kv_scheduler_response *response) {
  for (size_t i = 0; i < response->store_count; i++) {
    const kv_store_info *info = &response->stores[i];
    if (info->id != store->config.store_id && info->address[0] != '\0' &&
        !kv_address_book_learn(&store->addresses, info->id, info->address)) {
      return; /* the version stays as it was: once more with the next report */
    }
  }
  store->scheduler.stores_version = response->stores_version;
}

static void on_store(kv_store *store, const kv_scheduler_response *response) {
  if (kv_scheduler_accepts_us(store, response)) {
    store->scheduler.registered =
        store->scheduler.registered || response->call == KV_CALL_PUT_STORE;
    learn_stores(store, response);
  } else if (response->status == KV_SCHEDULER_NOT_FOUND) {
    store->scheduler.registered = false;
  }
}

/* ---- ids ---- */

static void on_ids(kv_store *store, const kv_scheduler_response *response) {
  kv_split_ids ids = {.region_id = response->id, .peer_count = response->peer_count};
  memcpy(ids.peer_ids, response->peer_ids, sizeof ids.peer_ids);
  const bool split = response->call == KV_CALL_ASK_SPLIT;
  const int rc = response->status == KV_SCHEDULER_OK && response->id != 0 ? KV_OK
                 : response->status == KV_SCHEDULER_INVALID               ? KV_EINVAL
                                                                          : KV_EBUSY;
  kv_scheduler_ids_came(store, response->request_id, rc, rc == KV_OK ? "" : response->text,
                        split ? &ids : NULL, response->id);
}

/* Who waits for an id has to be told; everything else it says means nothing here. */
static void on_foreign(kv_store *store, const kv_scheduler_response *response) {
  if (response->call == KV_CALL_ASK_SPLIT || response->call == KV_CALL_ALLOC_IDS) {
    kv_scheduler_ids_came(store, response->request_id, KV_EBUSY,
                          "the scheduler is another cluster's", NULL, 0);
  }
}

static void on_response(kv_store *store, const kv_scheduler_response *response) {
  switch ((int)response->call) {
  case KV_CALL_PUT_STORE:
  case KV_CALL_STORE_HEARTBEAT: on_store(store, response); break;
  case KV_CALL_REGION_HEARTBEAT: on_region(store, response); break;
  case KV_CALL_ASK_SPLIT:
  case KV_CALL_ALLOC_IDS: on_ids(store, response); break;
  case KV_CALL_GET_REGION:
    on_member_lists(store, response);
    kv_looked_up(store, response);
    break;
  default: break; /* nothing that a store asks */
  }
}

void kv_store_scheduler_received(kv_store *store, raft_bytes bytes) {
  kv_scheduler_response response;
  if (kv_scheduler_response_decode(bytes, &response) != KV_OK) {
    kv_log(&store->devices.logger, KV_WARN, "malformed response of the scheduler dropped", NULL);
    return;
  }
  if (kv_scheduler_is_ours(store, &response)) {
    on_response(store, &response);
  } else {
    on_foreign(store, &response);
  }
  kv_scheduler_response_clear(&response);
}
