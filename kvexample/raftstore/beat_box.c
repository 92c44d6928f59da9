/* beat_box.c - what is short and for another store waits here for the end of the turn.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "raftstore/core.h"
#include "raftstore/hibernate.h"

/* A box that is so full is sent before the end of the turn. */
enum { FULL = 32 << 10 };

static void post(kv_store *store, kv_address *to) {
  kv_beat_header header = {.from_store = store->config.store_id,
                           .to_store = to->store_id,
                           .incarnation = store->ident.incarnation,
                           .awaits = to->sleepers > 0};
  raft_buf *frame = NULL;
  to->is_due = false;
  memcpy(header.from_address, store->config.address, strlen(store->config.address) + 1);
  if (kv_beats_frame(&to->beats, &header, &frame) != KV_OK) {
    return; /* lost messages */
  }
  raft_bytes part = {raft_buf_data(frame), raft_buf_len(frame), frame};
  (void)store->devices.transport.send(store->devices.transport.ctx, to->store_id, to->address,
                                      KV_FRAME_BEATS, &part, 1);
  raft_buf_release(frame);
}

void kv_beat_send(kv_store *store, uint64_t to_store, const kv_beat *beat) {
  kv_address *to = kv_address_book_find(&store->addresses, to_store);
  if (to != NULL && kv_beats_add(&to->beats, beat) == KV_OK) {
    store->beats_due = true;
    if (to->beats.len >= FULL) {
      post(store, to);
    }
  }
}

void kv_beat_due(kv_store *store, kv_address *to) {
  to->is_due = true;
  store->beats_due = true;
}

void kv_beat_flush(kv_store *store) {
  for (size_t i = 0; store->beats_due && i < store->addresses.count; i++) {
    kv_address *to = &store->addresses.items[i];
    if (to->is_due || to->beats.count > 0) {
      post(store, to);
    }
  }
  store->beats_due = false;
}
