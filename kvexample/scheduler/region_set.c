/* region_set.c - the regions of the cluster by key and by id, as their leaders last reported them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scheduler/region_set.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/operators.h"
#include "scheduler/store_set.h"

#define BY_KEY(node) KV_OBJECT_OF(node, kv_sched_region, by_key)
#define BY_ID(node)  KV_OBJECT_OF(node, kv_sched_region, by_id)

/* ---- order ---- */

static int order_keys(const void *key, kv_treap_node *node) {
  const raft_slice *a = key, *b = &BY_KEY(node)->report.region.start;
  const size_t shorter = a->len < b->len ? a->len : b->len;
  const int order = shorter == 0 ? 0 : memcmp(a->data, b->data, shorter);
  return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static int order_ids(const void *key, kv_treap_node *node) {
  const uint64_t a = *(const uint64_t *)key, b = BY_ID(node)->report.region.id;
  return (a > b) - (a < b);
}

void kv_region_set_init(kv_region_set *set) {
  *set = (kv_region_set){.by_key.order = order_keys, .by_id.order = order_ids};
  kv_list_init(&set->dirty);
}

/* ---- looking up ---- */

static kv_sched_region *of_key_node(kv_treap_node *node) {
  return node != NULL ? BY_KEY(node) : NULL;
}

kv_sched_region *kv_region_set_find(const kv_region_set *set, uint64_t id) {
  kv_treap_node *node = kv_treap_find(&set->by_id, &id);
  return node != NULL ? BY_ID(node) : NULL;
}

kv_sched_region *kv_region_set_by_key(const kv_region_set *set, raft_slice key) {
  kv_sched_region *region = of_key_node(kv_treap_floor(&set->by_key, &key));
  return region != NULL && kv_region_has_key(&region->report.region, key) ? region : NULL;
}

kv_sched_region *kv_region_set_from(const kv_region_set *set, raft_slice key) {
  kv_sched_region *region = kv_region_set_by_key(set, key);
  return region != NULL ? region : of_key_node(kv_treap_above(&set->by_key, &key));
}

kv_sched_region *kv_region_set_first(const kv_region_set *set) {
  return of_key_node(kv_treap_first(&set->by_key));
}

kv_sched_region *kv_region_set_next(const kv_region_set *set, const kv_sched_region *region) {
  return of_key_node(kv_treap_above(&set->by_key, &region->report.region.start));
}

static bool is_same_key(raft_slice a, raft_slice b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

kv_sched_region *kv_region_set_previous(const kv_region_set *set, const kv_sched_region *region) {
  const raft_slice *start = &region->report.region.start;
  kv_sched_region *before = of_key_node(kv_treap_below(&set->by_key, start));
  return before != NULL && start->len > 0 && is_same_key(before->report.region.end, *start) ? before
                                                                                            : NULL;
}

/* The first region after `at` (NULL: of all) that overlaps, other than itself; NULL: none. The one
 * that contains the start is the first, then they follow in key order. */
static kv_sched_region *next_overlap(const kv_region_set *set, const kv_region *region,
                                     const kv_sched_region *at) {
  kv_sched_region *next =
      at == NULL ? kv_region_set_from(set, region->start) : kv_region_set_next(set, at);
  while (next != NULL && next->report.region.id == region->id) {
    next = kv_region_set_next(set, next);
  }
  return next != NULL && kv_region_overlaps(&next->report.region, region) ? next : NULL;
}

bool kv_sched_region_is_valid(const kv_region *region) {
  return region->id != 0 && kv_region_initialised(region) &&
         !kv_key_past_end(region->start, region->end);
}

bool kv_region_set_is_stale(const kv_scheduler *s, const kv_region_report *report) {
  const kv_sched_region *known = kv_region_set_find(&s->regions, report->region.id);
  if (known != NULL) {
    const kv_epoch epoch = known->report.region.epoch;
    if (kv_epoch_stale(report->region.epoch, epoch) ||
        (kv_epoch_equal(report->region.epoch, epoch) && report->term < known->report.term)) {
      return true;
    }
  }
  const kv_sched_region *other = NULL;
  while ((other = next_overlap(&s->regions, &report->region, other)) != NULL) {
    if (kv_epoch_stale(report->region.epoch, other->report.region.epoch)) {
      return true;
    }
  }
  return false;
}

/* ---- a region's part in its stores' counts ---- */

static void leave_stores(kv_sched_region *region) {
  for (size_t i = 0; i < region->place_count; i++) {
    kv_place *place = &region->places[i];
    kv_sched_store *store = place->store;
    if (store == NULL) {
      continue;
    }
    kv_list_remove(&place->link);
    store->region_count--;
    store->region_bytes -= region->weight;
    store->pending_count -= place->pending;
    if (place->leader) {
      store->leader_count--;
      store->leader_bytes -= region->weight;
    }
  }
}

static void enter_store(kv_sched_region *region, kv_place *place) {
  kv_sched_store *store = place->store;
  kv_list_append(place->leader ? &store->leaders : &store->followers, &place->link);
  store->region_count++;
  store->region_bytes += region->weight;
  store->pending_count += place->pending;
  if (place->leader) {
    store->leader_count++;
    store->leader_bytes += region->weight;
  }
}

/* Bounded, so that sums and percentages of what somebody claims do not overflow. */
static uint64_t weight_of(const kv_scheduler *s, uint64_t bytes) {
  const uint64_t most = (uint64_t)1 << 40, least = s->config.region_min_bytes;
  const uint64_t weight = bytes > least ? bytes : least;
  return weight < most ? weight : most;
}

static void enter_stores(kv_scheduler *s, kv_sched_region *region) {
  const kv_region_report *report = &region->report;
  region->weight = weight_of(s, report->bytes);
  region->place_count = report->region.peer_count;
  for (size_t i = 0; i < region->place_count; i++) {
    const kv_region_peer *peer = &report->region.peers[i];
    kv_place *place = &region->places[i];
    *place = (kv_place){.region = region,
                        .store = kv_store_set_find(&s->stores, peer->store_id),
                        .leader = peer->id == report->leader_peer,
                        .pending = !kv_sched_peer_is_healthy(region, peer)};
    if (place->store != NULL) {
      enter_store(region, place);
    }
  }
}

/* ---- putting in ---- */

static void free_region(kv_sched_region *region) {
  kv_list_remove(&region->dirty);
  kv_region_report_clear(&region->report);
  free(region->places);
  free(region);
}

static void take_out(kv_scheduler *s, kv_sched_region *region) {
  if (region->operator!= NULL) {
    kv_operator_end(s, region->operator, KV_OPERATOR_OUTDATED, "another region has its keys");
  }
  leave_stores(region);
  s->regions.reported -= region->reported;
  kv_treap_remove(&s->regions.by_key, &region->by_key, &region->report.region.start);
  kv_treap_remove(&s->regions.by_id, &region->by_id, &region->report.region.id);
  free_region(region);
}

static bool is_changed(const kv_region_report *old, const kv_region_report *report) {
  return !kv_epoch_equal(old->region.epoch, report->region.epoch) ||
         old->region.peer_count != report->region.peer_count;
}

static kv_sched_region *new_region(kv_scheduler *s, uint64_t id) {
  kv_sched_region *region = calloc(1, sizeof *region);
  if (region != NULL) {
    region->by_id.priority = region->by_key.priority = kv_treap_mix(id);
    region->report.region.id = id;
    kv_treap_insert(&s->regions.by_id, &region->by_id, &id);
  }
  return region;
}

static void replace(kv_scheduler *s, kv_sched_region *region, kv_region_report *report,
                    kv_place *places, bool reported) {
  if (reported && is_changed(&region->report, report) && !kv_link_is_listed(&region->dirty)) {
    kv_list_append(&s->regions.dirty, &region->dirty);
  }
  kv_region_report_clear(&region->report);
  free(region->places);
  region->report = *report;
  region->places = places;
  s->regions.reported += reported && !region->reported;
  region->reported |= reported;
  region->reported_ms = s->now;
  kv_treap_insert(&s->regions.by_key, &region->by_key, &region->report.region.start);
  enter_stores(s, region);
}

int kv_region_set_put(kv_scheduler *s, const kv_region_report *report, bool reported) {
  kv_region_report copy;
  kv_place *places = malloc((report->region.peer_count + 1) * sizeof *places);
  if (places == NULL || kv_region_report_copy(&copy, report) != KV_OK) {
    free(places);
    return KV_ENOMEM;
  }
  kv_sched_region *region = kv_region_set_find(&s->regions, copy.region.id);
  if (region != NULL) {
    leave_stores(region);
    kv_treap_remove(&s->regions.by_key, &region->by_key, &region->report.region.start);
  } else if ((region = new_region(s, copy.region.id)) == NULL) {
    kv_region_report_clear(&copy);
    free(places);
    return KV_ENOMEM;
  }
  kv_sched_region *other;
  while ((other = next_overlap(&s->regions, &copy.region, NULL)) != NULL) {
    take_out(s, other);
  }
  replace(s, region, &copy, places, reported);
  return KV_OK;
}

void kv_region_set_clear(kv_region_set *set) {
  kv_treap_node *node;
  while ((node = set->by_id.root) != NULL) {
    kv_sched_region *region = BY_ID(node);
    kv_treap_remove(&set->by_id, node, &region->report.region.id);
    leave_stores(region);
    free_region(region);
  }
  kv_region_set_init(set);
}

/* ---- what is to be seen from a report ---- */

size_t kv_region_set_holes(const kv_scheduler *s) {
  const kv_sched_region *at = kv_region_set_first(&s->regions), *before = NULL;
  size_t holes = at == NULL || at->report.region.start.len > 0;
  for (; at != NULL; before = at, at = kv_region_set_next(&s->regions, at)) {
    holes += before != NULL && !is_same_key(before->report.region.end, at->report.region.start);
  }
  return holes + (before != NULL && before->report.region.end.len > 0);
}

bool kv_sched_region_is_settled(const kv_region *region) {
  for (size_t i = 0; i < region->peer_count; i++) {
    if (region->peers[i].role != KV_PEER_VOTER && region->peers[i].role != KV_PEER_LEARNER) {
      return false;
    }
  }
  return true;
}

bool kv_sched_peer_is_healthy(const kv_sched_region *region, const kv_region_peer *peer) {
  return kv_region_report_trouble(&region->report, peer->id) == NULL;
}

const kv_region_peer *kv_sched_region_leader(const kv_sched_region *region) {
  return kv_region_find_peer(&region->report.region, region->report.leader_peer);
}
