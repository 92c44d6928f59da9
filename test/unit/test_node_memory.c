/* test_node_memory.c - an allocation that fails is a lost message, never a wrong state.
 *
 * Every scenario is played again and again, and each time another allocation fails: of one
 * member or of whichever makes it, once or from then on until it is healed. Likewise each answer of
 * a member's storage, which has no memory either. Calls may answer that there is no memory, and
 * nothing else that they would not answer anyway; the group itself sees to it that a term has one
 * leader, that all apply the same, and that no memory is left behind. Once healed, the group must
 * come to agree on something new. Of each scenario one line tells how many failures there were.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "faulty_storage.h"
#include "scenarios.h"

static group *const g = &scenario_group;
static size_t *total; /* failures of all scenarios; tests run in processes of their own */

/* ---- who fails ---- */

/* Members 1, 2, 3; everybody's memory taken together; the storages of members 1, 2, 3. */
enum { ALL = 4, STORAGES = 4, VICTIMS = 7 };

static unsigned victim;
static const scenario *current;
static failing_allocator shared;
static faulty_storage storages[GROUP_MOST + 1];

static void arrange(raft_config *config) {
  config->snapshot_timeout_ticks = 20; /* nobody reports on those that get lost */
  if (current->change != NULL) {
    current->change(config);
  }
  if (victim == ALL) {
    config->allocator = &shared.iface;
  } else if (victim > STORAGES) {
    faulty_storage_init(&storages[config->id], config->storage);
    storages[config->id].code = RAFT_ENOMEM;
    config->storage = &storages[config->id].iface;
  }
}

/* The n-th failure from now on; 0: none any more. */
static void arm(size_t n, bool from_then_on) {
  if (victim > STORAGES) {
    faulty_storage *storage = &storages[victim - STORAGES];
    storage->calls = 0;
    storage->fail_at = n;
    storage->fail_from_then_on = from_then_on;
  } else {
    failing_allocator *memory = victim == ALL ? &shared : &g->members[victim].memory;
    failing_allocator_arm(memory, n, from_then_on);
  }
}

static size_t made(void) {
  return victim > STORAGES ? storages[victim - STORAGES].calls
         : victim == ALL   ? shared.total_calls
                           : g->members[victim].memory.total_calls;
}

/* ---- the proof ---- */

static void require(size_t n, bool ok, const char *what) {
  if (!ok) {
    ck_abort_msg("%s: failure %zu of victim %u: %s", current->name, n, victim, what);
  }
}

/* All members are well and connected: they elect, and agree on something new. */
static void expect_agreement(size_t n) {
  scenario_heal();
  group_tick(g, 45);
  uint64_t id = group_leader(g);
  require(n, id != 0, "no leader");
  uint64_t before = g->members[id].applied;
  require(n, group_propose(g, id, "news") == RAFT_OK, "no proposal");
  group_tick(g, 5);
  require(n, g->members[id].applied > before, "no progress");
  group_expect_equal(g);
  for (uint64_t i = 1; i <= 3; i++) {
    int odd = g->members[i].odd_error;
    require(n, scenario_tolerates(odd), raft_error_string(odd));
  }
}

/* False: the scenario has fewer than `n` chances to fail. */
static bool play(size_t n, bool from_then_on) {
  failing_allocator_init(&shared);
  (current->empty ? group_open_empty : group_open)(g, 3, arrange);
  arm(n, from_then_on);
  current->play();
  bool failed = made() >= n;
  arm(0, false);
  expect_agreement(n);
  scenario_check_reads();
  group_close(g);
  require(n, shared.live_blocks == 0, "memory was left behind");
  return failed;
}

START_TEST(whatever_fails_the_group_agrees_afterwards) {
  size_t failures[2] = {0, 0};
  current = &scenarios[_i];
  for (victim = 1; victim <= VICTIMS; victim++) {
    for (int from_then_on = 0; from_then_on <= 1; from_then_on++) {
      for (size_t n = 1; play(n, from_then_on != 0); n++) {
        failures[victim > STORAGES]++;
      }
    }
  }
  printf("%-34s %6zu allocations, %6zu answers of storage\n", current->name, failures[0],
         failures[1]);
  *total += failures[0] + failures[1];
  ck_assert_uint_gt(failures[0], 20);
}
END_TEST

int main(void) {
  total = mmap(NULL, sizeof *total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (total == MAP_FAILED) {
    return EXIT_FAILURE;
  }
  Suite *suite = suite_create("memory");
  TCase *tests = tcase_create("memory");
  tcase_set_timeout(tests, 60);
  tcase_add_loop_test(tests, whatever_fails_the_group_agrees_afterwards, 0, (int)scenario_count);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  printf("%zu failures injected into %zu scenarios\n", *total, scenario_count);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
