/* links.c - connections between stores, as the real transport gives them.
 *
 * A connection is one way. Its frames come in order and at most once; when it breaks, all that is
 * under way is lost and the sender is told. A cut holds frames up until it is healed or the
 * connection is given up, so what was sent long ago may arrive after a partition. Beyond that the
 * options may lose, double and reorder single frames, which is more than a connection does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "cluster.h"

/* ---- frames under way ---- */

static void push(ss_link *link, ss_frame *frame) {
  frame->next = NULL;
  if (link->first == NULL) {
    link->first = frame;
  } else {
    link->last->next = frame;
  }
  link->last = frame;
}

static ss_frame *pop(ss_link *link) {
  ss_frame *frame = link->first;
  if (frame != NULL) {
    link->first = frame->next;
  }
  return frame;
}

static void free_frame(ss_frame *frame) {
  raft_buf_release(frame->bytes);
  free(frame);
}

static void empty(ss_link *link) {
  ss_frame *frame;
  while ((frame = pop(link)) != NULL) {
    free_frame(frame);
  }
  link->stalled = 0;
}

/* ---- sending ---- */

static ss_frame *make_frame(kv_frame_type type, const raft_bytes *parts, size_t count) {
  ss_frame *frame = sim_zeroed(1, sizeof *frame);
  size_t len = 0, at = 0;
  void *data = NULL;
  for (size_t i = 0; i < count; i++) {
    len += parts[i].len;
  }
  frame->type = type;
  frame->bytes = raft_buf_create(NULL, len, &data);
  for (size_t i = 0; i < count; i++) {
    if (parts[i].len > 0) {
      memcpy((unsigned char *)data + at, parts[i].data, parts[i].len);
    }
    at += parts[i].len;
  }
  return frame;
}

static ss_frame *copy_frame(const ss_frame *frame) {
  ss_frame *copy = sim_zeroed(1, sizeof *copy);
  *copy = (ss_frame){NULL, frame->type, raft_buf_retain(frame->bytes)};
  return copy;
}

void ss_break(ss_world *world, unsigned from, unsigned to) {
  enum { NOTICE = 20 * SS_MS };
  ss_link *link = &world->links[from][to];
  empty(link);
  world->counts[SS_BROKEN]++;
  if (!link->breaking) {
    link->breaking = true;
    ss_plan(world, ss_below(world, NOTICE), SS_BREAK, to, from, NULL);
  }
}

static bool is_lost(ss_store *store, kv_frame_type type, unsigned to) {
  ss_world *world = store->world;
  bool raft = type == KV_FRAME_RAFT || type == KV_FRAME_BEATS;
  if (!ss_fault(world, world->options.drop)) {
    return false;
  }
  world->counts[SS_LOST]++;
  if (!raft || ss_below(world, 4) == 0) { /* nobody repeats it: the sender must know */
    ss_plan(world, ss_below(world, SS_MS), SS_BREAK, to, store->id, NULL);
  }
  return true;
}

static uint64_t delay(ss_world *world) {
  const ss_options *options = &world->options;
  uint64_t most = ss_fault(world, options->slow) ? options->slow_most : options->delay_most;
  uint64_t least = options->delay_least < most ? options->delay_least : most;
  return sim_random_between(&world->random, least, most);
}

static void send_frame(ss_store *store, unsigned to, ss_frame *frame) {
  ss_world *world = store->world;
  ss_link *link = &world->links[store->id][to];
  push(link, frame);
  ss_plan(world, delay(world), SS_FRAME, to, store->id, NULL);
  bool raft = frame->type == KV_FRAME_RAFT || frame->type == KV_FRAME_BEATS;
  if (raft && ss_fault(world, world->options.duplicate)) {
    world->counts[SS_DUPLICATED]++;
    push(link, copy_frame(frame));
    ss_plan(world, delay(world), SS_FRAME, to, store->id, NULL);
  }
}

static int transport_send(void *ctx, uint64_t to_id, const char *address, kv_frame_type type,
                          const raft_bytes *parts, size_t count) {
  ss_store *store = ctx;
  ss_world *world = store->world;
  (void)address;
  if (!ss_spend(store)) {
    return KV_OK;
  }
  const ss_store *receiver = ss_by_kv_id(world, to_id);
  if (receiver == NULL || receiver == store) {
    return KV_EBUSY;
  }
  unsigned to = receiver->id;
  if (ss_fault(world, world->options.refused)) {
    world->counts[SS_LOST]++;
    return KV_EBUSY;
  }
  if (is_lost(store, type, to)) {
    return KV_OK;
  }
  if (ss_fault(world, world->options.breaks)) {
    ss_break(world, store->id, to);
    return KV_OK;
  }
  send_frame(store, to, make_frame(type, parts, count));
  return KV_OK;
}

kv_transport_device ss_transport_device(ss_store *store) {
  return (kv_transport_device){store, transport_send};
}

/* ---- arriving ---- */

/* Another one than the first, sometimes. */
static ss_frame *take(ss_world *world, ss_link *link) {
  if (link->first != NULL && link->first->next != NULL && ss_fault(world, world->options.reorder)) {
    ss_frame *first = pop(link);
    push(link, first);
    world->counts[SS_OVERTAKEN]++;
  }
  return pop(link);
}

void ss_frame_event(ss_world *world, unsigned from, unsigned to) {
  ss_link *link = &world->links[from][to];
  ss_store *store = &world->stores[to];
  if (link->first == NULL) {
    return;
  }
  if (sim_network_is_cut(&world->network, from, to)) {
    link->stalled++;
    if (world->options.stalls == 0) {
      ss_break(world, from, to);
    }
    return;
  }
  if (!ss_is_up(store)) {
    ss_break(world, from, to);
    return;
  }
  if (store->paused_until > world->now) {
    ss_plan(world, store->paused_until - world->now, SS_FRAME, to, from, NULL);
    return;
  }
  ss_frame *frame = take(world, link);
  raft_bytes payload = {raft_buf_data(frame->bytes), raft_buf_len(frame->bytes), frame->bytes};
  kv_store_receive(store->store, world->stores[from].kv_id, frame->type, payload);
  free_frame(frame);
  ss_touch(store);
}

void ss_break_event(ss_world *world, unsigned from, unsigned to) {
  ss_store *store = &world->stores[from];
  world->links[from][to].breaking = false;
  if (ss_is_up(store)) {
    kv_store_unreachable(store->store, world->stores[to].kv_id);
    ss_touch(store);
  }
}

void ss_links_crash(ss_world *world, unsigned store) {
  for (unsigned i = 1; i <= world->store_count; i++) {
    if (i != store) {
      empty(&world->links[store][i]);
      if (world->links[i][store].first != NULL) {
        ss_break(world, i, store);
      }
    }
  }
}

/* ---- cuts ---- */

/* Some connections are given up at once, the others wait. */
static void give_up(ss_world *world, unsigned from, unsigned to) {
  if (sim_network_is_cut(&world->network, from, to) &&
      !sim_random_chance(&world->random, world->options.stalls)) {
    ss_break(world, from, to);
  }
}

static void after_cut(ss_world *world) {
  world->counts[SS_PARTITIONS]++;
  for (unsigned from = 1; from <= world->store_count; from++) {
    for (unsigned to = 1; to <= world->store_count; to++) {
      give_up(world, from, to);
    }
  }
}

void ss_cut(ss_world *world, unsigned from, unsigned to) {
  ss_tell(world, 0, "the way from s%u to s%u is cut", from, to);
  sim_network_cut(&world->network, from, to);
  after_cut(world);
}

void ss_split(ss_world *world, uint32_t set) {
  ss_tell(world, 0, "the network parts: %x and the others", set);
  sim_network_split(&world->network, set);
  after_cut(world);
}

void ss_isolate(ss_world *world, unsigned store) {
  ss_split(world, UINT32_C(1) << store);
}

void ss_heal(ss_world *world) {
  ss_tell(world, 0, "the network is whole");
  sim_network_heal(&world->network);
  for (unsigned from = 1; from <= world->store_count; from++) {
    for (unsigned to = 1; to <= world->store_count; to++) {
      ss_link *link = &world->links[from][to];
      for (; link->stalled > 0; link->stalled--) {
        ss_plan(world, delay(world), SS_FRAME, to, from, NULL);
      }
    }
  }
}

void ss_links_free(ss_world *world) {
  for (unsigned from = 0; from <= SS_STORES; from++) {
    for (unsigned to = 0; to <= SS_STORES; to++) {
      empty(&world->links[from][to]);
    }
  }
}
