/* options.c - the swarm: each seed draws what it will meet.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"

enum { MS = 1000 };

/* ---- drawing ---- */

/* One of the values, all equally likely. */
static uint64_t one_of(sim_random *random, const uint64_t *values, size_t count) {
  return values[sim_random_below(random, count)];
}
#define ONE_OF(random, ...)                         \
  one_of((random), (const uint64_t[]){__VA_ARGS__}, \
         sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* 0 half of the time, so that kinds of faults are often absent; else up to `most`, small ones more
 * often. */
static uint64_t sometimes(sim_random *random, uint64_t most) {
  if (sim_random_chance(random, SIM_CERTAIN / 2)) {
    return 0;
  }
  uint64_t limit = sim_random_between(random, 1, most);
  return sim_random_between(random, 1, limit);
}

static void draw_group(sim_options *o, sim_random *r) {
  static const uint32_t SIZES[] = {0, 4, 6, 40, 10, 25, 5, 8};
  o->nodes = sim_random_pick(r, SIZES, sizeof SIZES / sizeof SIZES[0]);
  o->learners = sim_random_chance(r, 200000) ? 1 : 0;
  o->bootstrap = sim_random_below(r, 2);
  o->async = ONE_OF(r, 0, 0, 1, 1, 2);
  o->wire = sim_random_chance(r, 150000);
  o->mixed_limits = sim_random_chance(r, 300000);
}

static void draw_time(sim_options *o, sim_random *r) {
  o->steps = sim_random_between(r, 1000, 3000);
  o->tick = ONE_OF(r, 10 * MS, 50 * MS, 100 * MS);
  o->drift = sometimes(r, 300000);
  o->jitter = sometimes(r, 500000);
}

static void draw_network(sim_options *o, sim_random *r) {
  sim_network_faults *n = &o->network;
  n->drop = (uint32_t)sometimes(r, 200000);
  n->duplicate = (uint32_t)sometimes(r, 200000);
  n->slow = (uint32_t)sometimes(r, 100000);
  n->delay_least = o->tick / 100;
  n->delay_most = o->tick / ONE_OF(r, 1, 2, 5, 20);
  n->slow_most = o->tick * ONE_OF(r, 3, 10, 40);
  n->in_order = sim_random_chance(r, 300000);
  o->unreachable = ONE_OF(r, 0, 100000, 500000, SIM_CERTAIN);
  o->lost_reports = ONE_OF(r, 0, 100000, 500000);
}

static void draw_disk(sim_options *o, sim_random *r) {
  sim_disk_faults *d = &o->disk;
  d->sync_least = 50;
  d->sync_most = o->tick / ONE_OF(r, 1, 5, 50);
  d->slow = (uint32_t)sometimes(r, 50000);
  d->slow_most = o->tick * ONE_OF(r, 3, 20);
  d->fail_write = (uint32_t)sometimes(r, 10000);
  d->fail_read = (uint32_t)sometimes(r, 10000);
  d->survive = (uint32_t)ONE_OF(r, 0, 500000, SIM_CERTAIN);
  o->crash_between = sometimes(r, 10000);
  o->step_between = ONE_OF(r, 0, 50000, 300000, SIM_CERTAIN);
  o->work_delay = ONE_OF(r, 0, o->tick / 20, o->tick / 2);
  o->apply_most = ONE_OF(r, o->tick / 50, o->tick / 2, o->tick * 3);
  o->no_snapshot = sometimes(r, 300000);
}

static void draw_nemesis(sim_options *o, sim_random *r) {
  o->nemesis_every = o->tick * ONE_OF(r, 0, 5, 15, 15, 40, 40, 100);
  o->nemesis_long = o->tick * ONE_OF(r, 10, 30, 80);
  o->nemesis_set = sim_random_next(r);
  if (sim_random_chance(r, 400000)) {
    o->nemesis_set = UINT64_MAX;
  }
}

static void draw_work(sim_options *o, sim_random *r) {
  o->client_every = o->tick / ONE_OF(r, 1, 2, 4, 8) + 1;
  o->reads = ONE_OF(r, 0, 200000, 500000, 800000);
  o->batches = ONE_OF(r, 0, 200000);
  o->payload_most = ONE_OF(r, 8, 64, 600);
  o->to_leader = ONE_OF(r, 0, 500000, 900000);
  o->admin_every = o->tick * ONE_OF(r, 0, 0, 10, 30, 60);
  o->joint = ONE_OF(r, 0, 300000, SIM_CERTAIN);
  o->keep = ONE_OF(r, 0, 30000, 200000, SIM_CERTAIN);
  o->compact = ONE_OF(r, 0, 200000, SIM_CERTAIN);
  o->retain = ONE_OF(r, 0, 5, 50);
  o->snapshot_of_now = sim_random_below(r, 2);
}

static void draw_limits(sim_options *o, sim_random *r) {
  raft_config *c = &o->config;
  c->max_size_per_message = ONE_OF(r, 0, 1, 50, 300, 1000, UINT64_C(1) << 20, RAFT_NO_LIMIT);
  c->max_committed_size_per_ready = ONE_OF(r, 0, 1, 100, 1000, RAFT_NO_LIMIT);
  c->max_uncommitted_size = ONE_OF(r, 0, 0, 1, 200, 2000);
  c->max_inflight_messages = (uint32_t)ONE_OF(r, 1, 2, 8, 256);
  c->max_inflight_bytes = 0;
  if (c->max_size_per_message < 10000 && sim_random_chance(r, 300000)) {
    c->max_inflight_bytes = c->max_size_per_message + ONE_OF(r, 1, 100, 1000);
  }
  c->max_pending_reads = (uint32_t)ONE_OF(r, 0, 1, 4, 4096);
}

/* A lease rests on clocks that run alike, see decisions.md: what breaks that is off. */
static void keep_lease_bound(sim_options *o) {
  o->config.check_quorum = true;
  o->drift = 0;
  o->jitter = 0;
}

static void draw_config(sim_options *o, sim_random *r) {
  raft_config *c = &o->config;
  raft_config_init(c);
  c->election_ticks = (uint32_t)ONE_OF(r, 3, 5, 10, 10, 20);
  c->heartbeat_ticks = (uint32_t)ONE_OF(r, 1, 1, 2);
  c->snapshot_timeout_ticks = (uint32_t)ONE_OF(r, 20, 50, 200);
  c->check_quorum = sim_random_below(r, 4) != 0;
  c->pre_vote = sim_random_below(r, 3) != 0;
  c->disable_proposal_forwarding = sim_random_chance(r, 150000);
  c->disable_conf_change_validation = sim_random_chance(r, 150000);
  c->step_down_on_removal = sim_random_below(r, 2) == 0;
  c->silent_read_drops = sim_random_chance(r, 100000);
  draw_limits(o, r);
  if (sim_random_chance(r, 400000)) {
    c->read_only = RAFT_READ_ONLY_LEASE_BASED;
    c->election_ticks *= c->election_ticks < 10 ? 2 : 1; /* a short lease is of no use */
    keep_lease_bound(o);
  }
}

/* What etcd-io/raft does not have. Drawn last, so that the rest of a seed is what it was without.
 */
static void draw_beyond(sim_options *o, sim_random *r) {
  raft_config *c = &o->config;
  c->hand_over_on_removal = sim_random_below(r, 2) == 0;
  c->batch_append = sim_random_below(r, 3) == 0;
  c->skip_commit_broadcast = sim_random_below(r, 3) == 0;
  c->commit_in_votes = sim_random_below(r, 2) == 0;
  o->priorities = sim_random_below(r, 3) == 0 ? sim_random_next(r) : 0;
  c->max_unpersisted_apply = (uint32_t)ONE_OF(r, 0, 0, 0, 1, 10);
  o->group_commit = sim_random_chance(r, 100000);
  o->repeats = ONE_OF(r, 0, 500000, SIM_CERTAIN);
  o->late_copies = ONE_OF(r, 0, 300000, SIM_CERTAIN);
}

void sim_options_draw(sim_options *options, uint64_t seed) {
  sim_random random;
  memset(options, 0, sizeof *options);
  sim_random_seed(&random, seed);
  options->seed = seed;
  draw_group(options, &random);
  draw_time(options, &random);
  draw_network(options, &random);
  draw_disk(options, &random);
  draw_nemesis(options, &random);
  draw_work(options, &random);
  draw_config(options, &random);
  draw_beyond(options, &random);
}

/* ---- by name ---- */

typedef enum width { U64, U32, FLAG, READ_ONLY } width;

typedef struct option {
  const char *name;
  const char *about;
  size_t offset;
  width width;
  uint64_t least;
  uint64_t most;
} option;

#define AT(field)     offsetof(sim_options, field)
#define ANY(field)    AT(field), U64, 0, UINT64_MAX
#define BOOL64(field) AT(field), U64, 0, 1
#define PPM64(field)  AT(field), U64, 0, SIM_CERTAIN
#define PPM32(field)  AT(field), U32, 0, SIM_CERTAIN
#define ANY32(field)  AT(field), U32, 0, UINT32_MAX
#define BOOL(field)   AT(field), FLAG, 0, 1

static const option OPTIONS[] = {
    {"steps", "events of the phase with faults", AT(steps), U64, 1, UINT32_MAX},
    {"nodes", "voters at the start", AT(nodes), U64, 1, 7},
    {"learners", "learners at the start", AT(learners), U64, 0, 3},
    {"bootstrap", "1: begin by bootstrap, 0: with a snapshot", BOOL64(bootstrap)},
    {"async", "storage: 0 synchronous, 1 asynchronous, 2 of both kinds", AT(async), U64, 0, 2},
    {"wire", "1: messages are encoded and decoded", BOOL64(wire)},
    {"mixed-limits", "1: limits differ between nodes", BOOL64(mixed_limits)},
    {"tick", "microseconds between two ticks", AT(tick), U64, 1000, 10000000},
    {"drift", "how unequal clocks are, ppm", AT(drift), U64, 0, 500000},
    {"jitter", "how uneven ticks come, ppm", AT(jitter), U64, 0, 500000},
    {"drop", "lost messages, ppm", PPM32(network.drop)},
    {"duplicate", "messages that come twice, ppm", PPM32(network.duplicate)},
    {"slow", "messages that are late, ppm", PPM32(network.slow)},
    {"in-order", "1: no message overtakes", BOOL(network.in_order)},
    {"fail-write", "writes that fail, ppm", PPM32(disk.fail_write)},
    {"fail-read", "reads that fail, ppm", PPM32(disk.fail_read)},
    {"slow-disk", "writes that are slow, ppm", PPM32(disk.slow)},
    {"survive", "crashes that leave a part of what was not synced, ppm", PPM32(disk.survive)},
    {"crash", "crashes between two calls, ppm", PPM64(crash_between)},
    {"interleave", "other events between two calls of a Ready, ppm", PPM64(step_between)},
    {"no-snapshot", "snapshots that are not there just now, ppm", PPM64(no_snapshot)},
    {"lost-reports", "snapshots whose end is not reported, ppm", PPM64(lost_reports)},
    {"unreachable", "lost messages that are reported, ppm", PPM64(unreachable)},
    {"repeats", "new leaders that send older parts of their log first, ppm", PPM64(repeats)},
    {"late-copies", "snapshots that come once more, much later, ppm", PPM64(late_copies)},
    {"nemesis", "microseconds between acts of the nemesis, 0: none", ANY(nemesis_every)},
    {"nemesis-set", "which acts it knows, as bits", ANY(nemesis_set)},
    {"clients", "microseconds between requests", AT(client_every), U64, 1, UINT32_MAX},
    {"reads", "requests that are reads, ppm", PPM64(reads)},
    {"admin", "microseconds between changes of membership, 0: none", ANY(admin_every)},
    {"joint", "changes that are of the general form, ppm", PPM64(joint)},
    {"keep", "how often the state machine is kept, ppm", PPM64(keep)},
    {"compact", "how often the log is then cut, ppm", PPM64(compact)},
    {"election-ticks", "raft_config.election_ticks", AT(config.election_ticks), U32, 3, 1000},
    {"max-size", "raft_config.max_size_per_message", ANY(config.max_size_per_message)},
    {"max-uncommitted", "raft_config.max_uncommitted_size", ANY(config.max_uncommitted_size)},
    {"max-reads", "raft_config.max_pending_reads", ANY32(config.max_pending_reads)},
    {"check-quorum", "raft_config.check_quorum", BOOL(config.check_quorum)},
    {"pre-vote", "raft_config.pre_vote", BOOL(config.pre_vote)},
    {"lease", "1: reads by lease, on equal clocks", AT(config.read_only), READ_ONLY, 0, 1},
    {"step-down", "raft_config.step_down_on_removal", BOOL(config.step_down_on_removal)},
    {"hand-over", "raft_config.hand_over_on_removal", BOOL(config.hand_over_on_removal)},
    {"batch", "raft_config.batch_append", BOOL(config.batch_append)},
    {"skip-commit", "raft_config.skip_commit_broadcast", BOOL(config.skip_commit_broadcast)},
    {"commit-in-votes", "raft_config.commit_in_votes", BOOL(config.commit_in_votes)},
    {"unpersisted", "raft_config.max_unpersisted_apply", ANY32(config.max_unpersisted_apply)},
    {"group-commit", "1: voters are in two commit groups", BOOL64(group_commit)},
    {"priorities", "raft_config.priority of each node, two bits each", ANY(priorities)},
};
enum { OPTION_COUNT = sizeof OPTIONS / sizeof OPTIONS[0] };

static void store(sim_options *options, const option *which, uint64_t value) {
  char *at = (char *)options + which->offset;
  uint32_t small = (uint32_t)value;
  bool flag = value != 0;
  raft_read_only_option read_only = value != 0 ? RAFT_READ_ONLY_LEASE_BASED : RAFT_READ_ONLY_SAFE;
  switch (which->width) {
  case U64: memcpy(at, &value, sizeof value); break;
  case U32: memcpy(at, &small, sizeof small); break;
  case FLAG: memcpy(at, &flag, sizeof flag); break;
  case READ_ONLY:
    memcpy(at, &read_only, sizeof read_only);
    if (flag) {
      keep_lease_bound(options);
    }
    break;
  }
}

static uint64_t load(const sim_options *options, const option *which) {
  const char *at = (const char *)options + which->offset;
  uint64_t value = 0;
  uint32_t small = 0;
  bool flag = false;
  switch (which->width) {
  case U64: memcpy(&value, at, sizeof value); return value;
  case U32: memcpy(&small, at, sizeof small); return small;
  case FLAG: memcpy(&flag, at, sizeof flag); return flag;
  case READ_ONLY: return options->config.read_only == RAFT_READ_ONLY_LEASE_BASED;
  }
  return 0;
}

sim_option_error sim_options_set(sim_options *options, const char *name, const char *value) {
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    if (strcmp(OPTIONS[i].name, name) != 0) {
      continue;
    }
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || value[0] < '0' || value[0] > '9') {
      return SIM_OPTION_NOT_A_NUMBER;
    }
    if (number < OPTIONS[i].least || number > OPTIONS[i].most) {
      return SIM_OPTION_OUT_OF_RANGE;
    }
    store(options, &OPTIONS[i], number);
    return SIM_OPTION_OK;
  }
  return SIM_OPTION_UNKNOWN;
}

bool sim_options_describe(size_t position, const char **name, const char **about) {
  if (position >= OPTION_COUNT) {
    return false;
  }
  *name = OPTIONS[position].name;
  *about = OPTIONS[position].about;
  return true;
}

uint64_t sim_options_get(const sim_options *options, size_t position) {
  return load(options, &OPTIONS[position]);
}
