/* peer_propose.c - the commands gathered in one turn become one raft entry.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "raftstore/entry.h"
#include "raftstore/peer.h"
#include "raftstore/split.h"

int kv_peer_propose_payload(kv_peer *peer, raft_buf *payload, kv_batch *batch) {
  raft_bytes data = {raft_buf_data(payload), raft_buf_len(payload), payload};
  if (kv_proposal_reserve(&peer->proposals) != KV_OK) {
    return KV_ENOMEM;
  }
  int rc = raft_rawnode_propose_batch(peer->node, &data, 1);
  if (rc == RAFT_OK) {
    raft_basic_status status;
    raft_rawnode_basic_status(peer->node, &status);
    kv_proposal proposal = {status.hard_state.term, status.last_index, batch};
    kv_proposal_push(&peer->proposals, proposal);
    peer->store->summary.entries++;
    return KV_OK;
  }
  (void)kv_peer_check(peer, rc, "a proposal failed");
  return rc == RAFT_EDROPPED_UNCOMMITTED ? KV_EBUSY : rc == RAFT_ENOMEM ? KV_ENOMEM : KV_EINVAL;
}

/* How many of the gathered writes share the next entry, and their bytes. */
static size_t measure(const kv_peer *peer, size_t *bytes) {
  size_t count = 0;
  *bytes = 0;
  for (kv_link *link = kv_list_first(&peer->writes); link != NULL;
       link = kv_list_next(&peer->writes, link)) {
    const kv_request *request = KV_OBJECT_OF(link, kv_request, link);
    if (count > 0 && *bytes + request->len > peer->store->config.max_batch_bytes) {
      break;
    }
    *bytes += request->len;
    count++;
  }
  return count;
}

static raft_buf *build(const kv_peer *peer, size_t count, size_t bytes) {
  kv_entry entry = {.region_id = peer->region_id,
                    .epoch = peer->region.epoch,
                    .kind = KV_ENTRY_COMMANDS,
                    .command_count = (uint32_t)count};
  raft_buf *payload = NULL;
  unsigned char *to = NULL;
  if (kv_entry_encode(&entry, bytes, &payload, &to) != KV_OK) {
    return NULL;
  }
  kv_link *link = kv_list_first(&peer->writes);
  for (size_t i = 0; i < count; i++, link = kv_list_next(&peer->writes, link)) {
    const kv_request *request = KV_OBJECT_OF(link, kv_request, link);
    memcpy(to, request->body, request->len);
    to += request->len;
  }
  return payload;
}

/* The first `count` writes, out of the queue: certainly not in the log. */
static void give_up(kv_peer *peer, size_t count, int rc) {
  kv_list taken;
  kv_link *link;
  kv_list_init(&taken);
  for (size_t i = 0; i < count; i++) {
    kv_list_append(&taken, kv_list_pop(&peer->writes));
  }
  while ((link = kv_list_pop(&taken)) != NULL) {
    kv_request *request = KV_OBJECT_OF(link, kv_request, link);
    if (rc == KV_ENOMEM) {
      kv_answer_error(peer->store, request, "TRYAGAIN server is busy: out of memory");
    } else {
      kv_route_again(peer, request);
    }
  }
}

static bool propose_one(kv_peer *peer) {
  size_t bytes = 0, count = measure(peer, &bytes);
  kv_batch *batch = kv_batch_create(count);
  raft_buf *payload = batch != NULL ? build(peer, count, bytes) : NULL;
  int rc = payload != NULL ? kv_peer_propose_payload(peer, payload, batch) : KV_ENOMEM;
  raft_buf_release(payload);
  if (rc == KV_OK) {
    for (size_t i = 0; i < count; i++) {
      kv_link *link = kv_list_first(&peer->writes);
      kv_batch_add(batch, KV_OBJECT_OF(link, kv_request, link), KV_STAGE_PROPOSED);
    }
    peer->store->summary.entry_commands += count;
    return true;
  }
  kv_batch_dissolve(batch, NULL, KV_STAGE_WAITING);
  peer->stalled = rc == KV_EBUSY; /* they stay until something is applied */
  if (rc != KV_EBUSY) {
    give_up(peer, count, rc);
  }
  return false;
}

/* P24: what changes ranges may stand before it in the log, proposed here or by an earlier leader.
 * What is proposed behind it would be refused when it is applied, and overtaken meanwhile. */
static bool is_range_open(const kv_peer *peer) {
  return kv_split_is_in_flight(peer) || peer->applied_term != peer->term;
}

void kv_peer_propose(kv_peer *peer) {
  while (!peer->stalled && !is_range_open(peer) && !kv_list_is_empty(&peer->writes) &&
         peer->store->failure.code == KV_OK) {
    (void)propose_one(peer);
  }
}
