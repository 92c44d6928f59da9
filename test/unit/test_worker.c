/* test_worker.c - proves that jobs are run in order, in batches, and all come back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/worker.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { MANY = 20000, NICE = 3, LAST_NICE = 19 };

typedef struct test_job {
  kv_job base;
  int number;
  int ran; /* in which position */
} test_job;

/* `gate` is held by a test that wants the thread to wait inside a batch. */
typedef struct fixture {
  uv_loop_t loop;
  kv_worker *worker;
  pthread_t loop_thread;
  pthread_mutex_t gate;
  int run_count; /* the thread's */
  int batches;
  int nice;
  int done_count; /* the loop's */
  int expected;
  int delivered_at_once;
  bool same_thread;
  bool quick;
} fixture;

static fixture f;
static test_job jobs[MANY];

static test_job *job_of(kv_job *job) {
  return (test_job *)job;
}

static void run(void *ctx, kv_job *list) {
  fixture *fix = ctx;
  pthread_mutex_lock(&fix->gate);
  fix->batches++;
  fix->nice = getpriority(PRIO_PROCESS, 0); /* of the thread */
  fix->same_thread = pthread_equal(pthread_self(), fix->loop_thread) != 0;
  for (kv_job *job = list; job != NULL; job = job->next) {
    job_of(job)->ran = fix->run_count++;
  }
  pthread_mutex_unlock(&fix->gate);
}

static void done(void *ctx, kv_job *list) {
  fixture *fix = ctx;
  fix->delivered_at_once = 0;
  for (kv_job *job = list; job != NULL; job = job->next) {
    ck_assert_int_eq(job_of(job)->number, fix->done_count);
    ck_assert_int_eq(job_of(job)->ran, fix->done_count);
    fix->done_count++;
    fix->delivered_at_once++;
  }
  if (fix->done_count == fix->expected) {
    uv_stop(&fix->loop);
  }
}

static bool is_quick(void *ctx, const kv_job *list) {
  const fixture *fix = ctx;
  return list != NULL && fix->quick;
}

static void setup(void) {
  f = (fixture){.loop_thread = pthread_self()};
  pthread_mutex_init(&f.gate, NULL);
  ck_assert_int_eq(uv_loop_init(&f.loop), 0);
  const kv_worker_config config = {.name = "test",
                                   .limit = MANY,
                                   .nice = NICE,
                                   .run = run,
                                   .done = done,
                                   .quick = is_quick,
                                   .ctx = &f};
  ck_assert_int_eq(kv_worker_open(&f.loop, &config, &f.worker, NULL), KV_OK);
}

static void teardown(void) {
  kv_worker_close(f.worker);
  ck_assert_int_eq(uv_run(&f.loop, UV_RUN_DEFAULT), 0);
  ck_assert_int_eq(uv_loop_close(&f.loop), 0);
  pthread_mutex_destroy(&f.gate);
}

static void push(int from, int to) {
  for (int i = from; i < to; i++) {
    jobs[i] = (test_job){.number = i};
    ck_assert_int_eq(kv_worker_push(f.worker, &jobs[i].base), KV_OK);
  }
}

START_TEST(jobs_come_back_in_order) {
  f.expected = MANY;
  for (int i = 0; i < MANY; i += 100) {
    push(i, i + 100);
    kv_worker_kick(f.worker);
    if (i % 1000 == 0) {
      (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    }
  }
  (void)uv_run(&f.loop, UV_RUN_DEFAULT);
  ck_assert_int_eq(f.done_count, MANY);
  ck_assert_uint_eq(kv_worker_pending(f.worker), 0);
  ck_assert(!f.same_thread);
}
END_TEST

/* While the thread is busy with one batch, all that is pushed becomes one other. */
START_TEST(batches_grow_while_the_thread_is_busy) {
  f.expected = 301;
  pthread_mutex_lock(&f.gate);
  push(0, 1);
  kv_worker_kick(f.worker);
  for (int i = 1; i < 301; i++) {
    push(i, i + 1);
    kv_worker_kick(f.worker);
  }
  pthread_mutex_unlock(&f.gate);
  (void)uv_run(&f.loop, UV_RUN_DEFAULT);
  ck_assert_int_eq(f.done_count, 301);
  ck_assert_int_le(f.batches, 2);
}
END_TEST

START_TEST(too_many_jobs_are_refused) {
  f.expected = MANY;
  push(0, MANY);
  test_job extra = {.number = MANY};
  ck_assert_int_eq(kv_worker_push(f.worker, &extra.base), KV_EBUSY);
  kv_worker_kick(f.worker);
  (void)uv_run(&f.loop, UV_RUN_DEFAULT);
  ck_assert_int_eq(f.done_count, MANY);
}
END_TEST

START_TEST(stopping_finishes_what_was_pushed) {
  push(0, 500);
  kv_worker_kick(f.worker);
  push(500, 600);
  kv_worker_stop(f.worker);
  ck_assert_int_eq(f.done_count, 600);
  ck_assert_int_eq(kv_worker_push(f.worker, &jobs[0].base), KV_EBUSY);
  kv_worker_stop(f.worker);
}
END_TEST

START_TEST(a_nice_thread_steps_back_and_the_loop_does_not) {
  const int own = getpriority(PRIO_PROCESS, 0);
  const int wanted = own + NICE < LAST_NICE ? own + NICE : LAST_NICE;
  f.expected = 1;
  push(0, 1);
  kv_worker_kick(f.worker);
  (void)uv_run(&f.loop, UV_RUN_DEFAULT);
  ck_assert_int_eq(f.nice, wanted);
  ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), own);
}
END_TEST

START_TEST(quick_jobs_are_done_when_the_kick_is_over) {
  f.quick = true;
  push(0, 3);
  kv_worker_kick(f.worker);
  ck_assert_int_eq(f.done_count, 3);
  ck_assert_int_eq(f.batches, 1);
  ck_assert(f.same_thread);
  ck_assert_uint_eq(kv_worker_pending(f.worker), 0);
}
END_TEST

/* However quick, they do not overtake what the thread has. */
START_TEST(quick_jobs_stay_behind_those_of_the_thread) {
  f.expected = 2;
  pthread_mutex_lock(&f.gate);
  push(0, 1);
  kv_worker_kick(f.worker);
  f.quick = true;
  push(1, 2);
  kv_worker_kick(f.worker);
  ck_assert_int_eq(f.done_count, 0);
  pthread_mutex_unlock(&f.gate);
  (void)uv_run(&f.loop, UV_RUN_DEFAULT);
  ck_assert_int_eq(f.done_count, 2);
  ck_assert(!f.same_thread);
}
END_TEST

int main(void) {
  TCase *tests = tcase_create("worker");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, jobs_come_back_in_order);
  tcase_add_test(tests, batches_grow_while_the_thread_is_busy);
  tcase_add_test(tests, too_many_jobs_are_refused);
  tcase_add_test(tests, a_nice_thread_steps_back_and_the_loop_does_not);
  tcase_add_test(tests, quick_jobs_are_done_when_the_kick_is_over);
  tcase_add_test(tests, quick_jobs_stay_behind_those_of_the_thread);
  tcase_add_test(tests, stopping_finishes_what_was_pushed);
  Suite *suite = suite_create("worker");
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
