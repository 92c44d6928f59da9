/* reply.c - the headers of RESP3 values and what follows them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "reply.h"

#include <stdlib.h>
#include <string.h>

/* A line that begins with `kind` and is a number. */
static bool header(ss_reader *reader, char kind, int64_t *number) {
  const char *end = reader->left > 0 ? memchr(reader->at, '\n', reader->left) : NULL;
  if (end == NULL || reader->at[0] != kind) {
    return false;
  }
  *number = strtoll(reader->at + 1, NULL, 10);
  reader->left -= (size_t)(end + 1 - reader->at);
  reader->at = end + 1;
  return true;
}

bool ss_read_array(ss_reader *reader, int64_t *count) {
  return header(reader, '*', count);
}

bool ss_read_integer(ss_reader *reader, int64_t *number) {
  return header(reader, ':', number);
}

bool ss_read_bulk(ss_reader *reader, raft_slice *text) {
  ss_reader before = *reader;
  int64_t len = 0;
  if (!header(reader, '$', &len) || len < 0 || (size_t)len + 2 > reader->left) {
    *reader = before;
    return false;
  }
  *text = (raft_slice){reader->at, (size_t)len};
  reader->at += len + 2;
  reader->left -= (size_t)len + 2;
  return true;
}

bool ss_read_nil(ss_reader *reader) {
  int64_t nothing = 0;
  return header(reader, '_', &nothing);
}
