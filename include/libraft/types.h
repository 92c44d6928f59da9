/* types.h - the things of Raft as plain structs: entries, messages, states, changes.
 *
 * Numbers and meanings are those of etcd-io/raft's raftpb, so that a libraft node and an
 * etcd-io/raft node can be members of one group. Ids, terms and indexes are 64-bit and
 * never 0 where something is meant.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIBRAFT_TYPES_H
#define LIBRAFT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libraft/bytes.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RAFT_NO_ID UINT64_C(0)
/* Pseudo nodes that asynchronous storage messages are addressed to and answered from. */
#define RAFT_APPEND_THREAD UINT64_MAX
#define RAFT_APPLY_THREAD  (UINT64_MAX - 1)
#define RAFT_NO_LIMIT      UINT64_MAX

typedef enum raft_role {
  RAFT_FOLLOWER = 0,
  RAFT_CANDIDATE = 1,
  RAFT_LEADER = 2,
  RAFT_PRE_CANDIDATE = 3
} raft_role;

typedef enum raft_entry_type {
  RAFT_ENTRY_NORMAL = 0,
  RAFT_ENTRY_CONF_CHANGE = 1,
  RAFT_ENTRY_CONF_CHANGE_V2 = 2
} raft_entry_type;

/* One entry of the replicated log. In a Ready, and from a storage, its data has an owner, or there
 * is none. */
typedef struct raft_entry {
  uint64_t term;
  uint64_t index;
  raft_bytes data;
  raft_entry_type type;
} raft_entry;

/* What must be on disk before anything is promised to others (thesis figure 3.1). */
typedef struct raft_hard_state {
  uint64_t term;
  uint64_t vote;
  uint64_t commit;
} raft_hard_state;

/* What is worth showing but need not be kept. */
typedef struct raft_soft_state {
  uint64_t lead;
  raft_role role;
} raft_soft_state;

/* A list of ids; ascending where libraft made it. */
typedef struct raft_ids {
  const uint64_t *ids;
  size_t count;
} raft_ids;

/* Membership at some index. voters_outgoing is non-empty in a joint configuration only. */
typedef struct raft_conf_state {
  raft_ids voters;
  raft_ids learners;
  raft_ids voters_outgoing;
  raft_ids learners_next;
  bool auto_leave;
} raft_conf_state;

/* The state machine at `index`. data is the embedder's affair. */
typedef struct raft_snapshot {
  raft_bytes data;
  raft_conf_state conf_state;
  uint64_t index;
  uint64_t term;
} raft_snapshot;

typedef enum raft_message_type {
  RAFT_MSG_HUP = 0,
  RAFT_MSG_BEAT = 1,
  RAFT_MSG_PROP = 2,
  RAFT_MSG_APP = 3,
  RAFT_MSG_APP_RESP = 4,
  RAFT_MSG_VOTE = 5,
  RAFT_MSG_VOTE_RESP = 6,
  RAFT_MSG_SNAP = 7,
  RAFT_MSG_HEARTBEAT = 8,
  RAFT_MSG_HEARTBEAT_RESP = 9,
  RAFT_MSG_UNREACHABLE = 10,
  RAFT_MSG_SNAP_STATUS = 11,
  RAFT_MSG_CHECK_QUORUM = 12,
  RAFT_MSG_TRANSFER_LEADER = 13,
  RAFT_MSG_TIMEOUT_NOW = 14,
  RAFT_MSG_READ_INDEX = 15,
  RAFT_MSG_READ_INDEX_RESP = 16,
  RAFT_MSG_PRE_VOTE = 17,
  RAFT_MSG_PRE_VOTE_RESP = 18,
  RAFT_MSG_STORAGE_APPEND = 19,
  RAFT_MSG_STORAGE_APPEND_RESP = 20,
  RAFT_MSG_STORAGE_APPLY = 21,
  RAFT_MSG_STORAGE_APPLY_RESP = 22,
  RAFT_MSG_FORGET_LEADER = 23
} raft_message_type;
#define RAFT_MSG_TYPE_COUNT 24

/* The memory behind a message that the library made; opaque, reference-counted. */
typedef struct raft_body raft_body;

/* One message. body == NULL: everything it points to is the caller's, borrowed for the call.
 * body != NULL: whoever holds a reference (raft_message_retain) may keep the struct, copy it
 * by assignment and read what it points to, on any thread, until raft_message_release.
 *
 * An embedder carries messages and need not look into them, but for type, to and from. In an
 * append index and log_term are those of the entry before `entries`; in an answer to it index is
 * the last one that matches, or with `reject` the one that did not, and reject_hint with log_term
 * is where logs may agree. In a vote request they are the candidate's last entry. context: the
 * round of a heartbeat, or that a vote request is part of a hand-over. */
typedef struct raft_message {
  raft_message_type type;
  bool reject;
  bool request_snapshot; /* of a rejection: a snapshot at reject_hint or later is wanted instead */
  uint64_t to;
  uint64_t from;
  uint64_t term; /* 0 in messages that belong to no term: proposals, reads, local ones */
  uint64_t log_term;
  uint64_t index;
  uint64_t commit;
  union {
    uint64_t vote;        /* storage messages only */
    uint64_t commit_term; /* vote traffic only: term of the entry at `commit`; 0: nothing said */
  };
  uint64_t reject_hint;
  int64_t priority; /* vote requests only: the candidate's raft_config.priority */
  raft_bytes context;
  const raft_entry *entries;
  size_t entry_count;
  const raft_snapshot *snapshot;        /* NULL when none */
  const struct raft_message *responses; /* storage messages only */
  size_t response_count;
  raft_body *body;
} raft_message;

/* One reference more to what the message points to. No-op when body is NULL. Any thread. */
void raft_message_retain(const raft_message *message);

/* One reference less; the last one frees. The struct must not be read through afterwards.
 * No-op when body is NULL. Any thread. */
void raft_message_release(const raft_message *message);

typedef enum raft_conf_change_type {
  RAFT_CONF_ADD_NODE = 0,
  RAFT_CONF_REMOVE_NODE = 1,
  RAFT_CONF_UPDATE_NODE = 2,
  RAFT_CONF_ADD_LEARNER = 3
} raft_conf_change_type;

typedef enum raft_conf_change_transition {
  RAFT_TRANSITION_AUTO = 0,           /* simple if it can be, else joint with automatic leave */
  RAFT_TRANSITION_JOINT_IMPLICIT = 1, /* joint, left automatically */
  RAFT_TRANSITION_JOINT_EXPLICIT = 2  /* joint, left by an empty change */
} raft_conf_change_transition;

typedef struct raft_conf_change_single {
  raft_conf_change_type type;
  uint64_t node_id; /* 0: skipped, "the application rejected it" */
} raft_conf_change_single;

/* The old form: one change, never joint. */
typedef struct raft_conf_change {
  uint64_t id; /* the application's, not looked at */
  raft_conf_change_type type;
  uint64_t node_id;
  raft_bytes context;
} raft_conf_change;

/* The general form. No changes and RAFT_TRANSITION_AUTO: leave the joint configuration. */
typedef struct raft_conf_change_v2 {
  raft_conf_change_transition transition;
  const raft_conf_change_single *changes;
  size_t change_count;
  raft_bytes context;
} raft_conf_change_v2;

/* A member and the commit group that it belongs to, e.g. its data centre. */
typedef struct raft_commit_group {
  uint64_t id;
  uint64_t group; /* 0: none */
} raft_commit_group;

/* An answered or abandoned linearizable read. status RAFT_OK: the state machine may answer
 * once it has applied `index`. Otherwise why it was given up (RAFT_EREAD_...), index is 0. */
typedef struct raft_read_state {
  uint64_t index;
  raft_bytes context; /* as given to raft_rawnode_read_index */
  int status;
} raft_read_state;

/* Size in bytes of the entry in raftpb (what the byte limits count). */
uint64_t raft_entry_size(const raft_entry *entry);

#ifdef __cplusplus
}
#endif
#endif
