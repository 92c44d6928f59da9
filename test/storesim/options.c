/* options.c - a calm cluster, and one of which everything is drawn.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "options.h"

enum { MS = 1000, SECOND = 1000000 };

void ss_options_init(ss_options *options, uint64_t seed) {
  *options = (ss_options){
      .seed = seed,
      .stores = 5,
      .members = 5,
      .tick_ms = 50,
      .election_ticks = 10,
      .hibernate_ms = 5000,
      .max_batch_bytes = 1 << 20,
      .max_inflight_bytes = 32 << 20,
      .replicas = 3,
      .store_down_ms = 10000,
      .drift = 1000,
      .delay_least = 100,
      .delay_most = 2 * MS,
      .stalls = SIM_CERTAIN / 2,
      .disk = {.sync_least = 100, .sync_most = 2 * MS, .survive = SIM_CERTAIN / 2},
      .apply_least = 100,
      .apply_most = 2 * MS,
      .apply_batch = 64,
      .read_most = MS,
      .generation_age = 200 * MS,
      .flush_most = 200,
      .job_most = 5 * MS,
      .chunks = 4,
      .think_most = 80 * MS,
      .timeout_ms = 5000,
      .down_most = 2 * SECOND,
      .keys = 8,
      .lasts = 10 * SECOND,
  };
}

/* Most kinds of fault are absent from most runs. */
static uint32_t some(sim_random *random, uint32_t most) {
  return sim_random_below(random, 3) == 0 ? (uint32_t)sim_random_between(random, 1, most) : 0;
}

static uint64_t one_of(sim_random *random, const uint64_t *values, size_t count) {
  return values[sim_random_below(random, count)];
}

static void draw_cluster(ss_options *options, sim_random *random) {
  static const uint64_t gc[] = {0, 5, 20, 100, 1000};
  static const uint64_t quiet[] = {0, 100, 400, 2000, 5000};
  options->stores = (unsigned)sim_random_between(random, 3, 6);
  unsigned most = options->stores < 5 ? options->stores : 5;
  options->members = (unsigned)sim_random_between(random, 1, most);
  options->election_ticks = (uint32_t)sim_random_between(random, 5, 12);
  options->log_gc_entries = one_of(random, gc, sizeof gc / sizeof *gc);
  options->hibernate_ms = (uint32_t)one_of(random, quiet, sizeof quiet / sizeof *quiet);
  options->max_batch_bytes = (size_t)sim_random_between(random, 20, 2000);
  options->max_inflight_bytes =
      sim_random_below(random, 4) == 0 ? (size_t)sim_random_between(random, 100, 4000) : 1 << 20;
  options->drift = (uint32_t)sim_random_below(random, 20000);
}

static void draw_scheduler(ss_options *options, sim_random *random) {
  static const uint64_t sizes[] = {0, 200, 400, 1000, 3000};
  options->scheduler = sim_random_below(random, 4) != 0;
  options->replicas = 1 + 2 * sim_random_below(random, 3);
  options->store_down_ms = sim_random_between(random, 2100, 20000);
  options->region_max_bytes = one_of(random, sizes, sizeof sizes / sizeof *sizes);
  options->region_split_bytes = options->region_max_bytes * 2 / 3;
  options->late_advice = some(random, 50000);
}

static void draw_network(ss_options *options, sim_random *random) {
  static const uint64_t most[] = {500, 2 * MS, 10 * MS, 50 * MS};
  options->delay_least = sim_random_below(random, 500);
  options->delay_most = options->delay_least + one_of(random, most, sizeof most / sizeof *most);
  options->slow = some(random, 50000);
  options->slow_most = sim_random_between(random, 10 * MS, SECOND);
  options->drop = some(random, 150000);
  options->duplicate = some(random, 100000);
  options->reorder = some(random, 300000);
  options->breaks = some(random, 10000);
  options->stalls = (uint32_t)sim_random_below(random, SIM_CERTAIN);
  options->refused = some(random, 20000);
}

/* LMDB is slow, even where fsync costs nothing. */
static void draw_engine(ss_options *options, sim_random *random) {
  static const uint32_t weights[] = {
      [SS_MODEL] = 12, [SS_OVERLAY] = 12, [SS_LMDB] = 1, [SS_OVERLAY_LMDB] = 1};
  options->engine =
      (ss_engine_kind)sim_random_pick(random, weights, sizeof weights / sizeof *weights);
  options->generation_age = sim_random_between(random, MS, SECOND);
}

static void draw_devices(ss_options *options, sim_random *random) {
  static const uint64_t most[] = {200, MS, 5 * MS, 30 * MS};
  size_t count = sizeof most / sizeof *most;
  options->disk = (sim_disk_faults){.sync_least = 50,
                                    .sync_most = 50 + one_of(random, most, count),
                                    .slow = some(random, 20000),
                                    .slow_most = 400 * MS,
                                    .survive = SIM_CERTAIN / 2};
  options->apply_least = 50;
  options->apply_most = 50 + one_of(random, most, count);
  options->apply_batch = (unsigned)sim_random_between(random, 1, 16);
  options->read_most = one_of(random, most, count);
  options->flush_most = one_of(random, most, count) / 4;
  options->log_queue = some(random, 4);
  options->task_queue = some(random, 4);
  draw_engine(options, random);
  options->job_most = one_of(random, most, count) * 4;
  options->chunks = (unsigned)sim_random_between(random, 1, 8);
  options->lose_chunk = some(random, 100000);
  options->corrupt_chunk = some(random, 100000);
  options->lose_receipt = some(random, 100000);
}

void ss_options_draw(ss_options *options, uint64_t seed) {
  sim_random random;
  sim_random_seed(&random, seed ^ UINT64_C(0x73746f7265));
  ss_options_init(options, seed);
  draw_cluster(options, &random);
  draw_scheduler(options, &random);
  draw_network(options, &random);
  draw_devices(options, &random);
  options->crash_between = some(&random, 300);
  options->down_most = sim_random_between(&random, 10 * MS, 4 * SECOND);
  options->nemesis_every = sim_random_between(&random, 200 * MS, 2 * SECOND);
  options->nemesis_long = sim_random_between(&random, 50 * MS, 4 * SECOND);
  options->nemesis_set = (uint32_t)sim_random_next(&random);
  options->admin_every = sim_random_between(&random, 100 * MS, 2 * SECOND);
  options->clients = (unsigned)sim_random_between(&random, 1, 8);
  options->pad = (unsigned)some(&random, 150);
  options->keys = (unsigned)sim_random_between(&random, 2, 12);
  options->think_most = sim_random_between(&random, 5 * MS, 100 * MS);
  options->timeout_ms = sim_random_between(&random, 500, 8000);
  options->lasts = sim_random_between(&random, 3 * SECOND, 12 * SECOND);
}
