/* region_codec.c - region descriptors, peers and epochs in nanopb.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/region_codec.h"

#include <string.h>

#include "engine/engine.h"
#include "raftstore/store.h"

void kv_peer_to_pb(const kv_region_peer *peer, const raft_slice *address, metapb_Peer *pb) {
  *pb = (metapb_Peer){.id = peer->id, .store_id = peer->store_id, .role = (uint32_t)peer->role};
  kv_pb_put_bytes(&pb->address, address);
}

void kv_peer_bind(kv_peer_reader *reader, metapb_Peer *pb) {
  *reader = (kv_peer_reader){.address.max = KV_MAX_ADDRESS};
  kv_pb_get_bytes(&pb->address, &reader->address);
}

int kv_peer_read(const kv_peer_reader *reader, const metapb_Peer *pb, char *text) {
  raft_slice address = reader->address.bytes;
  if (pb->role > KV_PEER_JOINING || (address.len > 0 && memchr(address.data, 0, address.len))) {
    return KV_ECORRUPT;
  }
  if (address.len > 0) {
    memcpy(text, address.data, address.len);
  }
  text[address.len] = '\0';
  return KV_OK;
}

static bool put_peers(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const kv_region *region = *arg;
  for (size_t i = 0; i < region->peer_count; i++) {
    const kv_region_peer *peer = &region->peers[i];
    raft_slice address = {peer->address, strlen(peer->address)};
    metapb_Peer pb;
    kv_peer_to_pb(peer, &address, &pb);
    if (!pb_encode_tag_for_field(stream, field) ||
        !pb_encode_submessage(stream, metapb_Peer_fields, &pb)) {
      return false;
    }
  }
  return true;
}

static bool get_peer(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  kv_region *region = *arg;
  kv_peer_reader reader;
  metapb_Peer pb = metapb_Peer_init_zero;
  char address[KV_MAX_ADDRESS + 1];
  (void)field;
  kv_peer_bind(&reader, &pb);
  if (region->peer_count >= KV_MAX_PEERS || !pb_decode(stream, metapb_Peer_fields, &pb) ||
      pb.id == 0 || kv_peer_read(&reader, &pb, address) != KV_OK) {
    return false;
  }
  return kv_region_put_peer(region, pb.id, pb.store_id, (kv_peer_role)pb.role, address) == KV_OK;
}

void kv_region_to_pb(const kv_region *region, metapb_Region *pb) {
  *pb = (metapb_Region){.id = region->id,
                        .has_epoch = true,
                        .epoch = kv_epoch_to_pb(region->epoch),
                        .max_peer_id = region->max_peer_id};
  kv_pb_put_bytes(&pb->start_key, &region->start);
  kv_pb_put_bytes(&pb->end_key, &region->end);
  pb->peers.funcs.encode = put_peers;
  pb->peers.arg = kv_pb_argument(region);
}

void kv_region_bind(kv_region_reader *reader, metapb_Region *pb) {
  *reader = (kv_region_reader){.start.max = KV_MAX_KEY, .end.max = KV_MAX_KEY};
  kv_pb_get_bytes(&pb->start_key, &reader->start);
  kv_pb_get_bytes(&pb->end_key, &reader->end);
  pb->peers.funcs.decode = get_peer;
  pb->peers.arg = &reader->region;
}

int kv_region_read(kv_region_reader *reader, const metapb_Region *pb, kv_region *region) {
  kv_region *read = &reader->region;
  *region = (kv_region){0};
  int rc = kv_region_set_range(read, reader->start.bytes, reader->end.bytes);
  if (rc == KV_OK && (pb->id == 0 || pb->max_peer_id < read->max_peer_id)) {
    rc = KV_ECORRUPT;
  }
  if (rc != KV_OK) {
    kv_region_clear(read);
    return rc;
  }
  read->id = pb->id;
  read->epoch = kv_epoch_from_pb(&pb->epoch);
  read->max_peer_id = pb->max_peer_id;
  kv_region_move(region, read);
  return KV_OK;
}

void kv_region_reader_clear(kv_region_reader *reader) {
  kv_region_clear(&reader->region);
}
