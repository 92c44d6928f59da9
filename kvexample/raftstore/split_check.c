/* split_check.c - is a region too large, and where is its middle?
 *
 * Each applied command moves an estimate that is kept beside the applied index. Only when the
 * leader's estimate says that the region is too large is its data counted (size_scan.h), slice by
 * slice, on the thread that reads. The count corrects the estimate, and shows how much of what was
 * written since the last count replaced something: from then on writes weigh that much less, so
 * that a region whose values are replaced all day is not counted all day. A region without a
 * middle, all in one key, is left alone until it has grown.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "raftstore/membership.h"
#include "raftstore/peer.h"
#include "raftstore/split.h"

/* Ticks between two looks at the estimate; its parts of a hundred that a write weighs at least. */
enum { CHECK_TICKS = 10, LEAST_WEIGHT = 10 };

/* ---- the estimate ---- */

void kv_size_add(kv_region_size *size, const kv_size_change *change) {
  int64_t bytes = (int64_t)size->bytes + change->bytes, keys = (int64_t)size->keys + change->keys;
  size->bytes = bytes > 0 ? (uint64_t)bytes : 0;
  size->keys = keys > 0 ? (uint64_t)keys : 0;
}

/* What the engine has recorded lacks the corrections that are still on their way to it. */
void kv_split_note_size(kv_peer *peer, const kv_apply_task *task) {
  kv_size_change *owed = &peer->size.owed;
  owed->bytes -= task->correction.bytes;
  owed->keys -= task->correction.keys;
  peer->size.now = task->size;
  kv_size_add(&peer->size.now, owed);
  if (task->split_count > 0) {
    peer->size.counted = 0;
    peer->size.weight = 100;
  }
}

kv_size_change kv_split_take_correction(kv_peer *peer) {
  kv_size_change taken = peer->size.correction;
  peer->size.correction = (kv_size_change){0};
  return taken;
}

static void correct(kv_peer *peer, const kv_region_size *counted) {
  struct kv_peer_size *size = &peer->size;
  uint64_t before = size->counted, written = size->now.bytes - before;
  uint64_t grown = counted->bytes > before ? counted->bytes - before : 0;
  if (size->now.bytes > before) {
    uint64_t weight = grown < written ? grown * 100 / written : 100;
    size->weight = weight > LEAST_WEIGHT ? (unsigned)weight : LEAST_WEIGHT;
  }
  kv_size_change change = {(int64_t)counted->bytes - (int64_t)size->now.bytes,
                           (int64_t)counted->keys - (int64_t)size->now.keys};
  size->correction.bytes += change.bytes;
  size->correction.keys += change.keys;
  size->owed.bytes += change.bytes;
  size->owed.keys += change.keys;
  size->now = *counted;
  size->counted = counted->bytes;
}

static bool is_too_large(const kv_peer *peer) {
  const kv_store_config *config = &peer->store->config;
  const struct kv_peer_size *size = &peer->size;
  uint64_t since = size->now.bytes > size->counted ? size->now.bytes - size->counted : 0;
  uint64_t likely = size->now.bytes - since + since / 100 * size->weight;
  return config->region_max_bytes > 0 && likely >= config->region_max_bytes &&
         (size->counted == 0 || since >= config->region_split_bytes / 8);
}

void kv_split_check(kv_peer *peer) {
  const kv_store *store = peer->store;
  if ((store->ticks + peer->region_id) % CHECK_TICKS == 0 && is_too_large(peer) &&
      peer->split == NULL && kv_scheduler_exists(store) && !kv_member_change_in_flight(peer) &&
      !peer->snapshot.making) {
    (void)kv_split_begin(peer, (raft_slice){0}, 0);
  }
}

/* ---- counting ---- */

static kv_read_task *create_task(kv_peer *peer) {
  kv_read_task *task = calloc(1, sizeof *task);
  kv_size_scan *scan = malloc(sizeof *scan);
  if (task == NULL || scan == NULL) {
    free(task);
    free(scan);
    return NULL;
  }
  kv_size_scan_begin(scan, peer->region.epoch.version);
  task->kind = KV_READ_SIZE;
  task->region_id = peer->region_id;
  task->store_id = peer->store->config.store_id;
  task->id = ++peer->store->last_round;
  task->scan = scan;
  return task;
}

static void hand_over(kv_peer *peer) {
  kv_split_job *job = peer->split;
  const kv_engine_device *engine = &peer->store->devices.engine;
  uint64_t id = job->task->id;
  if (engine->read(engine->ctx, job->task) == KV_OK) {
    job->task = NULL;
    job->reading = id;
  } /* else with the next tick */
}

void kv_split_count(kv_peer *peer) {
  kv_split_job *job = peer->split;
  if (job->reading != 0) {
    return;
  }
  if (job->task == NULL) {
    job->task = create_task(peer);
  }
  if (job->task != NULL) {
    hand_over(peer);
  }
}

/* Counted to the end. */
static void counted(kv_peer *peer, const kv_size_scan *scan) {
  kv_split_job *job = peer->split;
  kv_region_size left = {0};
  raft_slice key = {0};
  bool wanted = job->request_id != 0 || job->ordered ||
                scan->total.bytes >= peer->store->config.region_max_bytes;
  correct(peer, &scan->total);
  bool found = kv_size_scan_middle(scan, &key, &left);
  kv_log(&peer->store->devices.logger, KV_INFO, "region counted",
         "region=%" PRIu64 " bytes=%" PRIu64 " keys=%" PRIu64 " weight=%u", peer->region_id,
         scan->total.bytes, scan->total.keys, peer->size.weight);
  if (!wanted) {
    kv_split_abandon(peer);
  } else if (!found || !kv_split_set_key(peer, key, &left)) {
    kv_split_fail(peer, "ERR", "the region has no two halves: it has too few keys");
  }
}

bool kv_split_counted(kv_peer *peer, kv_read_task *task) {
  kv_split_job *job = peer->split;
  if (job == NULL || job->reading != task->id) {
    return false;
  }
  job->reading = 0;
  kv_store_mark(peer->store, peer);
  if (task->rc == KV_ENOTFOUND) {
    return false; /* the region has moved on: from the start, with the next step */
  }
  if (task->rc != KV_OK) {
    kv_split_fail(peer, "TRYAGAIN", "the engine could not read");
    return false;
  }
  if (!task->scan->done) {
    job->task = task;
    hand_over(peer);
    return true;
  }
  counted(peer, task->scan);
  if (peer->split != NULL) {
    kv_split_advance(peer);
  }
  return false;
}
