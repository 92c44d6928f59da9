/* session.h - what one client has settled about its connection: protocol, name, library.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RESP_SESSION_H
#define KV_RESP_SESSION_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct kv_session {
  uint64_t id;
  int protocol; /* 2 or 3 */
  bool closing; /* QUIT: answer what is due, then close */
  char *name;   /* NULL: none; so are the others */
  char *library_name;
  char *library_version;
  const char *last_command; /* static, or NULL */
} kv_session;

void kv_session_init(kv_session *session, uint64_t id);
void kv_session_free(kv_session *session);

/* As after connecting, id aside (RESET). */
void kv_session_reset(kv_session *session);

/* Sets one of the three texts; empty: none. KV_EINVAL: it has blanks or unprintable characters. */
int kv_session_set(char **field, raft_slice text);

#endif
