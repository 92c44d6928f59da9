/* error.h - every way in which a call of libraft can fail.
 *
 * 0 is success; failures are negative, in a range of their own so that they cannot be
 * taken for -errno. Codes at or below RAFT_FATAL poison the node: every later call on it
 * answers the same code, only raft_rawnode_close() still works.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIBRAFT_ERROR_H
#define LIBRAFT_ERROR_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  RAFT_OK = 0,

  RAFT_ENOMEM = -501,     /* an allocation failed: the message or call is lost, the node is fine */
  RAFT_EINVAL = -502,     /* an argument cannot be right */
  RAFT_ECONFIG = -503,    /* a field of raft_config is out of its range */
  RAFT_EUSAGE = -504,     /* out of order: Ready twice, Advance without one or in async mode */
  RAFT_ECOMPACTED = -505, /* the index is below the first one kept (Storage) */
  RAFT_EUNAVAILABLE = -506,          /* the index is above the last one (Storage) */
  RAFT_ESNAPSHOT_OUT_OF_DATE = -507, /* the snapshot is older than the one in place */
  RAFT_ESNAPSHOT_UNAVAILABLE = -508, /* no snapshot right now, ask again later (Storage) */
  RAFT_ESTEP_LOCAL = -509,           /* a message type that never comes from the network */
  RAFT_EPEER_NOT_FOUND = -510,       /* a response from a node that is not in the configuration */
  RAFT_EMALFORMED = -511, /* a message whose fields contradict each other or the protocol */
  RAFT_ELOG_LOST = -512,  /* a leader says committed what this log does not have: it lost data */
  RAFT_ENOT_EMPTY = -513, /* bootstrap of a storage that already holds something */
  RAFT_ESNAPSHOT_REQUEST =
      -514, /* a snapshot cannot be asked for now (raft_rawnode_request_snapshot)
             */

  /* Why a proposal was dropped. It is certain that it did not enter the log. */
  RAFT_EDROPPED_NO_LEADER = -520,
  RAFT_EDROPPED_TRANSFERRING = -521,   /* this leader is handing over */
  RAFT_EDROPPED_UNCOMMITTED = -522,    /* raft_config.max_uncommitted_size is reached */
  RAFT_EDROPPED_REMOVED = -523,        /* this leader is no longer in the configuration */
  RAFT_EDROPPED_FORWARDING_OFF = -524, /* follower, and disable_proposal_forwarding is set */
  /* Why a read was abandoned (raft_read_state.status). */
  RAFT_EREAD_NO_LEADER = -530,
  RAFT_EREAD_STEPPED_DOWN = -531,
  RAFT_EREAD_TOO_MANY = -532, /* raft_config.max_pending_reads is reached */

  /* Why a configuration change cannot be applied; the configuration is as it was. */
  RAFT_ECONF_ALREADY_JOINT = -540,
  RAFT_ECONF_ZERO_VOTERS_JOINT = -541,
  RAFT_ECONF_NOT_JOINT = -542,
  RAFT_ECONF_SIMPLE_IN_JOINT = -543,
  RAFT_ECONF_MORE_THAN_ONE = -544,
  RAFT_ECONF_NO_VOTERS = -545,
  RAFT_ECONF_TYPE = -546,      /* no such change: of its type, or to a storage thread */
  RAFT_ECONF_OVERTAKEN = -547, /* a snapshot that holds the change has come in since */

  RAFT_EDECODE = -550,  /* bytes that are no such message */
  RAFT_ELIMIT = -551,   /* bytes that exceed raft_wire_limits */
  RAFT_ENOSPACE = -552, /* the caller's buffer is too small */

  RAFT_FATAL = -900,
  RAFT_EINVARIANT = -901, /* libraft caught itself breaking one of its own invariants */
  RAFT_ESTORAGE = -902    /* Storage failed, or answered what cannot be */
};

/* True if `code` poisons the node. Any thread. */
static inline bool raft_is_fatal(int code) {
  return code <= RAFT_FATAL;
}

/* True if `code` says that a proposal was dropped, for whatever reason. Any thread. */
static inline bool raft_is_dropped(int code) {
  return code <= RAFT_EDROPPED_NO_LEADER && code >= RAFT_EDROPPED_FORWARDING_OFF;
}

/* What `code` means, in one English sentence without a full stop. A static string, never
 * NULL; unknown codes are named as such. Any thread. */
const char *raft_error_string(int code);

#ifdef __cplusplus
}
#endif
#endif
