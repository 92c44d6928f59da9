/* test_addresses.c - proves which addresses, member lists and cluster names are taken.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/host_port.h"
#include "net/member_list.h"

START_TEST(addresses_are_host_and_port) {
  static const struct {
    const char *text, *host, *port;
  } good[] = {{"127.0.0.1:7001", "127.0.0.1", "7001"},
              {"[::1]:0", "::1", "0"},
              {"store-1.example.org:65535", "store-1.example.org", "65535"}};
  static const char *const bad[] = {"",        "127.0.0.1", ":7001",     "a:",      "a:65536",
                                    "a:-1",    "a:x",       "a:7001x",   "[::1]",   "[::1:7001",
                                    "::1:700", "[]:7001",   "a:0000007", "a:007001"};
  kv_host_port parsed;
  kv_error error;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    ck_assert_int_eq(kv_host_port_parse(good[i].text, &parsed, NULL), KV_OK);
    ck_assert_str_eq(parsed.host, good[i].host);
    ck_assert_str_eq(parsed.port, good[i].port);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ck_assert_msg(kv_host_port_parse(bad[i], &parsed, &error) == KV_EINVAL, "\"%s\"", bad[i]);
    ck_assert_ptr_nonnull(strstr(error.text, "127.0.0.1:7001"));
  }
  char longest[KV_MAX_ADDRESS + 10];
  memset(longest, 'a', sizeof longest);
  memcpy(longest + sizeof longest - 3, ":1", 3);
  ck_assert_int_eq(kv_host_port_parse(longest, &parsed, NULL), KV_EINVAL);
}
END_TEST

START_TEST(loopback_is_recognised) {
  static const struct {
    const char *text;
    bool numeric, loopback;
  } cases[] = {{"127.0.0.1:1", true, true},    {"127.9.9.9:1", true, true},
               {"[::1]:1", true, true},        {"0.0.0.0:1", true, false},
               {"192.168.0.1:1", true, false}, {"[::]:1", true, false},
               {"localhost:1", false, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    kv_host_port parsed;
    struct sockaddr_storage address;
    ck_assert_int_eq(kv_host_port_parse(cases[i].text, &parsed, NULL), KV_OK);
    ck_assert(kv_host_port_numeric(&parsed, &address) == cases[i].numeric);
    ck_assert(kv_host_port_is_loopback(&parsed) == cases[i].loopback);
  }
}
END_TEST

START_TEST(member_lists_are_read) {
  kv_member_list list = {0};
  ck_assert_int_eq(kv_member_list_parse("1=127.0.0.1:7001,20=b:2,3=[::1]:3", &list, NULL), KV_OK);
  ck_assert_uint_eq(list.count, 3);
  ck_assert_uint_eq(list.members[1].store_id, 20);
  ck_assert_str_eq(list.members[2].address, "[::1]:3");
  kv_member_list_free(&list);
  ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(wrong_member_lists_are_refused) {
  static const char *const bad[] = {"",     "a:1",   "=a:1",        "0=a:1",       "-1=a:1",
                                    "1=a",  "1=a:0", "1=a:1,1=b:1", "1=a:1,2=a:1", "1=a:1,",
                                    "x=a:1"};
  kv_member_list list = {0};
  kv_error error;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ck_assert_msg(kv_member_list_parse(bad[i], &list, &error) == KV_EINVAL, "\"%s\"", bad[i]);
    ck_assert_uint_eq(list.count, 0);
  }
  char many[64 * 24];
  size_t len = 0;
  for (int i = 1; i <= KV_MAX_MEMBERS + 1; i++) {
    len += (size_t)snprintf(many + len, sizeof many - len, "%s%d=a:%d", i > 1 ? "," : "", i, i);
  }
  ck_assert_int_eq(kv_member_list_parse(many, &list, &error), KV_EINVAL);
}
END_TEST

START_TEST(clusters_have_numbers_or_names) {
  ck_assert_uint_eq(kv_cluster_id("42"), 42);
  ck_assert_uint_ne(kv_cluster_id("0"), 0);
  ck_assert_uint_eq(kv_cluster_id("name"), kv_cluster_id("name"));
  ck_assert_uint_ne(kv_cluster_id("name"), kv_cluster_id("other"));
}
END_TEST

int main(void) {
  TCase *tests = tcase_create("addresses");
  tcase_add_test(tests, addresses_are_host_and_port);
  tcase_add_test(tests, loopback_is_recognised);
  tcase_add_test(tests, member_lists_are_read);
  tcase_add_test(tests, wrong_member_lists_are_refused);
  tcase_add_test(tests, clusters_have_numbers_or_names);
  Suite *suite = suite_create("addresses");
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
