/* peer_snapshot.h - snapshots of one region: made for others, received, installed.
 *
 * Giving: Raft asks for a snapshot, is told to ask again, and meanwhile one is made; it is kept
 * while it is of use for the next follower that asks. Taking: a received file belongs to the
 * message that came with it. Once Raft wants that snapshot saved, three steps follow, each after
 * the one before is durable: the states that came with it go into the log; the file replaces the
 * region's data and records; the log is reset to begin behind it. A crash between any two of them
 * leaves what opening the store can settle (peer_storage.h). What Raft wants written meanwhile is
 * held back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_PEER_SNAPSHOT_H
#define KV_RAFTSTORE_PEER_SNAPSHOT_H

#include <libraft/raft.h>
#include <stdbool.h>

#include "base/list.h"
#include "raftstore/device.h"
#include "raftstore/envelope.h"
#include "raftstore/log_writer.h"
#include "raftstore/region_state.h"

struct kv_peer;

typedef enum kv_install_stage {
  KV_INSTALL_NONE = 0,
  KV_INSTALL_STATE = 1, /* the hard state is being written */
  KV_INSTALL_READY = 2, /* to be handed to the device, once it is idle */
  KV_INSTALL_DATA = 3,  /* the device replaces the data */
  KV_INSTALL_LOG = 4    /* the log is being reset */
} kv_install_stage;

typedef struct kv_peer_snapshot {
  /* Giving. */
  bool making;
  bool have;
  kv_snapshot_file file;
  raft_buf *meta_bytes;
  kv_snapshot_meta meta;
  uint64_t *ids; /* membership at the snapshot */
  size_t sending;
  uint64_t made_tick;
  uint64_t
      refused_peer; /* its store had no place for the last one, and is not asked again at once */
  uint64_t refused_tick;

  /* Taking. */
  bool received;
  kv_snapshot_file received_file;
  kv_link accepted; /* in kv_store.accepted while it is received or installed */
  kv_region range;  /* which it will have then */
  kv_install_stage stage;
  raft_message message;   /* the storage message with the snapshot; ours while stage != NONE */
  kv_snapshot_meta taken; /* decoded from it */
  raft_message *held;     /* storage messages behind it */
  size_t held_count;
} kv_peer_snapshot;

/* raft_storage.snapshot */
int kv_peer_snapshot_give(struct kv_peer *peer, raft_snapshot *out);
/* Raft sends MsgSnap. */
void kv_peer_snapshot_send(struct kv_peer *peer, const raft_message *message);
/* A file and its message came: steps it and returns NULL, or discards it and returns why. */
const char *kv_peer_snapshot_receive(struct kv_peer *peer, const raft_message *message,
                                     const kv_snapshot_file *file);
/* The receiver of a snapshot of this peer could not take it. */
void kv_peer_snapshot_refused(struct kv_peer *peer, uint64_t by_peer);

/* True: the storage message was taken, it has a snapshot or is behind one. */
bool kv_peer_snapshot_append(struct kv_peer *peer, const raft_message *message);
/* Goes on with the installation if it can. */
void kv_peer_snapshot_continue(struct kv_peer *peer);
/* KV_LOG_BEFORE_INSTALL is durable. */
void kv_peer_snapshot_state_saved(struct kv_peer *peer);
/* KV_LOG_INSTALLED is durable and its responses are delivered. */
void kv_peer_snapshot_finish(struct kv_peer *peer);

/* peer_snapshot_give.c: the file that was made is not kept longer. */
void kv_peer_snapshot_forget(struct kv_peer *peer);
void kv_peer_snapshot_age(struct kv_peer *peer);

void kv_peer_snapshot_tick(struct kv_peer *peer);
void kv_peer_snapshot_close(struct kv_peer *peer);

#endif
