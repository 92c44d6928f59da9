/* replication.c - the leader feeds its followers: appends, heartbeats, and what their answers tell.
 *
 * Progress changes only after a message was really queued: one that finds no memory was never
 * sent, and is sent again when the follower is next heard of.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node.h"

/* The entries that the last follower was sent. Followers that are equally far share them: the
 * references are counted here, and set once nobody is left to share. */
typedef struct shared_slice {
  raft_body *body;
  uint64_t from;
  size_t users;
} shared_slice;

static void settle(shared_slice *shared) {
  if (shared->body != NULL && shared->users > 0) {
    raft_body_share(shared->body, shared->users);
  } else {
    raft_body_release(shared->body);
  }
}

/* Entries for a follower. Nothing, too, when its window is full: an empty append then keeps the
 * conversation going, should everything in the window have been lost. */
static int entries_for(raft_rawnode *node, const raft_progress *progress, shared_slice *shared,
                       raft_body **body) {
  *body = NULL;
  if (progress->state == RAFT_PROGRESS_REPLICATE &&
      raft_inflights_full(&progress->inflights, &node->tracker.limits)) {
    return RAFT_OK;
  }
  int rc = RAFT_OK;
  if (shared->body != NULL && shared->from == progress->next) {
    *body = shared->body;
  } else {
    rc = raft_log_slice(&node->log, progress->next, raft_log_last_index(&node->log) + 1,
                        node->config.max_size_per_message, body);
  }
  if (*body != NULL && *body != shared->body) {
    settle(shared);
    *shared = (shared_slice){*body, progress->next, 0};
  }
  return rc;
}

static bool send_append(raft_rawnode *node, raft_progress *progress, raft_entry_id previous,
                        raft_body *body) {
  const raft_entry *entries = body == NULL ? NULL : body->entries;
  size_t count = body == NULL ? 0 : body->entry_count;
  bool counts = progress->state == RAFT_PROGRESS_REPLICATE && count > 0;
  raft_message *append = NULL;
  if (!counts || raft_inflights_reserve(&progress->inflights, &node->tracker.limits,
                                        raft_memory(node)) == RAFT_OK) {
    append = raft_compose(node, RAFT_MSG_APP, progress->id);
  }
  if (append == NULL) {
    return false;
  }
  append->index = previous.index;
  append->log_term = previous.term;
  append->commit = node->log.committed;
  append->entries = entries;
  append->entry_count = count;
  append->body = body;
  raft_progress_sent_entries(progress, count, raft_entries_payload_size(entries, count),
                             &node->tracker.limits);
  raft_progress_sent_commit(progress, node->log.committed);
  return true;
}

static bool replicate(raft_rawnode *node, raft_progress *progress, bool even_if_empty,
                      shared_slice *shared) {
  bool nothing_new = progress->next > raft_log_last_index(&node->log);
  if (raft_progress_is_paused(progress) || (nothing_new && !even_if_empty)) {
    return false;
  }
  raft_entry_id previous = {0, progress->next - 1};
  raft_body *body = NULL;
  int rc = raft_log_term(&node->log, previous.index, &previous.term);
  if (rc == RAFT_OK) {
    rc = entries_for(node, progress, shared, &body);
  }
  if (rc == RAFT_ECOMPACTED || rc == RAFT_EUNAVAILABLE) {
    return raft_snapshot_send(node, progress); /* that part of the log is gone */
  }
  if (rc != RAFT_OK || (body == NULL && !even_if_empty)) {
    return false;
  }
  bool sent = send_append(node, progress, previous, body);
  shared->users += sent && body != NULL ? 1 : 0;
  return sent;
}

bool raft_replicate(raft_rawnode *node, raft_progress *progress, bool even_if_empty) {
  shared_slice shared = {NULL, 0, 0};
  bool sent = replicate(node, progress, even_if_empty, &shared);
  settle(&shared);
  return sent;
}

void raft_broadcast_append(raft_rawnode *node) {
  if (node->config.batch_append) {
    node->append_owed = true; /* there will be a Ready: entries are new, or the commit index is */
    return;
  }
  shared_slice shared = {NULL, 0, 0};
  for (uint32_t i = 0; i < node->tracker.count; i++) {
    if (node->tracker.progress[i].id != node->config.id) {
      replicate(node, &node->tracker.progress[i], true, &shared);
    }
  }
  settle(&shared);
}

static void replicate_all(raft_rawnode *node, raft_progress *progress, shared_slice *shared) {
  bool news = raft_progress_can_bump_commit(progress, node->log.committed);
  while (replicate(node, progress, news, shared)) {
    news = false;
  }
}

void raft_broadcast_owed(raft_rawnode *node) {
  if (!node->append_owed) {
    return;
  }
  shared_slice shared = {NULL, 0, 0};
  node->append_owed = false;
  for (uint32_t i = 0; i < node->tracker.count; i++) {
    if (node->tracker.progress[i].id != node->config.id) {
      replicate_all(node, &node->tracker.progress[i], &shared);
    }
  }
  settle(&shared);
}

/* ---- heartbeats ---- */

/* A heartbeat names its round when somebody wants to know who answered it: reads that wait, or the
 * lease. The clock is its upper part, so that a round tells when it was sent. */
static raft_body *round_context(raft_rawnode *node, raft_bytes *context) {
  bool wanted =
      raft_reads_pending(node) > 0 || node->config.read_only == RAFT_READ_ONLY_LEASE_BASED;
  uint64_t least = node->clock << RAFT_ROUND_BITS;
  node->round = node->round + 1 > least ? node->round + 1 : least;
  raft_body_shape shape = {.bytes = sizeof node->round};
  raft_body *body = wanted ? raft_body_create(raft_memory(node), &shape) : NULL;
  if (body != NULL) {
    for (size_t i = 0; i < sizeof node->round; i++) {
      body->bytes[i] = (unsigned char)(node->round >> (8 * i));
    }
    context->data = body->bytes;
    context->len = sizeof node->round;
  }
  return body;
}

void raft_broadcast_heartbeat(raft_rawnode *node) {
  raft_bytes context = {NULL, 0, NULL};
  raft_body *body = round_context(node, &context);
  /* At once: what grows bit by bit grows larger than an idle group keeps. */
  uint32_t others = node->tracker.count > 0 ? node->tracker.count - 1 : 0;
  (void)raft_outbox_reserve(&node->messages, others, raft_memory(node));
  for (uint32_t i = 0; i < node->tracker.count; i++) {
    raft_progress *progress = &node->tracker.progress[i];
    if (progress->id == node->config.id) {
      continue;
    }
    /* Never tell a follower of a commit that it may not have: its log may differ above match. */
    uint64_t commit = progress->match < node->log.committed ? progress->match : node->log.committed;
    raft_message *heartbeat = raft_compose(node, RAFT_MSG_HEARTBEAT, progress->id);
    if (heartbeat != NULL) {
      heartbeat->commit = commit;
      heartbeat->context = context;
      heartbeat->body = raft_body_retain(body);
      raft_progress_sent_commit(progress, commit);
    }
  }
  raft_body_release(body);
}

int raft_leader_beat(raft_rawnode *node, const raft_message *message) {
  (void)message;
  raft_broadcast_heartbeat(node);
  return RAFT_OK;
}

static uint64_t round_of(raft_bytes context) {
  const unsigned char *bytes = context.data;
  uint64_t round = 0;
  if (context.len == sizeof round) {
    for (size_t i = 0; i < sizeof round; i++) {
      round |= (uint64_t)bytes[i] << (8 * i);
    }
  }
  return round;
}

int raft_leader_heartbeat_response(raft_rawnode *node, const raft_message *message) {
  raft_progress *progress = raft_tracker_find(&node->tracker, message->from);
  if (progress == NULL) {
    return RAFT_OK;
  }
  progress->recent_active = true;
  progress->paused = false;
  /* A probed follower that has everything gets an empty append, whose answer ends the probing. */
  if (progress->match < raft_log_last_index(&node->log) || progress->state == RAFT_PROGRESS_PROBE) {
    raft_replicate(node, progress, true);
  }
  uint64_t round = round_of(message->context);
  if (round > progress->acked_round && round <= node->round) {
    progress->acked_round = round;
    raft_reads_confirm(node);
  }
  return RAFT_OK;
}

/* ---- answers to appends ---- */

static bool advance_commit(raft_rawnode *node) {
  raft_entry_id id = {node->term, raft_group_committed(node)};
  bool moved = false;
  int rc = raft_log_maybe_commit(&node->log, id, &moved);
  if (rc == RAFT_ENOMEM) {
    node->commit_owed = true; /* nobody may ever answer again: the clock tries again */
  }
  return moved;
}

/* Is a new commit index worth a message of its own? A change of membership should not wait. */
static bool tells_commits(const raft_rawnode *node) {
  return !node->config.skip_commit_broadcast || node->pending_conf_index > node->log.applied;
}

bool raft_leader_commit(raft_rawnode *node) {
  if (!advance_commit(node)) {
    return false;
  }
  raft_reads_term_committed(node);
  if (tells_commits(node)) {
    raft_broadcast_append(node);
  }
  return true;
}

static void rejected(raft_rawnode *node, raft_progress *progress, const raft_message *message) {
  raft_emit(node, RAFT_LOG_DEBUG, RAFT_EVENT_APPEND_REFUSED, message->from, message->index,
            message->reject_hint, message->log_term);
  /* The hint is the follower's best guess of where the logs agree, with its term there. Skip our
   * entries of later terms too: one round trip for each term, not for each entry. */
  uint64_t next = message->reject_hint;
  if (message->log_term > 0) {
    next =
        raft_log_find_conflict_by_term(&node->log, message->reject_hint, message->log_term).index;
  }
  if (!raft_progress_maybe_decrement(progress, message->index, next)) {
    return;
  }
  if (progress->state == RAFT_PROGRESS_REPLICATE) {
    raft_progress_become_probe(progress);
  }
  raft_emit(node, RAFT_LOG_DEBUG, RAFT_EVENT_PROGRESS_CHANGED, progress->id, progress->next,
            progress->match, progress->state);
  raft_replicate(node, progress, true);
}

static void settle_state(raft_rawnode *node, raft_progress *progress, uint64_t acknowledged) {
  switch (progress->state) {
  case RAFT_PROGRESS_PROBE: raft_progress_become_replicate(progress); break;
  case RAFT_PROGRESS_REPLICATE: raft_inflights_free_to(&progress->inflights, acknowledged); break;
  default:
    /* Whichever snapshot it was that arrived: the log can take over from here. */
    if (progress->match + 1 >= raft_log_first_index(&node->log)) {
      raft_progress_become_probe(progress);
      raft_progress_become_replicate(progress);
      raft_emit(node, RAFT_LOG_DEBUG, RAFT_EVENT_PROGRESS_CHANGED, progress->id, progress->next,
                progress->match, progress->state);
    }
    break;
  }
}

/* It has what was known already, but the leader waits for just that: as a probe's answer, or
 * because it was sent a snapshot that it had asked for. */
static bool is_settled(const raft_progress *progress, const raft_message *message) {
  return progress->match == message->index &&
         (progress->state == RAFT_PROGRESS_PROBE || (progress->state == RAFT_PROGRESS_SNAPSHOT &&
                                                     message->index >= progress->pending_snapshot));
}

static void accepted(raft_rawnode *node, raft_progress *progress, const raft_message *message) {
  if (!raft_progress_maybe_update(progress, message->index) && !is_settled(progress, message)) {
    return;
  }
  settle_state(node, progress, message->index);
  bool own = message->from == node->config.id;
  if (!raft_leader_commit(node) && !own && tells_commits(node) &&
      raft_progress_can_bump_commit(progress, node->log.committed)) {
    raft_replicate(node, progress, true);
  }
  /* The window moved: send what it has room for. */
  while (!own && raft_replicate(node, progress, false)) {
  }
  if (message->from == node->lead_transferee &&
      progress->match == raft_log_last_index(&node->log)) {
    raft_transfer_timeout_now(node, message->from);
  }
}

/* Who asks has a log that ends with an entry of this term, so all of it is this leader's. It may be
 * just what the leader needs to commit: or in a group of two no snapshot would be new enough. */
static int snapshot_requested(raft_rawnode *node, raft_progress *progress,
                              const raft_message *message) {
  if (message->reject_hint > raft_log_last_index(&node->log)) {
    return RAFT_EMALFORMED;
  }
  if (message->reject_hint < progress->match) {
    return RAFT_OK; /* from before: it has got what it asked for, and more */
  }
  if (raft_progress_maybe_update(progress, message->reject_hint)) {
    /* This is the answer to those appends: no other one may come. */
    raft_inflights_free_to(&progress->inflights, message->reject_hint);
    raft_leader_commit(node);
  }
  raft_snapshot_wanted(node, progress, message->reject_hint);
  return RAFT_OK;
}

int raft_leader_append_response(raft_rawnode *node, const raft_message *message) {
  raft_progress *progress = raft_tracker_find(&node->tracker, message->from);
  if (progress == NULL) {
    return RAFT_OK;
  }
  if (!message->reject && message->index > raft_log_last_index(&node->log)) {
    return RAFT_EMALFORMED; /* nobody can have what was never sent */
  }
  progress->recent_active = true;
  if (message->reject && message->request_snapshot) {
    return snapshot_requested(node, progress, message);
  }
  if (message->reject) {
    rejected(node, progress, message);
  } else {
    accepted(node, progress, message);
  }
  return RAFT_OK;
}

/* ---- reports and checks ---- */

int raft_leader_unreachable(raft_rawnode *node, const raft_message *message) {
  raft_progress *progress = raft_tracker_find(&node->tracker, message->from);
  if (progress == NULL) {
    return RAFT_OK;
  }
  /* While sending ahead, something probably got lost. */
  if (progress->state == RAFT_PROGRESS_REPLICATE) {
    raft_progress_become_probe(progress);
  }
  raft_emit(node, RAFT_LOG_DEBUG, RAFT_EVENT_PEER_UNREACHABLE, message->from, 0, 0, 0);
  return RAFT_OK;
}

int raft_leader_check_quorum(raft_rawnode *node, const raft_message *message) {
  (void)message;
  if (!raft_tracker_quorum_active(&node->tracker)) {
    raft_emit(node, RAFT_LOG_WARN, RAFT_EVENT_QUORUM_LOST, 0, 0, 0, 0);
    raft_become_role_follower(node, node->term, RAFT_NO_ID);
  }
  for (uint32_t i = 0; i < node->tracker.count; i++) {
    raft_progress *progress = &node->tracker.progress[i];
    progress->recent_active = progress->id == node->config.id && progress->recent_active;
  }
  return RAFT_OK;
}
