/* request.c - a command is an array of bulk strings.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client/request.h"

#include <stdio.h>

#include "base/error.h"

static int append_number(kv_buffer *buffer, char kind, size_t number) {
  char line[32];
  const int len = snprintf(line, sizeof(line), "%c%zu\r\n", kind, number);
  return kv_buffer_append(buffer, line, (size_t)len);
}

static int append_bulk(kv_buffer *buffer, raft_slice bytes) {
  int rc = append_number(buffer, '$', bytes.len);
  rc = rc == KV_OK ? kv_buffer_append(buffer, bytes.data, bytes.len) : rc;
  return rc == KV_OK ? kv_buffer_append(buffer, "\r\n", 2) : rc;
}

int kv_request_append(kv_buffer *buffer, const raft_slice *arguments, size_t count) {
  const size_t len = kv_buffer_len(buffer);
  int rc = append_number(buffer, '*', count);
  for (size_t i = 0; i < count && rc == KV_OK; i++) {
    rc = append_bulk(buffer, arguments[i]);
  }
  if (rc != KV_OK) {
    buffer->end = buffer->begin + len;
  }
  return rc;
}
