/* describe.c - names, entries, states and configurations as text.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/describe.h>
#include <libraft/wire.h>

#include <inttypes.h>

#include "confchange_visit.h"
#include "describe_text.h"

/* --- names --------------------------------------------------------------------------------- */

static const char *name_of(const char *const *names, size_t count, size_t value) {
  return value < count ? names[value] : "unknown";
}

#define NAME_OF(names, value) name_of((names), sizeof(names) / sizeof((names)[0]), (size_t)(value))

const char *raft_role_name(raft_role role) {
  static const char *const names[] = {"StateFollower", "StateCandidate", "StateLeader",
                                      "StatePreCandidate"};
  return NAME_OF(names, role);
}

const char *raft_message_type_name(raft_message_type type) {
  static const char *const names[RAFT_MSG_TYPE_COUNT] = {
      "MsgHup",
      "MsgBeat",
      "MsgProp",
      "MsgApp",
      "MsgAppResp",
      "MsgVote",
      "MsgVoteResp",
      "MsgSnap",
      "MsgHeartbeat",
      "MsgHeartbeatResp",
      "MsgUnreachable",
      "MsgSnapStatus",
      "MsgCheckQuorum",
      "MsgTransferLeader",
      "MsgTimeoutNow",
      "MsgReadIndex",
      "MsgReadIndexResp",
      "MsgPreVote",
      "MsgPreVoteResp",
      "MsgStorageAppend",
      "MsgStorageAppendResp",
      "MsgStorageApply",
      "MsgStorageApplyResp",
      "MsgForgetLeader",
  };
  return NAME_OF(names, type);
}

const char *raft_entry_type_name(raft_entry_type type) {
  static const char *const names[] = {"EntryNormal", "EntryConfChange", "EntryConfChangeV2"};
  return NAME_OF(names, type);
}

const char *raft_progress_state_name(raft_progress_state state) {
  static const char *const names[] = {"StateProbe", "StateReplicate", "StateSnapshot"};
  return NAME_OF(names, state);
}

const char *raft_log_level_name(raft_log_level level) {
  static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
  return NAME_OF(names, level);
}

/* --- membership changes -------------------------------------------------------------------- */

static const char *change_letter(raft_conf_change_type type) {
  static const char *const letters[] = {"v", "r", "u", "l"};
  return NAME_OF(letters, type);
}

/* Writes the changes that it is shown, with a separator before each. */
typedef struct change_writer {
  raft_text *text;
  const char *separator;
} change_writer;

static void write_change(void *ctx, const raft_conf_change_single *change) {
  change_writer *writer = ctx;
  raft_text_format(writer->text, "%s%s%" PRIu64, writer->separator, change_letter(change->type),
                   change->node_id);
  writer->separator = " ";
}

size_t raft_describe_conf_changes(const raft_conf_change_single *changes, size_t count, char *buf,
                                  size_t size) {
  raft_text text = raft_text_begin(buf, size);
  change_writer writer = {&text, ""};
  for (size_t i = 0; i < count; i++) {
    write_change(&writer, &changes[i]);
  }
  return text.len;
}

/* --- entries ------------------------------------------------------------------------------- */

/* The changes in the data of an entry of either form, or why they cannot be read. */
static void write_conf_change_data(raft_text *text, const raft_entry *entry) {
  change_writer writer = {text, " "};
  raft_slice data = {entry->data.data, entry->data.len};
  raft_conf_change change;
  int rc;
  if (entry->type == RAFT_ENTRY_CONF_CHANGE) {
    rc = raft_conf_change_decode(entry->data, &change);
    if (rc == RAFT_OK) {
      raft_conf_change_single single = {change.type, change.node_id};
      write_change(&writer, &single);
    }
  } else {
    rc = raft_conf_change_v2_visit(data, NULL, NULL);
    if (rc == RAFT_OK) {
      rc = raft_conf_change_v2_visit(data, write_change, &writer);
    }
  }
  if (rc != RAFT_OK) {
    raft_text_format(text, " %s", raft_error_string(rc));
  }
}

void raft_text_entry(raft_text *text, const raft_entry *entry) {
  raft_text_format(text, "%" PRIu64 "/%" PRIu64 " %s", entry->term, entry->index,
                   raft_entry_type_name(entry->type));
  switch (entry->type) {
  case RAFT_ENTRY_NORMAL:
    raft_text_char(text, ' ');
    raft_text_quote(text, (raft_slice){entry->data.data, entry->data.len});
    break;
  case RAFT_ENTRY_CONF_CHANGE:
  case RAFT_ENTRY_CONF_CHANGE_V2: write_conf_change_data(text, entry); break;
  }
}

size_t raft_describe_entry(const raft_entry *entry, char *buf, size_t size) {
  raft_text text = raft_text_begin(buf, size);
  raft_text_entry(&text, entry);
  return text.len;
}

/* --- states -------------------------------------------------------------------------------- */

size_t raft_describe_hard_state(const raft_hard_state *state, char *buf, size_t size) {
  raft_text text = raft_text_begin(buf, size);
  raft_text_format(&text, "Term:%" PRIu64, state->term);
  if (state->vote != RAFT_NO_ID) {
    raft_text_format(&text, " Vote:%" PRIu64, state->vote);
  }
  raft_text_format(&text, " Commit:%" PRIu64, state->commit);
  return text.len;
}

size_t raft_describe_soft_state(const raft_soft_state *state, char *buf, size_t size) {
  raft_text text = raft_text_begin(buf, size);
  raft_text_format(&text, "Lead:%" PRIu64 " State:%s", state->lead, raft_role_name(state->role));
  return text.len;
}

static void write_list(raft_text *text, const char *name, raft_ids list) {
  raft_text_format(text, "%s:[", name);
  for (size_t i = 0; i < list.count; i++) {
    raft_text_format(text, "%s%" PRIu64, i == 0 ? "" : " ", list.ids[i]);
  }
  raft_text_char(text, ']');
}

void raft_text_conf_state(raft_text *text, const raft_conf_state *state) {
  write_list(text, "Voters", state->voters);
  write_list(text, " VotersOutgoing", state->voters_outgoing);
  write_list(text, " Learners", state->learners);
  write_list(text, " LearnersNext", state->learners_next);
  raft_text_format(text, " AutoLeave:%s", state->auto_leave ? "true" : "false");
}

size_t raft_describe_conf_state(const raft_conf_state *state, char *buf, size_t size) {
  raft_text text = raft_text_begin(buf, size);
  raft_text_conf_state(&text, state);
  return text.len;
}

void raft_text_snapshot(raft_text *text, const raft_snapshot *snapshot) {
  raft_text_format(text, "Index:%" PRIu64 " Term:%" PRIu64 " ConfState:", snapshot->index,
                   snapshot->term);
  raft_text_conf_state(text, &snapshot->conf_state);
}

size_t raft_describe_snapshot(const raft_snapshot *snapshot, char *buf, size_t size) {
  raft_text text = raft_text_begin(buf, size);
  raft_text_snapshot(&text, snapshot);
  return text.len;
}

/* --- what a leader knows, and who is a member ---------------------------------------------- */

size_t raft_describe_progress(const raft_progress_status *progress, char *buf, size_t size) {
  raft_text text = raft_text_begin(buf, size);
  raft_text_format(&text, "%s match=%" PRIu64 " next=%" PRIu64,
                   raft_progress_state_name(progress->state), progress->match, progress->next);
  raft_text_string(&text, progress->is_learner ? " learner" : "");
  raft_text_string(&text, progress->paused ? " paused" : "");
  if (progress->pending_snapshot > 0) {
    raft_text_format(&text, " pendingSnap=%" PRIu64, progress->pending_snapshot);
  }
  raft_text_string(&text, progress->recent_active ? "" : " inactive");
  if (progress->inflight > 0) {
    raft_text_format(&text, " inflight=%" PRIu32 "%s", progress->inflight,
                     progress->inflight_full ? "[full]" : "");
  }
  return text.len;
}

static void write_set(raft_text *text, const char *before, raft_ids set) {
  raft_text_string(text, before);
  raft_text_char(text, '(');
  for (size_t i = 0; i < set.count; i++) {
    raft_text_format(text, "%s%" PRIx64, i == 0 ? "" : " ", set.ids[i]);
  }
  raft_text_char(text, ')');
}

static void write_set_if_any(raft_text *text, const char *before, raft_ids set) {
  if (set.count > 0) {
    write_set(text, before, set);
  }
}

size_t raft_describe_configuration(const raft_conf_state *state, char *buf, size_t size) {
  raft_text text = raft_text_begin(buf, size);
  write_set(&text, "voters=", state->voters);
  write_set_if_any(&text, "&&", state->voters_outgoing);
  write_set_if_any(&text, " learners=", state->learners);
  write_set_if_any(&text, " learners_next=", state->learners_next);
  raft_text_string(&text, state->auto_leave ? " autoleave" : "");
  return text.len;
}
