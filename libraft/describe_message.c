/* describe_message.c - messages and Readies as text.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/describe.h>

#include <inttypes.h>

#include "describe_text.h"
#include "vote_traffic.h"

/* --- messages ------------------------------------------------------------------------------ */

/* Who a message is from or to. */
static void write_target(raft_text *text, uint64_t id) {
  if (id == RAFT_NO_ID) {
    raft_text_string(text, "None");
  } else if (id == RAFT_APPEND_THREAD) {
    raft_text_string(text, "AppendThread");
  } else if (id == RAFT_APPLY_THREAD) {
    raft_text_string(text, "ApplyThread");
  } else {
    raft_text_format(text, "%" PRIx64, id);
  }
}

static void write_number_if_any(raft_text *text, const char *before, uint64_t number) {
  if (number != 0) {
    raft_text_format(text, "%s%" PRIu64, before, number);
  }
}

/* One entry stays on the line, several get a line each. */
static void write_entries(raft_text *text, const raft_message *message, const char *indent) {
  if (message->entry_count == 0) {
    return;
  }
  raft_text_string(text, " Entries:[");
  if (message->entry_count == 1) {
    raft_text_entry(text, &message->entries[0]);
    raft_text_char(text, ']');
    return;
  }
  for (size_t i = 0; i < message->entry_count; i++) {
    raft_text_format(text, "\n%s  ", indent);
    raft_text_entry(text, &message->entries[i]);
  }
  raft_text_format(text, "\n%s]", indent);
}

/* What only nodes say that use options which etcd-io/raft does not have. */
static void write_options(raft_text *text, const raft_message *message) {
  if (message->priority != 0) {
    raft_text_format(text, " Priority:%" PRId64, message->priority);
  }
  if (message->request_snapshot) {
    raft_text_string(text, " RequestSnapshot");
  }
}

/* Everything but the responses. */
static void write_body(raft_text *text, const raft_message *message, const char *indent) {
  raft_text_string(text, indent);
  write_target(text, message->from);
  raft_text_string(text, "->");
  write_target(text, message->to);
  raft_text_format(text, " %s Term:%" PRIu64 " Log:%" PRIu64 "/%" PRIu64,
                   raft_message_type_name(message->type), message->term, message->log_term,
                   message->index);
  if (message->reject) {
    raft_text_format(text, " Rejected (Hint: %" PRIu64 ")", message->reject_hint);
  }
  write_number_if_any(text, " Commit:", message->commit);
  bool votes = raft_is_vote_traffic(message->type);
  write_number_if_any(
      text, votes ? " CommitTerm:" : " Vote:", votes ? message->commit_term : message->vote);
  write_options(text, message);
  write_entries(text, message, indent);
  if (message->snapshot != NULL && message->snapshot->index != 0) {
    raft_text_format(text, "\n%s  Snapshot: ", indent);
    raft_text_snapshot(text, message->snapshot);
  }
}

void raft_text_message(raft_text *text, const raft_message *message) {
  write_body(text, message, "");
  if (message->response_count == 0) {
    return;
  }
  raft_text_string(text, " Responses:[");
  for (size_t i = 0; i < message->response_count; i++) {
    const raft_message *response = &message->responses[i];
    raft_text_char(text, '\n');
    write_body(text, response, "  ");
    /* The library makes no such thing; if someone else does, it is not passed over. */
    if (response->response_count > 0) {
      raft_text_format(text, " Responses:[%zu]", response->response_count);
    }
  }
  raft_text_string(text, "\n]");
}

size_t raft_describe_message(const raft_message *message, char *buf, size_t size) {
  raft_text text = raft_text_begin(buf, size);
  raft_text_message(&text, message);
  return text.len;
}

/* --- Readies ------------------------------------------------------------------------------- */

static void write_soft_state(raft_text *text, const raft_soft_state *state) {
  if (state != NULL) {
    raft_text_format(text, "Lead:%" PRIu64 " State:%s\n", state->lead, raft_role_name(state->role));
  }
}

static bool is_empty(const raft_hard_state *state) {
  return state->term == 0 && state->vote == 0 && state->commit == 0;
}

static void write_hard_state(raft_text *text, const raft_hard_state *state) {
  if (!is_empty(state)) {
    raft_text_format(text, "HardState Term:%" PRIu64, state->term);
    write_number_if_any(text, " Vote:", state->vote);
    raft_text_format(text, " Commit:%" PRIu64 "\n", state->commit);
  }
}

/* {index [bytes of the context]} */
static void write_read_state(raft_text *text, const raft_read_state *read) {
  const unsigned char *context = read->context.data;
  raft_text_format(text, "{%" PRIu64 " [", read->index);
  for (size_t i = 0; i < read->context.len; i++) {
    raft_text_format(text, "%s%u", i == 0 ? "" : " ", (unsigned)context[i]);
  }
  raft_text_string(text, "]}");
}

/* Abandoned reads are our own addition and left out: the model does not tell of them. */
static void write_read_states(raft_text *text, const raft_read_state *reads, size_t count) {
  bool any = false;
  for (size_t i = 0; i < count; i++) {
    if (reads[i].status == RAFT_OK) {
      raft_text_string(text, any ? " " : "ReadStates [");
      write_read_state(text, &reads[i]);
      any = true;
    }
  }
  raft_text_string(text, any ? "]\n" : "");
}

static void write_entry_lines(raft_text *text, const char *title, const raft_entry *entries,
                              size_t count) {
  if (count > 0) {
    raft_text_string(text, title);
  }
  for (size_t i = 0; i < count; i++) {
    raft_text_entry(text, &entries[i]);
    raft_text_char(text, '\n');
  }
}

static void write_snapshot_line(raft_text *text, const raft_snapshot *snapshot) {
  if (snapshot != NULL && snapshot->index != 0) {
    raft_text_string(text, "Snapshot ");
    raft_text_snapshot(text, snapshot);
    raft_text_char(text, '\n');
  }
}

static void write_message_lines(raft_text *text, const raft_message *messages, size_t count) {
  if (count > 0) {
    raft_text_string(text, "Messages:\n");
  }
  for (size_t i = 0; i < count; i++) {
    raft_text_message(text, &messages[i]);
    raft_text_char(text, '\n');
  }
}

static void write_parts(raft_text *text, const raft_ready *ready) {
  write_soft_state(text, ready->soft_state);
  write_hard_state(text, &ready->hard_state);
  write_read_states(text, ready->read_states, ready->read_state_count);
  write_entry_lines(text, "Entries:\n", ready->entries, ready->entry_count);
  write_snapshot_line(text, ready->snapshot);
  write_entry_lines(text, "CommittedEntries:\n", ready->committed_entries,
                    ready->committed_entry_count);
  write_message_lines(text, ready->messages, ready->message_count);
}

size_t raft_describe_ready(const raft_ready *ready, char *buf, size_t size) {
  raft_text text = raft_text_begin(buf, size);
  raft_text_format(&text, "Ready MustSync=%s:\n", ready->must_sync ? "true" : "false");
  size_t title_len = text.len;
  write_parts(&text, ready);
  if (text.len == title_len) {
    text = raft_text_begin(buf, size);
    raft_text_string(&text, "<empty Ready>");
  }
  return text.len;
}
