/* test_join.c - a new store becomes a member of a cluster, whatever is lost on the way.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "raftstore/join.h"
#include "scheduler/message.h"
#include "support/memory_engine.h"
#include "support/run_suite.h"

static memory_engine engine;
static kv_join *join;
static kv_scheduler_request last;
static int asked;
static bool down;

static const kv_join_config config = {.address = "here:1", .data_id = 99};

static int keep(void *ctx, raft_bytes bytes) {
  (void)ctx;
  if (down) {
    return KV_EBUSY;
  }
  kv_scheduler_request_clear(&last);
  ck_assert_int_eq(kv_scheduler_request_decode(bytes, &last), KV_OK);
  asked++;
  return KV_OK;
}

static const kv_scheduler_device device = {NULL, keep};

static void start(void) {
  kv_error error = {0};
  ck_assert_msg(kv_join_open(&config, &engine.base, &device, &join, &error) == KV_OK, "%s",
                error.text);
}

/* What a power cut leaves is what was committed. */
static void restart(void) {
  kv_join_close(join);
  start();
}

static void setup(void) {
  memory_engine_init(&engine);
  asked = 0;
  down = false;
  start();
}

static void teardown(void) {
  kv_join_close(join);
  memory_engine_free(&engine);
  kv_scheduler_request_clear(&last);
}

static void answer(kv_scheduler_response response) {
  raft_buf *frame = NULL;
  response.request_id = last.request_id;
  response.cluster_id = 7;
  response.call = last.call;
  ck_assert_int_eq(kv_scheduler_response_encode(&response, &frame), KV_OK);
  kv_join_received(join, (raft_bytes){raft_buf_data(frame), raft_buf_len(frame), frame});
  raft_buf_release(frame);
}

static void tick(int count) {
  for (int i = 0; i < count; i++) {
    kv_join_tick(join);
  }
}

static kv_join_state look(kv_store_ident *ident) {
  kv_error error;
  return kv_join_look(join, ident, &error);
}

/* The region's record on disk; false: there is none. */
static bool has_region(uint64_t id) {
  kv_txn *txn = NULL;
  kv_region_state state;
  ck_assert_int_eq(engine.base.ops->begin(&engine.base, false, &txn), KV_OK);
  const bool found = kv_region_state_load(txn, id, &state) == KV_OK;
  kv_region_state_clear(&state);
  engine.base.ops->abort(txn);
  return found;
}

START_TEST(a_store_of_a_running_cluster_gets_an_id_and_begins_empty) {
  kv_store_ident ident;
  tick(1);
  ck_assert_int_eq(last.call, KV_CALL_PUT_STORE);
  ck_assert_str_eq(last.text, "here:1");
  ck_assert_uint_eq(last.incarnation, 99);
  ck_assert_int_eq(look(NULL), KV_JOIN_ASKING);
  answer((kv_scheduler_response){.id = 4, .bootstrapped = true});
  ck_assert_int_eq(look(&ident), KV_JOIN_DONE);
  ck_assert_uint_eq(ident.store_id, 4);
  ck_assert_uint_eq(ident.cluster_id, 7);
  const int before = asked;
  restart(); /* nobody has to be asked again */
  ck_assert_int_eq(look(&ident), KV_JOIN_DONE);
  ck_assert_uint_eq(ident.store_id, 4);
  tick(100);
  ck_assert_int_eq(asked, before);
}
END_TEST

static void offer_region(void) {
  tick(1);
  answer((kv_scheduler_response){.id = 1});
  tick(1);
  ck_assert_int_eq(last.call, KV_CALL_ALLOC_IDS);
  ck_assert_uint_eq(last.count, 2);
  answer((kv_scheduler_response){.id = 2});
  tick(1);
  ck_assert_int_eq(last.call, KV_CALL_BOOTSTRAP);
}

START_TEST(the_first_store_makes_the_first_region) {
  kv_store_ident ident;
  offer_region();
  const kv_region *region = &last.report.region;
  ck_assert_uint_eq(region->id, 2);
  ck_assert_uint_eq(region->peer_count, 1);
  ck_assert_uint_eq(region->peers[0].id, 3);
  ck_assert_uint_eq(region->peers[0].store_id, 1);
  ck_assert_uint_eq(region->start.len + region->end.len, 0);
  answer((kv_scheduler_response){.bootstrapped = true});
  ck_assert_int_eq(look(&ident), KV_JOIN_DONE);
  ck_assert_uint_eq(ident.prepared, 0);
  ck_assert(has_region(2));
}
END_TEST

START_TEST(who_is_second_drops_its_region_and_joins) {
  kv_store_ident ident;
  offer_region();
  ck_assert(has_region(2));
  answer((kv_scheduler_response){.status = KV_SCHEDULER_BOOTSTRAPPED});
  ck_assert_int_eq(look(&ident), KV_JOIN_DONE);
  ck_assert(!has_region(2));
  ck_assert_uint_eq(ident.prepared, 0);
}
END_TEST

START_TEST(a_crash_between_any_two_steps_goes_on_where_it_was) {
  kv_store_ident ident;
  tick(1);
  answer((kv_scheduler_response){.id = 1}); /* not kept: the cluster has no region */
  restart();
  tick(1);
  ck_assert_int_eq(last.call, KV_CALL_PUT_STORE);
  ck_assert_uint_eq(last.incarnation, 99);
  offer_region(); /* its first tick asks nothing new */
  restart();
  ck_assert_int_eq(look(NULL), KV_JOIN_ASKING);
  tick(1);
  ck_assert_int_eq(last.call, KV_CALL_BOOTSTRAP); /* the same region, once more */
  ck_assert_uint_eq(last.report.region.id, 2);
  ck_assert_uint_eq(last.report.region.peers[0].id, 3);
  ck_assert_uint_eq(last.store_id, 1);
  ck_assert_uint_eq(last.cluster_id, 7);
  answer((kv_scheduler_response){.bootstrapped = true});
  restart();
  ck_assert_int_eq(look(&ident), KV_JOIN_DONE);
  ck_assert(has_region(2));
}
END_TEST

START_TEST(a_lost_question_is_asked_again_and_late_answers_are_ignored) {
  down = true;
  tick(5);
  ck_assert_int_eq(asked, 0);
  down = false;
  tick(1);
  ck_assert_int_eq(asked, 1);
  const kv_scheduler_call call = last.call;
  const uint64_t first = last.request_id;
  tick(9);
  ck_assert_int_eq(asked, 1);
  tick(1);
  ck_assert_int_eq(asked, 2);
  ck_assert_int_eq(last.call, call);
  last.request_id = first;
  answer((kv_scheduler_response){.id = 5, .bootstrapped = true});
  ck_assert_int_eq(look(NULL), KV_JOIN_ASKING);
  answer((kv_scheduler_response){.status = KV_SCHEDULER_FAILED});
  kv_join_received(join, (raft_bytes){"\xff", 1, NULL});
  ck_assert_int_eq(look(NULL), KV_JOIN_ASKING);
}
END_TEST

/* P87: a wiped store under its old address is told what to do, and stops. */
START_TEST(a_refusal_ends_it_with_the_schedulers_words) {
  kv_scheduler_response response = {.status = KV_SCHEDULER_INVALID};
  kv_error error;
  tick(1);
  strcpy(response.text, "store 3 lives at here:1");
  answer(response);
  ck_assert_int_eq(kv_join_look(join, NULL, &error), KV_JOIN_FAILED);
  ck_assert_int_eq(error.code, KV_EFOREIGN);
  ck_assert_str_eq(error.text, "store 3 lives at here:1");
}
END_TEST

START_TEST(an_engine_that_fails_ends_it) {
  kv_error error;
  tick(1);
  engine.fail_commits = 1;
  answer((kv_scheduler_response){.id = 4, .bootstrapped = true});
  ck_assert_int_eq(kv_join_look(join, NULL, &error), KV_JOIN_FAILED);
  ck_assert_int_ne(error.code, KV_OK);
}
END_TEST

START_TEST(data_without_an_identity_is_nobodys) {
  memory_engine other;
  kv_join *none = NULL;
  kv_error error;
  kv_txn *txn = NULL;
  memory_engine_init(&other);
  ck_assert_int_eq(other.base.ops->begin(&other.base, true, &txn), KV_OK);
  ck_assert_int_eq(
      other.base.ops->put(txn, KV_SPACE_DATA, (raft_slice){"k", 1}, (raft_slice){"v", 1}), KV_OK);
  ck_assert_int_eq(other.base.ops->commit(txn), KV_OK);
  ck_assert_int_eq(kv_join_open(&config, &other.base, &device, &none, &error), KV_EFOREIGN);
  ck_assert_ptr_null(none);
  memory_engine_free(&other);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_store_of_a_running_cluster_gets_an_id_and_begins_empty,
      the_first_store_makes_the_first_region,
      who_is_second_drops_its_region_and_joins,
      a_crash_between_any_two_steps_goes_on_where_it_was,
      a_lost_question_is_asked_again_and_late_answers_are_ignored,
      a_refusal_ends_it_with_the_schedulers_words,
      an_engine_that_fails_ends_it,
      data_without_an_identity_is_nobodys,
  };
  return run_suite("join", tests, sizeof tests / sizeof *tests, setup, teardown);
}
