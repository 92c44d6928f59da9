/* interaction_commands.h - the commands of interaction scripts.
 *
 * Each takes the environment and the directive, prints into the environment, and returns 0, or
 * -1 with the reason in env->error. The table in interaction_kind.c says how they are called in
 * scripts; those that etcd-io/raft does not have are marked there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DATADRIVEN_INTERACTION_COMMANDS_H
#define DATADRIVEN_INTERACTION_COMMANDS_H

#include "interaction_env.h"

typedef int interaction_command(struct interaction_env *env, const struct directive *directive);

/* interaction_add_nodes.c */
interaction_command interaction_add_nodes;
interaction_command interaction_restart;

/* interaction_call.c */
interaction_command interaction_campaign;
interaction_command interaction_forget_leader;
interaction_command interaction_propose;
interaction_command interaction_read_index;
interaction_command interaction_report_snapshot;
interaction_command interaction_report_unreachable;
interaction_command interaction_send_snapshot;
interaction_command interaction_set_randomized_election_timeout;
interaction_command interaction_tick_election;
interaction_command interaction_tick_heartbeat;
interaction_command interaction_transfer_leadership;

/* interaction_conf.c */
interaction_command interaction_propose_conf_change;

/* interaction_deliver.c */
interaction_command interaction_deliver_msgs;

/* interaction_process.c */
interaction_command interaction_process_ready;
interaction_command interaction_process_append_thread;
interaction_command interaction_process_apply_thread;

/* interaction_stabilize.c */
interaction_command interaction_stabilize;

/* interaction_state.c */
interaction_command interaction_compact;
interaction_command interaction_raft_log;
interaction_command interaction_raft_state;
interaction_command interaction_status;

#endif
