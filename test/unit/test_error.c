/* test_error.c - every code has a sentence of its own, and codes are sorted into their kinds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <libraft/error.h>
#include <libraft/version.h>
#include <stdlib.h>
#include <string.h>

static const int codes[] = {
    RAFT_OK,
    RAFT_ENOMEM,
    RAFT_EINVAL,
    RAFT_ECONFIG,
    RAFT_EUSAGE,
    RAFT_ECOMPACTED,
    RAFT_EUNAVAILABLE,
    RAFT_ESNAPSHOT_OUT_OF_DATE,
    RAFT_ESNAPSHOT_UNAVAILABLE,
    RAFT_ESTEP_LOCAL,
    RAFT_EPEER_NOT_FOUND,
    RAFT_EMALFORMED,
    RAFT_ELOG_LOST,
    RAFT_ENOT_EMPTY,
    RAFT_EDROPPED_NO_LEADER,
    RAFT_EDROPPED_TRANSFERRING,
    RAFT_EDROPPED_UNCOMMITTED,
    RAFT_EDROPPED_REMOVED,
    RAFT_EDROPPED_FORWARDING_OFF,
    RAFT_EREAD_NO_LEADER,
    RAFT_EREAD_STEPPED_DOWN,
    RAFT_EREAD_TOO_MANY,
    RAFT_ECONF_ALREADY_JOINT,
    RAFT_ECONF_ZERO_VOTERS_JOINT,
    RAFT_ECONF_NOT_JOINT,
    RAFT_ECONF_SIMPLE_IN_JOINT,
    RAFT_ECONF_MORE_THAN_ONE,
    RAFT_ECONF_NO_VOTERS,
    RAFT_ECONF_TYPE,
    RAFT_ECONF_OVERTAKEN,
    RAFT_EDECODE,
    RAFT_ELIMIT,
    RAFT_ENOSPACE,
    RAFT_FATAL,
    RAFT_EINVARIANT,
    RAFT_ESTORAGE,
};
enum { CODE_COUNT = sizeof(codes) / sizeof(codes[0]) };

START_TEST(every_code_has_a_sentence_of_its_own) {
  const char *unknown = raft_error_string(-1);
  for (size_t i = 0; i < CODE_COUNT; i++) {
    const char *text = raft_error_string(codes[i]);
    ck_assert_str_ne(text, unknown);
    ck_assert_int_ne(text[strlen(text) - 1], '.');
    for (size_t k = 0; k < i; k++) {
      ck_assert_str_ne(text, raft_error_string(codes[k]));
    }
  }
}
END_TEST

START_TEST(unknown_codes_are_named_as_such) {
  ck_assert_str_eq(raft_error_string(1), "unknown error code");
  ck_assert_str_eq(raft_error_string(-12345), "unknown error code");
}
END_TEST

START_TEST(only_codes_from_fatal_on_are_fatal) {
  for (size_t i = 0; i < CODE_COUNT; i++) {
    bool fatal = codes[i] == RAFT_FATAL || codes[i] == RAFT_EINVARIANT || codes[i] == RAFT_ESTORAGE;
    ck_assert_int_eq(raft_is_fatal(codes[i]), fatal);
  }
}
END_TEST

START_TEST(dropped_proposals_say_so) {
  for (size_t i = 0; i < CODE_COUNT; i++) {
    bool says_so = strstr(raft_error_string(codes[i]), "proposal dropped") != NULL;
    ck_assert_int_eq(raft_is_dropped(codes[i]), says_so);
  }
}
END_TEST

START_TEST(the_library_is_of_the_version_of_its_headers) {
  ck_assert_uint_eq(raft_version(), RAFT_VERSION_HEX);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("error");
  TCase *tests = tcase_create("error");
  tcase_add_test(tests, every_code_has_a_sentence_of_its_own);
  tcase_add_test(tests, unknown_codes_are_named_as_such);
  tcase_add_test(tests, only_codes_from_fatal_on_are_fatal);
  tcase_add_test(tests, dropped_proposals_say_so);
  tcase_add_test(tests, the_library_is_of_the_version_of_its_headers);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
