/* describe.h - states, messages and events as text for people and for golden tests.
 *
 * The texts are those of etcd-io/raft's Describe helpers, byte for byte. All functions write at
 * most `size` bytes with a terminating 0 and return the length the whole text has, as snprintf
 * does: a result >= size means that it was cut. buf may be NULL when size is 0. Any thread. Absent
 * from freestanding builds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIBRAFT_DESCRIBE_H
#define LIBRAFT_DESCRIBE_H

#include <libraft/rawnode.h>

#ifdef __cplusplus
extern "C" {
#endif

const char *raft_role_name(raft_role role);                      /* StateFollower ... */
const char *raft_message_type_name(raft_message_type type);      /* MsgHup ... */
const char *raft_entry_type_name(raft_entry_type type);          /* EntryNormal ... */
const char *raft_progress_state_name(raft_progress_state state); /* StateProbe ... */
const char *raft_log_level_name(raft_log_level level);           /* DEBUG ... */

size_t raft_describe_entry(const raft_entry *entry, char *buf, size_t size);
size_t raft_describe_message(const raft_message *message, char *buf, size_t size);
size_t raft_describe_hard_state(const raft_hard_state *state, char *buf, size_t size);
size_t raft_describe_soft_state(const raft_soft_state *state, char *buf, size_t size);
size_t raft_describe_conf_state(const raft_conf_state *state, char *buf, size_t size);
size_t raft_describe_snapshot(const raft_snapshot *snapshot, char *buf, size_t size);
size_t raft_describe_ready(const raft_ready *ready, char *buf, size_t size);
size_t raft_describe_progress(const raft_progress_status *progress, char *buf, size_t size);
/* voters=(1 2)&&(1) learners=(3) learners_next=(4) autoleave */
size_t raft_describe_configuration(const raft_conf_state *state, char *buf, size_t size);
/* v1 l2 r3 u4 */
size_t raft_describe_conf_changes(const raft_conf_change_single *changes, size_t count, char *buf,
                                  size_t size);
/* One line without level and newline. */
size_t raft_describe_event(const raft_event *event, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
