/* command_table.h - the table of Redis commands, for the parts that run and describe them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RESP_COMMAND_TABLE_H
#define KV_RESP_COMMAND_TABLE_H

#include "resp/commands.h"

enum {
  KV_CMD_WRITE = 1u << 0,
  KV_CMD_READONLY = 1u << 1,
  KV_CMD_FAST = 1u << 2,
  KV_CMD_ADMIN = 1u << 3
};

typedef struct kv_command_row kv_command_row;
typedef kv_outcome (*kv_command_handler)(kv_call *call, const kv_command_row *row);

struct kv_command_row {
  const char *name; /* lower case */
  int arity;        /* arguments, name included; negative: at least so many */
  unsigned flags;
  int first_key, last_key, key_step; /* as in COMMAND; last -1: to the end */
  const char *group;
  const char *summary;
  kv_command_handler run;
  kv_op op; /* of kv_run_plain */
  uint32_t op_flags;
  kv_host_call host; /* of kv_run_host */
  const kv_command_row *children;
  size_t child_count;
};

extern const kv_command_row kv_command_rows[]; /* ascending by name */
extern const size_t kv_command_row_count;

/* Without regard to case; NULL: there is none. */
const kv_command_row *kv_command_find(raft_slice name);

/* Does the text equal the word, without regard to case? */
bool kv_slice_is(raft_slice text, const char *word);

/* Answers an error and returns KV_OUTCOME_ANSWERED. */
kv_outcome kv_call_fail(kv_call *call, const char *text);
kv_outcome kv_call_wrong_arity(kv_call *call, const char *full_name);

/* ---- handlers ---- */

kv_outcome kv_run_host(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_admin(kv_call *call, const kv_command_row *row);    /* with number and text */
kv_outcome kv_run_children(kv_call *call, const kv_command_row *row); /* by second argument */

/* translate.c */
kv_outcome kv_run_plain(kv_call *call, const kv_command_row *row); /* arguments as they are */
kv_outcome kv_run_set(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_mset(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_count(kv_call *call, const kv_command_row *row); /* INCR DECR INCRBY DECRBY */
kv_outcome kv_run_scan(kv_call *call, const kv_command_row *row);

/* local.c */
kv_outcome kv_run_ping(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_echo(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_quit(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_reset(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_select(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_hello(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_auth(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_ok(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_no_cluster(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_config_get(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_client_id(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_client_setname(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_client_getname(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_client_setinfo(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_client_switch(kv_call *call, const kv_command_row *row); /* ON or OFF */

/* describe.c */
kv_outcome kv_run_command(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_command_count(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_command_list(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_command_info(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_command_docs(kv_call *call, const kv_command_row *row);
kv_outcome kv_run_help(kv_call *call, const kv_command_row *row); /* of a row with children */

#endif
