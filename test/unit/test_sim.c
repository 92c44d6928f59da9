/* test_sim.c - the simulator's own parts: events, network, disk, log, checker, and that it is
 * deterministic and reports what is broken.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <unistd.h>

#include "run_suite.h"
#include "test/sim/check.h"
#include "test/sim/queue.h"
#include "test/sim/runner.h"
#include "test/sim/sim.h"

static sim_random chance;

static void setup(void) {
  sim_random_seed(&chance, 1);
}

/* ---- generic parts ---- */

START_TEST(events_come_by_time_then_by_age) {
  sim_queue queue = {.heap = NULL};
  sim_event event;
  for (uint64_t i = 0; i < 300; i++) {
    event = (sim_event){.at = sim_random_below(&chance, 20), .number = i};
    sim_queue_push(&queue, event);
  }
  uint64_t at = 0, number = 0;
  for (size_t i = 0; i < 300; i++) {
    ck_assert(sim_queue_pop(&queue, &event));
    ck_assert_uint_ge(event.at, at);
    ck_assert(event.at > at || i == 0 || event.number > number);
    at = event.at;
    number = event.number;
  }
  ck_assert(!sim_queue_pop(&queue, &event));
  sim_queue_close(&queue);
}
END_TEST

START_TEST(a_cut_is_one_way_and_a_split_both) {
  sim_network_faults none = {.delay_least = 1, .delay_most = 5};
  sim_network network;
  uint64_t arrivals[SIM_COPIES];
  sim_network_init(&network, &chance, &none);
  sim_network_cut(&network, 1, 2);
  ck_assert_uint_eq(sim_network_send(&network, 1, 2, 0, arrivals), 0);
  ck_assert_uint_eq(sim_network_send(&network, 2, 1, 0, arrivals), 1);
  sim_network_heal(&network);
  ck_assert_uint_eq(sim_network_send(&network, 1, 2, 0, arrivals), 1);
  sim_network_split(&network, 1u << 1 | 1u << 3);
  for (unsigned from = 0; from < 4; from++) {
    for (unsigned to = 0; to < 4; to++) {
      ck_assert(sim_network_is_cut(&network, from, to) == (from % 2 != to % 2));
    }
  }
}
END_TEST

START_TEST(faults_come_as_often_as_they_should) {
  sim_network_faults faults = {.drop = 100000, .duplicate = 200000, .delay_most = 9};
  sim_network network;
  uint64_t arrivals[SIM_COPIES];
  sim_network_init(&network, &chance, &faults);
  for (int i = 0; i < 10000; i++) {
    size_t copies = sim_network_send(&network, 1, 2, 100, arrivals);
    for (size_t k = 0; k < copies; k++) {
      ck_assert_uint_ge(arrivals[k], 100);
      ck_assert_uint_le(arrivals[k], 109);
    }
  }
  ck_assert_uint_gt(network.counts.dropped, 800);
  ck_assert_uint_lt(network.counts.dropped, 1200);
  ck_assert_uint_gt(network.counts.duplicated, 1500);
  ck_assert_uint_lt(network.counts.duplicated, 2100);
}
END_TEST

START_TEST(in_order_nothing_overtakes) {
  sim_network_faults faults = {.delay_most = 100, .in_order = true};
  sim_network network;
  uint64_t arrivals[SIM_COPIES], last = 0;
  sim_network_init(&network, &chance, &faults);
  for (uint64_t now = 0; now < 200; now++) {
    ck_assert_uint_eq(sim_network_send(&network, 1, 2, now, arrivals), 1);
    ck_assert_uint_ge(arrivals[0], last);
    last = arrivals[0];
  }
}
END_TEST

/* ---- the log ---- */

static sim_disk_faults faults;
static sim_disk disk;
static sim_log simlog;

static void open_log(uint32_t survive) {
  sim_disk_faults drawn = {.sync_least = 1, .sync_most = 3, .survive = survive};
  faults = drawn;
  sim_disk_init(&disk, &chance, &faults);
  sim_log_init(&simlog, &disk, NULL);
}

static void write_entries(uint64_t term, uint64_t first, uint64_t count) {
  raft_entry entries[8];
  raft_hard_state state = {.term = term, .vote = 1, .commit = 0};
  for (uint64_t i = 0; i < count; i++) {
    entries[i] = (raft_entry){.term = term, .index = first + i};
  }
  sim_log_write(&simlog, &state, NULL, entries, (size_t)count);
}

START_TEST(a_crash_takes_what_was_not_synced) {
  open_log(0);
  write_entries(1, 1, 3);
  sim_log_synced(&simlog);
  write_entries(2, 3, 4); /* replaces the third */
  ck_assert_uint_eq(sim_log_last(&simlog.seen), 6);
  sim_log_crash(&simlog);
  ck_assert_uint_eq(sim_log_last(&simlog.seen), 3);
  ck_assert_uint_eq(sim_log_entry(&simlog.seen, 3)->entry.term, 1);
  ck_assert_uint_eq(simlog.seen.hard_state.term, 1);
  sim_log_close(&simlog);
}
END_TEST

/* A prefix of the entries; the hard state only when all of them are there, and as a whole. */
START_TEST(a_torn_write_leaves_a_prefix) {
  bool lengths[6] = {false};
  for (int i = 0; i < 200; i++) {
    open_log(SIM_CERTAIN);
    write_entries(1, 1, 1);
    sim_log_synced(&simlog);
    write_entries(2, 2, 4);
    sim_log_crash(&simlog);
    uint64_t last = sim_log_last(&simlog.durable);
    const raft_hard_state *state = &simlog.durable.hard_state;
    ck_assert_uint_ge(last, 1);
    ck_assert_uint_le(last, 5);
    lengths[last] = true;
    ck_assert(state->term == 1 || (state->term == 2 && last == 5));
    sim_log_close(&simlog);
  }
  for (size_t last = 1; last <= 5; last++) {
    ck_assert(lengths[last]);
  }
}
END_TEST

/* ---- the checker ---- */

static sim_check check;

static void expect_broken(const char *what) {
  ck_assert(check.broken);
  ck_assert_ptr_nonnull(strstr(check.what, what));
  sim_check_close(&check);
}

START_TEST(two_leaders_of_a_term_are_reported) {
  sim_log_state log = {.count = 0};
  sim_check_leader(&check, 4, 1, &log);
  sim_check_leader(&check, 5, 2, &log);
  ck_assert(!check.broken);
  sim_check_leader(&check, 4, 2, &log);
  expect_broken("n1 and n2 both lead term 4");
}
END_TEST

START_TEST(two_votes_in_a_term_are_reported) {
  sim_check_vote(&check, 3, 1, 2);
  sim_check_vote(&check, 3, 1, 2);
  ck_assert(!check.broken);
  sim_check_vote(&check, 3, 1, 3);
  expect_broken("one vote a term");
}
END_TEST

START_TEST(logs_that_differ_below_an_equal_entry_are_reported) {
  sim_check_entry(&check, 1, 7, 2, 111);
  sim_check_entry(&check, 2, 7, 3, 222);
  ck_assert(!check.broken);
  sim_check_entry(&check, 2, 7, 2, 333);
  expect_broken("log matching");
}
END_TEST

START_TEST(a_leader_without_what_was_committed_is_reported) {
  sim_log_state log = {.count = 0};
  raft_entry entry = {.term = 1, .index = 1};
  sim_check_commit(&check, 1, 1, &entry, 5);
  sim_check_leader(&check, 1, 1, &log); /* of the same term: it may yet get it */
  ck_assert(!check.broken);
  sim_check_leader(&check, 2, 2, &log);
  expect_broken("leader completeness");
}
END_TEST

START_TEST(different_commits_and_applications_are_reported) {
  raft_entry entry = {.term = 1, .index = 1};
  sim_check_commit(&check, 1, 1, &entry, 5);
  sim_check_commit(&check, 2, 1, &entry, 6);
  expect_broken("committed entries stay");
  sim_check_commit(&check, 1, 1, &entry, 5);
  sim_image machine = {.index = 1, .term = 1, .chain = 6};
  sim_check_apply(&check, 1, &machine);
  expect_broken("equal applied prefixes");
  sim_check_commit(&check, 1, 1, &entry, 5);
  machine.chain = 5;
  sim_check_apply(&check, 1, &machine);
  ck_assert(!check.broken);
  machine.conf.voters = 2;
  sim_check_apply(&check, 2, &machine);
  expect_broken("configuration lineage");
}
END_TEST

/* ---- runs ---- */

static void run(uint64_t seed, sim_listener listener, void *ctx, sim_result *result) {
  sim_options options;
  sim_options_draw(&options, seed);
  options.steps = 800;
  sim_run(&options, listener, ctx, result);
}

START_TEST(two_runs_of_a_seed_are_the_same) {
  static sim_tail tail;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    sim_result first, again, told;
    run(seed, NULL, NULL, &first);
    run(seed, NULL, NULL, &again);
    run(seed, sim_tail_listen, &tail, &told); /* telling changes nothing */
    ck_assert(!first.violated);
    ck_assert_uint_eq(first.hash, again.hash);
    ck_assert_uint_eq(first.hash, told.hash);
    ck_assert_mem_eq(first.counts, again.counts, sizeof first.counts);
  }
  ck_assert_uint_gt(tail.count, 40);
}
END_TEST

START_TEST(seeds_differ) {
  sim_result one, two;
  run(1, NULL, NULL, &one);
  run(2, NULL, NULL, &two);
  ck_assert_uint_ne(one.hash, two.hash);
}
END_TEST

START_TEST(options_are_pinned_by_name) {
  sim_options options;
  sim_options_draw(&options, 1);
  ck_assert_int_eq(sim_options_set(&options, "nodes", "5"), SIM_OPTION_OK);
  ck_assert_uint_eq(options.nodes, 5);
  ck_assert_int_eq(sim_options_set(&options, "lease", "1"), SIM_OPTION_OK);
  ck_assert_uint_eq(options.drift, 0); /* what would break leases is off */
  ck_assert_int_eq(sim_options_set(&options, "nodes", "8"), SIM_OPTION_OUT_OF_RANGE);
  ck_assert_int_eq(sim_options_set(&options, "nodes", "x"), SIM_OPTION_NOT_A_NUMBER);
  ck_assert_int_eq(sim_options_set(&options, "nodes", "-1"), SIM_OPTION_NOT_A_NUMBER);
  ck_assert_int_eq(sim_options_set(&options, "moods", "1"), SIM_OPTION_UNKNOWN);
}
END_TEST

/* ---- workers ---- */

static bool odd_or_dead(void *ctx, uint64_t seed, uint64_t counts[SIM_RUNNER_COUNTS]) {
  (void)ctx;
  counts[0] += seed;
  if (seed == 8) {
    _exit(3);
  }
  return seed == 5;
}

START_TEST(findings_and_deaths_of_workers_are_reported) {
  sim_runner runner = {.run = odd_or_dead, .first = 1, .last = 20, .workers = 2};
  sim_runner_result result;
  ck_assert(sim_runner_run(&runner, &result));
  ck_assert_uint_eq(result.seeds, 19);
  ck_assert_uint_eq(result.found, 2);
  ck_assert_uint_eq(result.finding_count, 2);
  ck_assert_uint_eq(result.findings[0], 5);
  ck_assert_uint_eq(result.findings[1], 8);
  ck_assert_uint_eq(result.counts[0], 210);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      events_come_by_time_then_by_age,
      a_cut_is_one_way_and_a_split_both,
      faults_come_as_often_as_they_should,
      in_order_nothing_overtakes,
      a_crash_takes_what_was_not_synced,
      a_torn_write_leaves_a_prefix,
      two_leaders_of_a_term_are_reported,
      two_votes_in_a_term_are_reported,
      logs_that_differ_below_an_equal_entry_are_reported,
      a_leader_without_what_was_committed_is_reported,
      different_commits_and_applications_are_reported,
      two_runs_of_a_seed_are_the_same,
      seeds_differ,
      options_are_pinned_by_name,
      findings_and_deaths_of_workers_are_reported,
  };
  return run_suite("sim", tests, sizeof tests / sizeof tests[0], setup, NULL);
}
