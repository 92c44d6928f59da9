/* rawnode.c - opening and closing a node, and the calls that become messages to itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/wire.h>
#include <string.h>

#include "allocate.h"
#include "confchange.h"
#include "node.h"

/* ---- opening ---- */

static uint64_t applying_limit(const raft_config *config) {
  uint64_t limit = config->max_committed_size_per_ready != 0 ? config->max_committed_size_per_ready
                                                             : config->max_size_per_message;
  return limit == 0 ? 1 : limit; /* the smallest limit hands out one entry at a time */
}

/* The state that storage kept must be one that this log can have been in. */
static int restore_hard_state(raft_rawnode *node, const raft_hard_state *state) {
  if (state->term == 0 && state->vote == 0 && state->commit == 0) {
    return RAFT_OK;
  }
  if (state->commit < node->log.committed || state->commit > raft_log_last_index(&node->log)) {
    return RAFT_ESTORAGE;
  }
  node->log.committed = state->commit;
  node->term = state->term;
  node->vote = state->vote;
  return RAFT_OK;
}

static int restore_applied(raft_rawnode *node, uint64_t applied) {
  if (applied == 0) {
    return RAFT_OK;
  }
  if (applied < node->log.applied || applied > node->log.committed) {
    return RAFT_ESTORAGE;
  }
  raft_log_applied_to(&node->log, applied, 0);
  return RAFT_OK;
}

static int restore_membership(raft_rawnode *node, const raft_conf_state *state) {
  raft_tracker next;
  int rc = raft_confchange_restore(&node->tracker, raft_log_last_index(&node->log), state, &next);
  if (rc == RAFT_OK) {
    raft_membership_switch(node, &next);
  }
  return rc == RAFT_OK || rc == RAFT_ENOMEM ? rc : RAFT_ESTORAGE;
}

static int load(raft_rawnode *node, const raft_config *config) {
  raft_hard_state hard_state = {0, 0, 0};
  raft_conf_state conf_state;
  memset(&conf_state, 0, sizeof conf_state);
  int rc = raft_log_open(&node->log, config->storage, raft_memory(node), applying_limit(config));
  if (rc == RAFT_OK) {
    rc = config->storage->initial_state(config->storage->ctx, &hard_state, &conf_state);
    rc = rc == RAFT_OK || rc == RAFT_ENOMEM ? rc : RAFT_ESTORAGE;
  }
  if (rc == RAFT_OK) {
    rc = restore_membership(node, &conf_state);
  }
  if (rc == RAFT_OK) {
    rc = restore_hard_state(node, &hard_state);
  }
  return rc == RAFT_OK ? restore_applied(node, config->applied) : rc;
}

static void start(raft_rawnode *node) {
  raft_become_role_follower(node, node->term, RAFT_NO_ID);
  node->came_back = node->term != 0;
  raft_emit(node, RAFT_LOG_INFO, RAFT_EVENT_STARTED, 0, raft_log_last_index(&node->log),
            node->log.committed, node->log.applied);
  node->shown_soft_state.lead = node->lead;
  node->shown_soft_state.role = node->role;
  node->shown_hard_state.term = node->term;
  node->shown_hard_state.vote = node->vote;
  node->shown_hard_state.commit = node->log.committed;
}

static raft_settings settings_of(const raft_config *config) {
  raft_settings settings = {
      .id = config->id,
      .log = config->log,
      .log_ctx = config->log_ctx,
      .max_size_per_message = config->max_size_per_message,
      .max_uncommitted_size = config->max_uncommitted_size,
      .election_ticks = config->election_ticks,
      .heartbeat_ticks = config->heartbeat_ticks,
      .snapshot_timeout_ticks = config->snapshot_timeout_ticks,
      .max_pending_reads = config->max_pending_reads,
      .max_unpersisted_apply = config->max_unpersisted_apply,
      .read_only = (uint8_t)config->read_only,
      .check_quorum = config->check_quorum,
      .pre_vote = config->pre_vote,
      .async_storage_writes = config->async_storage_writes,
      .disable_proposal_forwarding = config->disable_proposal_forwarding,
      .disable_conf_change_validation = config->disable_conf_change_validation,
      .step_down_on_removal = config->step_down_on_removal,
      .silent_read_drops = config->silent_read_drops,
      .etcd_quirks = config->etcd_quirks,
      .hand_over_on_removal = config->hand_over_on_removal,
      .batch_append = config->batch_append,
      .skip_commit_broadcast = config->skip_commit_broadcast,
      .commit_in_votes = config->commit_in_votes,
  };
  return settings;
}

static int open_node(const raft_config *config, raft_rawnode **rn) {
  const raft_allocator *allocator = raft_allocator_or_default(config->allocator);
  raft_rawnode *node = raft_allocate(allocator, sizeof *node);
  if (node == NULL) {
    return RAFT_ENOMEM;
  }
  memset(node, 0, sizeof *node);
  node->config = settings_of(config);
  raft_random_init(node, config->seed);
  raft_inflight_limits limits = {config->max_inflight_messages, config->max_inflight_bytes};
  raft_tracker_init(&node->tracker, limits, allocator);
  int rc = load(node, config);
  if (rc == RAFT_OK) {
    rc = raft_rawnode_set_priority(node, config->priority);
  }
  if (rc == RAFT_OK) {
    start(node);
    rc = node->log.failure;
  }
  if (rc != RAFT_OK) {
    raft_rawnode_close(node);
    return rc;
  }
  *rn = node;
  return RAFT_OK;
}

int raft_rawnode_open(const raft_config *config, raft_rawnode **rn) {
  int rc = raft_config_check(config, NULL);
  if (rc != RAFT_OK) {
    return rc;
  }
  raft_config known; /* what an older caller does not know of is 0 */
  memset(&known, 0, sizeof known);
  memcpy(&known, config, config->size < sizeof known ? config->size : sizeof known);
  return open_node(&known, rn);
}

void raft_rawnode_close(raft_rawnode *rn) {
  if (rn == NULL) {
    return;
  }
  const raft_allocator *memory = raft_memory(rn);
  raft_handed_out_release(rn);
  raft_room_close(&rn->out.room, memory);
  raft_outbox_close(&rn->messages, memory);
  raft_outbox_close(&rn->out.messages, memory);
  raft_outbox_close(&rn->after_append, memory);
  raft_reads_close(rn);
  raft_extras_close(rn);
  raft_tracker_close(&rn->tracker);
  if (rn->log.allocator != NULL) {
    raft_log_close(&rn->log);
  }
  raft_deallocate(memory, rn);
}

/* ---- calls that become messages ---- */

static int step_own(raft_rawnode *node, const raft_message *message) {
  if (node->poisoned != RAFT_OK) {
    return node->poisoned;
  }
  node->worked = true;
  return raft_finish(node, raft_step_message(node, message));
}

int raft_rawnode_tick(raft_rawnode *rn) {
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  return raft_finish(rn, raft_role_tick(rn));
}

int raft_rawnode_campaign(raft_rawnode *rn) {
  raft_message hup = {.type = RAFT_MSG_HUP};
  return step_own(rn, &hup);
}

int raft_rawnode_ping(raft_rawnode *rn) {
  raft_message beat = {.type = RAFT_MSG_BEAT};
  return step_own(rn, &beat);
}

int raft_rawnode_transfer_leader(raft_rawnode *rn, uint64_t transferee) {
  raft_message transfer = {.type = RAFT_MSG_TRANSFER_LEADER, .from = transferee};
  return step_own(rn, &transfer);
}

int raft_rawnode_forget_leader(raft_rawnode *rn) {
  raft_message forget = {.type = RAFT_MSG_FORGET_LEADER};
  return step_own(rn, &forget);
}

int raft_rawnode_read_index(raft_rawnode *rn, const raft_bytes *context) {
  raft_entry entry = {.data = *context};
  raft_message read = {.type = RAFT_MSG_READ_INDEX, .entries = &entry, .entry_count = 1};
  return step_own(rn, &read);
}

int raft_rawnode_report_unreachable(raft_rawnode *rn, uint64_t id) {
  raft_message report = {.type = RAFT_MSG_UNREACHABLE, .from = id};
  return step_own(rn, &report);
}

int raft_rawnode_report_snapshot(raft_rawnode *rn, uint64_t id, bool success) {
  raft_message report = {.type = RAFT_MSG_SNAP_STATUS, .from = id, .reject = !success};
  return step_own(rn, &report);
}

/* ---- proposals ---- */

static int propose_entries(raft_rawnode *rn, const raft_entry *entries, size_t count) {
  raft_message proposal = {
      .type = RAFT_MSG_PROP, .from = rn->config.id, .entries = entries, .entry_count = count};
  return step_own(rn, &proposal);
}

/* One buffer with all the slices; *bytes owns it. */
static int concatenate(raft_rawnode *rn, const raft_slice *slices, size_t count,
                       raft_bytes *bytes) {
  size_t len = 0;
  for (size_t i = 0; i < count; i++) {
    if (slices[i].len > SIZE_MAX - len) {
      return RAFT_EINVAL;
    }
    len += slices[i].len;
  }
  memset(bytes, 0, sizeof *bytes);
  if (len == 0) {
    return RAFT_OK;
  }
  void *data = NULL;
  bytes->owner = raft_buf_create(raft_memory(rn), len, &data);
  if (bytes->owner == NULL) {
    return RAFT_ENOMEM;
  }
  unsigned char *at = data;
  for (size_t i = 0; i < count; i++) {
    if (slices[i].len > 0) {
      memcpy(at, slices[i].data, slices[i].len);
      at += slices[i].len;
    }
  }
  bytes->data = data;
  bytes->len = len;
  return RAFT_OK;
}

int raft_rawnode_propose(raft_rawnode *rn, const raft_slice *slices, size_t count) {
  raft_entry entry = {.type = RAFT_ENTRY_NORMAL};
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  if (count == 1 && slices[0].len > 0) { /* in one piece already: the log copies it */
    entry.data = (raft_bytes){slices[0].data, slices[0].len, NULL};
    return propose_entries(rn, &entry, 1);
  }
  int rc = concatenate(rn, slices, count, &entry.data);
  if (rc == RAFT_OK) {
    rc = propose_entries(rn, &entry, 1);
  }
  raft_buf_release(entry.data.owner);
  return rc;
}

int raft_rawnode_propose_batch(raft_rawnode *rn, const raft_bytes *payloads, size_t count) {
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  if (count == 0) {
    return RAFT_EINVAL;
  }
  raft_entry *entries = raft_allocate_array(raft_memory(rn), count, sizeof *entries);
  if (entries == NULL) {
    return RAFT_ENOMEM;
  }
  for (size_t i = 0; i < count; i++) {
    raft_entry entry = {.type = RAFT_ENTRY_NORMAL, .data = payloads[i]};
    entries[i] = entry;
  }
  int rc = propose_entries(rn, entries, count);
  raft_deallocate(raft_memory(rn), entries);
  return rc;
}

/* ---- conf changes as entries ---- */

/* Either form of change, to be encoded. */
typedef struct conf_change_source {
  const raft_conf_change *v1;
  const raft_conf_change_v2 *v2;
} conf_change_source;

static int encode(const conf_change_source *source, void *data, size_t size, size_t *len) {
  return source->v1 != NULL ? raft_conf_change_encode(source->v1, data, size, len)
                            : raft_conf_change_v2_encode(source->v2, data, size, len);
}

/* A leader would refuse it; who forwards it would not hear of that. */
static bool is_applicable(const conf_change_source *source) {
  if (source->v1 != NULL) {
    raft_conf_change_single single = {source->v1->type, source->v1->node_id};
    return raft_confchange_knows(&single);
  }
  for (size_t i = 0; i < source->v2->change_count; i++) {
    if (!raft_confchange_knows(&source->v2->changes[i])) {
      return false;
    }
  }
  return true;
}

static int propose_change(raft_rawnode *rn, const conf_change_source *source,
                          raft_entry_type type) {
  raft_entry entry = {.type = type};
  size_t len = 0;
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  if (!rn->config.disable_conf_change_validation && !is_applicable(source)) {
    return RAFT_ECONF_TYPE;
  }
  int rc = encode(source, NULL, 0, &len);
  if (rc != RAFT_OK && rc != RAFT_ENOSPACE) {
    return rc;
  }
  void *data = NULL;
  if (len > 0) {
    entry.data.owner = raft_buf_create(raft_memory(rn), len, &data);
    if (entry.data.owner == NULL) {
      return RAFT_ENOMEM;
    }
    entry.data.data = data;
    entry.data.len = len;
    rc = encode(source, data, len, &len);
  }
  if (rc == RAFT_OK) {
    rc = propose_entries(rn, &entry, 1);
  }
  raft_buf_release(entry.data.owner);
  return rc;
}

int raft_rawnode_propose_conf_change(raft_rawnode *rn, const raft_conf_change *change) {
  conf_change_source source = {.v1 = change};
  return propose_change(rn, &source, RAFT_ENTRY_CONF_CHANGE);
}

int raft_rawnode_propose_conf_change_v2(raft_rawnode *rn, const raft_conf_change_v2 *change) {
  static const raft_conf_change_v2 leave = {.transition = RAFT_TRANSITION_AUTO};
  conf_change_source source = {.v2 = change == NULL ? &leave : change};
  return propose_change(rn, &source, RAFT_ENTRY_CONF_CHANGE_V2);
}
