/* commands.h - what a Redis command means here: an answer, a command of the key space, or a call.
 *
 * A table row a command (commands.c) gives name, arity, flags, key positions and handler. Handlers
 * answer on the spot (local.c), make a kv_command (translate.c), or name a host call: something
 * that needs the server (INFO, TIME, membership ...), which the caller of this part answers.
 *
 * Texts of errors are those of Redis 7, so that client libraries recognise them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RESP_COMMANDS_H
#define KV_RESP_COMMANDS_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raftstore/command.h"
#include "raftstore/reply.h"
#include "resp/cursors.h"
#include "resp/session.h"

typedef enum kv_outcome {
  KV_OUTCOME_ANSWERED, /* call->reply has the answer */
  KV_OUTCOME_COMMAND,  /* call->command is checked; its arguments borrow from the call */
  KV_OUTCOME_HOST      /* call->host says what to do; numbers and texts are in the call */
} kv_outcome;

typedef enum kv_host_call {
  KV_HOST_NONE = 0,
  KV_HOST_INFO,        /* args: names of sections, may be none */
  KV_HOST_TIME,        /* answers [seconds, microseconds] */
  KV_HOST_CLIENT_LIST, /* answers one line a connection */
  KV_HOST_CLIENT_INFO, /* answers this connection's line */
  KV_HOST_STATUS,
  KV_HOST_TRANSFER,    /* number: store id */
  KV_HOST_ADD_PEER,    /* number: store id; text: address */
  KV_HOST_REMOVE_PEER, /* number: store id */
  KV_HOST_COMPACT,     /* number: index, 0: all that is applied */
  KV_HOST_CHECKSUM
} kv_host_call;

/* What CONFIG GET shows. */
typedef struct kv_setting {
  const char *name;
  const char *value;
} kv_setting;

typedef struct kv_call {
  /* In: */
  kv_session *session;
  kv_cursors *cursors;
  const kv_setting *settings;
  size_t setting_count;
  const raft_slice *args; /* at least one: the command's name */
  size_t arg_count;
  kv_reply *reply; /* answers and errors are appended */

  /* Out: */
  kv_command command;
  bool scan; /* the command's answer must go through kv_cursors_rewrite */
  kv_host_call host;
  uint64_t number;
  raft_slice text;
  raft_slice scratch[2]; /* arguments that are not as the client wrote them */
} kv_call;

/* Finds the command, checks its arity and runs its handler. */
kv_outcome kv_call_run(kv_call *call);

#endif
