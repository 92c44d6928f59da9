/* committer.c - the thread that makes durable what the apply thread has committed in memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/committer.h"

#include <inttypes.h>
#include <stdlib.h>

/* Nobody waits for it before memory is full, and then the others have nothing to do. */
enum { ONE_AT_A_TIME = 1, STEP_BACK = 10 };

typedef struct flush_job {
  kv_job job;
  int rc;
  uint64_t durable;
  uint64_t nanoseconds;
} flush_job;

static void run_flush(void *ctx, kv_job *jobs) {
  kv_committer *committer = ctx;
  flush_job *job = (flush_job *)jobs;
  const uint64_t start = uv_hrtime();
  job->rc = kv_overlay_flush(committer->overlay, &job->durable);
  job->nanoseconds = uv_hrtime() - start;
}

static void note(kv_committer *committer, const flush_job *job) {
  kv_committer_figures *figures = &committer->figures;
  figures->last_ms = job->nanoseconds / 1000000;
  if (figures->last_ms > figures->longest_ms) {
    figures->longest_ms = figures->last_ms;
  }
  if (job->rc != KV_OK && !committer->failed) {
    kv_log(committer->logger, KV_ERROR, "the state machine could not be written, trying again",
           "code=%d durable=%" PRIu64, job->rc, job->durable);
  }
  committer->failed = job->rc != KV_OK;
  if (job->rc == KV_OK) { /* what came meanwhile is about as old as this flush */
    committer->dirty_since = uv_now(committer->loop) - figures->last_ms;
  }
}

static void done_flush(void *ctx, kv_job *jobs) {
  kv_committer *committer = ctx;
  flush_job *job = (flush_job *)jobs;
  committer->running = false;
  note(committer, job);
  if (committer->store != NULL) {
    kv_store_durable(committer->store, job->durable, job->rc);
  }
  free(job);
}

static void start(kv_committer *committer) {
  flush_job *job = calloc(1, sizeof *job);
  (void)uv_timer_stop(&committer->timer);
  if (job == NULL || kv_worker_push(committer->worker, &job->job) != KV_OK) {
    free(job); /* with the next turn */
    return;
  }
  committer->running = true;
  kv_worker_kick(committer->worker);
}

static void on_timer(uv_timer_t *timer) {
  kv_committer *committer = timer->data;
  if (!committer->running) {
    start(committer);
  }
}

int kv_committer_open(kv_committer *committer, uv_loop_t *loop, kv_error *error) {
  const kv_worker_config config = {.name = "kv-commit",
                                   .limit = ONE_AT_A_TIME,
                                   .nice = STEP_BACK,
                                   .run = run_flush,
                                   .done = done_flush,
                                   .ctx = committer};
  committer->loop = loop;
  (void)uv_timer_init(loop, &committer->timer); /* cannot fail */
  committer->timer.data = committer;
  return kv_worker_open(loop, &config, &committer->worker, error);
}

static void note_dirt(kv_committer *committer, bool dirty) {
  if (dirty && !committer->dirty) {
    committer->dirty_since = uv_now(committer->loop);
  }
  committer->dirty = dirty;
}

void kv_committer_check(kv_committer *committer) {
  const kv_overlay_fill fill = kv_overlay_fill_of(committer->overlay);
  note_dirt(committer, fill != KV_OVERLAY_CLEAN);
  if (fill == KV_OVERLAY_CLEAN || committer->running) {
    return;
  }
  if (fill >= KV_OVERLAY_DUE && !committer->failed) {
    start(committer);
  } else if (!uv_is_active((uv_handle_t *)&committer->timer)) {
    (void)uv_timer_start(&committer->timer, on_timer,
                         committer->failed ? committer->retry_ms : committer->age_ms, 0);
  }
}

kv_committer_figures kv_committer_figures_of(const kv_committer *committer) {
  kv_committer_figures figures = committer->figures;
  figures.lag_ms = committer->dirty ? uv_now(committer->loop) - committer->dirty_since : 0;
  return figures;
}

void kv_committer_close(kv_committer *committer) {
  if (committer->worker == NULL) {
    return;
  }
  uv_close((uv_handle_t *)&committer->timer, NULL);
  kv_worker_close(committer->worker);
  committer->worker = NULL;
  const int rc = kv_overlay_flush(committer->overlay, NULL);
  if (rc != KV_OK) {
    kv_log(committer->logger, KV_WARN,
           "the state machine was not written to its end; the next start repeats the raft log",
           "code=%d", rc);
  }
}
