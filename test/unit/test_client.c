/* test_client.c - the blocking client and what the operators' tool makes of the answers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "ctl/cluster_view.h"
#include "ctl/table.h"
#include "ctl/value_json.h"
#include "fake_store.h"

static fake_faults faults;
static char address[32];

START_TEST(pipelined_requests_get_their_answers_in_order) {
  fake_store *store = fake_store_start(&faults, address);
  kv_client *client;
  kv_error error;
  ck_assert_int_eq(kv_client_open(address, 10000, &client, &error), 0);
  ck_assert_str_eq(kv_client_address(client), address);
  for (int i = 0; i < 200; i++) {
    char value[16];
    (void)snprintf(value, sizeof(value), "v%d", i);
    const raft_slice set[] = {{"SET", 3}, {"k", 1}, {value, strlen(value)}};
    const raft_slice get[] = {{"GET", 3}, {"k", 1}};
    ck_assert_int_eq(kv_client_send(client, set, 3), 0);
    ck_assert_int_eq(kv_client_send(client, get, 2), 0);
  }
  for (int i = 0; i < 200; i++) {
    char value[16];
    const kv_value *reply;
    (void)snprintf(value, sizeof(value), "v%d", i);
    ck_assert_int_eq(kv_client_receive(client, &reply, &error), 0);
    ck_assert(kv_value_is_text(reply, "OK"));
    ck_assert_int_eq(kv_client_receive(client, &reply, &error), 0);
    ck_assert(kv_value_is_text(reply, value));
  }
  kv_client_close(client);
  fake_store_stop(store);
}
END_TEST

START_TEST(nobody_there_is_said_in_a_sentence) {
  kv_client *client;
  kv_error error;
  ck_assert_int_eq(kv_client_open("127.0.0.1:1", 1000, &client, &error), KV_EIO);
  ck_assert_ptr_null(client);
  ck_assert_str_eq(error.text,
                   "cannot reach 127.0.0.1:1: connection refused; is kvserver running there?");
  ck_assert_int_eq(kv_client_open("nowhere", 1000, &client, &error), KV_EINVAL);
  ck_assert_int_eq(kv_client_open("no.such.host.invalid:1", 1000, &client, &error), KV_EIO);
}
END_TEST

START_TEST(silence_is_a_time_out) {
  faults.silent = 1;
  fake_store *store = fake_store_start(&faults, address);
  kv_client *client;
  kv_error error;
  ck_assert_int_eq(kv_client_open(address, 20, &client, &error), KV_EIO);
  ck_assert_ptr_nonnull(strstr(error.text, "gives no answer in time"));
  fake_store_stop(store);
}
END_TEST

START_TEST(garbage_and_a_closed_connection_are_errors) {
  faults.garbage = "?!\r\n";
  fake_store *store = fake_store_start(&faults, address);
  kv_client *client;
  kv_error error;
  const kv_value *reply;
  const char *const ping[] = {"PING", NULL};
  ck_assert_int_eq(kv_client_open(address, 10000, &client, &error), 0);
  ck_assert_int_eq(kv_client_call(client, ping, &reply, &error), KV_EIO);
  ck_assert_ptr_nonnull(strstr(error.text, "not the Redis protocol"));
  kv_client_close(client);
  ck_assert_int_eq(kv_client_open(address, 10000, &client, &error), 0);
  fake_store_stop(store);
  ck_assert_int_eq(kv_client_call(client, ping, &reply, &error), KV_EIO);
  kv_client_close(client);
}
END_TEST

START_TEST(lists_of_addresses_are_read) {
  kv_address_list list;
  kv_error error;
  ck_assert_int_eq(kv_address_list_parse("a:1,[::1]:2,a:1", &list, &error), 0);
  ck_assert_uint_eq(list.count, 2);
  ck_assert(kv_address_list_has(&list, "[::1]:2"));
  kv_address_list_free(&list);
  const char *const wrong[] = {"", ",", "a:1,", "a", "a:", "a:1 ,b:2x"};
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    ck_assert_int_eq(kv_address_list_parse(wrong[i], &list, &error), KV_EINVAL);
  }
}
END_TEST

/* One store leads and names another one that does not answer. */
static const char status[] =
    "%4\r\n+cluster\r\n:9\r\n+store\r\n:1\r\n+address\r\n+here\r\n+regions\r\n*1\r\n"
    "%5\r\n+region\r\n:1\r\n+role\r\n+leader\r\n+term\r\n:4\r\n+commit\r\n:17\r\n+peers\r\n*2\r\n"
    "%3\r\n+store\r\n:1\r\n+address\r\n+here\r\n+role\r\n+voter\r\n"
    "%4\r\n+store\r\n:2\r\n+address\r\n+127.0.0.1:1\r\n+role\r\n+voter\r\n+lag\r\n:5\r\n";

START_TEST(a_cluster_is_learned_from_one_store) {
  faults.answer = status;
  fake_store *store = fake_store_start(&faults, address);
  kv_address_list list = {NULL, 0};
  kv_cluster_view view;
  kv_error error;
  ck_assert_int_eq(kv_address_list_add(&list, address), 0);
  ck_assert_int_eq(kv_address_list_add(&list, "127.0.0.1:1"), 0);
  ck_assert_int_eq(kv_cluster_view_status(&list, 10000, &view, &error), 0);
  ck_assert_uint_eq(view.count, 2);
  ck_assert_int_eq(view.cluster, 9);
  ck_assert_int_eq(view.stores[0].store, 1);
  ck_assert_int_eq(view.stores[1].store, 2);
  ck_assert_ptr_null(view.stores[1].reply);
  ck_assert_ptr_nonnull(strstr(view.stores[1].error.text, "refused"));
  const kv_value *leader = kv_cluster_view_leader(&view, 1);
  ck_assert_int_eq(kv_value_get_integer(leader, "commit", 0), 17);
  ck_assert_int_eq(kv_value_get_integer(kv_status_find_member(leader, 2), "lag", 0), 5);
  ck_assert_ptr_null(kv_status_find_member(leader, 3));
  kv_cluster_view_free(&view);
  fake_store_stop(store);
  ck_assert_int_eq(kv_cluster_view_status(&list, 1000, &view, &error), KV_EIO);
  kv_address_list_free(&list);
}
END_TEST

START_TEST(a_reply_becomes_json) {
  faults.answer = status;
  fake_store *store = fake_store_start(&faults, address);
  kv_client *client;
  kv_error error;
  const kv_value *reply;
  ck_assert_int_eq(kv_client_open(address, 10000, &client, &error), 0);
  ck_assert_int_eq(kv_client_call(client, (const char *const[]){"X", NULL}, &reply, &error), 0);
  json_t *json = kv_value_to_json(reply);
  char *text = json_dumps(json, JSON_COMPACT);
  ck_assert_str_eq(text,
                   "{\"cluster\":9,\"store\":1,\"address\":\"here\",\"regions\":[{\"region\":1,"
                   "\"role\":\"leader\",\"term\":4,\"commit\":17,\"peers\":[{\"store\":1,"
                   "\"address\":\"here\",\"role\":\"voter\"},{\"store\":2,\"address\":"
                   "\"127.0.0.1:1\",\"role\":\"voter\",\"lag\":5}]}]}");
  free(text);
  json_decref(json);
  kv_client_close(client);
  fake_store_stop(store);
}
END_TEST

START_TEST(a_table_is_as_wide_as_it_must_be) {
  char text[256] = "";
  kv_table table = {.columns = 3};
  FILE *file = fmemopen(text, sizeof(text), "w");
  ck_assert_ptr_nonnull(file);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(kv_table_add(&table, "%s", i == 1 ? "long heading" : "H"), 0);
  }
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(kv_table_add(&table, "%d", i * 1000), 0);
  }
  kv_table_add_number(&table, NULL);
  ck_assert_int_eq(kv_table_add(&table, "%s", ""), 0);
  ck_assert_int_eq(kv_table_add(&table, "x"), 0);
  kv_table_print(&table, file);
  ck_assert_int_eq(fclose(file), 0);
  ck_assert_str_eq(text, "H  long heading  H\n0  1000          2000\n-                x\n");
  kv_table_free(&table);
}
END_TEST

static void set_up(void) {
  memset(&faults, 0, sizeof(faults));
}

int main(void) {
  Suite *suite = suite_create("client");
  TCase *tcase = tcase_create("client");
  tcase_add_checked_fixture(tcase, set_up, NULL);
  tcase_set_timeout(tcase, 30);
  tcase_add_test(tcase, pipelined_requests_get_their_answers_in_order);
  tcase_add_test(tcase, nobody_there_is_said_in_a_sentence);
  tcase_add_test(tcase, silence_is_a_time_out);
  tcase_add_test(tcase, garbage_and_a_closed_connection_are_errors);
  tcase_add_test(tcase, lists_of_addresses_are_read);
  tcase_add_test(tcase, a_cluster_is_learned_from_one_store);
  tcase_add_test(tcase, a_reply_becomes_json);
  tcase_add_test(tcase, a_table_is_as_wide_as_it_must_be);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
