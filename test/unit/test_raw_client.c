/* test_raw_client.c - the framed clients: who is asked, what is asked again, what is unknown.
 *
 * A scheduler and three stores on loopback; the stores follow a script, a line a raw call, which
 * says whose turn it must be and what it answers. What goes beyond the script succeeds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "client/frame_client.h"
#include "client/raw_client.h"
#include "fake_frames.h"
#include "raftstore/region_error.h"
#include "run_suite.h"
#include "scheduler/message.h"

enum { LONG_MS = 20000, SHORT_MS = 200, STEPS = 16 };

typedef enum act {
  SUCCEED,
  NOT_LEADER, /* of: the store that leads, 0: unknown */
  SPLIT,      /* EpochNotMatch: region 1 ends at m, region 2 begins there */
  GONE,       /* RegionNotFound; the scheduler knows of region 9 from now on */
  BUSY,
  TOO_LARGE,
  AGAIN,     /* -TRYAGAIN: certainly not done */
  UNKNOWN,   /* -TIMEOUT */
  WRONG,     /* -ERR */
  OF_OTHERS, /* an answer to another request */
  BAD_ERROR, /* a region error that cannot be read */
  SILENT,
  HUNG_UP,
  GARBAGE
} act;

typedef struct step {
  unsigned store;
  act act;
  uint64_t of;
} step;

typedef struct cluster {
  step script[STEPS];
  size_t at;
  char addresses[FAKE_FRAME_SERVERS][32];
  kv_region region; /* as the scheduler has it */
  uint64_t leader;  /* peer, as the scheduler has it */
  bool deaf;        /* the scheduler answers something else */
  kv_scheduler_status status;
  unsigned look_ups;
  unsigned calls[FAKE_FRAME_SERVERS];
  unsigned greetings[FAKE_FRAME_SERVERS]; /* connections */
  unsigned strays;                        /* calls at the wrong store, or of the wrong region */
  uint64_t last_region;
} cluster;

static cluster world;
static fake_frames *frames;
static kv_raw_client *client;
static const kv_raw_response *response;
static kv_error error;

static raft_slice text(const char *string) {
  return (raft_slice){string, strlen(string)};
}

/* Peers id * 10 + store on stores 1, 2, 3. */
static kv_region make_region(uint64_t id, const char *start, const char *end, uint64_t version) {
  kv_region region = {.id = id, .epoch = {1, version}};
  ck_assert_int_eq(kv_region_set_range(&region, text(start), text(end)), KV_OK);
  for (unsigned store = 1; store <= 3; store++) {
    ck_assert_int_eq(
        kv_region_put_peer(&region, id * 10 + store, store, KV_PEER_VOTER, world.addresses[store]),
        KV_OK);
  }
  return region;
}

static void know(uint64_t id, unsigned leader_store) {
  kv_region_clear(&world.region);
  world.region = make_region(id, "", "", id);
  world.leader = leader_store == 0 ? 0 : id * 10 + leader_store;
}

/* ---- the servers' side ---- */

static fake_frame_act look_up(const kv_frame *frame, kv_frame_type *type, raft_buf **answer) {
  kv_scheduler_request request;
  kv_region_report report = {.region = world.region, .leader_peer = world.leader};
  ck_assert_int_eq(kv_scheduler_request_decode(
                       (raft_bytes){frame->payload.data, frame->payload.len, NULL}, &request),
                   KV_OK);
  kv_scheduler_response made = {.request_id = request.request_id,
                                .call = request.call,
                                .status = world.status,
                                .regions = &report,
                                .region_count = world.status == KV_SCHEDULER_OK ? 1 : 0};
  kv_message_text(made.text, sizeof made.text, "%s",
                  world.status == KV_SCHEDULER_OK ? "" : "there is no region with that key");
  world.look_ups++;
  *type = world.deaf ? KV_FRAME_RAW_RESPONSE : KV_FRAME_SCHEDULER_RESPONSE;
  ck_assert_int_eq(kv_scheduler_response_encode(&made, answer), KV_OK);
  kv_scheduler_request_clear(&request);
  return FAKE_ANSWER;
}

static void refuse(const step *now, kv_raw_response *made, raft_buf **refusal) {
  kv_region halves[2] = {make_region(1, "", "m", 2), make_region(2, "m", "", 2)};
  kv_region_error why = {.region_id = world.region.id};
  switch ((int)now->act) {
  case NOT_LEADER:
    why.kind = KV_NOT_LEADER;
    why.leader_store = now->of;
    why.leader_peer = now->of == 0 ? 0 : world.region.id * 10 + now->of;
    break;
  case SPLIT:
    why.kind = KV_EPOCH_NOT_MATCH;
    why.regions = halves;
    why.region_count = 2;
    break;
  case GONE:
    why.kind = KV_REGION_NOT_FOUND;
    know(9, 2);
    break;
  case BUSY: why.kind = KV_SERVER_IS_BUSY; break;
  default: why.kind = KV_ENTRY_TOO_LARGE; break;
  }
  ck_assert_int_eq(kv_region_error_encode(&why, refusal), KV_OK);
  made->region_error = (raft_slice){raft_buf_data(*refusal), raft_buf_len(*refusal)};
  kv_region_clear(&halves[0]);
  kv_region_clear(&halves[1]);
}

static void fill(const step *now, const kv_raw_request *request, kv_raw_response *made,
                 raft_buf **refusal) {
  static kv_raw_pair pair = {{"k", 1}, {"v", 1}};
  switch ((int)now->act) {
  case AGAIN: made->error = text("TRYAGAIN not now"); break;
  case UNKNOWN: made->error = text("TIMEOUT outcome unknown"); break;
  case WRONG: made->error = text("ERR the value is too long"); break;
  case OF_OTHERS: made->request_id = request->request_id + 1; break;
  case BAD_ERROR: made->region_error = text("\xff\xff\xff"); break;
  case SUCCEED:
    made->value = text("v");
    made->succeeded = true;
    made->pairs = &pair;
    made->pair_count = request->call == KV_RAW_SCAN ? 1 : 0;
    break;
  default: refuse(now, made, refusal); break;
  }
}

static fake_frame_act serve_call(unsigned store, const kv_frame *frame, kv_frame_type *type,
                                 raft_buf **answer) {
  kv_raw_request request;
  raft_buf *refusal = NULL;
  const step now = world.at < STEPS && world.script[world.at].store != 0
                       ? world.script[world.at++]
                       : (step){store, SUCCEED, 0};
  ck_assert_int_eq(kv_raw_request_decode(frame->payload, &request), KV_OK);
  world.calls[store]++;
  world.strays += now.store != store || request.store_id != store ||
                          request.peer_id != request.region_id * 10 + store
                      ? 1
                      : 0;
  world.last_region = request.region_id;
  if (now.act == SILENT || now.act == HUNG_UP || now.act == GARBAGE) {
    return now.act == SILENT ? FAKE_SILENCE : now.act == HUNG_UP ? FAKE_HANG_UP : FAKE_GARBAGE;
  }
  kv_raw_response made = {.request_id = request.request_id};
  fill(&now, &request, &made, &refusal);
  *type = KV_FRAME_RAW_RESPONSE;
  ck_assert_int_eq(kv_raw_response_encode(&made, answer), KV_OK);
  raft_buf_release(refusal);
  return FAKE_ANSWER;
}

static fake_frame_act handle(void *context, unsigned server, const kv_frame *frame,
                             kv_frame_type *type, raft_buf **answer) {
  (void)context;
  if (frame->type == KV_FRAME_HELLO) {
    world.greetings[server]++;
    return FAKE_GREETING;
  }
  return server == 0 ? look_up(frame, type, answer) : serve_call(server, frame, type, answer);
}

/* ---- the client's side ---- */

static void setup(void) {
  world = (cluster){.status = KV_SCHEDULER_OK};
  frames = fake_frames_start(handle, NULL, world.addresses);
  know(1, 1);
  ck_assert_int_eq(kv_raw_client_open(world.addresses[0], LONG_MS, 7, &client, &error), KV_OK);
}

static void teardown(void) {
  kv_raw_client_close(client);
  if (frames != NULL) {
    fake_frames_stop(frames);
  }
  kv_region_clear(&world.region);
}

/* Before anything is asked. */
static void script(const step *steps, size_t count) {
  memcpy(world.script, steps, count * sizeof *steps);
}

#define SCRIPT(...) \
  script((const step[]){__VA_ARGS__}, sizeof((const step[]){__VA_ARGS__}) / sizeof(step))

static void be_impatient(void) {
  kv_raw_client_close(client);
  ck_assert_int_eq(kv_raw_client_open(world.addresses[0], SHORT_MS, 7, &client, &error), KV_OK);
}

static int call(kv_raw_call which, const char *key) {
  const kv_raw_request request = {.call = which, .key = text(key), .value = text("v"), .limit = 5};
  return kv_raw_client_call(client, &request, &response, &error);
}

/* What the servers counted: they are stopped first, so that it holds still. */
static void expect(unsigned look_ups, unsigned first, unsigned second, unsigned third) {
  fake_frames_stop(frames);
  frames = NULL;
  ck_assert_uint_eq(world.strays, 0);
  ck_assert_uint_eq(world.look_ups, look_ups);
  ck_assert_uint_eq(world.calls[1], first);
  ck_assert_uint_eq(world.calls[2], second);
  ck_assert_uint_eq(world.calls[3], third);
}

START_TEST(the_leader_is_looked_up_once) {
  ck_assert_int_eq(call(KV_RAW_GET, "a"), KV_OK);
  ck_assert(response->value.len == 1 && memcmp(response->value.data, "v", 1) == 0);
  ck_assert_int_eq(call(KV_RAW_PUT, "z"), KV_OK);
  expect(1, 2, 0, 0);
}
END_TEST

START_TEST(who_does_not_lead_names_who_does) {
  SCRIPT({1, NOT_LEADER, 3});
  ck_assert_int_eq(call(KV_RAW_PUT, "a"), KV_OK);
  ck_assert_int_eq(call(KV_RAW_PUT, "a"), KV_OK); /* it is remembered */
  expect(1, 1, 0, 2);
}
END_TEST

START_TEST(while_nobody_knows_the_leader_all_are_asked_in_turn) {
  know(1, 0);
  SCRIPT({1, NOT_LEADER, 0}, {2, NOT_LEADER, 0}, {3, NOT_LEADER, 0}, {1, NOT_LEADER, 2});
  ck_assert_int_eq(call(KV_RAW_PUT, "a"), KV_OK);
  expect(1, 2, 2, 1);
}
END_TEST

START_TEST(stores_that_name_each_other_do_not_keep_it_busy_for_ever) {
  SCRIPT({1, NOT_LEADER, 2}, {2, NOT_LEADER, 1}, {1, NOT_LEADER, 2}, {2, NOT_LEADER, 1},
         {1, NOT_LEADER, 2}, {2, NOT_LEADER, 1}, {1, NOT_LEADER, 2}, {2, NOT_LEADER, 1},
         {1, NOT_LEADER, 3});
  ck_assert_int_eq(call(KV_RAW_PUT, "a"), KV_OK);
  expect(1, 5, 4, 1);
}
END_TEST

START_TEST(a_split_is_learnt_from_the_refusal) {
  SCRIPT({1, SPLIT, 0});
  ck_assert_int_eq(call(KV_RAW_PUT, "x"), KV_OK);
  ck_assert_uint_eq(world.last_region, 2);
  ck_assert_int_eq(call(KV_RAW_PUT, "b"), KV_OK);
  ck_assert_uint_eq(world.last_region, 1);
  expect(1, 3, 0, 0);
}
END_TEST

START_TEST(a_region_that_is_gone_is_looked_up_again) {
  SCRIPT({1, GONE, 0});
  ck_assert_int_eq(call(KV_RAW_PUT, "x"), KV_OK);
  expect(2, 1, 1, 0);
  ck_assert_uint_eq(world.last_region, 9);
}
END_TEST

START_TEST(what_is_certainly_not_done_is_tried_again) {
  SCRIPT({1, BUSY, 0}, {1, AGAIN, 0}, {1, BAD_ERROR, 0});
  ck_assert_int_eq(call(KV_RAW_CAS, "a"), KV_OK);
  ck_assert(response->succeeded);
  expect(1, 4, 0, 0);
}
END_TEST

START_TEST(what_would_never_work_is_given_up_with_the_stores_words) {
  SCRIPT({1, WRONG, 0}, {1, TOO_LARGE, 0});
  ck_assert_int_eq(call(KV_RAW_PUT, "a"), KV_EINVAL);
  ck_assert_str_eq(error.text, "ERR the value is too long");
  ck_assert_int_eq(call(KV_RAW_PUT, "a"), KV_EINVAL);
  ck_assert_ptr_nonnull(strstr(error.text, "RaftEntryTooLarge"));
  expect(1, 2, 0, 0);
}
END_TEST

START_TEST(a_read_whose_connection_is_lost_is_asked_elsewhere) {
  SCRIPT({1, HUNG_UP, 0}, {2, GARBAGE, 0}, {3, UNKNOWN, 0}, {1, OF_OTHERS, 0});
  ck_assert_int_eq(call(KV_RAW_GET, "a"), KV_OK);
  expect(1, 2, 2, 1);
}
END_TEST

/* Again at the same store it could be done twice. */
static void unknown(act what) {
  SCRIPT({1, what, 0});
  ck_assert_int_eq(call(KV_RAW_PUT, "a"), KV_EIO);
  ck_assert_ptr_nonnull(strstr(error.text, "outcome unknown, it may still take effect"));
  ck_assert_int_eq(call(KV_RAW_PUT, "a"), KV_OK);
  expect(1, 1, 1, 0);
}

START_TEST(a_write_whose_connection_is_lost_is_unknown_and_not_repeated) {
  unknown(HUNG_UP);
}
END_TEST

START_TEST(a_write_that_a_store_calls_unknown_is_unknown) {
  unknown(UNKNOWN);
}
END_TEST

START_TEST(a_write_that_is_answered_by_nonsense_is_unknown) {
  unknown(GARBAGE);
}
END_TEST

START_TEST(a_write_without_an_answer_in_time_is_unknown) {
  be_impatient();
  SCRIPT({1, SILENT, 0});
  ck_assert_int_eq(call(KV_RAW_DELETE, "a"), KV_EIO);
  ck_assert_ptr_nonnull(strstr(error.text, "gives no answer in time"));
  expect(1, 1, 0, 0);
}
END_TEST

START_TEST(a_read_without_an_answer_in_time_was_not_done) {
  be_impatient();
  SCRIPT({1, SILENT, 0});
  ck_assert_int_eq(call(KV_RAW_GET, "a"), KV_EBUSY);
  ck_assert_ptr_nonnull(strstr(error.text, "not done in time"));
  expect(1, 1, 0, 0);
}
END_TEST

/* Else every later answer on that connection would be taken for one of the call before. */
START_TEST(a_connection_that_answers_something_else_is_given_up) {
  SCRIPT({1, OF_OTHERS, 0}, {2, OF_OTHERS, 0}, {3, OF_OTHERS, 0});
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(call(KV_RAW_PUT, "a"), KV_EIO);
    ck_assert_ptr_nonnull(strstr(error.text, "answered something else"));
  }
  ck_assert_int_eq(call(KV_RAW_PUT, "a"), KV_OK);
  expect(1, 2, 1, 1);
  ck_assert_uint_eq(world.greetings[1], 2);
}
END_TEST

START_TEST(a_store_that_cannot_be_reached_is_gone_round) {
  kv_region_clear(&world.region);
  world.region = make_region(1, "", "", 1);
  ck_assert_int_eq(kv_region_put_peer(&world.region, 11, 1, KV_PEER_VOTER, "127.0.0.1:1"), KV_OK);
  ck_assert_int_eq(call(KV_RAW_PUT, "a"), KV_OK);
  expect(1, 0, 1, 0);
}
END_TEST

START_TEST(without_a_scheduler_it_says_so_when_the_time_is_up) {
  fake_frames_stop(frames);
  frames = NULL;
  be_impatient();
  ck_assert_int_eq(call(KV_RAW_PUT, "a"), KV_EBUSY);
  ck_assert_ptr_nonnull(strstr(error.text, "not done in time: cannot reach 127.0.0.1:"));
}
END_TEST

START_TEST(what_is_no_scheduler_and_what_it_does_not_know_is_said) {
  world.deaf = true;
  be_impatient();
  ck_assert_int_eq(call(KV_RAW_GET, "a"), KV_EBUSY);
  ck_assert_ptr_nonnull(strstr(error.text, "is no scheduler"));
  be_impatient(); /* nothing is under way while the world changes */
  world.deaf = false;
  world.status = KV_SCHEDULER_NOT_FOUND;
  ck_assert_int_eq(call(KV_RAW_GET, "a"), KV_EBUSY);
  ck_assert_msg(strstr(error.text, "the scheduler: there is no region with that key") != NULL, "%s",
                error.text);
}
END_TEST

START_TEST(a_key_that_is_too_long_is_refused_at_once) {
  char key[KV_MAX_KEY + 2];
  memset(key, 'a', sizeof key);
  key[sizeof key - 1] = '\0';
  ck_assert_int_eq(call(KV_RAW_PUT, key), KV_EINVAL);
  ck_assert_str_eq(error.text, "the key is too long");
}
END_TEST

START_TEST(a_scheduler_without_an_address_is_not_waited_for) {
  kv_raw_client_close(client);
  ck_assert_int_eq(kv_raw_client_open("nowhere", LONG_MS, 7, &client, &error), KV_OK);
  ck_assert_int_eq(call(KV_RAW_GET, "a"), KV_EINVAL);
  ck_assert_ptr_nonnull(strstr(error.text, "nowhere"));
}
END_TEST

START_TEST(a_scan_goes_on_in_the_next_region) {
  SCRIPT({1, SPLIT, 0});
  ck_assert_int_eq(call(KV_RAW_SCAN, "a"), KV_OK);
  ck_assert_uint_eq(response->pair_count, 1);
  ck_assert(response->next_key.len == 1 && memcmp(response->next_key.data, "m", 1) == 0);
  ck_assert_int_eq(call(KV_RAW_SCAN, "m"), KV_OK);
  ck_assert_uint_eq(response->next_key.len, 0);
  expect(1, 3, 0, 0);
}
END_TEST

/* ---- frames ---- */

static void open_frames(kv_frame_client *to, unsigned server, int timeout_ms) {
  ck_assert_int_eq(kv_frame_client_open(to, world.addresses[server], timeout_ms, &error), KV_OK);
}

/* A store's answer to a greeting. */
static int receive_greeting(kv_frame_client *from, unsigned store) {
  kv_frame frame;
  kv_hello hello;
  const int rc = kv_frame_client_receive(from, &frame, &error);
  if (rc == KV_OK) {
    ck_assert_int_eq(frame.type, KV_FRAME_HELLO);
    ck_assert_int_eq(kv_hello_decode(frame.payload, &hello), KV_OK);
    ck_assert_uint_eq(hello.store_id, store);
  }
  return rc;
}

START_TEST(frames_are_answered_one_by_one_in_their_order) {
  kv_frame_client to;
  unsigned char payload[KV_HELLO_MAX];
  const kv_hello hello = {.target_id = 2};
  const raft_slice greeting = {payload, kv_hello_encode(&hello, payload)};
  open_frames(&to, 2, LONG_MS);
  for (int i = 0; i < 100; i++) {
    ck_assert_int_eq(kv_frame_client_send(&to, KV_FRAME_HELLO, greeting), KV_OK);
  }
  for (int i = 0; i < 100; i++) {
    ck_assert_int_eq(receive_greeting(&to, 2), KV_OK);
  }
  kv_frame_client_close(&to);
}
END_TEST

/* What the first store of the script does to a call. */
static const char *complaint(act what, int timeout_ms) {
  kv_frame_client to;
  kv_frame frame;
  const kv_raw_request request = {.request_id = 1,
                                  .region_id = 1,
                                  .peer_id = 11,
                                  .store_id = 1,
                                  .call = KV_RAW_GET,
                                  .key = text("a")};
  raft_buf *bytes;
  SCRIPT({1, what, 0});
  open_frames(&to, 1, timeout_ms);
  ck_assert_int_eq(kv_raw_request_encode(&request, &bytes), KV_OK);
  ck_assert_int_eq(kv_frame_client_send(&to, KV_FRAME_RAW_REQUEST,
                                        (raft_slice){raft_buf_data(bytes), raft_buf_len(bytes)}),
                   KV_OK);
  raft_buf_release(bytes);
  ck_assert_int_eq(kv_frame_client_receive(&to, &frame, &error), KV_EIO);
  kv_frame_client_close(&to);
  return error.text;
}

START_TEST(what_is_no_frame_is_refused) {
  ck_assert_ptr_nonnull(strstr(complaint(GARBAGE, LONG_MS), "answered something that is no frame"));
}
END_TEST

START_TEST(a_connection_that_ends_is_said) {
  ck_assert_ptr_nonnull(strstr(complaint(HUNG_UP, LONG_MS), "lost the connection to 127.0.0.1:"));
}
END_TEST

START_TEST(silence_ends_with_the_time) {
  ck_assert_ptr_nonnull(strstr(complaint(SILENT, SHORT_MS), "gives no answer in time"));
}
END_TEST

START_TEST(nobody_there_is_an_error_at_once) {
  kv_frame_client to;
  ck_assert_int_eq(kv_frame_client_open(&to, "127.0.0.1:1", LONG_MS, &error), KV_EIO);
  kv_frame_client_close(&to);
  ck_assert_int_eq(kv_frame_client_open(&to, "nonsense", LONG_MS, &error), KV_EINVAL);
  kv_frame_client_close(&to);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      the_leader_is_looked_up_once,
      who_does_not_lead_names_who_does,
      while_nobody_knows_the_leader_all_are_asked_in_turn,
      stores_that_name_each_other_do_not_keep_it_busy_for_ever,
      a_split_is_learnt_from_the_refusal,
      a_region_that_is_gone_is_looked_up_again,
      what_is_certainly_not_done_is_tried_again,
      what_would_never_work_is_given_up_with_the_stores_words,
      a_read_whose_connection_is_lost_is_asked_elsewhere,
      a_write_whose_connection_is_lost_is_unknown_and_not_repeated,
      a_write_that_a_store_calls_unknown_is_unknown,
      a_write_that_is_answered_by_nonsense_is_unknown,
      a_write_without_an_answer_in_time_is_unknown,
      a_read_without_an_answer_in_time_was_not_done,
      a_connection_that_answers_something_else_is_given_up,
      a_store_that_cannot_be_reached_is_gone_round,
      without_a_scheduler_it_says_so_when_the_time_is_up,
      what_is_no_scheduler_and_what_it_does_not_know_is_said,
      a_key_that_is_too_long_is_refused_at_once,
      a_scheduler_without_an_address_is_not_waited_for,
      a_scan_goes_on_in_the_next_region,
      frames_are_answered_one_by_one_in_their_order,
      what_is_no_frame_is_refused,
      a_connection_that_ends_is_said,
      silence_ends_with_the_time,
      nobody_there_is_an_error_at_once,
  };
  return run_suite("raw_client", tests, sizeof(tests) / sizeof(tests[0]), setup, teardown);
}
