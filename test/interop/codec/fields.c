/* fields.c - an object of the protocol as text.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- parts --- */

static void add(struct fields *fields, const char *text, size_t len) {
  if (fields->capacity - fields->len < len) {
    fields->capacity = 2 * (fields->len + len);
    fields->text = pipe_allocate(fields->text, fields->capacity);
  }
  if (len > 0) {
    memcpy(fields->text + fields->len, text, len);
    fields->len += len;
  }
}

static void word(struct fields *fields, const char *text) {
  add(fields, text, strlen(text));
}

static void number(struct fields *fields, const char *name, uint64_t value) {
  char digits[24];
  (void)snprintf(digits, sizeof digits, "%" PRIu64, value);
  word(fields, name);
  word(fields, "=");
  word(fields, digits);
  word(fields, " ");
}

static void bytes(struct fields *fields, const char *name, raft_bytes value) {
  const unsigned char *at = value.data;
  word(fields, name);
  word(fields, value.data == NULL ? "=-" : "=");
  for (size_t i = 0; i < value.len; i++) {
    char digits[3];
    (void)snprintf(digits, sizeof digits, "%02x", at[i]);
    word(fields, digits);
  }
  word(fields, " ");
}

static void ids(struct fields *fields, const char *name, raft_ids value) {
  number(fields, name, value.count);
  for (size_t i = 0; i < value.count; i++) {
    number(fields, "id", value.ids[i]);
  }
}

/* --- objects --- */

static void entry(struct fields *fields, const raft_entry *value) {
  number(fields, "type", value->type);
  number(fields, "term", value->term);
  number(fields, "index", value->index);
  bytes(fields, "data", value->data);
}

static void conf_state(struct fields *fields, const raft_conf_state *value) {
  ids(fields, "voters", value->voters);
  ids(fields, "learners", value->learners);
  ids(fields, "voters_outgoing", value->voters_outgoing);
  ids(fields, "learners_next", value->learners_next);
  number(fields, "auto_leave", value->auto_leave);
}

static void snapshot(struct fields *fields, const raft_snapshot *value) {
  bytes(fields, "data", value->data);
  conf_state(fields, &value->conf_state);
  number(fields, "index", value->index);
  number(fields, "term", value->term);
}

static void message(struct fields *fields, const raft_message *value) {
  number(fields, "type", value->type);
  number(fields, "to", value->to);
  number(fields, "from", value->from);
  number(fields, "term", value->term);
  number(fields, "log_term", value->log_term);
  number(fields, "index", value->index);
  number(fields, "entries", value->entry_count);
  for (size_t i = 0; i < value->entry_count; i++) {
    entry(fields, &value->entries[i]);
  }
  number(fields, "commit", value->commit);
  number(fields, "snapshot", value->snapshot != NULL);
  if (value->snapshot != NULL) {
    snapshot(fields, value->snapshot);
  }
  number(fields, "reject", value->reject);
  number(fields, "reject_hint", value->reject_hint);
  bytes(fields, "context", value->context);
  number(fields, "vote", value->vote);
  number(fields, "responses", value->response_count);
}

static void hard_state(struct fields *fields, const raft_hard_state *value) {
  number(fields, "term", value->term);
  number(fields, "vote", value->vote);
  number(fields, "commit", value->commit);
}

static void change(struct fields *fields, const raft_conf_change *value) {
  number(fields, "id", value->id);
  number(fields, "type", value->type);
  number(fields, "node_id", value->node_id);
  bytes(fields, "context", value->context);
}

static void change_v2(struct fields *fields, const raft_conf_change_v2 *value) {
  number(fields, "transition", value->transition);
  number(fields, "changes", value->change_count);
  for (size_t i = 0; i < value->change_count; i++) {
    number(fields, "type", value->changes[i].type);
    number(fields, "node_id", value->changes[i].node_id);
  }
  bytes(fields, "context", value->context);
}

void fields_print(struct fields *fields, const struct object *object) {
  switch (object->kind) {
  case 'm': message(fields, &object->of.message); break;
  case 'e': entry(fields, &object->of.entry); break;
  case 'h': hard_state(fields, &object->of.hard_state); break;
  case 's': snapshot(fields, &object->of.snapshot); break;
  case 'c': conf_state(fields, &object->of.conf_state); break;
  case '1': change(fields, &object->of.change); break;
  default: change_v2(fields, &object->of.change_v2); break;
  }
}
