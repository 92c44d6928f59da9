/* log.c - formats one event as one logfmt line of any length.
 *
 * A line that fits is made on the stack; a longer one takes memory for the call, and when there is
 * none, as much of it as fits is written: an event is never lost for its length.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const level_names[] = {"debug", "info", "warn", "error"};

#define LEVEL_COUNT (sizeof(level_names) / sizeof(level_names[0]))

/* Like vsnprintf over the whole line; the length that it needs, without the final zero. */
static int format_line(char *line, size_t size, const char *message, const char *fields,
                       va_list arguments) {
  const int head = snprintf(line, size, fields == NULL ? "msg=\"%s\"" : "msg=\"%s\" ", message);
  if (head < 0 || fields == NULL) {
    return head;
  }
  const size_t used = (size_t)head < size ? (size_t)head : size;
  const int tail = vsnprintf(line == NULL ? NULL : line + used, size - used, fields, arguments);
  return tail < 0 ? tail : head + tail;
}

/* A raw line break would make two events of one. */
static void join_lines(char *line) {
  for (char *at = strpbrk(line, "\r\n"); at != NULL; at = strpbrk(at, "\r\n")) {
    *at = ' ';
  }
}

void kv_log(const kv_logger *logger, kv_level level, const char *message, const char *fields, ...) {
  if (logger == NULL || logger->write == NULL || level < logger->level) {
    return;
  }
  char small[512];
  char *line = small;
  va_list arguments;
  va_start(arguments, fields);
  const int len = format_line(small, sizeof(small), message, fields, arguments);
  va_end(arguments);
  if (len < 0) {
    return;
  }
  char *large = (size_t)len < sizeof(small) ? NULL : malloc((size_t)len + 1);
  if (large != NULL) {
    va_start(arguments, fields);
    (void)format_line(large, (size_t)len + 1, message, fields, arguments);
    va_end(arguments);
    line = large;
  }
  join_lines(line);
  logger->write(logger->ctx, level, line);
  free(large);
}

int kv_level_parse(const char *name, kv_level *level) {
  for (size_t i = 0; i < LEVEL_COUNT; i++) {
    if (strcmp(name, level_names[i]) == 0) {
      *level = (kv_level)i;
      return 1;
    }
  }
  return 0;
}

const char *kv_level_name(kv_level level) {
  return (size_t)level < LEVEL_COUNT ? level_names[level] : "unknown";
}
