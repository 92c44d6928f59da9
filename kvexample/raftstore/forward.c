/* forward.c - requests that another store executes, because it leads the region.
 *
 * The asking store keeps the request until the answer comes, under an id of its own together with
 * the number of its starts: an answer to an earlier life finds nothing. The answer either is one,
 * or says that the request was certainly not executed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "base/pb_bytes.h"
#include "raft_serverpb.pb.h"
#include "raftstore/core.h"
#include "raftstore/opened_command.h"
#include "raftstore/peer.h"
#include "raftstore/region_codec.h"

/* ForwardReply.outcome; numbers are on the wire. */
typedef enum kv_forward_outcome {
  KV_FORWARD_ANSWERED = 1,
  KV_FORWARD_NOT_EXECUTED = 2
} kv_forward_outcome;

static bool send_frame(kv_store *store, uint64_t to_store, kv_frame_type type,
                       const pb_msgdesc_t *fields, const void *pb) {
  const char *address = kv_store_address_of(store, to_store);
  raft_buf *frame = NULL;
  if (address == NULL || kv_pb_encode_buf(fields, pb, &frame) != KV_OK) {
    return false;
  }
  raft_bytes part = {raft_buf_data(frame), raft_buf_len(frame), frame};
  int rc = store->devices.transport.send(store->devices.transport.ctx, to_store, address, type,
                                         &part, 1);
  raft_buf_release(frame);
  return rc == KV_OK;
}

/* ---- the asking store ---- */

/* Where it is found when its region has another leader; without a replica here nobody would say so,
 * and what may be asked twice has some time. */
static void await_reply(kv_store *store, kv_request *request) {
  kv_peer *peer = kv_region_map_peer(&store->regions, request->region_id);
  kv_list_remove(&request->link);
  if (peer != NULL) {
    kv_list_append(&peer->forwarded, &request->link);
  } else if (request->kind == KV_REQUEST_READ && !request->impatient) {
    request->sent_tick = store->ticks;
    kv_list_append(&store->forwarded, &request->link);
  }
}

bool kv_forward(kv_store *store, kv_request *request, uint64_t to_store, uint64_t to_peer) {
  uint64_t now = kv_store_now(store);
  raft_serverpb_Forward pb = {.request_id = request->id,
                              .incarnation = store->ident.incarnation,
                              .region_id = request->region_id,
                              .timeout_ms = request->deadline > now ? request->deadline - now : 1,
                              .kind = (uint32_t)request->kind,
                              .tried = request->tried,
                              .has_epoch = true,
                              .epoch = kv_epoch_to_pb(request->epoch),
                              .peer_id = to_peer};
  raft_slice body = {request->body, request->len};
  raft_slice address = {store->config.address, strlen(store->config.address)};
  kv_pb_put_bytes(&pb.body, &body);
  kv_pb_put_bytes(&pb.address, &address);
  if (!send_frame(store, to_store, KV_FRAME_FORWARD, raft_serverpb_Forward_fields, &pb)) {
    return false;
  }
  request->stage = KV_STAGE_FORWARDED;
  request->to_store = to_store;
  request->lost = false;
  store->summary.forwarded++;
  await_reply(store, request);
  return true;
}

/* It was certainly not executed, or it does not matter if it was. */
static void route_refused(kv_store *store, kv_request *request, const kv_region_error *error,
                          uint64_t from_store) {
  kv_list_remove(&request->link);
  request->stage = KV_STAGE_ARRIVED;
  kv_route_refused(store, request, error, from_store);
}

static void route_elsewhere(kv_store *store, kv_request *request) {
  const kv_region_error error = {.kind = KV_NOT_LEADER, .region_id = request->region_id};
  route_refused(store, request, &error, request->to_store);
}

bool kv_forward_question(kv_store *store, uint64_t to_store, raft_slice key, bool passed_on) {
  const kv_command scan = {.op = KV_OP_SCAN, .number = 1, .args = &key, .arg_count = 1};
  const size_t len = kv_command_encode(&scan, NULL, 0);
  raft_slice address = {store->config.address, strlen(store->config.address)};
  raft_serverpb_Forward pb = {.incarnation = store->ident.incarnation,
                              .timeout_ms = store->config.command_ms,
                              .kind = KV_REQUEST_READ,
                              .tried = passed_on};
  void *bytes = malloc(len);
  if (bytes == NULL) {
    return false;
  }
  (void)kv_command_encode(&scan, bytes, len);
  const raft_slice body = {bytes, len};
  kv_pb_put_bytes(&pb.body, &body);
  kv_pb_put_bytes(&pb.address, &address);
  const bool sent =
      send_frame(store, to_store, KV_FRAME_FORWARD, raft_serverpb_Forward_fields, &pb);
  free(bytes);
  return sent;
}

static void question_answered(kv_store *store, raft_slice refusal) {
  kv_region_error error;
  if (kv_region_error_decode(refusal, &error) == KV_OK) {
    kv_looked_up_at_a_store(store, &error);
    kv_region_error_clear(&error);
  }
}

static void not_executed(kv_store *store, kv_request *request, raft_slice refusal,
                         uint64_t from_store) {
  kv_region_error error;
  if (kv_region_error_decode(refusal, &error) != KV_OK) {
    error = (kv_region_error){.kind = KV_STALE_COMMAND, .region_id = request->region_id};
  }
  route_refused(store, request, &error, from_store);
  kv_region_error_clear(&error);
}

void kv_forward_receive_reply(kv_store *store, uint64_t from_store, raft_bytes payload) {
  raft_serverpb_ForwardReply pb = raft_serverpb_ForwardReply_init_zero;
  kv_pb_target reply = {.max = payload.len}, refusal = reply;
  kv_pb_get_bytes(&pb.reply, &reply);
  kv_pb_get_bytes(&pb.refusal, &refusal);
  raft_slice input = {payload.data, payload.len};
  if (kv_pb_decode(raft_serverpb_ForwardReply_fields, input, &pb) != KV_OK ||
      pb.incarnation != store->ident.incarnation) {
    return;
  }
  if (pb.request_id == 0) {
    question_answered(store, refusal.bytes);
    return;
  }
  kv_request *request = kv_request_find(&store->requests, pb.request_id);
  if (request == NULL || request->stage != KV_STAGE_FORWARDED || request->to_store != from_store) {
    return; /* too late */
  }
  if (pb.outcome == KV_FORWARD_ANSWERED && reply.bytes.len > 0) {
    kv_answer_bytes(store, request, (raft_bytes){reply.bytes.data, reply.bytes.len, payload.owner});
  } else if (pb.outcome == KV_FORWARD_NOT_EXECUTED) {
    request->tried = request->tried || pb.tried;
    not_executed(store, request, refusal.bytes, from_store);
  }
}

/* Is it known that another store leads than the one that was asked? Or would this store, which has
 * no replica of the region, never know? */
static bool leads_no_more(const kv_store *store, const kv_request *request) {
  const kv_peer *peer = kv_region_map_peer(&store->regions, request->region_id);
  const uint64_t leader = peer != NULL ? kv_peer_leader_store(peer) : 0;
  return peer == NULL || (leader != 0 && leader != request->to_store);
}

void kv_forward_lost(kv_store *store, uint64_t to_store) {
  kv_region_cache_store_lost(&store->cache, to_store);
  kv_request_table *table = &store->requests;
  kv_link *link = kv_list_first(&table->all);
  while (link != NULL) {
    kv_request *request = KV_OBJECT_OF(link, kv_request, all);
    link = kv_list_next(&table->all, link);
    if (request->stage != KV_STAGE_FORWARDED || request->to_store != to_store) {
      continue;
    }
    if (request->kind == KV_REQUEST_READ) { /* may be asked twice */
      route_elsewhere(store, request);
    } else if (leads_no_more(store, request)) {
      kv_answer_unknown(store, request, "the store that led the region was lost");
    } else {
      request->lost = true; /* until somebody else leads, it may come back and answer */
    }
  }
}

/* A store that is frozen or cut off loses no connection. One that merely leads no more is heard of,
 * and answers. */
static bool is_silent(const kv_store *store, uint64_t store_id) {
  const kv_address *address = kv_address_book_find(&store->addresses, store_id);
  return address == NULL || store->ticks - address->heard_tick >= store->config.election_ticks / 2;
}

void kv_forward_leader_changed(kv_peer *peer) {
  kv_store *store = peer->store;
  const uint64_t leader = kv_peer_leader_store(peer);
  kv_link *link = kv_list_first(&peer->forwarded);
  while (link != NULL) {
    kv_request *request = KV_OBJECT_OF(link, kv_request, link);
    link = kv_list_next(&peer->forwarded, link);
    if (request->to_store == leader || !(request->lost || is_silent(store, request->to_store))) {
      continue;
    }
    if (request->kind == KV_REQUEST_READ) {
      route_elsewhere(store, request);
    } else {
      kv_answer_unknown(store, request, "the store that led the region was lost");
    }
  }
}

void kv_forward_tick(kv_store *store) {
  /* Enough for the silence of a sleeping region's leader to be noticed, and for an election. */
  const uint64_t patience = 4 * (uint64_t)store->config.election_ticks;
  kv_link *link;
  while ((link = kv_list_first(&store->forwarded)) != NULL) {
    kv_request *request = KV_OBJECT_OF(link, kv_request, link);
    if (store->ticks - request->sent_tick < patience) {
      return;
    }
    request->impatient = true; /* once: it may only be slow */
    route_elsewhere(store, request);
  }
}

void kv_forward_peer_gone(kv_peer *peer) {
  while (kv_list_pop(&peer->forwarded) != NULL) { /* their answers come, or their deadlines */
  }
}

/* ---- the answering store ---- */

void kv_forward_answer(kv_store *store, const kv_request *request, raft_slice reply) {
  raft_serverpb_ForwardReply pb = {.request_id = request->remote_id,
                                   .incarnation = request->remote_incarnation,
                                   .outcome = KV_FORWARD_ANSWERED};
  kv_pb_put_bytes(&pb.reply, &reply);
  (void)send_frame(store, request->from_store, KV_FRAME_FORWARD_REPLY,
                   raft_serverpb_ForwardReply_fields, &pb);
}

void kv_forward_refuse(kv_store *store, const kv_request *request, const kv_region_error *error) {
  raft_serverpb_ForwardReply pb = {.request_id = request->remote_id,
                                   .incarnation = request->remote_incarnation,
                                   .outcome = KV_FORWARD_NOT_EXECUTED,
                                   .tried = request->tried};
  raft_buf *bytes = NULL;
  if (kv_region_error_encode(error, &bytes) == KV_OK) {
    raft_slice refusal = {raft_buf_data(bytes), raft_buf_len(bytes)};
    kv_pb_put_bytes(&pb.refusal, &refusal);
    (void)send_frame(store, request->from_store, KV_FRAME_FORWARD_REPLY,
                     raft_serverpb_ForwardReply_fields, &pb);
    raft_buf_release(bytes);
  }
}

/* Exactly one command that may be executed: it will stand in the log of every replica. */
static bool is_command(raft_slice body, bool write) {
  kv_opened_command opened;
  const char *why = NULL;
  if (kv_command_open(body, &opened) != KV_OK) {
    return false;
  }
  const bool good = kv_command_check(&opened.command, &why) == KV_OK &&
                    kv_op_is_write(opened.command.op) == write;
  kv_command_close(&opened);
  return good;
}

static bool is_valid(const raft_serverpb_Forward *pb, raft_slice body) {
  switch (pb->kind) {
  case KV_REQUEST_WRITE: return is_command(body, true);
  case KV_REQUEST_READ: return is_command(body, false);
  case KV_REQUEST_ADMIN: return true; /* decoded where it is executed */
  default: return false;
  }
}

static kv_request *take(kv_store *store, const raft_serverpb_Forward *pb, raft_slice body,
                        bool full) {
  const kv_store_config *config = &store->config;
  uint64_t longest = UINT64_C(10) * config->command_ms;
  uint64_t timeout = pb->timeout_ms < longest ? pb->timeout_ms : longest;
  size_t len = full ? 0 : body.len;
  kv_request *request = kv_request_create(&store->requests, (kv_request_kind)pb->kind, len,
                                          kv_store_now(store) + timeout);
  if (request != NULL) {
    request->remote_id = pb->request_id;
    request->remote_incarnation = pb->incarnation;
    request->region_id = pb->region_id;
    request->epoch = kv_epoch_from_pb(&pb->epoch);
    request->to_peer = pb->peer_id;
    request->tried = pb->tried;
    if (len > 0) {
      memcpy(request->body, body.data, len);
    }
  }
  return request;
}

/* It may have no replica in common with this one. */
static void learn_address(kv_store *store, uint64_t store_id, raft_slice address) {
  char text[KV_MAX_ADDRESS + 1];
  if (address.len > 0 && memchr(address.data, 0, address.len) == NULL &&
      kv_address_book_find(&store->addresses, store_id) == NULL) {
    memcpy(text, address.data, address.len);
    text[address.len] = '\0';
    (void)kv_address_book_learn(&store->addresses, store_id, text);
  }
}

void kv_forward_receive(kv_store *store, uint64_t from_store, raft_bytes payload) {
  raft_serverpb_Forward pb = raft_serverpb_Forward_init_zero;
  kv_pb_target body = {.max = payload.len}, address = {.max = KV_MAX_ADDRESS};
  kv_pb_get_bytes(&pb.body, &body);
  kv_pb_get_bytes(&pb.address, &address);
  raft_slice input = {payload.data, payload.len};
  if (kv_pb_decode(raft_serverpb_Forward_fields, input, &pb) != KV_OK ||
      !is_valid(&pb, body.bytes)) {
    kv_log(&store->devices.logger, KV_WARN, "malformed request dropped", "from_store=%llu",
           (unsigned long long)from_store);
    return;
  }
  learn_address(store, from_store, address.bytes);
  const kv_store_config *config = &store->config;
  bool full = pb.kind != KV_REQUEST_ADMIN &&
              (store->requests.count >= config->max_pending_count ||
               store->requests.bytes + body.bytes.len > config->max_pending_bytes);
  kv_request *request = take(store, &pb, body.bytes, full);
  if (request == NULL) {
    return;
  }
  request->from_store = from_store;
  if (full) {
    store->summary.busy++;
    static const char why[] = "too many commands are waiting";
    const kv_region_error error = {.kind = KV_SERVER_IS_BUSY,
                                   .region_id = pb.region_id,
                                   .backoff_ms = config->tick_ms,
                                   .reason = {why, sizeof why - 1}};
    kv_refuse(store, request, &error);
  } else {
    kv_list_append(&store->arrived, &request->link);
  }
}
