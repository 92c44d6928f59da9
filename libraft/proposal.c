/* proposal.c - new entries: checked, appended by the leader, forwarded by its followers.
 *
 * A dropped proposal says why, and is certain not to have entered the log.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/wire.h>
#include <string.h>

#include "allocate.h"
#include "confchange.h"
#include "confchange_visit.h"
#include "node.h"

bool raft_is_conf_change_entry(const raft_entry *entry) {
  return entry->type != RAFT_ENTRY_NORMAL;
}

static int dropped(const raft_rawnode *node, int why) {
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_PROPOSAL_DROPPED, 0, 0, (uint64_t)-why, 0);
  return why;
}

/* ---- the limit on what is proposed but not applied ---- */

/* An empty tail takes anything, and entries without payload are always taken: leaving a joint
 * configuration must not depend on the load. */
static bool exceeds_limit(const raft_rawnode *node, uint64_t bytes) {
  uint64_t limit = node->config.max_uncommitted_size;
  return limit != 0 && node->uncommitted_size > 0 && bytes > 0 &&
         (bytes > limit || node->uncommitted_size > limit - bytes);
}

void raft_proposal_applied(raft_rawnode *node, uint64_t payload_bytes) {
  node->uncommitted_size -=
      payload_bytes < node->uncommitted_size ? payload_bytes : node->uncommitted_size;
}

int raft_proposal_append(raft_rawnode *node, const raft_entry *entries, size_t count) {
  uint64_t bytes = raft_entries_payload_size(entries, count);
  if (exceeds_limit(node, bytes)) {
    return dropped(node, RAFT_EDROPPED_UNCOMMITTED);
  }
  int rc = raft_reserve_self(node);
  if (rc == RAFT_OK) {
    rc = raft_log_append_own(&node->log, node->term, entries, count);
  }
  if (rc != RAFT_OK) {
    return rc;
  }
  node->uncommitted_size += bytes;
  /* The leader counts itself only once its own write is durable: the acknowledgement travels
   * with that write, like a follower's. */
  raft_message *ack = raft_compose(node, RAFT_MSG_APP_RESP, node->config.id);
  if (ack == NULL) {
    return RAFT_BROKEN(node); /* its room is reserved */
  }
  ack->index = raft_log_last_index(&node->log);
  return RAFT_OK;
}

/* ---- configuration changes among the entries ---- */

/* What matters of a change before it is proposed. */
typedef struct change_summary {
  size_t changes; /* 0: it asks to leave a joint configuration */
  bool unknown;   /* a type that nobody could apply */
} change_summary;

static void add_change(void *ctx, const raft_conf_change_single *change) {
  change_summary *summary = ctx;
  summary->changes++;
  summary->unknown = summary->unknown || !raft_confchange_knows(change);
}

static int summarize(const raft_entry *entry, change_summary *summary) {
  *summary = (change_summary){0, false};
  if (entry->type == RAFT_ENTRY_CONF_CHANGE_V2) {
    raft_slice bytes = {entry->data.data, entry->data.len};
    return raft_conf_change_v2_visit(bytes, add_change, summary);
  }
  raft_conf_change change;
  int rc = raft_conf_change_decode(entry->data, &change);
  if (rc == RAFT_OK) {
    raft_conf_change_single single = {change.type, change.node_id};
    add_change(summary, &single);
  }
  return rc;
}

/* 0: it may be proposed; else why not, as in RAFT_EVENT_CONF_CHANGE_IGNORED. */
static uint64_t objection(const raft_rawnode *node, uint64_t pending, bool leaves) {
  bool joint = raft_tracker_is_joint(&node->tracker);
  if (node->config.disable_conf_change_validation) {
    return 0;
  }
  if (pending > node->log.applied) {
    return 1;
  }
  if (joint && !leaves) {
    return 2;
  }
  return !joint && leaves ? 3 : 0;
}

/* Turns conf changes that may not be proposed now into empty entries. *pending: index of the last
 * one that may. RAFT_EMALFORMED: an entry that is none. RAFT_ECONF_TYPE: a change that no member
 * could apply. */
static int check_entries(raft_rawnode *node, raft_entry *entries, size_t count, uint64_t *pending) {
  for (size_t i = 0; i < count; i++) {
    change_summary summary;
    if (entries[i].type == RAFT_ENTRY_NORMAL) {
      continue;
    }
    if (entries[i].type != RAFT_ENTRY_CONF_CHANGE && entries[i].type != RAFT_ENTRY_CONF_CHANGE_V2) {
      return RAFT_EMALFORMED;
    }
    if (summarize(&entries[i], &summary) != RAFT_OK) {
      return RAFT_EMALFORMED;
    }
    if (summary.unknown && !node->config.disable_conf_change_validation) {
      return RAFT_ECONF_TYPE;
    }
    uint64_t index = raft_log_last_index(&node->log) + i + 1;
    uint64_t why = objection(node, *pending, summary.changes == 0);
    if (why != 0) {
      raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_CONF_CHANGE_IGNORED, 0, index, why, 0);
      /* Two bytes longer than an entry without data: as long as the one that upstream puts here,
       * so that byte limits fall in the same places. */
      raft_entry empty = {.type = RAFT_ENTRY_NORMAL, .data = {.data = ""}};
      entries[i] = empty;
    } else {
      *pending = index;
    }
  }
  return RAFT_OK;
}

static int lead(raft_rawnode *node, raft_entry *entries, size_t count) {
  uint64_t pending = node->pending_conf_index;
  int rc = check_entries(node, entries, count, &pending);
  if (rc == RAFT_OK) {
    rc = raft_proposal_append(node, entries, count);
  }
  if (rc == RAFT_OK) {
    node->pending_conf_index = pending;
    raft_broadcast_append(node);
  } else if (rc == RAFT_EDROPPED_UNCOMMITTED && node->config.etcd_quirks) {
    node->pending_conf_index = pending;
  }
  return rc;
}

static bool are_normal(const raft_entry *entries, size_t count) {
  size_t i = 0;
  while (i < count && entries[i].type == RAFT_ENTRY_NORMAL) {
    i++;
  }
  return i == count;
}

int raft_proposal_leader(raft_rawnode *node, const raft_message *message) {
  if (raft_tracker_get(&node->tracker, node->config.id) == NULL) {
    return dropped(node, RAFT_EDROPPED_REMOVED);
  }
  if (node->lead_transferee != RAFT_NO_ID) {
    return dropped(node, RAFT_EDROPPED_TRANSFERRING);
  }
  if (are_normal(message->entries, message->entry_count)) {
    int rc = raft_proposal_append(node, message->entries, message->entry_count);
    if (rc == RAFT_OK) {
      raft_broadcast_append(node);
    }
    return rc;
  }
  raft_entry *entries =
      raft_allocate_array(raft_memory(node), message->entry_count, sizeof *entries);
  if (entries == NULL) {
    return RAFT_ENOMEM;
  }
  memcpy(entries, message->entries, message->entry_count * sizeof *entries);
  int rc = lead(node, entries, message->entry_count);
  raft_deallocate(raft_memory(node), entries);
  return rc;
}

int raft_proposal_follower(raft_rawnode *node, const raft_message *message) {
  if (node->lead == RAFT_NO_ID) {
    return dropped(node, RAFT_EDROPPED_NO_LEADER);
  }
  if (node->config.disable_proposal_forwarding) {
    return dropped(node, RAFT_EDROPPED_FORWARDING_OFF);
  }
  return raft_forward(node, message);
}

int raft_proposal_candidate(raft_rawnode *node, const raft_message *message) {
  (void)message;
  return dropped(node, RAFT_EDROPPED_NO_LEADER);
}
