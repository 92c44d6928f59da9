/* scheduler_report.c - what this store sends to the scheduler, message by message.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/scheduler_report.h"

#include "raftstore/membership.h"
#include "scheduler/message.h"

static kv_scheduler_request request_of(kv_store *store, uint64_t id, kv_scheduler_call call) {
  return (kv_scheduler_request){.request_id = id,
                                .cluster_id = store->config.cluster_id,
                                .store_id = store->config.store_id,
                                .call = call,
                                .incarnation = store->ident.data_id};
}

static void send_request(kv_store *store, const kv_scheduler_request *request) {
  raft_buf *frame = NULL;
  if (kv_scheduler_request_encode(request, &frame) == KV_OK) {
    const raft_bytes bytes = {raft_buf_data(frame), raft_buf_len(frame), frame};
    (void)store->devices.scheduler.send(store->devices.scheduler.ctx, bytes);
    raft_buf_release(frame);
  }
}

void kv_scheduler_send_address(kv_store *store) {
  kv_scheduler_request request = request_of(store, kv_scheduler_next_id(store), KV_CALL_PUT_STORE);
  request.id = store->config.store_id;
  kv_message_text(request.text, sizeof request.text, "%s", store->config.address);
  send_request(store, &request);
}

static size_t length(const kv_list *list) {
  size_t count = 0;
  for (const kv_link *link = kv_list_first(list); link != NULL; link = kv_list_next(list, link)) {
    count++;
  }
  return count;
}

/* A store with many snapshots in work is given no more replicas for now (P61). */
void kv_scheduler_send_store(kv_store *store) {
  kv_scheduler_request request =
      request_of(store, kv_scheduler_next_id(store), KV_CALL_STORE_HEARTBEAT);
  const kv_store_space *space = &store->scheduler.space;
  request.stores_version = store->scheduler.stores_version;
  request.stats = (kv_store_stats){.capacity = space->capacity,
                                   .available = space->available,
                                   .used = space->used,
                                   .region_count = store->peer_count,
                                   .leader_count = store->leader_count,
                                   .sending_snapshots = store->sending,
                                   .receiving_snapshots = space->receiving,
                                   .applying_snapshots = length(&store->accepted),
                                   .busy = kv_store_disk_is_full(store),
                                   .written_bytes = store->scheduler.written.bytes,
                                   .written_keys = store->scheduler.written.keys};
  store->scheduler.written = (kv_written){0};
  send_request(store, &request);
}

/* Members that are dead, or cannot follow by log. */
static size_t list_troubles(kv_peer *peer, kv_peer_trouble *troubles) {
  size_t count = 0;
  for (size_t i = 0; i < peer->region.peer_count; i++) {
    const kv_region_peer *member = &peer->region.peers[i];
    const uint64_t silence = kv_member_silence(peer, member);
    const bool pending = kv_member_is_pending(peer, member);
    if (silence > 0 || pending) {
      troubles[count++] = (kv_peer_trouble){.peer_id = member->id,
                                            .down_ms = silence * peer->store->config.tick_ms,
                                            .pending = pending};
    }
  }
  return count;
}

void kv_scheduler_send_region(kv_peer *peer) {
  kv_peer_trouble troubles[KV_MAX_PEERS];
  kv_scheduler_request request =
      request_of(peer->store, kv_scheduler_next_id(peer->store), KV_CALL_REGION_HEARTBEAT);
  request.report = (kv_region_report){.region = peer->region,
                                      .leader_peer = peer->peer_id,
                                      .term = peer->term,
                                      .bytes = peer->size.now.bytes,
                                      .keys = peer->size.now.keys,
                                      .written_bytes = peer->written.bytes,
                                      .written_keys = peer->written.keys,
                                      .troubles = troubles,
                                      .trouble_count = list_troubles(peer, troubles)};
  peer->written = (kv_written){0};
  send_request(peer->store, &request);
}

void kv_scheduler_send_member_question(const kv_peer *peer) {
  kv_scheduler_request request =
      request_of(peer->store, kv_scheduler_next_id(peer->store), KV_CALL_GET_REGION);
  request.id = peer->region_id;
  send_request(peer->store, &request);
}

void kv_scheduler_send_id_question(kv_store *store, uint64_t request_id) {
  kv_scheduler_request request = request_of(store, request_id, KV_CALL_ALLOC_IDS);
  request.count = 1;
  send_request(store, &request);
}

void kv_scheduler_send_region_question(kv_store *store, raft_slice key) {
  kv_scheduler_request request = request_of(store, kv_scheduler_next_id(store), KV_CALL_GET_REGION);
  request.key = key;
  send_request(store, &request);
}

void kv_scheduler_send_split_question(kv_peer *peer, uint64_t request_id) {
  kv_scheduler_request request = request_of(peer->store, request_id, KV_CALL_ASK_SPLIT);
  request.report =
      (kv_region_report){.region = peer->region, .leader_peer = peer->peer_id, .term = peer->term};
  send_request(peer->store, &request);
}
