/* error.h - error codes of kvexample, and the sentence that goes with them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BASE_ERROR_H
#define KV_BASE_ERROR_H

#include <stddef.h>

enum {
  KV_OK = 0,
  KV_ENOMEM = -1001,
  KV_EINVAL = -1002,
  KV_EIO = -1003,      /* the operating system failed a file operation; fatal for a log */
  KV_ECORRUPT = -1004, /* bytes on disk or on the wire that are not what was written */
  KV_ENOTFOUND = -1005,
  KV_EFULL = -1006,    /* disk or map full */
  KV_EBUSY = -1007,    /* a bounded queue is full */
  KV_EFOREIGN = -1008, /* a data directory of another store, cluster or format */
  KV_ECLOSED = -1009
};

/* What went wrong, for people: names the cause and what to do about it. Filled by functions that
 * take a kv_error * (may be NULL); never allocated, cut with an ellipsis if it must be. */
typedef struct kv_error {
  int code;
  char text[512];
} kv_error;

/* Sets both and returns code. error may be NULL. */
int kv_fail(kv_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The analyzer cannot look into another file: this tells it that the code comes back. */
#ifdef __clang_analyzer__
#define kv_fail(error, code, ...) ((void)(kv_fail)(error, code, __VA_ARGS__), (code))
#endif

#endif
