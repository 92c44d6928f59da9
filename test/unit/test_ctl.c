/* test_ctl.c - what kvctl makes of answers: rows, complaints, orders, and many regions at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/records.h"
#include "ctl/region_list.h"
#include "fake_frames.h"
#include "fake_store.h"
#include "run_suite.h"

enum { SAID = 8192 };

static char said[SAID];
static int real_output;
static FILE *caught;

/* What is printed from here on is for `said`. */
static void listen_to(void) {
  (void)fflush(stdout);
  caught = tmpfile();
  real_output = dup(STDOUT_FILENO);
  ck_assert_ptr_nonnull(caught);
  ck_assert_int_ge(dup2(fileno(caught), STDOUT_FILENO), 0);
}

static const char *heard(void) {
  (void)fflush(stdout);
  ck_assert_int_ge(dup2(real_output, STDOUT_FILENO), 0);
  (void)close(real_output);
  rewind(caught);
  said[fread(said, 1, SAID - 1, caught)] = '\0';
  (void)fclose(caught);
  return said;
}

static raft_slice text(const char *string) {
  return (raft_slice){string, strlen(string)};
}

/* Words are the program's own, as in main(). */
static int run(int (*command)(const kv_ctl *ctl), kv_ctl *ctl, const char *const *words,
               int count) {
  char own[4][32];
  char *pointers[4];
  for (int i = 0; i < count; i++) {
    (void)snprintf(own[i], sizeof own[i], "%s", words[i]);
    pointers[i] = own[i];
  }
  ctl->words = pointers;
  ctl->word_count = count;
  listen_to();
  const int status = command(ctl);
  ctl->words = NULL;
  (void)heard();
  return status;
}

/* ---- records ---- */

static const char *print_two_rows(bool json) {
  static const char *const names[] = {"region", "start_key", "size", "age", "note"};
  kv_records records;
  kv_records_begin(&records, names, 5);
  kv_records_number(&records, 4);
  kv_records_key(&records, (raft_slice){"a\\b\0", 4}, "-inf");
  kv_records_bytes(&records, 3 << 20);
  kv_records_age(&records, 1250);
  kv_records_text(&records, "%s", "well");
  kv_records_number(&records, 5);
  kv_records_key(&records, text(""), "-inf");
  kv_records_bytes(&records, 1023);
  kv_records_age(&records, UINT64_MAX);
  kv_records_text(&records, "%s", "");
  listen_to();
  kv_records_end(&records, json, "rows");
  return heard();
}

START_TEST(rows_are_a_table_for_people) {
  ck_assert_str_eq(print_two_rows(false), "REGION  START KEY  SIZE     AGE    NOTE\n"
                                          "4       a\\\\b\\x00   3.0 MiB  1.2 s  well\n"
                                          "5       -inf       1023 B   never  -\n");
}
END_TEST

START_TEST(the_same_rows_are_json_for_programs) {
  json_error_t error;
  json_t *root = json_loads(print_two_rows(true), 0, &error);
  ck_assert_ptr_nonnull(root);
  const json_t *first = json_array_get(json_object_get(root, "rows"), 0);
  const json_t *second = json_array_get(json_object_get(root, "rows"), 1);
  ck_assert_int_eq(json_integer_value(json_object_get(first, "region")), 4);
  ck_assert_str_eq(json_string_value(json_object_get(first, "start_key")), "a\\\\b\\x00");
  ck_assert_int_eq(json_integer_value(json_object_get(first, "size")), 3 << 20);
  ck_assert_int_eq(json_integer_value(json_object_get(first, "age")), 1250);
  ck_assert_str_eq(json_string_value(json_object_get(second, "start_key")), "");
  ck_assert(json_is_null(json_object_get(second, "age")));
  json_decref(root);
}
END_TEST

START_TEST(long_keys_are_cut_in_tables_only) {
  static const char *const names[] = {"key"};
  char key[201] = {0};
  memset(key, 'k', 200);
  for (int json = 0; json <= 1; json++) {
    kv_records records;
    kv_records_begin(&records, names, 1);
    kv_records_key(&records, text(key), "");
    listen_to();
    kv_records_end(&records, json == 1, "keys");
    ck_assert_int_eq(strstr(heard(), key) != NULL, json);
    ck_assert_int_eq(strstr(said, "kkk...") != NULL, !json);
  }
}
END_TEST

START_TEST(nothing_else_is_cut) {
  static const char *const names[] = {"peers"};
  char peers[3000];
  memset(peers, 'p', sizeof peers - 1);
  peers[sizeof peers - 1] = '\0';
  for (int json = 0; json <= 1; json++) {
    kv_records records;
    kv_records_begin(&records, names, 1);
    kv_records_text(&records, "%s!", peers);
    listen_to();
    kv_records_end(&records, json == 1, "regions");
    ck_assert_ptr_nonnull(strstr(heard(), "ppp!"));
    ck_assert_ptr_nonnull(strstr(said, peers));
  }
}
END_TEST

/* ---- complaints ---- */

static kv_region_report make_report(uint64_t id, const char *start, const char *end) {
  kv_region_report report = {.region.id = id, .leader_peer = id * 10 + 1};
  ck_assert_int_eq(kv_region_set_range(&report.region, text(start), text(end)), KV_OK);
  for (uint64_t store = 1; store <= 3; store++) {
    ck_assert_int_eq(
        kv_region_put_peer(&report.region, id * 10 + store, store, KV_PEER_VOTER, "h:1"), KV_OK);
  }
  return report;
}

static const char *complaint(const kv_region_report *report) {
  static char why[200];
  return kv_region_list_complaint(report, 3, why, sizeof why) ? why : NULL;
}

START_TEST(a_sound_region_is_not_complained_about) {
  kv_region_report report = make_report(4, "", "");
  ck_assert_ptr_null(complaint(&report));
  kv_region_report_clear(&report);
}
END_TEST

START_TEST(what_a_region_lacks_is_said) {
  kv_region_report report = make_report(4, "", "");
  kv_peer_trouble *trouble = calloc(1, sizeof *trouble);
  ck_assert_ptr_nonnull(trouble);
  ck_assert_int_eq(kv_region_put_peer(&report.region, 44, 4, KV_PEER_LEARNER, "h:1"), KV_OK);
  ck_assert_str_eq(complaint(&report), "region 4 has 3 voters of 4 peers, not 3");
  (void)kv_region_remove_peer(&report.region, 44);
  (void)kv_region_remove_peer(&report.region, 43);
  ck_assert_str_eq(complaint(&report), "region 4 has 2 voters of 2 peers, not 3");
  trouble->peer_id = 42;
  report.troubles = trouble;
  report.trouble_count = 1;
  ck_assert_str_eq(complaint(&report), "region 4: peer 42 is down");
  trouble->pending = true;
  ck_assert_str_eq(complaint(&report), "region 4: peer 42 is pending");
  report.leader_peer = 0;
  ck_assert_str_eq(complaint(&report), "region 4 has no leader");
  kv_region_report_clear(&report);
}
END_TEST

/* ---- a scheduler that was told what to answer ---- */

typedef struct script {
  bool holed;              /* no region has what lies between g and m */
  kv_operator_state state; /* in which operator 77 ends */
  unsigned polls;          /* of the history until it has ended; UINT_MAX: never */
  bool refuses;
  kv_scheduler_request last; /* order */
  unsigned pages;
} script;

static script plan;
static fake_frames *frames;
static char addresses[FAKE_FRAME_SERVERS][32];

/* One region a page: up to g, and from m on, or from g on. */
static void fill_regions(const kv_scheduler_request *request, kv_scheduler_response *response,
                         kv_region_report *report) {
  const bool second = request->key.len > 0;
  *report = make_report(second ? 5 : 4, second ? (plan.holed ? "m" : "g") : "", second ? "" : "g");
  response->regions = report;
  response->region_count = 1;
  plan.pages++;
}

static void fill_history(kv_scheduler_response *response, kv_operator_info *info) {
  if (plan.polls > 0) {
    plan.polls--;
    return;
  }
  *info = (kv_operator_info){.id = 77, .region_id = 4, .state = (uint32_t)plan.state};
  kv_message_text(info->name, sizeof info->name, "split");
  kv_message_text(info->step, sizeof info->step, "the step");
  response->operators = info;
  response->operator_count = 1;
}

static void fill(const kv_scheduler_request *request, kv_scheduler_response *response,
                 kv_region_report *report, kv_operator_info *info, kv_scheduler_item *item) {
  if (request->call == KV_CALL_SCAN_REGIONS) {
    fill_regions(request, response, report);
  } else if (request->call == KV_CALL_OPERATOR_HISTORY) {
    fill_history(response, info);
  } else if (request->call == KV_CALL_GET_CONFIG) {
    kv_message_text(item->name, sizeof item->name, "max-replicas");
    item->value = 3;
    response->items = item;
    response->item_count = 1;
  } else {
    plan.last = *request;
    response->id = 77;
    response->status = plan.refuses ? KV_SCHEDULER_INVALID : KV_SCHEDULER_OK;
    kv_message_text(response->text, sizeof response->text, plan.refuses ? "no" : "");
  }
}

static fake_frame_act handle(void *context, unsigned server, const kv_frame *frame,
                             kv_frame_type *type, raft_buf **answer) {
  kv_scheduler_request request;
  kv_region_report report = {0};
  kv_operator_info info = {0};
  kv_scheduler_item item = {0};
  (void)context;
  (void)server;
  ck_assert_int_eq(kv_scheduler_request_decode(
                       (raft_bytes){frame->payload.data, frame->payload.len, NULL}, &request),
                   KV_OK);
  kv_scheduler_response response = {.request_id = request.request_id, .call = request.call};
  fill(&request, &response, &report, &info, &item);
  *type = KV_FRAME_SCHEDULER_RESPONSE;
  ck_assert_int_eq(kv_scheduler_response_encode(&response, answer), KV_OK);
  kv_region_report_clear(&report);
  kv_scheduler_request_clear(&request);
  return FAKE_ANSWER;
}

static kv_ctl begin(script with) {
  plan = with;
  frames = fake_frames_start(handle, NULL, addresses);
  return (kv_ctl){.scheduler = addresses[0], .timeout_ms = 20000};
}

static void end(void) {
  fake_frames_stop(frames);
}

START_TEST(regions_are_fetched_page_by_page) {
  kv_ctl ctl = begin((script){0});
  ck_assert_int_eq(run(kv_ctl_region_list, &ctl, NULL, 0), KV_CTL_OK);
  end();
  ck_assert_uint_eq(plan.pages, 2);
  ck_assert_ptr_nonnull(strstr(said, "\n4       -inf   g"));
  ck_assert_ptr_nonnull(strstr(said, "\n5       g      +inf"));
}
END_TEST

START_TEST(a_hole_between_regions_is_a_complaint) {
  kv_ctl ctl = begin((script){0});
  ck_assert_int_eq(run(kv_ctl_region_check, &ctl, NULL, 0), KV_CTL_OK);
  ck_assert_str_eq(said, "2 regions: no holes, all with a leader and 3 voters\n");
  end();
  ctl = begin((script){.holed = true});
  ck_assert_int_eq(run(kv_ctl_region_check, &ctl, NULL, 0), KV_CTL_FAILED);
  ck_assert_str_eq(said, "COMPLAINT\nno region is known between region 4 and region 5\n");
  end();
}
END_TEST

START_TEST(an_order_is_waited_for) {
  const char *const words[] = {"4", "m"};
  kv_ctl ctl = begin((script){.polls = 2, .state = KV_OPERATOR_FINISHED});
  ck_assert_int_eq(run(kv_ctl_region_split, &ctl, words, 2), KV_CTL_OK);
  end();
  ck_assert_str_eq(said, "split: finished: the step\n");
  ck_assert_uint_eq(plan.last.id, 4);
  ck_assert_str_eq(plan.last.text, "split");
}
END_TEST

START_TEST(each_order_names_its_stores) {
  const char *const words[] = {"4", "1", "3"};
  kv_ctl ctl = begin((script){.state = KV_OPERATOR_FINISHED});
  ck_assert_int_eq(run(kv_ctl_region_move_peer, &ctl, words, 3), KV_CTL_OK);
  ck_assert_uint_eq(plan.last.from_store, 1);
  ck_assert_uint_eq(plan.last.to_store, 3);
  ck_assert_int_eq(run(kv_ctl_region_remove_peer, &ctl, words, 2), KV_CTL_OK);
  ck_assert_uint_eq(plan.last.from_store, 1);
  ck_assert_uint_eq(plan.last.to_store, 0);
  ck_assert_int_eq(run(kv_ctl_region_transfer_leader, &ctl, words, 2), KV_CTL_OK);
  ck_assert_uint_eq(plan.last.from_store, 0);
  ck_assert_uint_eq(plan.last.to_store, 1);
  end();
}
END_TEST

START_TEST(an_order_that_came_to_nothing_fails) {
  const char *const words[] = {"4"};
  const kv_operator_state ends[] = {KV_OPERATOR_CANCELLED, KV_OPERATOR_TIMED_OUT,
                                    KV_OPERATOR_OUTDATED};
  for (size_t i = 0; i < 3; i++) {
    kv_ctl ctl = begin((script){.state = ends[i]});
    ck_assert_int_eq(run(kv_ctl_region_split, &ctl, words, 1), KV_CTL_FAILED);
    end();
  }
  kv_ctl ctl = begin((script){.refuses = true});
  ck_assert_int_eq(run(kv_ctl_region_split, &ctl, words, 1), KV_CTL_FAILED);
  end();
  ctl = begin((script){.polls = 1000000});
  ctl.timeout_ms = 100;
  ck_assert_int_eq(run(kv_ctl_region_split, &ctl, words, 1), KV_CTL_FAILED);
  end();
}
END_TEST

/* ---- stores with two regions ---- */

/* Store `id` of two, which has both regions: 1, led by store 1, and 2, led by store 2. To a
 * question for a checksum it says the same. */
static void write_status(char *out, size_t size, int id, const char *const *at, int applied,
                         const char *checksum) {
  size_t len = (size_t)snprintf(out, size,
                                "%%7\r\n+cluster\r\n:9\r\n+store\r\n:%d\r\n+address\r\n+%s\r\n"
                                "+applied\r\n:%d\r\n+keys\r\n:3\r\n+checksum\r\n+%s\r\n"
                                "+regions\r\n*2\r\n",
                                id, at[id - 1], applied, checksum);
  for (int region = 1; region <= 2; region++) {
    len += (size_t)snprintf(
        out + len, size - len,
        "%%10\r\n+region\r\n:%d\r\n+role\r\n+%s\r\n+peer\r\n:%d\r\n+leader_peer\r\n:%d\r\n"
        "+leader_store\r\n:%d\r\n+voters\r\n:2\r\n+learners\r\n:0\r\n+commit\r\n:17\r\n"
        "+applied\r\n:%d\r\n+peers\r\n*2\r\n",
        region, region == id ? "leader" : "follower", region * 10 + id, region * 11, region,
        applied);
    for (int store = 1; store <= 2; store++) {
      len += (size_t)snprintf(out + len, size - len,
                              "%%3\r\n+store\r\n:%d\r\n+address\r\n+%s\r\n+role\r\n+voter\r\n",
                              store, at[store - 1]);
    }
  }
  ck_assert_uint_lt(len, size);
}

static fake_store *pair[2];
static fake_faults behaviour[2];
static char answers[2][2048];

static kv_ctl begin_pair(int applied, const char *checksum) {
  static char at[2][32];
  kv_ctl ctl = {.timeout_ms = 200};
  for (int i = 0; i < 2; i++) {
    behaviour[i] = (fake_faults){.answer = answers[i]};
    pair[i] = fake_store_start(&behaviour[i], at[i]);
  }
  const char *const both[] = {at[0], at[1]};
  write_status(answers[0], sizeof answers[0], 1, both, 17, "abc");
  write_status(answers[1], sizeof answers[1], 2, both, applied, checksum);
  ck_assert_int_eq(kv_address_list_add(&ctl.addresses, at[0]), KV_OK);
  return ctl;
}

static void end_pair(kv_ctl *ctl) {
  fake_store_stop(pair[0]);
  fake_store_stop(pair[1]);
  kv_address_list_free(&ctl->addresses);
}

START_TEST(equal_replicas_of_two_regions_are_equal) {
  kv_ctl ctl = begin_pair(17, "abc");
  ctl.wait = true;
  ck_assert_int_eq(run(kv_ctl_checksum, &ctl, NULL, 0), KV_CTL_OK);
  ck_assert_ptr_nonnull(strstr(said, "equal: all replicas have the same data"));
  ck_assert_ptr_nonnull(strstr(said, "\n2       2 "));
  end_pair(&ctl);
}
END_TEST

START_TEST(other_data_at_the_same_index_is_an_alarm) {
  kv_ctl ctl = begin_pair(17, "abd");
  ctl.wait = true;
  ck_assert_int_eq(run(kv_ctl_checksum, &ctl, NULL, 0), KV_CTL_FAILED);
  ck_assert_ptr_nonnull(strstr(said, "DIFFERENT"));
  end_pair(&ctl);
}
END_TEST

START_TEST(other_indexes_prove_nothing) {
  kv_ctl ctl = begin_pair(16, "abd");
  ck_assert_int_eq(run(kv_ctl_checksum, &ctl, NULL, 0), KV_CTL_OK);
  ck_assert_ptr_nonnull(strstr(said, "no contradiction, but"));
  ctl.wait = true;
  ck_assert_int_eq(run(kv_ctl_checksum, &ctl, NULL, 0), KV_CTL_FAILED);
  end_pair(&ctl);
}
END_TEST

static int wait_for(kv_ctl *ctl, const char *first, const char *second) {
  const char *const words[] = {first, second};
  return run(kv_ctl_wait, ctl, words, second != NULL ? 2 : 1);
}

START_TEST(a_condition_holds_when_it_does_in_every_region) {
  kv_ctl ctl = begin_pair(17, "abc");
  ck_assert_int_eq(wait_for(&ctl, "leader", NULL), KV_CTL_OK);
  ck_assert_int_eq(wait_for(&ctl, "regions", "2"), KV_CTL_OK);
  ck_assert_int_eq(wait_for(&ctl, "members", "2"), KV_CTL_OK);
  ck_assert_int_eq(wait_for(&ctl, "caught-up", NULL), KV_CTL_OK);
  ck_assert_str_eq(said, "");
  ctl.json = true;
  ck_assert_int_eq(wait_for(&ctl, "caught-up", NULL), KV_CTL_OK);
  ck_assert_ptr_nonnull(strstr(said, "\"ok\": true"));
  end_pair(&ctl);
}
END_TEST

START_TEST(a_condition_that_does_not_hold_is_waited_for_in_vain) {
  kv_ctl ctl = begin_pair(16, "abc");
  ck_assert_int_eq(wait_for(&ctl, "caught-up", NULL), KV_CTL_FAILED);
  ck_assert_int_eq(wait_for(&ctl, "regions", "3"), KV_CTL_FAILED);
  ck_assert_int_eq(wait_for(&ctl, "members", "3"), KV_CTL_FAILED);
  ck_assert_int_eq(wait_for(&ctl, "members", "none"), KV_CTL_USAGE);
  ck_assert_int_eq(wait_for(&ctl, "leader", "1"), KV_CTL_USAGE);
  end_pair(&ctl);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      rows_are_a_table_for_people,
      the_same_rows_are_json_for_programs,
      long_keys_are_cut_in_tables_only,
      nothing_else_is_cut,
      a_sound_region_is_not_complained_about,
      what_a_region_lacks_is_said,
      regions_are_fetched_page_by_page,
      a_hole_between_regions_is_a_complaint,
      an_order_is_waited_for,
      each_order_names_its_stores,
      an_order_that_came_to_nothing_fails,
      equal_replicas_of_two_regions_are_equal,
      other_data_at_the_same_index_is_an_alarm,
      other_indexes_prove_nothing,
      a_condition_holds_when_it_does_in_every_region,
      a_condition_that_does_not_hold_is_waited_for_in_vain,
  };
  return run_suite("ctl", tests, sizeof(tests) / sizeof(tests[0]), NULL, NULL);
}
