/* test_config.c - the defaults are good but for id and storage, and each bad field is named.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/config.h>
#include <libraft/memory_storage.h>
#include <stdlib.h>
#include <string.h>

static raft_memory_storage *memory_storage;
static raft_storage storage; /* a copy, to be spoiled */
static raft_allocator allocator;
static raft_config config;

static void setup(void) {
  ck_assert_int_eq(raft_memory_storage_open(NULL, &memory_storage), RAFT_OK);
  storage = *raft_memory_storage_interface(memory_storage);
  allocator = *raft_default_allocator();
  raft_config_init(&config);
  config.id = 1;
  config.storage = &storage;
}

static void teardown(void) {
  raft_memory_storage_close(memory_storage);
}

static void assert_good(void) {
  const char *why = "nothing";
  ck_assert_int_eq(raft_config_check(&config, &why), RAFT_OK);
  ck_assert_str_eq(why, "nothing");
}

/* The config as it is now is refused with a sentence that begins with the field's name. */
static void assert_blames(const char *field) {
  const char *why = NULL;
  ck_assert_int_eq(raft_config_check(&config, &why), RAFT_ECONFIG);
  ck_assert_ptr_nonnull(why);
  ck_assert_msg(strncmp(why, field, strlen(field)) == 0, "blames \"%s\", not %s", why, field);
  ck_assert_int_eq(raft_config_check(&config, NULL), RAFT_ECONFIG);
}

START_TEST(the_defaults_are_the_documented_ones) {
  ck_assert_uint_eq(config.size, sizeof(raft_config));
  ck_assert_uint_eq(config.applied, 0);
  ck_assert_uint_eq(config.election_ticks, 10);
  ck_assert_uint_eq(config.heartbeat_ticks, 1);
  ck_assert_uint_eq(config.snapshot_timeout_ticks, 600);
  ck_assert_uint_eq(config.max_size_per_message, 1024 * 1024);
  ck_assert_uint_eq(config.max_committed_size_per_ready, 0);
  ck_assert_uint_eq(config.max_uncommitted_size, 0);
  ck_assert_uint_eq(config.max_inflight_messages, 256);
  ck_assert_uint_eq(config.max_inflight_bytes, 0);
  ck_assert_uint_eq(config.max_pending_reads, 4096);
  ck_assert(config.check_quorum);
  ck_assert(config.pre_vote);
  ck_assert_int_eq(config.read_only, RAFT_READ_ONLY_SAFE);
  ck_assert(!config.async_storage_writes);
  ck_assert(!config.disable_proposal_forwarding);
  ck_assert(!config.disable_conf_change_validation);
  ck_assert(!config.step_down_on_removal);
  ck_assert(!config.silent_read_drops);
  ck_assert(!config.etcd_quirks);
  ck_assert(!config.hand_over_on_removal);
  ck_assert(!config.batch_append);
  ck_assert(!config.commit_in_votes);
  ck_assert_int_eq(config.priority, 0);
  ck_assert_uint_eq(config.max_unpersisted_apply, 0);
  ck_assert(!config.skip_commit_broadcast);
  ck_assert(config.allocator == NULL && config.log == NULL);
}
END_TEST

START_TEST(id_and_storage_are_all_that_is_needed) {
  assert_good();
  raft_config bare;
  raft_config_init(&bare);
  config = bare;
  assert_blames("id");
  config.id = 1;
  assert_blames("storage");
}
END_TEST

START_TEST(ids_with_a_meaning_are_refused) {
  const uint64_t reserved[] = {RAFT_NO_ID, RAFT_APPEND_THREAD, RAFT_APPLY_THREAD};
  for (size_t i = 0; i < 3; i++) {
    config.id = reserved[i];
    assert_blames("id");
  }
  config.id = RAFT_APPLY_THREAD - 1;
  assert_good();
}
END_TEST

START_TEST(a_config_of_another_size_is_refused) {
  const size_t sizes[] = {0, 8, sizeof(raft_config) + 8, SIZE_MAX};
  for (size_t i = 0; i < 4; i++) {
    config.size = sizes[i];
    assert_blames("size");
  }
}
END_TEST

START_TEST(a_storage_of_another_size_is_refused) {
  storage.size = 0;
  assert_blames("storage");
  storage.size = sizeof(storage) + 8;
  assert_blames("storage");
}
END_TEST

START_TEST(a_storage_without_one_of_its_functions_is_refused) {
  const raft_storage whole = storage;
  for (int i = 0; i < 6; i++) {
    storage = whole;
    switch (i) {
    case 0: storage.initial_state = NULL; break;
    case 1: storage.entries = NULL; break;
    case 2: storage.term = NULL; break;
    case 3: storage.first_index = NULL; break;
    case 4: storage.last_index = NULL; break;
    default: storage.snapshot = NULL; break;
    }
    assert_blames("storage");
  }
}
END_TEST

START_TEST(an_allocator_is_whole_or_absent) {
  config.allocator = &allocator;
  assert_good();
  allocator.realloc = NULL;
  assert_blames("allocator");
}
END_TEST

START_TEST(an_election_takes_longer_than_a_heartbeat) {
  config.heartbeat_ticks = 0;
  assert_blames("heartbeat_ticks");
  config.heartbeat_ticks = 3;
  config.election_ticks = 3;
  assert_blames("election_ticks");
  config.election_ticks = 4;
  assert_good();
}
END_TEST

START_TEST(twice_the_election_time_must_be_countable) {
  config.election_ticks = UINT32_MAX / 2 + 1;
  assert_blames("election_ticks");
  config.election_ticks = UINT32_MAX / 2;
  assert_good();
}
END_TEST

START_TEST(something_may_be_in_flight) {
  config.max_inflight_messages = 0;
  assert_blames("max_inflight_messages");
}
END_TEST

START_TEST(a_whole_message_may_be_in_flight) {
  config.max_inflight_bytes = config.max_size_per_message - 1;
  assert_blames("max_inflight_bytes");
  config.max_inflight_bytes = config.max_size_per_message;
  assert_good();
}
END_TEST

START_TEST(messages_of_one_entry_are_allowed) {
  config.max_size_per_message = 0;
  assert_good();
}
END_TEST

START_TEST(reading_by_lease_needs_the_quorum_check) {
  config.read_only = RAFT_READ_ONLY_LEASE_BASED;
  assert_good();
  config.check_quorum = false;
  assert_blames("read_only");
  config.read_only = (raft_read_only_option)7;
  assert_blames("read_only");
}
END_TEST

START_TEST(applying_ahead_of_storage_needs_asynchronous_writes) {
  config.max_unpersisted_apply = 1;
  assert_blames("max_unpersisted_apply");
  config.async_storage_writes = true;
  assert_good();
}
END_TEST

int main(void) {
  Suite *suite = suite_create("config");
  TCase *tests = tcase_create("config");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, the_defaults_are_the_documented_ones);
  tcase_add_test(tests, id_and_storage_are_all_that_is_needed);
  tcase_add_test(tests, ids_with_a_meaning_are_refused);
  tcase_add_test(tests, a_config_of_another_size_is_refused);
  tcase_add_test(tests, a_storage_of_another_size_is_refused);
  tcase_add_test(tests, a_storage_without_one_of_its_functions_is_refused);
  tcase_add_test(tests, an_allocator_is_whole_or_absent);
  tcase_add_test(tests, an_election_takes_longer_than_a_heartbeat);
  tcase_add_test(tests, twice_the_election_time_must_be_countable);
  tcase_add_test(tests, something_may_be_in_flight);
  tcase_add_test(tests, a_whole_message_may_be_in_flight);
  tcase_add_test(tests, messages_of_one_entry_are_allowed);
  tcase_add_test(tests, reading_by_lease_needs_the_quorum_check);
  tcase_add_test(tests, applying_ahead_of_storage_needs_asynchronous_writes);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
