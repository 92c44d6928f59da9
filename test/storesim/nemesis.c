/* nemesis.c - what goes wrong: power, network, processes, disks; and administrators.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cluster.h"

typedef enum act {
  CRASH_ONE,
  CRASH_LEADER,
  CRASH_ALL,
  ISOLATE_ONE,
  ISOLATE_LEADER,
  CUT_ONE_WAY,
  PART,
  PAUSE_ONE,
  PAUSE_LEADER,
  FILL_DISK,
  FILL_MAP,
  BREAK_ALL,
  HEAL_NOW,
  STOP_SCHEDULER,
  HIDE_SCHEDULER,
  SPLIT_AND_ISOLATE,
  REPLACE,
  ACTS
} act;

static unsigned any_store(ss_world *world) {
  unsigned id = 0;
  do {
    id = 1 + (unsigned)ss_below(world, world->store_count);
  } while (world->stores[id].gone);
  return id;
}

static unsigned any_leader(ss_world *world) {
  unsigned leader = ss_any_leader(world);
  return leader != 0 ? leader : any_store(world);
}

static uint64_t a_while(ss_world *world) {
  return 1 + ss_below(world, world->options.nemesis_long);
}

static void crash_all(ss_world *world) {
  uint64_t together = a_while(world);
  for (unsigned i = 1; i <= world->store_count; i++) {
    ss_crash(&world->stores[i], together + ss_below(world, together));
  }
}

static void fill_disk(ss_world *world, unsigned id) {
  if (ss_is_up(&world->stores[id])) {
    ss_tell(world, id, "has a full disk");
    world->stores[id].log.no_space = true;
    world->counts[SS_FULL_DISKS]++;
    ss_plan(world, a_while(world), SS_HEAL, id, 1, NULL);
  }
}

static void break_all(ss_world *world) {
  ss_tell(world, 0, "all connections break");
  for (unsigned from = 1; from <= world->store_count; from++) {
    for (unsigned to = 1; to <= world->store_count; to++) {
      if (from != to) {
        ss_break(world, from, to);
      }
    }
  }
}

static void cut_for_a_while(ss_world *world) {
  ss_plan(world, a_while(world), SS_HEAL, 0, 0, NULL);
}

static void forget(ss_call *call, void *owner) {
  ss_world *world = owner;
  ss_tell(world, call->store, "answers an administrator: %.*s", (int)call->len - 2, call->reply);
}

/* A leader is cut off, or dies, just when it splits its region. */
static void split_and_isolate(ss_world *world) {
  enum { SOON = 100 * SS_MS };
  unsigned leader = ss_any_leader(world);
  if (leader == 0 || world->stores[leader].paused_until > world->now) {
    return;
  }
  for (size_t i = 0; i < world->check.region_count; i++) {
    uint64_t region_id = world->check.regions[i].region.id;
    if (ss_leader(world, region_id, NULL) == leader) {
      ss_tell(world, leader, "is asked to split region %llu, and will not be alone for long",
              (unsigned long long)region_id);
      (void)ss_administrate(&world->stores[leader], SS_HALVE, region_id, leader, 2000, forget,
                            world);
      ss_plan(world, 1 + ss_below(world, SOON), SS_HEAL, leader, 2 + ss_below(world, 2), NULL);
      return;
    }
  }
}

/* Every region can do without that store for good, even if one more member is just leaving. */
static bool is_dispensable(const ss_world *world, const ss_store *store) {
  enum { VOTERS_LEFT = 4 };
  for (size_t i = 0; i < world->check.region_count; i++) {
    const kv_region *region = &world->check.regions[i].region;
    unsigned voters = 0;
    for (size_t k = 0; k < region->peer_count; k++) {
      voters += region->peers[k].role == KV_PEER_VOTER;
    }
    if (kv_region_find_store(region, store->kv_id) != NULL && voters < VOTERS_LEFT) {
      return false;
    }
  }
  return store->kv_id != 0 && world->check.region_count > 0;
}

/* Its disk is lost; an empty store comes in its place, under an id of its own. Once in a run. */
static void replace(ss_world *world, unsigned id) {
  ss_store *store = &world->stores[id];
  if (world->scheduler == NULL || world->store_count == SS_STORES ||
      world->counts[SS_REPLACED] > 0 || !ss_is_up(store) || !is_dispensable(world, store)) {
    return;
  }
  ss_tell(world, id, "is lost for good");
  world->counts[SS_REPLACED]++;
  ss_crash(store, UINT64_MAX);
  store->gone = true;
  ss_check_forget(&world->check, id);
  ss_start(&world->stores[ss_add_store(world, true)]);
}

static void perform(ss_world *world, act what) {
  uint64_t down = 1 + ss_below(world, world->options.down_most);
  switch (what) {
  case CRASH_ONE: ss_crash(&world->stores[any_store(world)], down); break;
  case CRASH_LEADER: ss_crash(&world->stores[any_leader(world)], down); break;
  case CRASH_ALL: crash_all(world); break;
  case ISOLATE_ONE:
    ss_isolate(world, any_store(world));
    cut_for_a_while(world);
    break;
  case ISOLATE_LEADER:
    ss_isolate(world, any_leader(world));
    cut_for_a_while(world);
    break;
  case CUT_ONE_WAY:
    ss_cut(world, any_store(world), any_store(world));
    cut_for_a_while(world);
    break;
  case PART:
    ss_split(world, (uint32_t)ss_below(world, UINT32_C(2) << world->store_count));
    cut_for_a_while(world);
    break;
  case PAUSE_ONE: ss_pause(&world->stores[any_store(world)], a_while(world)); break;
  case PAUSE_LEADER: ss_pause(&world->stores[any_leader(world)], a_while(world)); break;
  case FILL_DISK: fill_disk(world, any_store(world)); break;
  case FILL_MAP:
    world->stores[any_store(world)].model.full_commits = 1 + (unsigned)ss_below(world, 4);
    break;
  case BREAK_ALL: break_all(world); break;
  case HEAL_NOW: ss_heal(world); break;
  case STOP_SCHEDULER: ss_scheduler_stop(world, a_while(world)); break;
  case HIDE_SCHEDULER:
    ss_cut(world, 0, any_store(world));
    cut_for_a_while(world);
    break;
  case SPLIT_AND_ISOLATE: split_and_isolate(world); break;
  case REPLACE: replace(world, any_store(world)); break;
  case ACTS: break;
  }
}

static void plan_next(ss_world *world) {
  ss_plan(world, 1 + ss_below(world, 2 * world->options.nemesis_every), SS_NEMESIS, 0, 0, NULL);
}

void ss_nemesis_start(ss_world *world) {
  if (world->options.nemesis_every > 0) {
    plan_next(world);
  }
  if (world->options.admin_every > 0) {
    ss_plan(world, 1 + ss_below(world, 2 * world->options.admin_every), SS_ADMIN, 0, 0, NULL);
  }
}

void ss_nemesis_event(ss_world *world, const sim_event *event) {
  if (event->kind == SS_HEAL) {
    if (event->number == 2) {
      ss_isolate(world, event->target);
      cut_for_a_while(world);
    } else if (event->number == 3) {
      ss_crash(&world->stores[event->target], 1 + ss_below(world, world->options.down_most));
    } else if (event->number == 1) {
      world->stores[event->target].log.no_space = false;
      ss_touch(&world->stores[event->target]);
    } else {
      ss_heal(world);
    }
    return;
  }
  if (world->calm) {
    return;
  }
  act what = (act)ss_below(world, ACTS);
  if ((world->options.nemesis_set >> what & 1) != 0) {
    perform(world, what);
  }
  plan_next(world);
}

/* ---- administrators ---- */

static void ask(ss_world *world, ss_store *by, const kv_region *region) {
  static const char *const names[] = {"hand over to", "add", "remove", "cut the log, not of",
                                      "halve it, not on"};
  unsigned whom = any_store(world);
  ss_admin_kind kind = (ss_admin_kind)ss_below(world, 5);
  if (kind == SS_REMOVE_PEER && region->peer_count < 3) {
    kind = SS_ADD_PEER;
  }
  ss_tell(world, by->id, "is asked about region %llu to %s s%u", (unsigned long long)region->id,
          names[kind], whom);
  (void)ss_administrate(by, kind, region->id, whom, 100 + ss_below(world, 5000), forget, world);
}

void ss_admin_event(ss_world *world) {
  if (world->calm) {
    return;
  }
  ss_store *by = &world->stores[any_store(world)];
  if (ss_is_up(by) && world->check.region_count > 0) {
    ask(world, by, &world->check.regions[ss_below(world, world->check.region_count)].region);
  }
  ss_plan(world, 1 + ss_below(world, 2 * world->options.admin_every), SS_ADMIN, 0, 0, NULL);
}
