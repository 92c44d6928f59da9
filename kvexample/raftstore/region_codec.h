/* region_codec.h - region descriptors, peers and epochs in nanopb (proto/metapb.proto).
 *
 * Messages that contain a region bind it before they are encoded or decoded, because nanopb takes
 * fields of variable size by callback.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_REGION_CODEC_H
#define KV_RAFTSTORE_REGION_CODEC_H

#include "base/pb_bytes.h"
#include "metapb.pb.h"
#include "raftstore/region.h"

static inline metapb_Epoch kv_epoch_to_pb(kv_epoch epoch) {
  return (metapb_Epoch){epoch.conf_ver, epoch.version};
}

static inline kv_epoch kv_epoch_from_pb(const metapb_Epoch *pb) {
  return (kv_epoch){pb->conf_ver, pb->version};
}

/* *address must stay until the message is encoded. */
void kv_peer_to_pb(const kv_region_peer *peer, const raft_slice *address, metapb_Peer *pb);

/* A peer in a message that is being decoded. */
typedef struct kv_peer_reader {
  kv_pb_target address;
} kv_peer_reader;
void kv_peer_bind(kv_peer_reader *reader, metapb_Peer *pb);
/* The address into `text`, which takes KV_MAX_ADDRESS + 1 bytes. KV_ECORRUPT: role or address. */
int kv_peer_read(const kv_peer_reader *reader, const metapb_Peer *pb, char *text);

/* *region must stay until the message is encoded. */
void kv_region_to_pb(const kv_region *region, metapb_Region *pb);

/* A region in a message that is being decoded. */
typedef struct kv_region_reader {
  kv_pb_target start;
  kv_pb_target end;
  kv_region region; /* peers as they come */
} kv_region_reader;
void kv_region_bind(kv_region_reader *reader, metapb_Region *pb);
/* Takes the region out of a decoded message. KV_ECORRUPT, KV_ENOMEM: *region is empty. */
int kv_region_read(kv_region_reader *reader, const metapb_Region *pb, kv_region *region);
/* Instead, if the message did not decode. */
void kv_region_reader_clear(kv_region_reader *reader);

#endif
