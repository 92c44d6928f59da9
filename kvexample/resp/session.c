/* session.c - what one client has settled about its connection: protocol, name, library.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "resp/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void kv_session_init(kv_session *session, uint64_t id) {
  *session = (kv_session){.id = id, .protocol = 2};
}

void kv_session_free(kv_session *session) {
  free(session->name);
  free(session->library_name);
  free(session->library_version);
}

void kv_session_reset(kv_session *session) {
  const uint64_t id = session->id;
  kv_session_free(session);
  kv_session_init(session, id);
}

/* What CLIENT LIST can show as one word. */
static bool is_word(raft_slice text) {
  const char *byte = text.data;
  for (size_t i = 0; i < text.len; i++) {
    if (byte[i] < '!' || byte[i] > '~') {
      return false;
    }
  }
  return true;
}

int kv_session_set(char **field, raft_slice text) {
  if (!is_word(text)) {
    return KV_EINVAL;
  }
  char *copy = text.len > 0 ? strndup(text.data, text.len) : NULL;
  if (copy == NULL && text.len > 0) {
    return KV_ENOMEM;
  }
  free(*field);
  *field = copy;
  return KV_OK;
}
