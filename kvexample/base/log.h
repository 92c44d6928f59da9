/* log.h - one log line an event, in logfmt, behind an interface that the core may call.
 *
 * The core knows neither the time nor the standard error stream: it hands level and text to a
 * kv_logger, and the shell's logger adds ts= and writes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BASE_LOG_H
#define KV_BASE_LOG_H

typedef enum kv_level { KV_DEBUG = 0, KV_INFO = 1, KV_WARN = 2, KV_ERROR = 3 } kv_level;

/* write gets one finished line without newline, such as `msg="became leader" region=1 term=4`.
 * Must be callable from any thread of the program it belongs to. */
typedef struct kv_logger {
  void (*write)(void *ctx, kv_level level, const char *line);
  void *ctx;
  kv_level level; /* lines below it are not formatted */
} kv_logger;

/* Formats and writes `msg="<message>" <fields>`; fields is a printf format of key=value pairs, or
 * NULL. Lines of any length; logger NULL: nothing. */
void kv_log(const kv_logger *logger, kv_level level, const char *message, const char *fields, ...)
    __attribute__((format(printf, 4, 5)));

/* "debug", "info", "warn", "error"; false: none of them. */
int kv_level_parse(const char *name, kv_level *level);
const char *kv_level_name(kv_level level);

#endif
