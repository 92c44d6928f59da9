/* log_thread.c - the thread that makes the raft log durable.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/log_thread.h"

static void run(void *ctx, kv_job *jobs) {
  (void)jobs;
  kv_log_thread *writer = ctx;
  (void)kv_raft_log_perform(writer->work); /* kv_raft_log_done returns it */
}

static void report(void *ctx, uint64_t token, int rc) {
  kv_log_thread *writer = ctx;
  if (writer->store != NULL) { /* else it could not be opened, and asked for this on the way */
    kv_store_log_written(writer->store, token, rc);
  }
}

static void tell_of_full_disk(kv_log_thread *writer, int rc, const char *text) {
  const bool full = rc == KV_EFULL;
  if (full && !writer->full) {
    kv_log(writer->logger, KV_ERROR, "raft log: no space, writes are refused", "reason=\"%s\"",
           text);
  } else if (writer->full && rc == KV_OK) {
    kv_log(writer->logger, KV_INFO, "raft log: there is space again", NULL);
  }
  writer->full = full;
}

static void done(void *ctx, kv_job *jobs) {
  (void)jobs;
  kv_log_thread *writer = ctx;
  kv_log_work *work = writer->work;
  kv_error error = {0};
  writer->work = NULL;
  const int rc = kv_raft_log_done(writer->log, work, report, writer, &error);
  tell_of_full_disk(writer, rc, error.text);
  if (rc != KV_OK && rc != KV_EFULL) {
    kv_log(writer->logger, KV_ERROR, "raft log failed", "reason=\"%s\"", error.text);
  }
}

int kv_log_thread_open(kv_log_thread *writer, uv_loop_t *loop, kv_error *error) {
  const kv_worker_config config = {
      .name = "kv-log", .limit = 1, .run = run, .done = done, .ctx = writer};
  return kv_worker_open(loop, &config, &writer->worker, error);
}

void kv_log_thread_kick(kv_log_thread *writer) {
  if (writer->work != NULL) {
    return;
  }
  writer->work = kv_raft_log_take(writer->log);
  if (writer->work != NULL) {
    (void)kv_worker_push(writer->worker, &writer->job); /* there is room: nothing is pending */
    kv_worker_kick(writer->worker);
  }
}

void kv_log_thread_close(kv_log_thread *writer) {
  if (writer->worker == NULL) {
    return;
  }
  kv_log_thread_kick(writer);
  kv_worker_close(writer->worker);
  writer->worker = NULL;
}
