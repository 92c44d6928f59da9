/* runner.c - forked workers take seeds from a common counter in shared memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "runner.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Written by one worker, read by the parent. */
typedef struct worker {
  pid_t pid;
  _Atomic uint64_t seed; /* at which it is */
  _Atomic bool busy;
  _Atomic uint64_t seeds;
  _Atomic uint64_t found;
  uint64_t findings[SIM_RUNNER_FINDINGS];
  uint64_t counts[SIM_RUNNER_COUNTS];
} worker;

typedef struct shared {
  _Atomic uint64_t next;
  _Atomic bool stop;
  worker workers[SIM_RUNNER_WORKERS];
} shared;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- a worker ---- */

static void keep_finding(worker *self, uint64_t seed) {
  uint64_t found = atomic_load(&self->found);
  if (found < SIM_RUNNER_FINDINGS) {
    self->findings[found] = seed;
  }
  atomic_store(&self->found, found + 1);
}

static void work(const sim_runner *runner, shared *all, worker *self) {
  while (!atomic_load(&all->stop)) {
    uint64_t seed = atomic_fetch_add(&all->next, 1);
    if (seed > runner->last || seed < runner->first) {
      return;
    }
    atomic_store(&self->seed, seed);
    atomic_store(&self->busy, true);
    if (runner->run(runner->ctx, seed, self->counts)) {
      keep_finding(self, seed);
    }
    atomic_store(&self->busy, false);
    atomic_fetch_add(&self->seeds, 1);
  }
}

/* The child leaves without running the parent's exit handlers, but for those of the tools that
 * count and check. */
static bool start(const sim_runner *runner, shared *all, worker *self) {
  pid_t pid = fork();
  if (pid == 0) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    work(runner, all, self);
    exit(EXIT_SUCCESS);
  }
  self->pid = pid; /* the parent's to write: `self` is shared */
  return pid > 0;
}

/* ---- the parent ---- */

static uint64_t sum_seeds(const sim_runner *runner, const shared *all, uint64_t *found) {
  uint64_t seeds = 0;
  *found = 0;
  for (unsigned i = 0; i < runner->workers; i++) {
    seeds += atomic_load(&all->workers[i].seeds);
    *found += atomic_load(&all->workers[i].found);
  }
  return seeds;
}

/* A dead worker's seed is a finding, and a new one takes its place. */
static unsigned reap(const sim_runner *runner, shared *all, unsigned running) {
  for (unsigned i = 0; i < runner->workers; i++) {
    worker *w = &all->workers[i];
    int status = 0;
    if (w->pid <= 0 || waitpid(w->pid, &status, WNOHANG) != w->pid) {
      continue;
    }
    w->pid = 0;
    running--;
    bool well = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
    if (!well) {
      keep_finding(w, atomic_load(&w->seed));
      atomic_store(&w->busy, false);
      if (start(runner, all, w)) {
        running++;
      }
    }
  }
  return running;
}

static void wait_for_all(const sim_runner *runner, shared *all, unsigned running, double begin) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  while (running > 0) {
    struct timespec patience = {0, 200000000};
    (void)sigtimedwait(&child, NULL, &patience);
    running = reap(runner, all, running);
    if (runner->seconds > 0 && now() - begin >= runner->seconds) {
      atomic_store(&all->stop, true);
    }
    if (runner->progress != NULL && running > 0) {
      uint64_t found = 0, seeds = sum_seeds(runner, all, &found);
      runner->progress(runner->ctx, seeds, found, now() - begin);
    }
  }
}

static int by_size(const void *a, const void *b) {
  const uint64_t *left = a, *right = b;
  return *left < *right ? -1 : *left > *right;
}

static void sum_up(const sim_runner *runner, const shared *all, sim_runner_result *result) {
  uint64_t findings[SIM_RUNNER_WORKERS * SIM_RUNNER_FINDINGS];
  size_t count = 0;
  result->seeds = sum_seeds(runner, all, &result->found);
  for (unsigned i = 0; i < runner->workers; i++) {
    const worker *w = &all->workers[i];
    uint64_t found = atomic_load(&w->found);
    for (size_t k = 0; k < found && k < SIM_RUNNER_FINDINGS; k++) {
      findings[count++] = w->findings[k];
    }
    for (size_t k = 0; k < SIM_RUNNER_COUNTS; k++) {
      result->counts[k] += w->counts[k];
    }
  }
  qsort(findings, count, sizeof findings[0], by_size);
  result->finding_count = count < SIM_RUNNER_FINDINGS ? count : SIM_RUNNER_FINDINGS;
  memcpy(result->findings, findings, result->finding_count * sizeof findings[0]);
}

bool sim_runner_run(const sim_runner *runner, sim_runner_result *result) {
  memset(result, 0, sizeof *result);
  shared *all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) {
    return false;
  }
  memset(all, 0, sizeof *all);
  atomic_store(&all->next, runner->first);
  sigset_t child, before;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, &before);
  double begin = now();
  unsigned running = 0;
  for (unsigned i = 0; i < runner->workers; i++) {
    running += start(runner, all, &all->workers[i]);
  }
  bool ok = running > 0;
  wait_for_all(runner, all, running, begin);
  sigprocmask(SIG_SETMASK, &before, NULL);
  sum_up(runner, all, result);
  result->elapsed = now() - begin;
  munmap(all, sizeof *all);
  return ok;
}
