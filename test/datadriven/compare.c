/* compare.c - is this the output that was expected, and if not, where does it differ?
 *
 * Log lines say how something came about in words that need not be the same everywhere; what
 * came about is in the other lines. Hence both sides are compared with log lines taken out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "compare.h"

#include <string.h>

static const char *const log_levels[] = {"DEBUG ", "INFO ", "WARN ", "ERROR ", "FATAL "};

static bool is_log_line(const char *line) {
  line += strspn(line, " \t");
  for (size_t i = 0; i < sizeof log_levels / sizeof log_levels[0]; i++) {
    if (strncmp(line, log_levels[i], strlen(log_levels[i])) == 0) {
      return true;
    }
  }
  return false;
}

/* Length of the line with its newline. */
static size_t line_length(const char *line) {
  size_t len = strcspn(line, "\n");
  return line[len] == '\n' ? len + 1 : len;
}

/* What is compared: every line ended by a newline, at least one line. */
static void normalise(const char *output, bool logs, struct text *normal) {
  while (*output != '\0') {
    size_t len = line_length(output);
    if (logs || !is_log_line(output)) {
      text_append(normal, output, len);
    }
    output += len;
  }
  if (normal->len == 0) {
    text_puts(normal, "ok\n");
  }
  if (normal->data[normal->len - 1] != '\n') {
    text_puts(normal, "\n");
  }
}

bool outputs_match(const char *expected, const char *actual, bool logs) {
  struct text left = {0};
  struct text right = {0};
  normalise(expected, logs, &left);
  normalise(actual, logs, &right);
  bool same = strcmp(text_string(&left), text_string(&right)) == 0;
  text_free(&left);
  text_free(&right);
  return same;
}

/* Length of the lines that both begin with. */
static size_t common_head(const char *left, const char *right) {
  size_t common = 0;
  for (size_t i = 0; left[i] != '\0' && left[i] == right[i]; i++) {
    if (left[i] == '\n') {
      common = i + 1;
    }
  }
  return common;
}

/* Length of the lines that both end with; both consist of whole lines. */
static size_t common_tail(const char *left, const char *right) {
  size_t left_len = strlen(left);
  size_t right_len = strlen(right);
  size_t common = 0;
  size_t i = 0;
  while (i < left_len && i < right_len && left[left_len - i - 1] == right[right_len - i - 1]) {
    i++;
    bool left_starts = i == left_len || left[left_len - i - 1] == '\n';
    bool right_starts = i == right_len || right[right_len - i - 1] == '\n';
    if (left_starts && right_starts) {
      common = i;
    }
  }
  return common;
}

static void mark_lines(const char *lines, size_t len, char mark, struct text *diff) {
  for (size_t i = 0; i < len;) {
    size_t line = line_length(lines + i);
    text_append(diff, &mark, 1);
    text_append(diff, lines + i, line);
    i += line;
  }
}

void outputs_diff(const char *expected, const char *actual, bool logs, struct text *diff) {
  struct text left = {0};
  struct text right = {0};
  normalise(expected, logs, &left);
  normalise(actual, logs, &right);
  size_t head = common_head(left.data, right.data);
  size_t tail = common_tail(left.data + head, right.data + head);
  mark_lines(left.data, head, ' ', diff);
  mark_lines(left.data + head, left.len - head - tail, '-', diff);
  mark_lines(right.data + head, right.len - head - tail, '+', diff);
  mark_lines(left.data + left.len - tail, tail, ' ', diff);
  text_free(&left);
  text_free(&right);
}
