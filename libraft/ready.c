/* ready.c - all the work that is due, handed out at once, and taken back when it is done.
 *
 * In synchronous mode Advance steps the node's own promises: its votes and acknowledgements, and
 * the news that the write is durable. In asynchronous mode these travel with the storage messages.
 * Everything that needs memory is built before anything is marked as handed out, so a Ready
 * that fails can be asked for again.
 *
 * A synchronous Ready lends its entries: they are shown where they are. An asynchronous one copies
 * them into bodies, which its storage messages share and other threads may keep.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "allocate.h"
#include "node.h"

/* ---- what is there ---- */

static raft_soft_state soft_state(const raft_rawnode *node) {
  raft_soft_state state = {node->lead, node->role};
  return state;
}

static raft_hard_state hard_state(const raft_rawnode *node) {
  raft_hard_state state = {node->term, node->vote, node->log.committed};
  return state;
}

static bool soft_state_changed(const raft_rawnode *node) {
  return node->lead != node->shown_soft_state.lead || node->role != node->shown_soft_state.role;
}

static bool hard_state_changed(const raft_rawnode *node) {
  const raft_hard_state *shown = &node->shown_hard_state;
  return node->term != shown->term || node->vote != shown->vote ||
         node->log.committed != shown->commit;
}

static bool has_new_snapshot(const raft_rawnode *node) {
  return node->log.unstable.snapshot != NULL && !node->log.unstable.snapshot_in_progress;
}

static size_t new_entries(const raft_rawnode *node) {
  const raft_unstable *unstable = &node->log.unstable;
  return (size_t)(unstable->offset + unstable->count - unstable->offset_in_progress);
}

/* Called while there are entries that storage does not have. */
static raft_entry_id unstable_end(const raft_rawnode *node) {
  const raft_unstable *unstable = &node->log.unstable;
  uint64_t last = raft_unstable_last(unstable);
  raft_entry_id id = {raft_unstable_at(unstable, last)->term, last};
  return id;
}

/* By how many entries applying may be ahead of storage. Synchronous applications save entries
 * before they apply them, all within one Ready; others, as leaders, if they want to. */
static uint64_t applies_ahead(const raft_rawnode *node) {
  if (!node->config.async_storage_writes) {
    return RAFT_NO_LIMIT;
  }
  return node->role == RAFT_LEADER ? node->config.max_unpersisted_apply : 0;
}

bool raft_rawnode_has_ready(const raft_rawnode *rn) {
  return rn->poisoned == RAFT_OK &&
         (soft_state_changed(rn) || hard_state_changed(rn) || has_new_snapshot(rn) ||
          rn->messages.count > 0 || rn->after_append.count > rn->own_promises ||
          new_entries(rn) > 0 || raft_log_has_next_committed(&rn->log, applies_ahead(rn)) ||
          raft_reads_answered(rn) > 0);
}

/* ---- building ---- */

/* What is not stored yet, and committed entries to apply; `committed` may end before `ready` does.
 */
static int lend_entries(raft_rawnode *node, raft_handed_out *out, raft_entries *committed) {
  const raft_unstable *unstable = &node->log.unstable;
  raft_ready *ready = &out->ready;
  ready->entry_count = new_entries(node);
  if (ready->entry_count > 0) {
    ready->entries = raft_unstable_at(unstable, unstable->offset_in_progress);
  }
  return raft_log_lend_committed(&node->log, &out->room, committed);
}

static int copy_entries(raft_rawnode *node, raft_handed_out *out, raft_entries *committed) {
  const raft_unstable *unstable = &node->log.unstable;
  raft_ready *ready = &out->ready;
  int rc = raft_log_slice(&node->log, unstable->offset_in_progress,
                          unstable->offset + unstable->count, RAFT_NO_LIMIT, &out->entries);
  if (rc == RAFT_OK) {
    rc = raft_log_next_committed(&node->log, applies_ahead(node), &out->committed);
  }
  if (out->entries != NULL) {
    ready->entries = out->entries->entries;
    ready->entry_count = out->entries->entry_count;
  }
  if (out->committed != NULL) {
    committed->items = out->committed->entries;
    committed->count = out->committed->entry_count;
    committed->bytes = raft_entries_size(committed->items, committed->count);
  }
  return rc;
}

static int show_entries(raft_rawnode *node, raft_handed_out *out, raft_entries *committed) {
  int rc = node->config.async_storage_writes ? copy_entries(node, out, committed)
                                             : lend_entries(node, out, committed);
  if (rc == RAFT_ECOMPACTED || rc == RAFT_EUNAVAILABLE) {
    rc = raft_poison(node, RAFT_ESTORAGE, __LINE__); /* unapplied entries must not be gone */
  }
  out->ready.committed_entries = committed->items;
  out->ready.committed_entry_count = committed->count;
  return rc;
}

static void show_states(const raft_rawnode *node, raft_handed_out *out) {
  raft_ready *ready = &out->ready;
  if (soft_state_changed(node)) {
    ready->soft_state = &node->shown_soft_state; /* which accept() brings up to date */
  }
  if (hard_state_changed(node)) {
    ready->hard_state = hard_state(node);
  }
  ready->must_sync = ready->entry_count > 0 || node->term != node->shown_hard_state.term ||
                     node->vote != node->shown_hard_state.vote;
  if (has_new_snapshot(node)) {
    out->snapshot = raft_body_retain(node->log.unstable.snapshot_body);
    ready->snapshot = out->snapshot->snapshot;
  }
}

/* ---- asynchronous mode: the storage messages ---- */

static bool wants_append_message(const raft_rawnode *node, const raft_ready *ready) {
  return ready->entry_count > 0 || hard_state_changed(node) || ready->snapshot != NULL ||
         node->after_append.count > 0;
}

static bool wants_append_response(const raft_rawnode *node, const raft_ready *ready) {
  return node->log.unstable.count > 0 || ready->snapshot != NULL;
}

/* Says that the write is durable. It carries the term and the last entry of now, not of this write:
 * if the log is changed and changed back before the answer comes, only an answer from the same term
 * tells the truth (upstream calls it the ABA problem). */
static raft_message append_response(raft_rawnode *node, const raft_handed_out *out) {
  raft_message response = {.type = RAFT_MSG_STORAGE_APPEND_RESP,
                           .to = node->config.id,
                           .from = RAFT_APPEND_THREAD,
                           .term = node->term,
                           .snapshot = out->ready.snapshot,
                           .body = raft_body_retain(out->snapshot)};
  if (node->log.unstable.count > 0) {
    raft_entry_id last = unstable_end(node);
    response.index = last.index;
    response.log_term = last.term;
  }
  return response;
}

static void fill_append_body(raft_rawnode *node, const raft_handed_out *out, raft_body *body) {
  size_t count = node->after_append.count;
  if (count > 0) {
    memcpy(body->responses, node->after_append.items, count * sizeof *body->responses);
    node->after_append.count = 0; /* the references moved along */
  }
  if (wants_append_response(node, &out->ready)) {
    body->responses[count] = append_response(node, out);
  }
}

/* The entries lie in the Ready's body, which this one's shares; the snapshot in the response's. */
static void push_append_message(raft_rawnode *node, raft_handed_out *out, raft_body *body) {
  const raft_ready *ready = &out->ready;
  fill_append_body(node, out, body);
  body->shared = raft_body_retain(out->entries);
  raft_message message = {.type = RAFT_MSG_STORAGE_APPEND,
                          .to = RAFT_APPEND_THREAD,
                          .from = node->config.id,
                          .term = ready->hard_state.term,
                          .vote = ready->hard_state.vote,
                          .commit = ready->hard_state.commit,
                          .entries = ready->entries,
                          .entry_count = ready->entry_count,
                          .snapshot = ready->snapshot,
                          .responses = body->responses,
                          .response_count = body->response_count,
                          .body = body};
  raft_outbox_push(&node->messages, &message);
}

static void push_apply_message(raft_rawnode *node, raft_handed_out *out, raft_body *body) {
  raft_message response = {.type = RAFT_MSG_STORAGE_APPLY_RESP,
                           .to = node->config.id,
                           .from = RAFT_APPLY_THREAD,
                           .entries = out->ready.committed_entries,
                           .entry_count = out->ready.committed_entry_count,
                           .body = raft_body_retain(out->committed)};
  body->responses[0] = response;
  body->shared = raft_body_retain(out->committed);
  raft_message message = {.type = RAFT_MSG_STORAGE_APPLY,
                          .to = RAFT_APPLY_THREAD,
                          .from = node->config.id,
                          .entries = out->ready.committed_entries,
                          .entry_count = out->ready.committed_entry_count,
                          .responses = body->responses,
                          .response_count = 1,
                          .body = body};
  raft_outbox_push(&node->messages, &message);
}

static int add_storage_messages(raft_rawnode *node, raft_handed_out *out) {
  const raft_ready *ready = &out->ready;
  const raft_allocator *memory = raft_memory(node);
  bool append = wants_append_message(node, ready), apply = ready->committed_entry_count > 0;
  raft_body_shape append_shape = {.responses = node->after_append.count +
                                               (wants_append_response(node, ready) ? 1 : 0)};
  raft_body_shape apply_shape = {.responses = 1};
  raft_body *append_body = append ? raft_body_create(memory, &append_shape) : NULL;
  raft_body *apply_body = apply ? raft_body_create(memory, &apply_shape) : NULL;
  if ((append && append_body == NULL) || (apply && apply_body == NULL) ||
      raft_outbox_reserve(&node->messages, (append ? 1u : 0u) + (apply ? 1u : 0u), memory) !=
          RAFT_OK) {
    raft_body_release(append_body);
    raft_body_release(apply_body);
    return RAFT_ENOMEM;
  }
  if (append) {
    push_append_message(node, out, append_body);
  }
  if (apply) {
    push_apply_message(node, out, apply_body);
  }
  return RAFT_OK;
}

/* ---- synchronous mode ---- */

/* Promises to others go out with this Ready, after its write; those to itself wait for Advance. */
static int split_promises(raft_rawnode *node, raft_handed_out *out) {
  raft_outbox *promises = &node->after_append;
  int rc = raft_outbox_reserve(&node->messages, promises->count, raft_memory(node));
  if (rc != RAFT_OK) {
    return rc;
  }
  uint32_t own = 0;
  for (uint32_t i = 0; i < promises->count; i++) {
    if (promises->items[i].to == node->config.id) {
      promises->items[own++] = promises->items[i];
    } else {
      raft_outbox_push(&node->messages, &promises->items[i]);
    }
  }
  promises->count = own;
  node->own_promises = own;
  if (node->log.unstable.count > 0) {
    out->stable = unstable_end(node);
  }
  return RAFT_OK;
}

/* ---- handing out ---- */

void raft_handed_out_release(raft_rawnode *node) {
  static const raft_entry_id none = {0, 0};
  raft_handed_out *out = &node->out;
  if (node->config.async_storage_writes) {
    raft_body_release(out->entries);
    raft_body_release(out->committed);
    out->entries = out->committed = NULL;
  } else {
    out->stable = none;
  }
  raft_body_release(out->snapshot);
  out->snapshot = NULL;
  raft_room_empty(&out->room);
  raft_unstable_return(&node->log.unstable, raft_memory(node));
  raft_outbox_reclaim(&out->messages, &node->log.spare);
  raft_outbox_recycle(&node->messages, &out->messages);
  raft_reads_take_back(node);
  node->own_promises = 0;
  node->outstanding = false;
  node->worked = true;
}

static void accept(raft_rawnode *node, raft_handed_out *out, const raft_entries *committed) {
  raft_ready *ready = &out->ready;
  node->shown_soft_state = soft_state(node);
  node->shown_hard_state = hard_state(node);
  raft_unstable_accept(&node->log.unstable);
  if (!node->config.async_storage_writes && node->log.unstable.count > 0) {
    raft_unstable_lend(&node->log.unstable);
  }
  if (committed->count > 0) {
    raft_log_accept_applying(&node->log, committed->items[committed->count - 1].index,
                             committed->bytes, applies_ahead(node));
  }
  raft_outbox spare = out->messages;
  out->messages = node->messages;
  node->messages = spare;
  ready->messages = out->messages.items;
  ready->message_count = out->messages.count;
  raft_reads_hand_out(node, ready);
  node->outstanding = true;
}

static int build(raft_rawnode *node, raft_handed_out *out, raft_entries *committed) {
  memset(&out->ready, 0, sizeof out->ready);
  int rc = show_entries(node, out, committed);
  if (rc != RAFT_OK) {
    return rc;
  }
  show_states(node, out);
  return node->config.async_storage_writes ? add_storage_messages(node, out)
                                           : split_promises(node, out);
}

int raft_rawnode_ready(raft_rawnode *rn, const raft_ready **ready) {
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  raft_handed_out *out = &rn->out;
  if (rn->outstanding && !rn->config.async_storage_writes) {
    return RAFT_EUSAGE;
  }
  if (rn->outstanding) {
    raft_handed_out_release(rn);
  }
  raft_broadcast_owed(rn);
  raft_entries committed = {NULL, 0, 0};
  int rc = build(rn, out, &committed);
  if (rc != RAFT_OK) {
    raft_handed_out_release(rn);
    return raft_finish(rn, rc);
  }
  accept(rn, out, &committed);
  *ready = &out->ready;
  return raft_finish(rn, RAFT_OK);
}

/* ---- taking back ---- */

/* What Advance has to say to the node, kept while the Ready's memory is given back. */
typedef struct done {
  uint32_t own_promises;
  raft_body *snapshot;
  raft_entry_id stable;
  uint64_t term;
  uint64_t applied; /* 0: nothing */
  uint64_t applied_payload;
} done;

static done take_back(raft_rawnode *node) {
  raft_handed_out *out = &node->out;
  const raft_ready *ready = &out->ready;
  done work = {.own_promises = node->own_promises,
               .snapshot = out->snapshot,
               .stable = out->stable,
               .term = node->shown_hard_state.term};
  if (ready->committed_entry_count > 0) {
    work.applied = ready->committed_entries[ready->committed_entry_count - 1].index;
    work.applied_payload =
        raft_entries_payload_size(ready->committed_entries, ready->committed_entry_count);
  }
  out->snapshot = NULL;
  raft_handed_out_release(node);
  return work;
}

/* Promises that are made meanwhile come behind, and wait for the next write. */
static int step_promises(raft_rawnode *node, const done *work) {
  int rc = RAFT_OK;
  for (uint32_t i = 0; i < work->own_promises && node->poisoned == RAFT_OK; i++) {
    raft_message promise = node->after_append.items[i];
    int stepped = raft_step_message(node, &promise);
    rc = rc == RAFT_OK ? stepped : rc;
  }
  raft_outbox_drop(&node->after_append, work->own_promises);
  return rc;
}

/* The write is durable. If the term has changed meanwhile, it is news of an older one. */
static int step_stable(raft_rawnode *node, const done *work) {
  if (work->stable.index == 0 && work->snapshot == NULL) {
    return RAFT_OK;
  }
  if (work->term == node->term) {
    raft_storage_appended(node, work->stable,
                          work->snapshot == NULL ? NULL : work->snapshot->snapshot);
    return RAFT_OK;
  }
  raft_message stable = {.type = RAFT_MSG_STORAGE_APPEND_RESP,
                         .to = node->config.id,
                         .from = RAFT_APPEND_THREAD,
                         .term = work->term,
                         .index = work->stable.index,
                         .log_term = work->stable.term,
                         .snapshot = work->snapshot == NULL ? NULL : work->snapshot->snapshot};
  return raft_step_message(node, &stable);
}

/* In synchronous mode all that is being applied is this Ready's. */
static int step_applied(raft_rawnode *node, const done *work) {
  if (work->applied == 0) {
    return RAFT_OK;
  }
  int rc = raft_applied_to(node, work->applied, node->log.applying_bytes);
  if (rc == RAFT_OK) {
    raft_proposal_applied(node, work->applied_payload);
  }
  return rc;
}

int raft_rawnode_advance(raft_rawnode *rn, const raft_ready *ready) {
  if (rn->poisoned != RAFT_OK) {
    return rn->poisoned;
  }
  if (!rn->outstanding || rn->config.async_storage_writes || ready != &rn->out.ready) {
    return RAFT_EUSAGE;
  }
  done work = take_back(rn);
  int rc = step_promises(rn, &work);
  int stable = step_stable(rn, &work);
  int applied = step_applied(rn, &work);
  raft_body_release(work.snapshot);
  rc = rc == RAFT_OK ? stable : rc;
  return raft_finish(rn, rc == RAFT_OK ? applied : rc);
}
