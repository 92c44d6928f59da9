/* admin.c - what operators ask: its bytes, and the calls of store.h that ask it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/admin.h"

#include <string.h>

#include "base/pb_bytes.h"
#include "raft_cmdpb.pb.h"
#include "raftstore/core.h"
#include "raftstore/peer.h"

int kv_admin_encode(const kv_admin *admin, void *buf, size_t size, size_t *len) {
  raft_cmdpb_AdminRequest pb = {
      .kind = (uint32_t)admin->kind, .store_id = admin->store_id, .index = admin->index};
  raft_slice address = {admin->address, strlen(admin->address)};
  kv_pb_put_bytes(&pb.address, &address);
  kv_pb_put_bytes(&pb.key, &admin->key);
  return kv_pb_encode(raft_cmdpb_AdminRequest_fields, &pb, buf, size, len);
}

int kv_admin_decode(raft_slice body, kv_admin *admin) {
  raft_cmdpb_AdminRequest pb = raft_cmdpb_AdminRequest_init_zero;
  kv_pb_target address = {.max = KV_MAX_ADDRESS}, key = {.max = KV_MAX_KEY};
  kv_pb_get_bytes(&pb.address, &address);
  kv_pb_get_bytes(&pb.key, &key);
  if (kv_pb_decode(raft_cmdpb_AdminRequest_fields, body, &pb) != KV_OK ||
      pb.kind < KV_ADMIN_TRANSFER || pb.kind > KV_ADMIN_SPLIT) {
    return KV_ECORRUPT;
  }
  if (address.bytes.len > 0 && memchr(address.bytes.data, 0, address.bytes.len) != NULL) {
    return KV_ECORRUPT;
  }
  *admin = (kv_admin){
      .kind = (kv_admin_kind)pb.kind, .store_id = pb.store_id, .index = pb.index, .key = key.bytes};
  if (address.bytes.len > 0) {
    memcpy(admin->address, address.bytes.data, address.bytes.len);
  }
  return KV_OK;
}

static void out_of_memory(kv_answer_function answer, void *ctx) {
  raft_slice reply = kv_reply_out_of_memory();
  answer(ctx, reply.data, reply.len);
}

/* NULL: it has been answered. */
static kv_request *create(kv_store *store, kv_request_kind kind, size_t len, uint64_t timeout_ms,
                          kv_answer_function answer, void *ctx) {
  uint64_t timeout = timeout_ms > 0 ? timeout_ms : store->config.command_ms;
  kv_request *request =
      kv_request_create(&store->requests, kind, len, kv_store_now(store) + timeout);
  if (request == NULL) {
    out_of_memory(answer, ctx);
    return NULL;
  }
  request->answer = answer;
  request->ctx = ctx;
  return request;
}

/* The region that an operator means; the request is answered if there is none. */
static bool aim(kv_store *store, kv_request *request, uint64_t region_id) {
  const kv_peer *first = kv_region_map_first(&store->regions);
  bool only = store->regions.range_count == 1;
  request->region_id = region_id != 0 ? region_id : only && first != NULL ? first->region_id : 0;
  if (kv_region_map_peer(&store->regions, request->region_id) != NULL) {
    return true;
  }
  if (store->regions.range_count == 0) {
    kv_answer_error(store, request, "TRYAGAIN this store has no replica of any region yet");
  } else {
    kv_answer_error(store, request, "ERR this store has no replica of that region");
  }
  return false;
}

static void ask(kv_store *store, const kv_admin *admin, uint64_t region_id, uint64_t timeout_ms,
                kv_answer_function answer, void *ctx) {
  unsigned char bytes[KV_ADMIN_BYTES];
  size_t len = 0;
  (void)kv_admin_encode(admin, bytes, sizeof bytes, &len);
  kv_request *request = create(store, KV_REQUEST_ADMIN, len, timeout_ms, answer, ctx);
  if (request == NULL) {
    return;
  }
  memcpy(request->body, bytes, len);
  if (aim(store, request, region_id)) {
    kv_list_append(&store->arrived, &request->link);
  }
}

void kv_store_transfer(kv_store *store, uint64_t region_id, uint64_t to_store, uint64_t timeout_ms,
                       kv_answer_function answer, void *ctx) {
  kv_admin admin = {.kind = KV_ADMIN_TRANSFER, .store_id = to_store};
  ask(store, &admin, region_id, timeout_ms, answer, ctx);
}

size_t kv_store_resign(kv_store *store) {
  size_t count = 0;
  for (size_t i = 0; i < store->regions.range_count; i++) {
    count += kv_membership_resign(store->regions.ranges[i]) ? 1 : 0;
  }
  return count;
}

void kv_store_add_peer(kv_store *store, uint64_t region_id, uint64_t store_id, const char *address,
                       uint64_t timeout_ms, kv_answer_function answer, void *ctx) {
  kv_admin admin = {.kind = KV_ADMIN_ADD_PEER, .store_id = store_id};
  size_t len = strlen(address);
  if (store_id == 0 || len == 0 || len > KV_MAX_ADDRESS) {
    kv_request *request = create(store, KV_REQUEST_ADMIN, 0, timeout_ms, answer, ctx);
    if (request != NULL) {
      kv_answer_error(store, request,
                      "ERR a new replica needs a store id and an address of up to "
                      "264 bytes");
    }
    return;
  }
  memcpy(admin.address, address, len);
  ask(store, &admin, region_id, timeout_ms, answer, ctx);
}

void kv_store_remove_peer(kv_store *store, uint64_t region_id, uint64_t store_id,
                          uint64_t timeout_ms, kv_answer_function answer, void *ctx) {
  kv_admin admin = {.kind = KV_ADMIN_REMOVE_PEER, .store_id = store_id};
  ask(store, &admin, region_id, timeout_ms, answer, ctx);
}

/* Region 0 and a key: the region here that has it; then aim() has nothing to guess. */
static uint64_t region_of_key(const kv_store *store, uint64_t region_id, raft_slice key) {
  const kv_peer *peer =
      region_id == 0 && key.len > 0 ? kv_region_map_by_key(&store->regions, key) : NULL;
  return peer != NULL ? peer->region_id : region_id;
}

void kv_store_split(kv_store *store, uint64_t region_id, raft_slice key, uint64_t timeout_ms,
                    kv_answer_function answer, void *ctx) {
  kv_admin admin = {.kind = KV_ADMIN_SPLIT, .key = key};
  if (key.len > KV_MAX_KEY) {
    kv_request *request = create(store, KV_REQUEST_ADMIN, 0, timeout_ms, answer, ctx);
    if (request != NULL) {
      kv_answer_error(store, request, "ERR a key has up to %d bytes", KV_MAX_KEY);
    }
    return;
  }
  ask(store, &admin, region_of_key(store, region_id, key), timeout_ms, answer, ctx);
}

void kv_store_compact(kv_store *store, uint64_t region_id, uint64_t index, uint64_t timeout_ms,
                      kv_answer_function answer, void *ctx) {
  kv_admin admin = {.kind = KV_ADMIN_COMPACT, .index = index};
  ask(store, &admin, region_id, timeout_ms, answer, ctx);
}

void kv_store_checksum(kv_store *store, uint64_t region_id, uint64_t timeout_ms,
                       kv_answer_function answer, void *ctx) {
  kv_request *request = create(store, KV_REQUEST_CHECKSUM, 0, timeout_ms, answer, ctx);
  if (request != NULL && aim(store, request, region_id)) {
    kv_list_append(&store->arrived, &request->link);
  }
}

void kv_store_execute(kv_store *store, const kv_command *command, uint64_t timeout_ms,
                      kv_answer_function answer, void *ctx) {
  const kv_store_config *config = &store->config;
  const kv_request_table *table = &store->requests;
  size_t len = kv_command_encode(command, NULL, 0);
  bool full =
      table->count >= config->max_pending_count || table->bytes + len > config->max_pending_bytes;
  kv_request_kind kind = kv_op_is_write(command->op) ? KV_REQUEST_WRITE : KV_REQUEST_READ;
  kv_request *request = create(store, kind, full ? 0 : len, timeout_ms, answer, ctx);
  if (request == NULL) {
    return;
  }
  store->summary.commands++;
  if (full) {
    store->summary.busy++;
    kv_answer_error(store, request, "TRYAGAIN server is busy: too many commands are waiting");
    return;
  }
  (void)kv_command_encode(command, request->body, len);
  kv_list_append(&store->arrived, &request->link);
}
