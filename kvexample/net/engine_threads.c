/* engine_threads.c - the threads that apply committed commands and that read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/engine_threads.h"

#include <inttypes.h>
#include <stdlib.h>

#include "raftstore/apply.h"
#include "raftstore/read.h"
#include "snapshot/snapshot.h"

enum {
  QUEUE_LIMIT = 16384,
  BATCH_BYTES = 16 << 20, /* of work in one transaction, so that no answer waits for ever */
  COMMIT_ATTEMPTS = 3,    /* a full map is made larger before the next one */
  RETRY_MS = 500,         /* after a flush that failed, as on a full disk */
  QUICK_BYTES = 16 << 10, /* of commands that the loop applies in memory itself */
  QUICK_READS = 16,       /* ... and reads of one key */
  HOLD_MS = 20,           /* how long a task waits for others if nobody waits for it */
  HOLD_BYTES = 4 << 20    /* ... or until there is so much */
};

/* Either a task or, without one, an installation. */
typedef struct apply_job {
  kv_job job;
  kv_apply_task *task;
  uint64_t region_id;
  kv_snapshot_file file;
  int rc;
  kv_error error;
} apply_job;

typedef struct read_job {
  kv_job job;
  kv_read_task *task;
} read_job;

/* ---- apply thread ---- */

static int run_tasks(const kv_job *first, const kv_job *end, kv_txn *txn, bool *barrier) {
  int rc = KV_OK;
  for (const kv_job *job = first; job != end && rc == KV_OK; job = job->next) {
    kv_apply_task *task = ((const apply_job *)job)->task;
    rc = kv_apply_run(task, txn);
    *barrier = *barrier || task->barrier;
  }
  return rc;
}

static int run_transaction(kv_engine *engine, const kv_job *first, const kv_job *end) {
  kv_txn *txn = NULL;
  bool barrier = false;
  int rc = engine->ops->begin(engine, true, &txn);
  if (rc != KV_OK) {
    return rc;
  }
  rc = run_tasks(first, end, txn, &barrier);
  if (rc != KV_OK) {
    engine->ops->abort(txn);
    return rc;
  }
  return barrier ? kv_commit_durable(txn) : engine->ops->commit(txn);
}

static bool has_commands_only(const kv_apply_task *task) {
  for (size_t i = 0; i < task->message.entry_count; i++) {
    if (task->message.entries[i].type != RAFT_ENTRY_NORMAL) {
      return false;
    }
  }
  return true;
}

/* Can nothing of the task be a barrier? */
static bool is_plain(const kv_apply_task *task) {
  return task->kind == KV_APPLY_ENTRIES && task->held_count == 0 && has_commands_only(task);
}

/* Readers wait while a barrier becomes durable: what was gathered before it is written without
 * them waiting. If that fails the barrier fails, or is tried again. */
static void make_barrier_short(kv_engine *engine, const kv_job *first, const kv_job *end) {
  bool plain = true;
  for (const kv_job *job = first; job != end && plain; job = job->next) {
    plain = is_plain(((const apply_job *)job)->task);
  }
  if (!plain) {
    (void)kv_overlay_flush(engine, NULL);
  }
}

static void apply_batch(const kv_engine_threads *threads, const kv_job *first, const kv_job *end) {
  kv_engine *engine = threads->engine;
  int rc = KV_EFULL;
  if (threads->overlay) {
    make_barrier_short(engine, first, end);
  }
  for (int attempt = 0; attempt < COMMIT_ATTEMPTS && rc == KV_EFULL; attempt++) {
    rc = run_transaction(engine, first, end);
  }
  const uint64_t sequence = threads->overlay ? kv_overlay_committed(engine) : 0;
  for (const kv_job *job = first; job != end; job = job->next) {
    kv_apply_task *task = ((const apply_job *)job)->task;
    task->rc = rc;
    task->sequence = sequence;
  }
}

/* The end of the tasks that go into one transaction with the first. */
static kv_job *batch_end(kv_job *first) {
  size_t bytes = 0;
  kv_job *job = first;
  while (job != NULL && ((apply_job *)job)->task != NULL && (job == first || bytes < BATCH_BYTES)) {
    bytes += ((apply_job *)job)->task->bytes;
    job = job->next;
  }
  return job;
}

static void install(const kv_engine_threads *threads, apply_job *job) {
  kv_engine *engine = threads->engine;
  if (threads->overlay) {
    job->rc = kv_overlay_flush(engine, NULL);
    engine = kv_overlay_below(engine);
  }
  if (job->rc != KV_OK) {
    (void)kv_fail(&job->error, job->rc, "the state machine cannot be written");
    return;
  }
  job->rc = kv_snapshot_install(engine, threads->snapshot_directory, &job->file, &job->error);
}

static void run_apply(void *ctx, kv_job *jobs) {
  kv_engine_threads *threads = ctx;
  while (jobs != NULL) {
    apply_job *job = (apply_job *)jobs;
    if (job->task == NULL) {
      install(threads, job);
      jobs = jobs->next;
    } else {
      kv_job *end = batch_end(jobs);
      apply_batch(threads, jobs, end);
      jobs = end;
    }
  }
}

/* In memory, few, and no change of a region: those are durable before anybody sees them. */
static bool is_quick_apply(void *ctx, const kv_job *jobs) {
  const kv_engine_threads *threads = ctx;
  size_t bytes = 0;
  bool quick = threads->overlay;
  for (const kv_job *job = jobs; job != NULL && quick; job = job->next) {
    const kv_apply_task *task = ((const apply_job *)job)->task;
    bytes += task != NULL ? task->bytes : 0;
    quick = task != NULL && bytes <= QUICK_BYTES && is_plain(task);
  }
  return quick;
}

/* ---- read thread ---- */

static void run_read(void *ctx, kv_job *jobs) {
  kv_engine *engine = ((kv_engine_threads *)ctx)->engine;
  kv_txn *txn = NULL;
  const int rc = engine->ops->begin(engine, false, &txn);
  for (const kv_job *job = jobs; job != NULL; job = job->next) {
    kv_read_task *task = ((const read_job *)job)->task;
    task->rc = rc == KV_OK ? kv_read_run(task, txn) : rc;
  }
  if (rc == KV_OK) {
    engine->ops->abort(txn);
  }
}

/* Reads of one key: the first byte of a command is its op. */
static bool is_point_read(raft_slice command) {
  const unsigned op = command.len == 0 ? 0 : *(const unsigned char *)command.data;
  return op == KV_OP_GET || op == KV_OP_STRLEN || op == KV_OP_TYPE || op == KV_OP_TTL;
}

static bool is_quick_read(void *ctx, const kv_job *jobs) {
  (void)ctx;
  size_t count = 0;
  for (const kv_job *job = jobs; job != NULL; job = job->next) {
    const kv_read_task *task = ((const read_job *)job)->task;
    count += task->command_count;
    if (task->kind != KV_READ_COMMANDS || count > QUICK_READS) {
      return false;
    }
    for (size_t i = task->first; i < task->command_count; i++) {
      if (!is_point_read(task->commands[i])) {
        return false;
      }
    }
  }
  return true;
}

/* ---- loop ---- */

static void done_install(kv_engine_threads *threads, const apply_job *job) {
  if (job->rc != KV_OK) {
    kv_log(threads->logger, KV_ERROR, "snapshot not installed",
           "region=%" PRIu64 " index=%" PRIu64 " reason=\"%s\"", job->region_id, job->file.index,
           job->error.text);
  }
  kv_store_snapshot_installed(threads->store, job->region_id, job->rc);
}

/* A barrier makes durable what was before it, and leaves nothing to the committer. */
static void tell_durable(kv_engine_threads *threads) {
  kv_overlay_stats stats;
  if (!threads->overlay || threads->store == NULL) {
    return;
  }
  kv_overlay_get_stats(threads->engine, &stats);
  if (stats.durable > threads->durable) {
    threads->durable = stats.durable;
    kv_store_durable(threads->store, stats.durable, KV_OK);
  }
}

static void done_apply(void *ctx, kv_job *jobs) {
  kv_engine_threads *threads = ctx;
  while (jobs != NULL) {
    apply_job *job = (apply_job *)jobs;
    jobs = jobs->next;
    if (job->task != NULL && threads->store == NULL) {
      kv_apply_task_free(job->task); /* asked for by a store that could not be opened */
    } else if (job->task != NULL) {
      kv_store_applied(threads->store, job->task);
    } else {
      done_install(threads, job);
    }
    free(job);
  }
  tell_durable(threads);
}

static void done_read(void *ctx, kv_job *jobs) {
  kv_engine_threads *threads = ctx;
  while (jobs != NULL) {
    read_job *job = (read_job *)jobs;
    jobs = jobs->next;
    kv_store_read_done(threads->store, job->task);
    free(job);
  }
}

/* ---- holding back ---- */

static bool is_awaited(const kv_apply_task *task) {
  if (task->kind != KV_APPLY_ENTRIES) {
    return true;
  }
  for (size_t i = 0; i < task->message.entry_count; i++) {
    if (task->results[i].answer || task->message.entries[i].type != RAFT_ENTRY_NORMAL) {
      return true;
    }
  }
  return false;
}

static void release(kv_engine_threads *threads) {
  (void)uv_timer_stop(&threads->hold);
  threads->urgent = false;
  threads->held_bytes = 0;
  kv_worker_kick(threads->apply);
}

static void on_hold_over(uv_timer_t *timer) {
  release(timer->data);
}

static void kick_apply(kv_engine_threads *threads) {
  if (threads->urgent || threads->held_bytes >= HOLD_BYTES) {
    release(threads);
  } else if (threads->held_bytes > 0 && !uv_is_active((uv_handle_t *)&threads->hold)) {
    (void)uv_timer_start(&threads->hold, on_hold_over, HOLD_MS, 0);
  }
}

int kv_engine_threads_open(kv_engine_threads *threads, uv_loop_t *loop, kv_error *error) {
  const kv_worker_config apply = {.name = "kv-apply",
                                  .limit = QUEUE_LIMIT,
                                  .run = run_apply,
                                  .done = done_apply,
                                  .quick = is_quick_apply,
                                  .ctx = threads};
  const kv_worker_config read = {.name = "kv-read",
                                 .limit = QUEUE_LIMIT,
                                 .run = run_read,
                                 .done = done_read,
                                 .quick = is_quick_read,
                                 .ctx = threads};
  (void)uv_timer_init(loop, &threads->hold); /* cannot fail */
  threads->hold.data = threads;
  int rc = kv_worker_open(loop, &apply, &threads->apply, error);
  rc = rc == KV_OK ? kv_worker_open(loop, &read, &threads->read, error) : rc;
  if (rc == KV_OK && threads->overlay) {
    threads->committer = (kv_committer){.overlay = threads->engine,
                                        .logger = threads->logger,
                                        .age_ms = threads->age_ms,
                                        .retry_ms = RETRY_MS};
    rc = kv_committer_open(&threads->committer, loop, error);
  }
  return rc;
}

void kv_engine_threads_serve(kv_engine_threads *threads, kv_store *store) {
  threads->store = store;
  threads->committer.store = store;
}

bool kv_engine_threads_are_busy(const kv_engine_threads *threads) {
  return threads->overlay && kv_overlay_fill_of(threads->engine) >= KV_OVERLAY_BUSY;
}

static bool is_jammed(const kv_engine_threads *threads) {
  return threads->overlay && kv_overlay_fill_of(threads->engine) == KV_OVERLAY_JAMMED;
}

static int push(kv_worker *worker, kv_job *job) {
  const int rc = kv_worker_push(worker, job);
  if (rc != KV_OK) {
    free(job);
  }
  return rc;
}

int kv_engine_threads_apply(kv_engine_threads *threads, kv_apply_task *task) {
  apply_job *job = is_jammed(threads) ? NULL : malloc(sizeof *job);
  if (job == NULL) {
    return KV_EBUSY;
  }
  job->task = task;
  threads->urgent = threads->urgent || is_awaited(task);
  threads->held_bytes += task->bytes + 1;
  return push(threads->apply, &job->job);
}

int kv_engine_threads_install(kv_engine_threads *threads, uint64_t region_id,
                              const kv_snapshot_file *file) {
  apply_job *job = calloc(1, sizeof *job);
  if (job == NULL) {
    return KV_ENOMEM;
  }
  job->region_id = region_id;
  job->file = *file;
  threads->urgent = true;
  return push(threads->apply, &job->job);
}

int kv_engine_threads_read(kv_engine_threads *threads, kv_read_task *task) {
  read_job *job = malloc(sizeof *job);
  if (job == NULL) {
    return KV_EBUSY;
  }
  job->task = task;
  return push(threads->read, &job->job);
}

void kv_engine_threads_kick(kv_engine_threads *threads) {
  kick_apply(threads);
  kv_worker_kick(threads->read);
  if (threads->overlay) {
    kv_committer_check(&threads->committer);
  }
}

void kv_engine_threads_close(kv_engine_threads *threads) {
  if (threads->apply != NULL) {
    uv_close((uv_handle_t *)&threads->hold, NULL);
  }
  kv_worker_close(threads->apply);
  kv_worker_close(threads->read);
  kv_committer_close(&threads->committer);
  threads->apply = NULL;
  threads->read = NULL;
}
