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

/* A field of `value` under its own name. */
#define NUMBER(field) number(fields, #field, value->field)
#define BYTES(field)  bytes(fields, #field, value->field)
#define IDS(field)    ids(fields, #field, value->field)

static void entry(struct fields *fields, const raft_entry *value) {
  NUMBER(type);
  NUMBER(term);
  NUMBER(index);
  BYTES(data);
}

static void conf_state(struct fields *fields, const raft_conf_state *value) {
  IDS(voters);
  IDS(learners);
  IDS(voters_outgoing);
  IDS(learners_next);
  NUMBER(auto_leave);
}

static void snapshot(struct fields *fields, const raft_snapshot *value) {
  BYTES(data);
  conf_state(fields, &value->conf_state);
  NUMBER(index);
  NUMBER(term);
}

static void message(struct fields *fields, const raft_message *value) {
  NUMBER(type);
  NUMBER(to);
  NUMBER(from);
  NUMBER(term);
  NUMBER(log_term);
  NUMBER(index);
  number(fields, "entries", value->entry_count);
  for (size_t i = 0; i < value->entry_count; i++) {
    entry(fields, &value->entries[i]);
  }
  NUMBER(commit);
  number(fields, "snapshot", value->snapshot != NULL);
  if (value->snapshot != NULL) {
    snapshot(fields, value->snapshot);
  }
  NUMBER(reject);
  NUMBER(reject_hint);
  BYTES(context);
  NUMBER(vote);
  number(fields, "responses", value->response_count);
}

static void hard_state(struct fields *fields, const raft_hard_state *value) {
  NUMBER(term);
  NUMBER(vote);
  NUMBER(commit);
}

static void change(struct fields *fields, const raft_conf_change *value) {
  NUMBER(id);
  NUMBER(type);
  NUMBER(node_id);
  BYTES(context);
}

static void change_v2(struct fields *fields, const raft_conf_change_v2 *value) {
  NUMBER(transition);
  number(fields, "changes", value->change_count);
  for (size_t i = 0; i < value->change_count; i++) {
    number(fields, "type", value->changes[i].type);
    number(fields, "node_id", value->changes[i].node_id);
  }
  BYTES(context);
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
