/* durable.c - log cuts that wait until what was applied survives power loss.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/durable.h"

#include <stdlib.h>
#include <string.h>

#include "raftstore/core.h"
#include "raftstore/peer.h"

void kv_durable_free(kv_durable *durable) {
  free(durable->cuts);
  *durable = (kv_durable){0};
}

bool kv_store_disk_is_full(const kv_store *store) {
  return store->disk_full || store->durable.no_space;
}

static void cut(kv_peer *peer, uint64_t index) {
  kv_log_change change = {.region_id = peer->region_id, .compact_to = index};
  kv_peer_add_write(peer, &change, KV_LOG_NOTHING, NULL);
}

/* Room for one more behind the others. */
static bool reserve(kv_durable *durable) {
  if (durable->first + durable->count < durable->room) {
    return true;
  }
  if (durable->first > durable->room / 2) {
    memmove(durable->cuts, durable->cuts + durable->first, durable->count * sizeof(kv_cut));
    durable->first = 0;
    return true;
  }
  const size_t room = durable->room > 0 ? durable->room * 2 : 16;
  kv_cut *cuts = realloc(durable->cuts, room * sizeof *cuts);
  if (cuts == NULL) {
    return false;
  }
  durable->cuts = cuts;
  durable->room = room;
  return true;
}

void kv_durable_cut(kv_store *store, kv_peer *peer, uint64_t index, uint64_t sequence) {
  kv_durable *durable = &store->durable;
  if (sequence <= durable->sequence) {
    cut(peer, index);
  } else if (reserve(durable)) {
    durable->cuts[durable->first + durable->count++] =
        (kv_cut){peer->region_id, peer->peer_id, index, sequence};
  }
}

static void release(kv_store *store) {
  kv_durable *durable = &store->durable;
  while (durable->count > 0 && durable->cuts[durable->first].sequence <= durable->sequence) {
    const kv_cut next = durable->cuts[durable->first++];
    kv_peer *peer = kv_region_map_peer(&store->regions, next.region_id);
    durable->count--;
    if (peer != NULL && peer->peer_id == next.peer_id) {
      cut(peer, next.index);
    }
  }
  durable->first = durable->count > 0 ? durable->first : 0;
}

/* What a full disk lets through is said once, and so is that it is over. */
static void note_space(kv_store *store, bool no_space) {
  if (no_space && !store->durable.no_space) {
    kv_log(&store->devices.logger, KV_ERROR,
           "no space for the state machine; writes are refused until there is", NULL);
  } else if (!no_space && store->durable.no_space) {
    kv_log(&store->devices.logger, KV_INFO, "there is space for the state machine again", NULL);
  }
  store->durable.no_space = no_space;
}

void kv_store_durable(kv_store *store, uint64_t sequence, int rc) {
  if (sequence > store->durable.sequence) {
    store->durable.sequence = sequence;
  }
  release(store);
  kv_store_engine_moved(store);
  if (rc == KV_OK || rc == KV_EFULL) {
    note_space(store, rc == KV_EFULL);
  } else if (rc != KV_ENOMEM && rc != KV_EBUSY) {
    kv_store_fail(store, rc, "the state machine cannot be written");
  }
}
