/* worker.c - one thread that does what would make the loop wait, batch by batch.
 *
 * Jobs travel through three lists: `pushed` (the loop's), `queued` and `finished` (both under the
 * mutex). The thread is woken only when it waits, and the loop only once for all that is finished.
 * It is woken by an eventfd of our own: uv_async_t makes the loop spin until the waking thread,
 * which may not be running, has left its call.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
  SLOW = 3000000, /* nanoseconds: jobs that take longer are not quick, whatever was said of them */
  DISTRUST = 32   /* ... and so many batches after them go to the thread */
};

typedef struct job_list {
  kv_job *first;
  kv_job **end; /* NULL: empty and never used */
} job_list;

struct kv_worker {
  kv_worker_config config;
  int event; /* readable: something is in `finished` */
  uv_poll_t poll;
  pthread_t thread;
  bool running;

  job_list pushed;
  size_t pushed_count;
  size_t pending;    /* those included */
  unsigned distrust; /* batches that are left for the thread; of who runs, or else of the loop */

  pthread_mutex_t mutex;
  pthread_cond_t wake;
  job_list queued;
  job_list finished;
  bool waiting;
  bool stopping;
};

static void append(job_list *list, kv_job *first, kv_job **end) {
  if (list->first == NULL) {
    list->end = &list->first;
  }
  *list->end = first;
  list->end = end;
}

static job_list take(job_list *list) {
  const job_list all = *list;
  list->first = NULL;
  return all;
}

static void move(job_list *to, job_list *from) {
  if (from->first != NULL) {
    append(to, from->first, from->end);
    from->first = NULL;
  }
}

/* Waits for jobs; false: there are none and none will come. */
static bool next_batch(kv_worker *worker, job_list *batch) {
  pthread_mutex_lock(&worker->mutex);
  while (worker->queued.first == NULL && !worker->stopping) {
    worker->waiting = true;
    pthread_cond_wait(&worker->wake, &worker->mutex);
    worker->waiting = false;
  }
  *batch = take(&worker->queued);
  pthread_mutex_unlock(&worker->mutex);
  return batch->first != NULL;
}

static void finish_batch(kv_worker *worker, job_list *batch) {
  pthread_mutex_lock(&worker->mutex);
  const bool told = worker->finished.first != NULL;
  move(&worker->finished, batch);
  pthread_mutex_unlock(&worker->mutex);
  if (!told) {
    const int rc = eventfd_write(worker->event, 1);
    (void)rc; /* a counter of 64 bits is not full */
  }
}

static void run(kv_worker *worker, kv_job *jobs) {
  const uint64_t begun = uv_hrtime();
  worker->config.run(worker->config.ctx, jobs);
  if (uv_hrtime() - begun > SLOW) {
    worker->distrust = DISTRUST;
  } else if (worker->distrust > 0) {
    worker->distrust--;
  }
}

/* On Linux 0 is the calling thread. If it cannot be had, the thread is as important as the rest. */
static void step_back(int nice) {
  if (nice > 0) {
    (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + nice);
  }
}

static void *work(void *arg) {
  kv_worker *worker = arg;
  job_list batch;
  step_back(worker->config.nice);
  while (next_batch(worker, &batch)) {
    run(worker, batch.first);
    finish_batch(worker, &batch);
  }
  return NULL;
}

static void deliver(kv_worker *worker) {
  pthread_mutex_lock(&worker->mutex);
  const job_list finished = take(&worker->finished);
  pthread_mutex_unlock(&worker->mutex);
  if (finished.first == NULL) {
    return;
  }
  for (const kv_job *job = finished.first; job != NULL; job = job->next) {
    worker->pending--;
  }
  worker->config.done(worker->config.ctx, finished.first);
}

static void on_event(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  kv_worker *worker = poll->data;
  eventfd_t count = 0;
  const int rc = eventfd_read(worker->event, &count);
  (void)rc; /* nothing to read: it was delivered before */
  deliver(worker);
}

static void free_worker(kv_worker *worker) {
  pthread_mutex_destroy(&worker->mutex);
  pthread_cond_destroy(&worker->wake);
  (void)close(worker->event);
  free(worker);
}

static void on_closed(uv_handle_t *handle) {
  free_worker(handle->data);
}

/* Signals are the loop's business: the thread must not take them. */
static int start_thread(kv_worker *worker) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  const int rc = pthread_create(&worker->thread, NULL, work, worker);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (rc == 0) {
    (void)pthread_setname_np(worker->thread, worker->config.name);
  }
  return rc;
}

int kv_worker_open(uv_loop_t *loop, const kv_worker_config *config, kv_worker **out,
                   kv_error *error) {
  kv_worker *worker = calloc(1, sizeof *worker);
  if (worker == NULL) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  worker->config = *config;
  pthread_mutex_init(&worker->mutex, NULL);
  pthread_cond_init(&worker->wake, NULL);
  worker->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (worker->event < 0) {
    const int reason = errno;
    free_worker(worker);
    return kv_fail(error, KV_EIO, "cannot make a wake-up handle: %s", strerror(reason));
  }
  int rc = uv_poll_init(loop, &worker->poll, worker->event);
  if (rc != 0) {
    free_worker(worker);
    return kv_fail(error, KV_EIO, "cannot make a wake-up handle: %s", uv_strerror(rc));
  }
  worker->poll.data = worker;
  (void)uv_poll_start(&worker->poll, UV_READABLE, on_event);
  rc = start_thread(worker);
  if (rc != 0) {
    uv_close((uv_handle_t *)&worker->poll, on_closed);
    return kv_fail(error, KV_EIO, "cannot start a thread: %s", strerror(rc));
  }
  worker->running = true;
  *out = worker;
  return KV_OK;
}

int kv_worker_push(kv_worker *worker, kv_job *job) {
  if (worker->pending >= worker->config.limit || !worker->running) {
    return KV_EBUSY;
  }
  job->next = NULL;
  append(&worker->pushed, job, &job->next);
  worker->pushed_count++;
  worker->pending++;
  return KV_OK;
}

static bool is_quick(const kv_worker *worker) {
  return worker->config.quick != NULL && worker->pending == worker->pushed_count &&
         worker->distrust == 0 && worker->config.quick(worker->config.ctx, worker->pushed.first);
}

static void run_here(kv_worker *worker) {
  const job_list batch = take(&worker->pushed);
  worker->pending -= worker->pushed_count;
  worker->pushed_count = 0;
  run(worker, batch.first);
  worker->config.done(worker->config.ctx, batch.first);
}

void kv_worker_kick(kv_worker *worker) {
  if (worker->pushed.first == NULL) {
    return;
  }
  if (is_quick(worker)) {
    run_here(worker);
    return;
  }
  worker->pushed_count = 0;
  pthread_mutex_lock(&worker->mutex);
  move(&worker->queued, &worker->pushed);
  const bool waiting = worker->waiting;
  pthread_mutex_unlock(&worker->mutex);
  if (waiting) {
    pthread_cond_signal(&worker->wake);
  }
}

size_t kv_worker_pending(const kv_worker *worker) {
  return worker->pending;
}

void kv_worker_stop(kv_worker *worker) {
  if (worker == NULL || !worker->running) {
    return;
  }
  kv_worker_kick(worker);
  worker->running = false;
  pthread_mutex_lock(&worker->mutex);
  worker->stopping = true;
  pthread_cond_signal(&worker->wake);
  pthread_mutex_unlock(&worker->mutex);
  pthread_join(worker->thread, NULL);
  deliver(worker);
}

void kv_worker_close(kv_worker *worker) {
  if (worker == NULL) {
    return;
  }
  kv_worker_stop(worker);
  uv_close((uv_handle_t *)&worker->poll, on_closed);
}

void kv_tasks_run(void *ctx, kv_job *jobs) {
  (void)ctx;
  for (; jobs != NULL; jobs = jobs->next) {
    kv_task *task = (kv_task *)jobs;
    task->run(task);
  }
}

void kv_tasks_done(void *ctx, kv_job *jobs) {
  (void)ctx;
  while (jobs != NULL) {
    kv_task *task = (kv_task *)jobs;
    jobs = jobs->next;
    task->done(task);
  }
}
