/* reply.h - reads answers in RESP3 from front to end; only what stores answer to clients here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORESIM_REPLY_H
#define STORESIM_REPLY_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ss_reader {
  const char *at;
  size_t left;
} ss_reader;

/* Each: false, and nothing is consumed, if something else comes next. */
bool ss_read_array(ss_reader *reader, int64_t *count);
bool ss_read_integer(ss_reader *reader, int64_t *number);
bool ss_read_bulk(ss_reader *reader, raft_slice *text);
bool ss_read_nil(ss_reader *reader);

#endif
