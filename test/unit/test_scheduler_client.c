/* test_scheduler_client.c - what a store says to the scheduler, and makes of its answers.
 *
 * The scheduler is played by the test: it keeps the last request of each kind, and answers what a
 * case has it answer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "raftstore/core.h"
#include "raftstore/envelope.h"
#include "raftstore/peer.h"
#include "raftstore/scheduler_report.h"
#include "scheduler/message.h"
#include "support/run_suite.h"
#include "support/store_world.h"

enum { CALLS = KV_CALL_SET_CONFIG + 1 };

static world w;
static kv_scheduler_request last[CALLS]; /* by call; regions are copies */
static int counts[CALLS];
static bool down;
static int asked_about_far; /* the region FAR_REGION */
enum { FAR_REGION = 77 };

static int keep(void *ctx, uint64_t store_id, raft_bytes bytes) {
  kv_scheduler_request request;
  (void)ctx;
  if (down) {
    return KV_EBUSY;
  }
  ck_assert_int_eq(kv_scheduler_request_decode(bytes, &request), KV_OK);
  ck_assert_uint_eq(request.store_id, store_id);
  ck_assert_uint_eq(request.cluster_id, 7);
  ck_assert_uint_lt(request.call, CALLS);
  counts[request.call]++;
  asked_about_far += request.call == KV_CALL_GET_REGION && request.id == FAR_REGION;
  kv_scheduler_request_clear(&last[request.call]);
  last[request.call] = request;
  return KV_OK;
}

static void start(size_t stores) {
  world_open(&w, 5, stores);
  w.scheduler.ask = keep;
  for (uint64_t id = 1; id <= stores; id++) {
    world_start(&w, id);
  }
  (void)world_wait_leader(&w, 0);
  world_run(&w, 200);
}

static void setup(void) {
  memset(counts, 0, sizeof counts);
  asked_about_far = 0;
  down = false;
}

static void teardown(void) {
  world_close(&w);
  for (int i = 0; i < CALLS; i++) {
    kv_scheduler_request_clear(&last[i]);
  }
}

static kv_store *store_of(uint64_t id) {
  return world_at(&w, id)->store;
}

static kv_peer *peer_on(uint64_t store_id) {
  return kv_region_map_peer(&store_of(store_id)->regions, 1);
}

static void answer(uint64_t store_id, kv_scheduler_response response) {
  raft_buf *frame = NULL;
  response.request_id = last[response.call].request_id;
  response.cluster_id = 7;
  ck_assert_int_eq(kv_scheduler_response_encode(&response, &frame), KV_OK);
  kv_store_scheduler_received(store_of(store_id),
                              (raft_bytes){raft_buf_data(frame), raft_buf_len(frame), frame});
  raft_buf_release(frame);
}

/* ---- ids ---- */

typedef struct told {
  int count;
  int rc;
  char why[128];
  uint64_t id;
  size_t peers;
} told;

static void on_id(void *ctx, kv_store *store, uint64_t region_id, int rc, const char *why,
                  uint64_t id) {
  told *t = ctx;
  (void)store;
  ck_assert_uint_eq(region_id, 1);
  t->count++;
  t->rc = rc;
  t->id = id;
  strcpy(t->why, why);
}

static void on_split(void *ctx, kv_store *store, uint64_t region_id, int rc, const char *why,
                     const kv_split_ids *ids) {
  told *t = ctx;
  on_id(ctx, store, region_id, rc, why, ids != NULL ? ids->region_id : 0);
  t->peers = ids != NULL ? ids->peer_count : 0;
}

START_TEST(an_id_is_asked_again_until_it_comes_and_told_once) {
  told t = {0};
  start(1);
  ck_assert_int_eq(kv_scheduler_ask_id(peer_on(1), on_id, &t), KV_OK);
  world_run(&w, 100);
  const int first = counts[KV_CALL_ALLOC_IDS];
  ck_assert_int_eq(first, 1);
  const uint64_t lost = last[KV_CALL_ALLOC_IDS].request_id;
  world_run(&w, 3000);
  ck_assert_int_gt(counts[KV_CALL_ALLOC_IDS], first);
  ck_assert_int_eq(t.count, 0);
  answer(1, (kv_scheduler_response){.call = KV_CALL_ALLOC_IDS, .id = 77});
  ck_assert_int_eq(t.count, 0); /* with the next flush, not from within */
  world_run(&w, 10);
  ck_assert_int_eq(t.count, 1);
  ck_assert_int_eq(t.rc, KV_OK);
  ck_assert_uint_eq(t.id, 77);
  last[KV_CALL_ALLOC_IDS].request_id = lost; /* the first answer, late */
  answer(1, (kv_scheduler_response){.call = KV_CALL_ALLOC_IDS, .id = 70});
  world_run(&w, 3000);
  ck_assert_int_eq(t.count, 1);
}
END_TEST

START_TEST(a_scheduler_that_never_answers_is_given_up) {
  told t = {0};
  start(1);
  down = true;
  ck_assert_int_eq(kv_scheduler_ask_split(peer_on(1), on_split, &t), KV_OK);
  world_run(&w, 11000);
  ck_assert_int_eq(t.count, 1);
  ck_assert_int_eq(t.rc, KV_EBUSY);
  ck_assert_str_eq(t.why, "the scheduler does not answer");
}
END_TEST

START_TEST(who_waits_is_told_when_the_store_closes) {
  told t = {0};
  start(1);
  ck_assert_int_eq(kv_scheduler_ask_split(peer_on(1), on_split, &t), KV_OK);
  world_crash(&w, 1);
  ck_assert_int_eq(t.count, 1);
  ck_assert_int_eq(t.rc, KV_EBUSY);
}
END_TEST

START_TEST(ids_for_a_split_come_in_the_order_of_the_peers) {
  told t = {0};
  start(1);
  ck_assert_int_eq(kv_scheduler_ask_split(peer_on(1), on_split, &t), KV_OK);
  ck_assert_uint_eq(last[KV_CALL_ASK_SPLIT].report.region.id, 1);
  ck_assert_uint_eq(last[KV_CALL_ASK_SPLIT].report.region.peer_count, 1);
  answer(1, (kv_scheduler_response){
                .call = KV_CALL_ASK_SPLIT, .id = 8, .peer_ids = {9}, .peer_count = 1});
  world_run(&w, 10);
  ck_assert_int_eq(t.rc, KV_OK);
  ck_assert_uint_eq(t.id, 8);
  ck_assert_uint_eq(t.peers, 1);
}
END_TEST

/* P46: version and conf_ver, and the number of ids. */
START_TEST(ids_for_a_region_that_has_changed_are_not_used) {
  start(1);
  for (int i = 0; i < 3; i++) {
    told t = {0};
    ck_assert_int_eq(kv_scheduler_ask_split(peer_on(1), on_split, &t), KV_OK);
    peer_on(1)->region.epoch.conf_ver += i == 0;
    peer_on(1)->region.epoch.version += i == 1;
    answer(1, (kv_scheduler_response){.call = KV_CALL_ASK_SPLIT,
                                      .id = 8,
                                      .peer_ids = {9, 10},
                                      .peer_count = i == 2 ? 2 : 1});
    world_run(&w, 10);
    ck_assert_int_eq(t.count, 1);
    ck_assert_int_eq(t.rc, KV_EBUSY);
    ck_assert_str_eq(t.why, "the region has changed meanwhile");
  }
}
END_TEST

START_TEST(a_refusal_comes_with_the_schedulers_words) {
  told t = {0};
  start(1);
  ck_assert_int_eq(kv_scheduler_ask_split(peer_on(1), on_split, &t), KV_OK);
  kv_scheduler_response response = {.call = KV_CALL_ASK_SPLIT, .status = KV_SCHEDULER_INVALID};
  strcpy(response.text, "there is no such region");
  answer(1, response);
  world_run(&w, 10);
  ck_assert_int_eq(t.rc, KV_EINVAL);
  ck_assert_str_eq(t.why, "there is no such region");
}
END_TEST

START_TEST(without_a_scheduler_nobody_is_asked) {
  told t = {0};
  world_open(&w, 5, 1);
  world_start(&w, 1);
  (void)world_wait_leader(&w, 0);
  ck_assert(!kv_scheduler_exists(store_of(1)));
  ck_assert_int_eq(kv_scheduler_ask_id(peer_on(1), on_id, &t), KV_EINVAL);
  ck_assert_int_eq(kv_scheduler_ask_split(peer_on(1), on_split, &t), KV_EINVAL);
  ck_assert_int_eq(t.count, 0);
}
END_TEST

/* ---- reports ---- */

START_TEST(leaders_report_their_regions_and_stores_themselves) {
  start(3);
  const uint64_t leader = world_wait_leader(&w, 0);
  world_run(&w, 5000);
  const kv_scheduler_request *region = &last[KV_CALL_REGION_HEARTBEAT];
  ck_assert_uint_eq(region->store_id, leader);
  ck_assert_uint_eq(region->report.region.id, 1);
  ck_assert_uint_eq(region->report.region.peer_count, 3);
  ck_assert_uint_eq(region->report.leader_peer, leader);
  ck_assert_uint_eq(region->report.trouble_count, 0);
  ck_assert_int_gt(counts[KV_CALL_STORE_HEARTBEAT], 10);
  ck_assert_int_gt(counts[KV_CALL_PUT_STORE], 3); /* until one is answered */
  const kv_store_space space = {.capacity = 1000, .available = 400, .used = 30};
  for (uint64_t id = 1; id <= 3; id++) {
    kv_store_set_space(store_of(id), &space);
  }
  world_run(&w, 2000);
  const kv_scheduler_request *store = &last[KV_CALL_STORE_HEARTBEAT];
  ck_assert_uint_eq(store->stats.capacity, 1000);
  ck_assert_uint_eq(store->stats.available, 400);
  ck_assert_uint_eq(store->stats.region_count, 1);
  ck_assert_uint_eq(store->stats.leader_count, store->store_id == leader);
}
END_TEST

/* P61: so that it is given no more replicas while it has these to do. */
START_TEST(snapshots_in_work_and_a_full_disk_are_reported) {
  start(3);
  const uint64_t leader = world_wait_leader(&w, 0), behind = leader % 3 + 1;
  const kv_store_space space = {.capacity = 1000, .receiving = 2};
  world_call call;
  world_crash(&w, behind);
  ck_assert_str_eq(world_do(&w, leader, &call, KV_OP_SET, 0, "key", "value", NULL), "+OK\r\n");
  kv_store_compact(store_of(leader), 1, 0, 10000, world_answered, &call);
  call.answers = 0;
  world_wait(&w, &call);
  world_start(&w, behind);
  kv_store_set_space(store_of(behind), &space);
  uint64_t sending = 0, applying = 0;
  for (int i = 0; i < 60000 && (sending == 0 || applying == 0); i++) {
    world_random_step(&w);
    kv_scheduler_send_store(store_of(leader));
    sending += last[KV_CALL_STORE_HEARTBEAT].stats.sending_snapshots;
    kv_scheduler_send_store(store_of(behind));
    applying += last[KV_CALL_STORE_HEARTBEAT].stats.applying_snapshots;
    ck_assert_uint_eq(last[KV_CALL_STORE_HEARTBEAT].stats.receiving_snapshots, 2);
  }
  ck_assert_uint_gt(sending, 0);
  ck_assert_uint_gt(applying, 0);
  world_run(&w, 10000);
  for (uint64_t id = 1; id <= 3; id++) {
    kv_scheduler_send_store(store_of(id));
    ck_assert_uint_eq(last[KV_CALL_STORE_HEARTBEAT].stats.sending_snapshots, 0);
    ck_assert_uint_eq(last[KV_CALL_STORE_HEARTBEAT].stats.applying_snapshots, 0);
    ck_assert(!last[KV_CALL_STORE_HEARTBEAT].stats.busy);
  }
  kv_store_durable(store_of(leader), 0, KV_EFULL);
  kv_scheduler_send_store(store_of(leader));
  ck_assert(last[KV_CALL_STORE_HEARTBEAT].stats.busy);
}
END_TEST

START_TEST(what_was_written_since_the_last_report_is_reported) {
  const kv_scheduler_request *store = &last[KV_CALL_STORE_HEARTBEAT];
  const kv_scheduler_request *region = &last[KV_CALL_REGION_HEARTBEAT];
  world_call call;
  start(1);
  kv_scheduler_send_store(store_of(1));
  kv_scheduler_send_region(peer_on(1));
  (void)world_do(&w, 1, &call, KV_OP_SET, 0, "key", "value", NULL);
  (void)world_do(&w, 1, &call, KV_OP_SET, 0, "other", "value", NULL);
  kv_scheduler_send_store(store_of(1));
  kv_scheduler_send_region(peer_on(1));
  ck_assert_uint_eq(store->stats.written_keys, 2);
  ck_assert_uint_ge(store->stats.written_bytes, 18);
  ck_assert_uint_eq(region->report.written_keys, 2);
  ck_assert_uint_eq(region->report.written_bytes, store->stats.written_bytes);
  kv_scheduler_send_store(store_of(1));
  kv_scheduler_send_region(peer_on(1));
  ck_assert_uint_eq(store->stats.written_keys, 0);
  ck_assert_uint_eq(region->report.written_bytes, 0);
}
END_TEST

START_TEST(a_change_of_leader_is_reported_at_once) {
  start(3);
  const uint64_t leader = world_wait_leader(&w, 0);
  world_run(&w, 3000);
  const uint64_t term = last[KV_CALL_REGION_HEARTBEAT].report.term;
  world_crash(&w, leader);
  const uint64_t next = world_wait_leader(&w, leader);
  world_run(&w, 10);
  ck_assert_uint_eq(last[KV_CALL_REGION_HEARTBEAT].store_id, next);
  ck_assert_uint_gt(last[KV_CALL_REGION_HEARTBEAT].report.term, term);
}
END_TEST

START_TEST(a_dead_member_is_reported_with_its_silence) {
  start(3);
  const uint64_t leader = world_wait_leader(&w, 0), dead = leader % 3 + 1;
  world_run(&w, 1000);
  world_crash(&w, dead);
  world_run(&w, 10000);
  const kv_region_report *report = &last[KV_CALL_REGION_HEARTBEAT].report;
  ck_assert_uint_eq(report->trouble_count, 1);
  ck_assert_uint_eq(report->troubles[0].peer_id, dead);
  ck_assert_uint_gt(report->troubles[0].down_ms, 5000);
  ck_assert_uint_le(report->troubles[0].down_ms, 10000);
}
END_TEST

/* ---- answers ---- */

START_TEST(addresses_are_learnt_from_the_list_of_stores) {
  kv_store_info stores[] = {{.id = 1, .address = "self:1"}, {.id = 42, .address = "far:1"}};
  start(1);
  world_run(&w, 1500);
  answer(1, (kv_scheduler_response){.call = KV_CALL_STORE_HEARTBEAT,
                                    .stores_version = 6,
                                    .stores = stores,
                                    .store_count = 2});
  ck_assert_str_eq(kv_store_address_of(store_of(1), 42), "far:1");
  world_run(&w, 1500);
  ck_assert_uint_eq(last[KV_CALL_STORE_HEARTBEAT].stores_version, 6);
  answer(1, (kv_scheduler_response){.call = KV_CALL_PUT_STORE, .stores_version = 6});
  const int before = counts[KV_CALL_PUT_STORE];
  world_run(&w, 5000);
  ck_assert_int_eq(counts[KV_CALL_PUT_STORE], before); /* once is enough */
}
END_TEST

/* P87 */
START_TEST(a_store_that_is_dead_for_the_cluster_stops) {
  kv_scheduler_response response = {.call = KV_CALL_STORE_HEARTBEAT,
                                    .status = KV_SCHEDULER_TOMBSTONE};
  kv_error error;
  start(1);
  world_run(&w, 1500);
  strcpy(response.text, "store 1 is gone for ever");
  answer(1, response);
  ck_assert_int_eq(kv_store_health(store_of(1), &error), KV_EFOREIGN);
  ck_assert_ptr_nonnull(strstr(error.text, "store 1 is gone for ever"));
}
END_TEST

/* ---- a scheduler that is not to be believed ---- */

typedef struct said {
  int count;
  char line[1024]; /* the last one */
} said;

static void on_line(void *ctx, kv_level level, const char *line) {
  said *s = ctx;
  (void)level;
  s->count++;
  ck_assert_uint_lt(strlen(line), sizeof s->line);
  strcpy(s->line, line);
}

static void listen_to(uint64_t store_id, said *s) {
  store_of(store_id)->devices.logger = (kv_logger){on_line, s, KV_ERROR};
}

static kv_scheduler_view view_of(uint64_t store_id) {
  kv_scheduler_view view;
  kv_store_scheduler_view(store_of(store_id), &view);
  return view;
}

static void answer_of_cluster(uint64_t cluster_id, kv_scheduler_response response) {
  raft_buf *frame = NULL;
  response.cluster_id = cluster_id;
  response.request_id = last[response.call].request_id;
  ck_assert_int_eq(kv_scheduler_response_encode(&response, &frame), KV_OK);
  kv_store_scheduler_received(store_of(1),
                              (raft_bytes){raft_buf_data(frame), raft_buf_len(frame), frame});
  raft_buf_release(frame);
}

static void foreign(kv_scheduler_call call) {
  kv_scheduler_response response = {.call = call, .status = KV_SCHEDULER_WRONG_CLUSTER};
  strcpy(response.text, "this is the scheduler of cluster 9, not of 7");
  answer_of_cluster(9, response);
}

static void accept_store(void) {
  answer(1, (kv_scheduler_response){.call = KV_CALL_PUT_STORE, .stores_version = 6});
}

static void still_serves(const char *key) {
  world_call call;
  kv_error error;
  ck_assert_int_eq(kv_store_health(store_of(1), &error), KV_OK);
  ck_assert_str_eq(world_do(&w, 1, &call, KV_OP_SET, 0, key, "value", NULL), "+OK\r\n");
}

START_TEST(a_scheduler_of_another_cluster_stops_no_store_that_has_joined) {
  said s = {0};
  start(1);
  listen_to(1, &s);
  for (int i = 0; i < 5; i++) {
    world_run(&w, 1500);
    foreign(KV_CALL_PUT_STORE);
    foreign(KV_CALL_STORE_HEARTBEAT);
    foreign(KV_CALL_REGION_HEARTBEAT);
    still_serves("key");
  }
  ck_assert_int_eq(view_of(1).verdict, KV_SCHEDULER_FOREIGN);
  ck_assert_uint_eq(view_of(1).cluster_id, 9);
  ck_assert_int_eq(s.count, 1); /* said once, with cause and remedy */
  ck_assert_ptr_nonnull(strstr(s.line, "own_cluster=7 its_cluster=9"));
  ck_assert_ptr_nonnull(strstr(s.line, "check --scheduler"));
}
END_TEST

START_TEST(another_clusters_scheduler_is_not_listened_to) {
  kv_store_info far = {.id = 42, .address = "far:1"};
  told t = {0};
  start(1);
  world_run(&w, 1500);
  answer_of_cluster(9, (kv_scheduler_response){.call = KV_CALL_STORE_HEARTBEAT,
                                               .stores_version = 6,
                                               .stores = &far,
                                               .store_count = 1});
  ck_assert_ptr_null(kv_store_address_of(store_of(1), 42));
  answer_of_cluster(9, (kv_scheduler_response){.call = KV_CALL_STORE_HEARTBEAT,
                                               .status = KV_SCHEDULER_TOMBSTONE,
                                               .text = "store 1 is a tombstone"});
  still_serves("key");
  ck_assert_int_eq(kv_scheduler_ask_id(peer_on(1), on_id, &t), KV_OK);
  answer_of_cluster(9, (kv_scheduler_response){.call = KV_CALL_ALLOC_IDS, .id = 77});
  world_run(&w, 10);
  ck_assert_int_eq(t.count, 1);
  ck_assert_int_eq(t.rc, KV_EBUSY);
  ck_assert_str_eq(t.why, "the scheduler is another cluster's");
}
END_TEST

START_TEST(a_store_goes_back_to_its_scheduler_when_that_is_there_again) {
  start(1);
  ck_assert_int_eq(view_of(1).verdict, KV_SCHEDULER_AWAY); /* it has said nothing yet */
  world_run(&w, 1500);
  accept_store();
  ck_assert_int_eq(view_of(1).verdict, KV_SCHEDULER_GOOD);
  foreign(KV_CALL_STORE_HEARTBEAT);
  ck_assert_int_eq(view_of(1).verdict, KV_SCHEDULER_FOREIGN);
  const int before = counts[KV_CALL_PUT_STORE];
  world_run(&w, 1500);
  answer(1, (kv_scheduler_response){.call = KV_CALL_STORE_HEARTBEAT, .stores_version = 6});
  ck_assert_int_eq(view_of(1).verdict, KV_SCHEDULER_GOOD);
  world_run(&w, 1500);
  ck_assert_int_gt(counts[KV_CALL_PUT_STORE], before); /* it may lack this store's address */
  world_run(&w, 10000);
  ck_assert_int_eq(view_of(1).verdict, KV_SCHEDULER_AWAY);
}
END_TEST

/* An old copy of the scheduler's data may have another store at its address. */
START_TEST(a_store_that_was_accepted_is_not_stopped_by_a_later_refusal) {
  kv_scheduler_response response = {.call = KV_CALL_PUT_STORE, .status = KV_SCHEDULER_INVALID};
  said s = {0};
  start(1);
  listen_to(1, &s);
  world_run(&w, 1500);
  accept_store();
  strcpy(response.text, "address store-1:1 is that of store 3");
  for (int i = 0; i < 3; i++) {
    answer(1, (kv_scheduler_response){.call = KV_CALL_STORE_HEARTBEAT,
                                      .status = KV_SCHEDULER_NOT_FOUND,
                                      .text = "there is no store 1"});
    world_run(&w, 1500);
    answer(1, response);
    still_serves("key");
  }
  ck_assert_int_eq(view_of(1).verdict, KV_SCHEDULER_REFUSES);
  ck_assert_int_eq(s.count, 1);
  ck_assert_ptr_nonnull(strstr(s.line, "is that of store 3"));
  accept_store();
  ck_assert_int_eq(view_of(1).verdict, KV_SCHEDULER_GOOD);
}
END_TEST

/* It is a copy, or was started with another store's address: it must not vote. */
START_TEST(a_store_that_is_refused_when_it_starts_stops) {
  kv_error error;
  start(1);
  world_run(&w, 1500);
  answer(1, (kv_scheduler_response){.call = KV_CALL_PUT_STORE,
                                    .status = KV_SCHEDULER_INVALID,
                                    .text = "this one was wiped or is a copy"});
  ck_assert_int_eq(kv_store_health(store_of(1), &error), KV_EFOREIGN);
}
END_TEST

static kv_scheduler_response step_of(kv_epoch epoch, kv_step step) {
  return (kv_scheduler_response){
      .call = KV_CALL_REGION_HEARTBEAT, .region_id = 1, .epoch = epoch, .step = step};
}

START_TEST(a_step_is_carried_out_in_its_epoch_only) {
  start(3);
  const uint64_t leader = world_wait_leader(&w, 0), to = leader % 3 + 1;
  const kv_step step = {.kind = KV_STEP_TRANSFER_LEADER, .peer_id = to};
  world_run(&w, 3000);
  answer(leader, step_of((kv_epoch){2, 1}, step));
  world_run(&w, 3000);
  ck_assert_uint_eq(world_wait_leader(&w, 0), leader);
  answer(leader, step_of((kv_epoch){1, 1}, step));
  world_run(&w, 3000);
  ck_assert_uint_eq(world_wait_leader(&w, 0), to);
}
END_TEST

/* The scheduler says it again and again: once is enough (P21, M7). */
START_TEST(a_repeated_step_changes_members_once) {
  kv_step step = {.kind = KV_STEP_CHANGE_PEERS, .changes_count = 1};
  start(1);
  const uint64_t id = world_add_store(&w);
  world_start(&w, id);
  step.changes[0] = (kv_step_change){.kind = KV_CHANGE_ADD_VOTER, .peer_id = 50, .store_id = id};
  strcpy(step.changes[0].address, world_at(&w, id)->address);
  for (int i = 0; i < 50; i++) {
    answer(1, step_of(peer_on(1)->region.epoch, step));
    world_run(&w, 100);
  }
  const kv_region_peer *added = kv_region_find_peer(&peer_on(1)->region, 50);
  ck_assert_ptr_nonnull(added);
  ck_assert_int_eq(added->role, KV_PEER_VOTER);
  ck_assert_uint_eq(peer_on(1)->region.epoch.conf_ver, 3); /* learner, voter */
  step.changes[0].kind = 99;
  answer(1, step_of(peer_on(1)->region.epoch, step)); /* of a later release: ignored */
  step.changes[0] = (kv_step_change){.kind = KV_CHANGE_DEMOTE, .peer_id = 50, .store_id = id};
  for (int i = 0; i < 20; i++) {
    answer(1, step_of(peer_on(1)->region.epoch, step));
    world_run(&w, 100);
  }
  ck_assert_int_eq(kv_region_find_peer(&peer_on(1)->region, 50)->role, KV_PEER_LEARNER);
  step.changes[0].kind = KV_CHANGE_REMOVE;
  answer(1, step_of(peer_on(1)->region.epoch, step));
  world_run(&w, 1000);
  ck_assert_ptr_null(kv_region_find_peer(&peer_on(1)->region, 50));
  ck_assert_uint_eq(peer_on(1)->region.epoch.conf_ver, 5);
}
END_TEST

START_TEST(a_new_replica_gets_its_id_from_the_scheduler) {
  world_call call = {0};
  start(1);
  const uint64_t id = world_add_store(&w);
  world_start(&w, id);
  kv_store_add_peer(store_of(1), 1, id, world_at(&w, id)->address, 0, world_answered, &call);
  world_run(&w, 500);
  ck_assert_int_eq(counts[KV_CALL_ALLOC_IDS], 1);
  answer(1, (kv_scheduler_response){.call = KV_CALL_ALLOC_IDS, .id = 1234});
  world_wait(&w, &call);
  ck_assert_str_eq(call.reply, "+OK\r\n");
  ck_assert_ptr_nonnull(kv_region_find_peer(&peer_on(1)->region, 1234));
}
END_TEST

START_TEST(hostile_bytes_are_dropped) {
  kv_error error;
  start(1);
  kv_store_scheduler_received(store_of(1), (raft_bytes){"\xff\xff\xff", 3, NULL});
  kv_store_scheduler_received(store_of(1), (raft_bytes){NULL, 0, NULL});
  answer(1, (kv_scheduler_response){.call = KV_CALL_DESCRIBE, .id = 3});
  world_run(&w, 1000);
  ck_assert_int_eq(kv_store_health(store_of(1), &error), KV_OK);
}
END_TEST

/* ---- peers whom nobody told that they were removed ---- */

static void answer_members(uint64_t store_id, uint64_t conf_ver, bool with_peer_2) {
  kv_region_report report = {.region.id = 1};
  ck_assert_int_eq(kv_region_put_peer(&report.region, 1, 1, KV_PEER_VOTER, "store-1:1"), KV_OK);
  if (with_peer_2) {
    ck_assert_int_eq(kv_region_put_peer(&report.region, 2, 2, KV_PEER_VOTER, "store-2:1"), KV_OK);
  }
  report.region.epoch = (kv_epoch){conf_ver, 1};
  answer(store_id, (kv_scheduler_response){
                       .call = KV_CALL_GET_REGION, .regions = &report, .region_count = 1});
  world_run(&w, 1000);
  kv_region_clear(&report.region);
}

START_TEST(a_peer_that_has_no_leader_for_long_asks_the_scheduler) {
  start(3);
  world_crash(&w, 1);
  world_crash(&w, 3);
  world_run(&w, (uint64_t)KV_QUESTION_TICKS * WORLD_TICK_MS);
  ck_assert_int_eq(counts[KV_CALL_GET_REGION], 0);
  world_run(&w, (uint64_t)KV_QUESTION_TICKS * WORLD_TICK_MS);
  ck_assert_int_eq(counts[KV_CALL_GET_REGION], 1);
  ck_assert_uint_eq(last[KV_CALL_GET_REGION].id, 1);
  answer_members(2, 1, false); /* not of a later membership than its own */
  answer_members(2, 7, true);
  ck_assert_ptr_nonnull(peer_on(2));
  answer_members(2, 7, false);
  ck_assert_ptr_null(peer_on(2));
}
END_TEST

START_TEST(a_peer_that_sleeps_asks_the_scheduler_and_goes_on_sleeping) {
  kv_store_summary summary;
  start(3);
  world_run(&w, 20000);
  world_run(&w, (uint64_t)KV_QUESTION_TICKS * WORLD_TICK_MS);
  ck_assert_int_eq(counts[KV_CALL_GET_REGION], 3);
  answer_members(2, 1, true);
  kv_store_summarize(store_of(2), &summary);
  ck_assert_uint_eq(summary.asleep, 1);
  answer_members(2, 2, false);
  ck_assert_ptr_null(peer_on(2));
}
END_TEST

/* Peer 12 of region 77 on store 2 hears once of peer 900 on store 1, which knows nothing later. */
static void be_created_by_a_late_message(void) {
  const kv_envelope envelope = {.region_id = FAR_REGION,
                                .from_peer = 900,
                                .from_store = 1,
                                .from_address = "store-1:1",
                                .to_peer = 12,
                                .to_store = 2,
                                .epoch = {5, 1}};
  const raft_message message = {.type = RAFT_MSG_HEARTBEAT, .from = 900, .to = 12, .term = 6};
  raft_buf *frame = NULL;
  ck_assert_int_eq(kv_envelope_encode(&envelope, &message, &frame), KV_OK);
  kv_store_receive(store_of(2), 1, KV_FRAME_RAFT,
                   (raft_bytes){raft_buf_data(frame), raft_buf_len(frame), frame});
  raft_buf_release(frame);
}

static void answer_far_members(uint64_t conf_ver, bool with_peer_12) {
  kv_region_report report = {.region = {.id = FAR_REGION, .epoch = {conf_ver, 1}}};
  ck_assert_int_eq(kv_region_put_peer(&report.region, 1, 1, KV_PEER_VOTER, "store-1:1"), KV_OK);
  if (with_peer_12) {
    ck_assert_int_eq(kv_region_put_peer(&report.region, 12, 2, KV_PEER_VOTER, "store-2:1"), KV_OK);
  }
  answer(2, (kv_scheduler_response){
                .call = KV_CALL_GET_REGION, .regions = &report, .region_count = 1});
  world_run(&w, 1000);
  kv_region_clear(&report.region);
}

START_TEST(a_peer_that_never_had_data_asks_the_scheduler_too) {
  const kv_region_map *regions = NULL;
  start(3);
  be_created_by_a_late_message();
  regions = &store_of(2)->regions;
  world_run(&w, (uint64_t)KV_QUESTION_TICKS * 2 * WORLD_TICK_MS);
  ck_assert_int_ge(asked_about_far, 1);
  answer_far_members(5, false); /* not of a later membership than that of whom it heard */
  answer_far_members(6, true);
  ck_assert_ptr_nonnull(kv_region_map_peer(regions, FAR_REGION));
  answer_far_members(6, false);
  ck_assert_ptr_null(kv_region_map_peer(regions, FAR_REGION));
}
END_TEST

/* Ids that do not come are asked for again and again, and only who is awake has a tick for that. */
START_TEST(a_leader_that_sleeps_wakes_for_a_split) {
  kv_store_summary summary;
  start(3);
  world_run(&w, 20000);
  const uint64_t leader = last[KV_CALL_REGION_HEARTBEAT].store_id;
  kv_store_summarize(store_of(leader), &summary);
  ck_assert_uint_eq(summary.asleep, 1);
  kv_scheduler_response order = step_of((kv_epoch){1, 1}, (kv_step){.kind = KV_STEP_SPLIT});
  order.split_key = (raft_slice){"m", 1};
  answer(leader, order);
  world_run(&w, 20000);
  const int before = counts[KV_CALL_ASK_SPLIT];
  world_run(&w, 20000);
  ck_assert_int_gt(counts[KV_CALL_ASK_SPLIT], before);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      an_id_is_asked_again_until_it_comes_and_told_once,
      a_scheduler_that_never_answers_is_given_up,
      who_waits_is_told_when_the_store_closes,
      ids_for_a_split_come_in_the_order_of_the_peers,
      ids_for_a_region_that_has_changed_are_not_used,
      a_refusal_comes_with_the_schedulers_words,
      without_a_scheduler_nobody_is_asked,
      leaders_report_their_regions_and_stores_themselves,
      snapshots_in_work_and_a_full_disk_are_reported,
      what_was_written_since_the_last_report_is_reported,
      a_change_of_leader_is_reported_at_once,
      a_dead_member_is_reported_with_its_silence,
      addresses_are_learnt_from_the_list_of_stores,
      a_store_that_is_dead_for_the_cluster_stops,
      a_scheduler_of_another_cluster_stops_no_store_that_has_joined,
      another_clusters_scheduler_is_not_listened_to,
      a_store_goes_back_to_its_scheduler_when_that_is_there_again,
      a_store_that_was_accepted_is_not_stopped_by_a_later_refusal,
      a_store_that_is_refused_when_it_starts_stops,
      a_step_is_carried_out_in_its_epoch_only,
      a_repeated_step_changes_members_once,
      a_new_replica_gets_its_id_from_the_scheduler,
      hostile_bytes_are_dropped,
      a_peer_that_has_no_leader_for_long_asks_the_scheduler,
      a_peer_that_sleeps_asks_the_scheduler_and_goes_on_sleeping,
      a_peer_that_never_had_data_asks_the_scheduler_too,
      a_leader_that_sleeps_wakes_for_a_split,
  };
  return run_suite("scheduler_client", tests, sizeof tests / sizeof *tests, setup, teardown);
}
