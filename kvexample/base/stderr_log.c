/* stderr_log.c - the logger of programs: to standard error, with time and level in front.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/stderr_log.h"

#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static void write_line(void *ctx, kv_level level, const char *line) {
  (void)ctx;
  struct timespec now;
  struct tm utc;
  char time[32] = "?";
  char prefix[80];
  (void)clock_gettime(CLOCK_REALTIME, &now);
  if (gmtime_r(&now.tv_sec, &utc) != NULL) {
    (void)strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", &utc);
  }
  const int len = snprintf(prefix, sizeof prefix, "ts=%s.%03ldZ level=%s ", time,
                           now.tv_nsec / 1000000, kv_level_name(level));
  /* writev does not write to the memory; its type is shared with readv. */
  union {
    const char *in;
    char *out;
  } text = {.in = line};
  char end[] = "\n";
  const struct iovec parts[3] = {{prefix, (size_t)len}, {text.out, strlen(line)}, {end, 1}};
  if (writev(STDERR_FILENO, parts, 3) < 0) {
    return; /* there is nobody to tell */
  }
}

kv_logger kv_stderr_logger(kv_level level) {
  return (kv_logger){.write = write_line, .level = level};
}
