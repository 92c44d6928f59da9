/* entry.c - the payload of a raft entry.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/entry.h"

#include <string.h>

#include "raft_cmdpb.pb.h"
#include "raftstore/region_codec.h"

enum { LENGTH_BYTES = 4, MAX_HEADER = 128 };

static void put_length(unsigned char *at, size_t len) {
  for (size_t i = 0; i < LENGTH_BYTES; i++) {
    at[i] = (unsigned char)(len >> (8 * i));
  }
}

static size_t get_length(const unsigned char *at) {
  size_t len = 0;
  for (size_t i = 0; i < LENGTH_BYTES; i++) {
    len |= (size_t)at[i] << (8 * i);
  }
  return len;
}

int kv_entry_encode(const kv_entry *entry, size_t command_bytes, raft_buf **payload,
                    unsigned char **commands) {
  raft_cmdpb_EntryHeader pb = {.region_id = entry->region_id,
                               .has_epoch = true,
                               .epoch = kv_epoch_to_pb(entry->epoch),
                               .kind = (uint32_t)entry->kind,
                               .command_count = entry->command_count,
                               .has_compact_log = entry->kind == KV_ENTRY_COMPACT_LOG,
                               .compact_log = {entry->compact_index, entry->compact_term}};
  unsigned char header[MAX_HEADER];
  size_t len = 0;
  int rc = kv_pb_encode(raft_cmdpb_EntryHeader_fields, &pb, header, sizeof header, &len);
  if (rc != KV_OK) {
    return rc;
  }
  void *data = NULL;
  *payload = raft_buf_create(NULL, LENGTH_BYTES + len + command_bytes, &data);
  if (*payload == NULL) {
    return KV_ENOMEM;
  }
  unsigned char *at = data;
  put_length(at, len);
  memcpy(at + LENGTH_BYTES, header, len);
  *commands = at + LENGTH_BYTES + len;
  return KV_OK;
}

int kv_entry_decode(raft_slice payload, kv_entry *entry) {
  raft_cmdpb_EntryHeader pb = raft_cmdpb_EntryHeader_init_zero;
  const unsigned char *at = payload.data;
  size_t len = payload.len >= LENGTH_BYTES ? get_length(at) : SIZE_MAX;
  if (len > payload.len || payload.len - len < LENGTH_BYTES) {
    return KV_ECORRUPT;
  }
  raft_slice header = {at + LENGTH_BYTES, len};
  if (kv_pb_decode(raft_cmdpb_EntryHeader_fields, header, &pb) != KV_OK ||
      pb.kind < KV_ENTRY_COMMANDS || pb.kind > KV_ENTRY_SPLIT) {
    return KV_ECORRUPT;
  }
  *entry = (kv_entry){
      .region_id = pb.region_id,
      .epoch = kv_epoch_from_pb(&pb.epoch),
      .kind = (kv_entry_kind)pb.kind,
      .command_count = pb.command_count,
      .commands = {at + LENGTH_BYTES + len, payload.len - LENGTH_BYTES - len},
      .compact_index = pb.compact_log.index,
      .compact_term = pb.compact_log.term,
  };
  return KV_OK;
}

/* ---- splits ---- */

static bool put_peer_ids(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const kv_split *split = *arg;
  for (size_t i = 0; i < split->new_peer_count; i++) {
    if (!pb_encode_tag_for_field(stream, field) ||
        !pb_encode_varint(stream, split->new_peer_ids[i])) {
      return false;
    }
  }
  return true;
}

/* Called once an id, packed or not. */
static bool get_peer_id(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  kv_split *split = *arg;
  (void)field;
  return split->new_peer_count < KV_MAX_PEERS &&
         pb_decode_varint(stream, &split->new_peer_ids[split->new_peer_count++]);
}

int kv_split_encode(uint64_t region_id, kv_epoch epoch, const kv_split *split, raft_buf **payload) {
  kv_entry entry = {.region_id = region_id, .epoch = epoch, .kind = KV_ENTRY_SPLIT};
  raft_cmdpb_Split pb = {.new_region_id = split->new_region_id,
                         .left_bytes = split->left_bytes,
                         .left_keys = split->left_keys};
  unsigned char *body = NULL;
  size_t len = 0;
  kv_pb_put_bytes(&pb.key, &split->key);
  pb.new_peer_ids.funcs.encode = put_peer_ids;
  pb.new_peer_ids.arg = kv_pb_argument(split);
  if (split->key.len > KV_MAX_KEY || split->new_peer_count > KV_MAX_PEERS ||
      !pb_get_encoded_size(&len, raft_cmdpb_Split_fields, &pb)) {
    return KV_EINVAL;
  }
  int rc = kv_entry_encode(&entry, len, payload, &body);
  return rc == KV_OK ? kv_pb_encode(raft_cmdpb_Split_fields, &pb, body, len, &len) : rc;
}

int kv_split_decode(raft_slice body, kv_split *split) {
  raft_cmdpb_Split pb = raft_cmdpb_Split_init_zero;
  kv_pb_target key = {.max = KV_MAX_KEY};
  *split = (kv_split){0};
  kv_pb_get_bytes(&pb.key, &key);
  pb.new_peer_ids.funcs.decode = get_peer_id;
  pb.new_peer_ids.arg = split;
  if (kv_pb_decode(raft_cmdpb_Split_fields, body, &pb) != KV_OK || pb.new_region_id == 0) {
    return KV_ECORRUPT;
  }
  split->key = key.bytes;
  split->new_region_id = pb.new_region_id;
  split->left_bytes = pb.left_bytes;
  split->left_keys = pb.left_keys;
  return KV_OK;
}

/* ---- membership changes ---- */

int kv_change_peer_encode(const kv_change_peer *change, raft_buf **context) {
  raft_cmdpb_ChangePeer pb = {.has_epoch = true,
                              .epoch = kv_epoch_to_pb(change->epoch),
                              .has_peer = true,
                              .remove = change->remove};
  kv_region_peer peer = {change->peer_id, change->store_id, change->role, NULL};
  raft_slice address = {change->address, strlen(change->address)};
  kv_peer_to_pb(&peer, &address, &pb.peer);
  return kv_pb_encode_buf(raft_cmdpb_ChangePeer_fields, &pb, context);
}

int kv_change_peer_decode(raft_slice context, kv_change_peer *change) {
  raft_cmdpb_ChangePeer pb = raft_cmdpb_ChangePeer_init_zero;
  kv_peer_reader reader;
  kv_peer_bind(&reader, &pb.peer);
  if (kv_pb_decode(raft_cmdpb_ChangePeer_fields, context, &pb) != KV_OK ||
      kv_peer_read(&reader, &pb.peer, change->address) != KV_OK || pb.peer.id == 0) {
    return KV_ECORRUPT;
  }
  change->epoch = kv_epoch_from_pb(&pb.epoch);
  change->peer_id = pb.peer.id;
  change->store_id = pb.peer.store_id;
  change->role = (kv_peer_role)pb.peer.role;
  change->remove = pb.remove;
  return KV_OK;
}
