/* test_data_directory.c - proves that a data directory knows whose it is and lets one process in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/data_directory.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char path[96];
static kv_data_directory directory;
static kv_error error;

static void setup(void) {
  (void)snprintf(folder, sizeof folder, "/tmp/kv-data.XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  (void)snprintf(path, sizeof path, "%s/store", folder);
}

static void teardown(void) {
  char command[128];
  (void)snprintf(command, sizeof command, "rm -rf %s", folder);
  ck_assert_int_eq(system(command), 0); // NOLINT(cert-env33-c)
}

static const char *inside(const char *name) {
  static char full[160];
  (void)snprintf(full, sizeof full, "%s/%s", path, name);
  return full;
}

static void write_ident(const char *text) {
  FILE *file = fopen(inside("IDENT"), "w");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_ge(fputs(text, file), 0);
  ck_assert_int_eq(fclose(file), 0);
}

START_TEST(a_claimed_directory_tells_whose_it_is) {
  ck_assert_int_eq(kv_data_directory_open(path, &directory, &error), KV_OK);
  ck_assert(directory.fresh);
  ck_assert_int_eq(kv_data_directory_prepare(&directory, &error), KV_OK);
  ck_assert_int_eq(access(directory.log, F_OK), 0);
  ck_assert_int_eq(access(directory.db, F_OK), 0);
  ck_assert_int_eq(access(directory.snap, F_OK), 0);
  ck_assert_int_eq(kv_data_directory_claim(&directory, UINT64_MAX, 3, &error), KV_OK);
  kv_data_directory_close(&directory);

  ck_assert_int_eq(kv_data_directory_open(path, &directory, &error), KV_OK);
  ck_assert(!directory.fresh);
  ck_assert_uint_eq(directory.cluster_id, UINT64_MAX);
  ck_assert_uint_eq(directory.store_id, 3);
  kv_data_directory_close(&directory);
}
END_TEST

START_TEST(one_process_at_a_time) {
  kv_data_directory second;
  ck_assert_int_eq(kv_data_directory_open(path, &directory, &error), KV_OK);
  ck_assert_int_eq(kv_data_directory_open(path, &second, &error), KV_EBUSY);
  ck_assert_ptr_nonnull(strstr(error.text, "another process"));
  kv_data_directory_close(&directory);
  ck_assert_int_eq(kv_data_directory_open(path, &second, &error), KV_OK);
  kv_data_directory_close(&second);
}
END_TEST

START_TEST(the_address_lives_as_long_as_the_process) {
  ck_assert_int_eq(kv_data_directory_open(path, &directory, &error), KV_OK);
  ck_assert_int_eq(kv_data_directory_publish(&directory, "127.0.0.1:7001", &error), KV_OK);
  char text[32] = "";
  FILE *file = fopen(inside("address"), "r");
  ck_assert_ptr_nonnull(file);
  ck_assert_ptr_nonnull(fgets(text, sizeof text, file));
  ck_assert_int_eq(fclose(file), 0);
  ck_assert_str_eq(text, "127.0.0.1:7001\n");
  kv_data_directory_close(&directory);
  ck_assert_int_ne(access(inside("address"), F_OK), 0);
}
END_TEST

START_TEST(damaged_and_foreign_identities_are_refused) {
  ck_assert_int_eq(mkdir(path, 0700), 0);
  write_ident("no identity");
  ck_assert_int_eq(kv_data_directory_open(path, &directory, &error), KV_ECORRUPT);
  write_ident("format 1\ncluster 5\n");
  ck_assert_int_eq(kv_data_directory_open(path, &directory, &error), KV_ECORRUPT);
  write_ident("format 99\ncluster 5\nstore 1\n");
  ck_assert_int_eq(kv_data_directory_open(path, &directory, &error), KV_EFOREIGN);
  ck_assert_ptr_nonnull(strstr(error.text, "format 99"));
}
END_TEST

START_TEST(a_directory_that_cannot_be_made_is_named) {
  ck_assert_int_eq(kv_data_directory_open("/proc/no/such", &directory, &error), KV_EIO);
  ck_assert_ptr_nonnull(strstr(error.text, "/proc/no/such"));
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_eq(fclose(file), 0);
  ck_assert_int_eq(kv_data_directory_open(path, &directory, &error), KV_EIO);
}
END_TEST

int main(void) {
  TCase *tests = tcase_create("data_directory");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, a_claimed_directory_tells_whose_it_is);
  tcase_add_test(tests, one_process_at_a_time);
  tcase_add_test(tests, the_address_lives_as_long_as_the_process);
  tcase_add_test(tests, damaged_and_foreign_identities_are_refused);
  tcase_add_test(tests, a_directory_that_cannot_be_made_is_named);
  Suite *suite = suite_create("data_directory");
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
