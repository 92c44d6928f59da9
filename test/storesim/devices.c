/* devices.c - the log and the state machine of a simulated store: both take their time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "cluster.h"

/* ---- log ---- */

static void log_start(ss_store *store) {
  uint64_t durable_at = 0;
  if (store->log_batch == 0 && store->log.write_count > 0) {
    store->log_batch = store->log.write_count;
    (void)sim_disk_write(&store->disk, store->world->now, &durable_at);
    ss_plan(store->world, durable_at - store->world->now, SS_LOG, store->id, store->generation,
            NULL);
  }
}

static int log_write(void *ctx, const kv_log_change *changes, size_t count, uint64_t token) {
  ss_store *store = ctx;
  (void)ss_spend(store);
  kv_log_device inner = world_log_device(&store->log);
  int rc = inner.write(inner.ctx, changes, count, token);
  if (rc == KV_OK && !store->burnt) {
    log_start(store);
  }
  return rc;
}

static int log_bounds(void *ctx, uint64_t region_id, kv_log_bounds *bounds) {
  kv_log_device inner = world_log_device(&((ss_store *)ctx)->log);
  return inner.bounds(inner.ctx, region_id, bounds);
}

static int log_term(void *ctx, uint64_t region_id, uint64_t index, uint64_t *term) {
  kv_log_device inner = world_log_device(&((ss_store *)ctx)->log);
  return inner.term(inner.ctx, region_id, index, term);
}

static int log_entries(void *ctx, uint64_t region_id, uint64_t lo, uint64_t hi, uint64_t max_bytes,
                       raft_entry *out, size_t *count) {
  kv_log_device inner = world_log_device(&((ss_store *)ctx)->log);
  return inner.entries(inner.ctx, region_id, lo, hi, max_bytes, out, count);
}

static int log_each_region(void *ctx, int (*visit)(void *arg, uint64_t region_id), void *arg) {
  kv_log_device inner = world_log_device(&((ss_store *)ctx)->log);
  return inner.each_region(inner.ctx, visit, arg);
}

void ss_log_event(ss_store *store) {
  uint64_t token = 0;
  size_t batch = store->log_batch;
  store->log_batch = 0;
  for (; batch > 0 && world_log_sync(&store->log, &token); batch--) {
    kv_store_log_written(store->store, token, KV_OK);
  }
  ss_touch(store);
  if (!ss_may_crash(store)) {
    log_start(store);
  }
}

/* ---- state machine: writes ---- */

static void apply_start(ss_store *store) {
  const ss_options *options = &store->world->options;
  if (!store->applying && store->tasks != NULL) {
    store->applying = true;
    ss_plan(store->world,
            sim_random_between(&store->world->random, options->apply_least, options->apply_most),
            SS_APPLY, store->id, store->generation, NULL);
  }
}

static int engine_apply(void *ctx, kv_apply_task *task) {
  ss_store *store = ctx;
  unsigned limit = store->world->options.task_queue;
  (void)ss_spend(store);
  if (limit > 0 && store->task_count >= limit) {
    return KV_EBUSY;
  }
  task->next = NULL;
  if (store->tasks == NULL) {
    store->tasks = task;
  } else {
    store->last_task->next = task;
  }
  store->last_task = task;
  store->task_count++;
  apply_start(store);
  return KV_OK;
}

static kv_apply_task *pop_task(ss_store *store) {
  kv_apply_task *task = store->tasks;
  if (task != NULL) {
    store->tasks = task->next;
    store->task_count--;
  }
  return task;
}

enum { TASKS = 64 };

static int run_in(ss_store *store, kv_txn *txn, kv_apply_task **taken, size_t count) {
  int rc = KV_OK;
  bool barrier = false;
  for (size_t i = 0; i < count && rc == KV_OK; i++) {
    rc = kv_apply_run(taken[i], txn);
    barrier = barrier || taken[i]->barrier;
  }
  if (rc != KV_OK) {
    txn->engine->ops->abort(txn);
    return rc;
  }
  bool full = store->model.full_commits > 0;
  rc = ss_engine_commit(store, txn, barrier);
  store->world->counts[SS_FULL_MAPS] += full && rc == KV_EFULL;
  return rc;
}

/* Looks at all regions once for a change of a descriptor, else at the regions of the tasks. */
static void check_tasks(ss_store *store, kv_apply_task **taken, size_t count) {
  bool all = false;
  for (size_t i = 0; i < count; i++) {
    all = all || taken[i]->region_changed || taken[i]->tombstone ||
          taken[i]->kind != KV_APPLY_ENTRIES;
  }
  for (size_t i = 0; i < (all ? 1 : count); i++) {
    if (i == 0 || taken[i]->region_id != taken[i - 1]->region_id) {
      ss_check_region(store, taken[i]->region_id, all);
    }
  }
}

/* One transaction, and the tasks back; false: the store crashed behind the commit. */
static bool run_tasks(ss_store *store, size_t most) {
  kv_apply_task *taken[TASKS];
  size_t count = 0;
  kv_txn *txn = NULL;
  while (count < most && count < TASKS && store->tasks != NULL) {
    taken[count++] = pop_task(store);
  }
  int rc = store->engine->ops->begin(store->engine, true, &txn);
  rc = rc == KV_OK ? run_in(store, txn, taken, count) : rc;
  if (rc == KV_OK) {
    check_tasks(store, taken, count);
    store->world->counts[SS_ENTRIES] += count;
  }
  for (size_t i = 0; i < count; i++) {
    taken[i]->rc = rc;
    taken[i]->sequence = ss_engine_sequence(store);
    kv_store_applied(store->store, taken[i]);
  }
  ss_touch(store);
  ss_engine_moved(store);
  return !ss_may_crash(store);
}

void ss_apply_event(ss_store *store) {
  store->applying = false;
  if (store->tasks != NULL && run_tasks(store, store->world->options.apply_batch)) {
    apply_start(store);
  }
}

void ss_apply_all(ss_store *store) {
  while (ss_is_up(store) && store->tasks != NULL && run_tasks(store, TASKS)) {
  }
}

/* ---- state machine: reads ---- */

static void read_start(ss_store *store) {
  if (!store->reading && store->reads != NULL) {
    store->reading = true;
    ss_plan(store->world, ss_below(store->world, store->world->options.read_most + 1), SS_READ,
            store->id, store->generation, NULL);
  }
}

static int engine_read(void *ctx, kv_read_task *task) {
  ss_store *store = ctx;
  (void)ss_spend(store);
  task->next = NULL;
  if (store->reads == NULL) {
    store->reads = task;
  } else {
    store->last_read->next = task;
  }
  store->last_read = task;
  read_start(store);
  return KV_OK;
}

void ss_read_event(ss_store *store) {
  kv_txn *txn = NULL;
  store->reading = false;
  kv_read_task *task = store->reads;
  if (task == NULL) {
    return;
  }
  store->reads = task->next;
  task->rc = store->engine->ops->begin(store->engine, false, &txn);
  if (task->rc == KV_OK) {
    task->rc = kv_read_run(task, txn);
    store->engine->ops->abort(txn);
  }
  kv_store_read_done(store->store, task);
  ss_touch(store);
  read_start(store);
}

/* ---- all of them ---- */

static bool is_busy(void *ctx) {
  return ss_engine_is_busy(ctx);
}

static uint64_t now(void *ctx) {
  return ss_clock(ctx);
}

static void log_line(void *ctx, kv_level level, const char *line) {
  const ss_store *store = ctx;
  (void)level;
  ss_tell(store->world, store->id, "%s", line);
}

kv_devices ss_devices(ss_store *store) {
  bool told = sim_trace_is_told(&store->world->trace);
  store->log.limit = store->world->options.log_queue;
  return (kv_devices){
      .log = {store, log_write, log_bounds, log_term, log_entries, log_each_region},
      .engine = {store, engine_apply, engine_read, is_busy},
      .snapshot = ss_snapshot_device(store),
      .transport = ss_transport_device(store),
      .clock = {store, now},
      .scheduler = ss_scheduler_device(store),
      .logger = {log_line, store, told ? KV_INFO : KV_ERROR},
  };
}

void ss_devices_crash(ss_store *store) {
  kv_apply_task *task;
  while ((task = pop_task(store)) != NULL) {
    kv_apply_task_free(task);
  }
  while (store->reads != NULL) {
    kv_read_task *read = store->reads;
    store->reads = read->next;
    kv_read_task_free(read);
  }
  store->applying = store->reading = false;
  store->log_batch = 0;
  store->log.no_space = false;
  world_log_crash(&store->log);
  ss_jobs_crash(store);
}
