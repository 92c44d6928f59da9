/* test_datadriven.c - the runner of scripts reads, compares and rewrites them as it says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/datadriven/changes.h"
#include "test/datadriven/compare.h"
#include "test/datadriven/run.h"

static char path[64];
static struct script script;
static struct text text;

static void setup(void) {
  strcpy(path, "build/test/datadriven-XXXXXX");
  int file = mkstemp(path);
  ck_assert_int_ge(file, 0);
  ck_assert_int_eq(close(file), 0);
}

static void teardown(void) {
  script_free(&script);
  text_free(&text);
  ck_assert_int_eq(unlink(path), 0);
}

static void write_script(const char *content) {
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_ge(fputs(content, file), 0);
  ck_assert_int_eq(fclose(file), 0);
}

static void assert_file(const char *content) {
  struct text read = {0};
  FILE *file = fopen(path, "rb");
  ck_assert_ptr_nonnull(file);
  for (int c = fgetc(file); c != EOF; c = fgetc(file)) {
    text_append(&read, &(char){(char)c}, 1);
  }
  ck_assert_int_eq(fclose(file), 0);
  ck_assert_str_eq(text_string(&read), content);
  text_free(&read);
}

static const struct directive *load_one(const char *content) {
  write_script(content);
  ck_assert_msg(script_load(&script, path, &text), "%s", text_string(&text));
  ck_assert_uint_eq(script.count, 1);
  return &script.directives[0];
}

static void assert_refused(const char *content, const char *why) {
  write_script(content);
  ck_assert(!script_load(&script, path, &text));
  ck_assert_str_eq(text_string(&text), why);
}

/* --- reading --------------------------------------------------------------------------------- */

START_TEST(a_block_has_command_input_and_output) {
  const struct directive *block =
      load_one("# words\n\n  \nplay 1 2\n in put \n#put\n----\nout\n put\n");
  ck_assert_uint_eq(block->line, 4);
  ck_assert_str_eq(block->command, "play");
  ck_assert_uint_eq(block->argument_count, 2);
  ck_assert_str_eq(block->input, "in put \n#put");
  ck_assert_str_eq(block->expected, "out\n put\n");
}
END_TEST

START_TEST(output_ends_at_a_blank_line_or_the_end) {
  write_script("a\n----\n\nb\n----\n1\n2\n \t\nc\n----\n3");
  ck_assert(script_load(&script, path, &text));
  ck_assert_uint_eq(script.count, 3);
  ck_assert_str_eq(script.directives[0].expected, "");
  ck_assert_str_eq(script.directives[1].expected, "1\n2\n");
  ck_assert_str_eq(script.directives[2].expected, "3\n");
  ck_assert_uint_eq(script.directives[2].line, 9);
}
END_TEST

START_TEST(doubled_separators_enclose_blank_lines) {
  const struct directive *block = load_one("a\n----\n----\n1\n\n----\n2\n----\n----\n\n# end\n");
  ck_assert_str_eq(block->expected, "1\n\n----\n2\n");
}
END_TEST

START_TEST(arguments_have_no_value_or_one_or_a_list) {
  const struct directive *block = load_one("a b c= d=e=f g=(1, (2,3) ,4) h=() \"i\"\n----\n");
  const struct argument *list = directive_find(block, "g");
  ck_assert_uint_eq(block->argument_count, 6);
  ck_assert_uint_eq(directive_find(block, "b")->value_count, 0);
  ck_assert_ptr_null(directive_value(block, "b"));
  ck_assert_str_eq(directive_value(block, "c"), "");
  ck_assert_str_eq(directive_value(block, "d"), "e=f");
  ck_assert_uint_eq(list->value_count, 3);
  ck_assert_str_eq(list->values[0], "1");
  ck_assert_str_eq(list->values[1], "(2,3)");
  ck_assert_str_eq(list->values[2], "4");
  ck_assert_uint_eq(directive_find(block, "h")->value_count, 0);
  ck_assert_str_eq(block->arguments[5].key, "\"i\"");
  ck_assert_ptr_null(directive_find(block, "x"));
}
END_TEST

START_TEST(a_command_goes_on_behind_a_backslash) {
  const struct directive *block = load_one("a b \\\n  c=1\\\n\n----\n");
  ck_assert_uint_eq(block->argument_count, 2);
  ck_assert_str_eq(directive_value(block, "c"), "1");
}
END_TEST

START_TEST(what_is_no_script_is_refused_with_its_line) {
  assert_refused("\na\nb\n", "2: no line ---- follows this command");
  text_clear(&text);
  script_free(&script);
  assert_refused("a b=(1,2\n----\n", "1: a list of values is not closed");
  text_clear(&text);
  script_free(&script);
  assert_refused("a\n----\n----\nb\n----\n", "1: its output is not closed by two lines ----");
}
END_TEST

START_TEST(a_file_that_is_not_there_is_an_error) {
  ck_assert(!script_load(&script, "build/test/no such file", &text));
  ck_assert_str_eq(text_string(&text), "cannot be opened: No such file or directory");
}
END_TEST

START_TEST(an_empty_file_is_an_empty_script) {
  write_script("");
  ck_assert(script_load(&script, path, &text));
  ck_assert_uint_eq(script.count, 0);
}
END_TEST

START_TEST(numbers_are_whole_and_fit) {
  static const char *const bad[] = {
      "", "-1", "1x", " 1", "18446744073709551616", "99999999999999999999"};
  uint64_t value = 42;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    ck_assert(!parse_u64(bad[i], &value));
    ck_assert_uint_eq(value, 42);
  }
  ck_assert(parse_u64("18446744073709551615", &value));
  ck_assert_uint_eq(value, UINT64_MAX);
  ck_assert(parse_u64("007", &value));
  ck_assert_uint_eq(value, 7);
}
END_TEST

START_TEST(truth_values_have_twelve_spellings) {
  bool value = false;
  ck_assert(parse_bool("T", &value) && value);
  ck_assert(parse_bool("False", &value) && !value);
  ck_assert(parse_bool("1", &value) && value);
  ck_assert(!parse_bool("yes", &value) && value);
}
END_TEST

/* --- changes --------------------------------------------------------------------------------- */

START_TEST(changes_are_read_in_order) {
  struct change_list list;
  ck_assert(changes_parse(&list, "v1 l20 r3 u4", &text));
  ck_assert_uint_eq(list.count, 4);
  ck_assert_int_eq((int)list.changes[1].type, (int)RAFT_CONF_ADD_LEARNER);
  ck_assert_uint_eq(list.changes[1].node_id, 20);
  changes_free(&list);
  ck_assert(changes_parse(&list, "", &text));
  ck_assert_uint_eq(list.count, 0);
  changes_free(&list);
}
END_TEST

START_TEST(wrong_changes_are_named_as_scripts_expect) {
  static const char *const cases[][2] = {
      {"v", "unknown token v"},
      {"v1  v2", "unknown token "},
      {"x1", "unknown input: x1"},
      {"vx", "strconv.ParseUint: parsing \"x\": invalid syntax"},
      {"v1\nl2", "strconv.ParseUint: parsing \"1\\nl2\": invalid syntax"},
      {"v18446744073709551616",
       "strconv.ParseUint: parsing \"18446744073709551616\": value out of range"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct change_list list;
    text_clear(&text);
    ck_assert(!changes_parse(&list, cases[i][0], &text));
    ck_assert_str_eq(text_string(&text), cases[i][1]);
    changes_free(&list);
  }
}
END_TEST

/* --- comparing ------------------------------------------------------------------------------- */

START_TEST(log_lines_do_not_count_unless_asked_for) {
  const char *quiet = "> 1 handling Ready\n  Ready\n";
  const char *loud = "INFO a\n> 1 handling Ready\n  DEBUG b\n  Ready\n\tFATAL c\n";
  ck_assert(outputs_match(quiet, loud, false));
  ck_assert(outputs_match(loud, quiet, false));
  ck_assert(!outputs_match(quiet, loud, true));
  ck_assert(!outputs_match(quiet, "> 1 handling Ready\nReady\n", false));
}
END_TEST

START_TEST(a_block_without_lines_is_ok) {
  ck_assert(outputs_match("ok\n", "WARN a\nERROR b\n", false));
  ck_assert(outputs_match("INFO a\n", "ok\n", false));
  ck_assert(outputs_match("", "ok", true));
  ck_assert(!outputs_match("ok\n", "INFO a\n", true));
  ck_assert(!outputs_match("ok\n", "INFORMATION\n", false));
}
END_TEST

START_TEST(a_difference_shows_what_is_common_around_it) {
  outputs_diff("a\nb\nc\n", "a\nB\nBB\nc\n", false, &text);
  ck_assert_str_eq(text_string(&text), " a\n-b\n+B\n+BB\n c\n");
  text_clear(&text);
  outputs_diff("a\na\n", "a\n", false, &text);
  ck_assert_str_eq(text_string(&text), " a\n-a\n");
  text_clear(&text);
  outputs_diff("xa\n", "a\n", false, &text);
  ck_assert_str_eq(text_string(&text), "-xa\n+a\n");
}
END_TEST

/* --- running --------------------------------------------------------------------------------- */

/* Prints its input; `broken` breaks, `quiet` prints nothing, `blank` prints a blank line. */
static int echo_run(void *env, const struct directive *directive, struct text *out) {
  ++*(int *)env;
  if (strcmp(directive->command, "quiet") != 0) {
    text_puts(out, directive->input);
  }
  text_puts(out, strcmp(directive->command, "blank") == 0 ? "\n\nend" : "");
  return strcmp(directive->command, "broken") == 0 ? -1 : 0;
}

static int echo_count;

static void *echo_open(void) {
  echo_count = 0;
  return &echo_count;
}

static void echo_close(void *env) {
  ck_assert_ptr_eq(env, &echo_count);
}

static void *no_open(void) {
  return NULL;
}

static const struct datadriven_kind echo_kind = {"echo", echo_open, echo_close, echo_run};
static const struct datadriven_kind no_kind = {"none", no_open, echo_close, echo_run};

static bool run(const char *content, bool rewrite, bool logs) {
  const struct run_options options = {&echo_kind, rewrite, logs};
  write_script(content);
  return run_script(&options, path);
}

START_TEST(a_script_runs_up_to_the_first_surprise) {
  ck_assert(run("a\nx\n----\nx\n\nquiet\n----\nok\n", false, false));
  ck_assert_int_eq(echo_count, 2);
  ck_assert(!run("a\nx\n----\ny\n\na\n----\nok\n", false, false));
  ck_assert_int_eq(echo_count, 1);
}
END_TEST

START_TEST(a_broken_environment_fails_whatever_was_expected) {
  ck_assert(!run("broken\nx\n----\nx\n", false, false));
  ck_assert(!run("broken\nx\n----\nx\n", true, false));
  assert_file("broken\nx\n----\nx\n");
  const struct run_options options = {&no_kind, false, false};
  ck_assert(!run_script(&options, path));
}
END_TEST

START_TEST(rewriting_touches_only_what_does_not_match) {
  ck_assert(
      run("# head\na\nx\n----\n\n# keep\n\na\nINFO l\ny\n----\ny\n\nquiet\n----\nno\n# tail\n",
          true, false));
  assert_file("# head\na\nx\n----\nx\n\n# keep\n\na\nINFO l\ny\n----\ny\n\nquiet\n----\nok\n");
}
END_TEST

START_TEST(rewriting_with_logs_puts_them_in) {
  ck_assert(run("a\nINFO l\ny\n----\ny\n", true, true));
  assert_file("a\nINFO l\ny\n----\nINFO l\ny\n");
}
END_TEST

START_TEST(rewriting_encloses_blank_lines_and_can_read_them_again) {
  static const char enclosed[] = "blank\nx\n----\n----\nx\n\nend\n----\n----\n\na\ny\n----\ny\n";
  ck_assert(run("blank\nx\n----\n\na\ny\n----\n", true, false));
  assert_file(enclosed);
  ck_assert(run(enclosed, false, false));
  ck_assert(run("blank\nx\n----", true, false));
  assert_file("blank\nx\n----\n----\nx\n\nend\n----\n----\n");
}
END_TEST

static void add_tests_of_reading(TCase *tests) {
  tcase_add_test(tests, a_block_has_command_input_and_output);
  tcase_add_test(tests, output_ends_at_a_blank_line_or_the_end);
  tcase_add_test(tests, doubled_separators_enclose_blank_lines);
  tcase_add_test(tests, arguments_have_no_value_or_one_or_a_list);
  tcase_add_test(tests, a_command_goes_on_behind_a_backslash);
  tcase_add_test(tests, what_is_no_script_is_refused_with_its_line);
  tcase_add_test(tests, a_file_that_is_not_there_is_an_error);
  tcase_add_test(tests, an_empty_file_is_an_empty_script);
  tcase_add_test(tests, numbers_are_whole_and_fit);
  tcase_add_test(tests, truth_values_have_twelve_spellings);
  tcase_add_test(tests, changes_are_read_in_order);
  tcase_add_test(tests, wrong_changes_are_named_as_scripts_expect);
}

static void add_tests_of_running(TCase *tests) {
  tcase_add_test(tests, log_lines_do_not_count_unless_asked_for);
  tcase_add_test(tests, a_block_without_lines_is_ok);
  tcase_add_test(tests, a_difference_shows_what_is_common_around_it);
  tcase_add_test(tests, a_script_runs_up_to_the_first_surprise);
  tcase_add_test(tests, a_broken_environment_fails_whatever_was_expected);
  tcase_add_test(tests, rewriting_touches_only_what_does_not_match);
  tcase_add_test(tests, rewriting_with_logs_puts_them_in);
  tcase_add_test(tests, rewriting_encloses_blank_lines_and_can_read_them_again);
}

int main(void) {
  Suite *suite = suite_create("datadriven");
  TCase *tests = tcase_create("datadriven");
  tcase_add_checked_fixture(tests, setup, teardown);
  add_tests_of_reading(tests);
  add_tests_of_running(tests);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
