/* value_json.c - one tree into another, with a stack of the lists that are being walked.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ctl/value_json.h"

#include "client/resp_reader.h"

typedef struct level {
  const kv_value *from;
  json_t *to;
  size_t next; /* item */
} level;

/* A scalar, or an empty list. */
static json_t *make(const kv_value *value) {
  json_t *made = NULL;
  switch (value->kind) {
  case KV_VALUE_NULL: return json_null();
  case KV_VALUE_TEXT:
  case KV_VALUE_ERROR: made = json_stringn(value->text, value->len); break;
  case KV_VALUE_INTEGER: made = json_integer((json_int_t)value->integer); break;
  case KV_VALUE_DOUBLE: made = json_real(value->number); break;
  case KV_VALUE_BOOLEAN: return json_boolean(value->boolean);
  case KV_VALUE_ARRAY: made = json_array(); break;
  case KV_VALUE_MAP: made = json_object(); break;
  }
  return made == NULL ? json_null() : made;
}

static bool is_list(const kv_value *value) {
  return value->kind == KV_VALUE_ARRAY || value->kind == KV_VALUE_MAP;
}

/* Puts the next item of a level in its place; returns it, or NULL at the end. */
static const kv_value *step(level *at, json_t **made) {
  if (at->next >= at->from->count) {
    return NULL;
  }
  const bool map = at->from->kind == KV_VALUE_MAP;
  const kv_value *key = &at->from->items[at->next];
  const kv_value *item = map ? key + 1 : key;
  at->next += map ? 2 : 1;
  *made = make(item);
  if (!map) {
    (void)json_array_append_new(at->to, *made);
  } else if (key->kind == KV_VALUE_TEXT) {
    (void)json_object_set_new(at->to, key->text, *made);
  } else {
    json_decref(*made);
    *made = NULL;
  }
  return item;
}

json_t *kv_value_to_json(const kv_value *value) {
  level levels[KV_RESP_DEPTH + 1];
  size_t depth = 0;
  json_t *root = make(value);
  if (is_list(value) && root != NULL) {
    levels[depth++] = (level){value, root, 0};
  }
  while (depth > 0) {
    json_t *made = NULL;
    const kv_value *item = step(&levels[depth - 1], &made);
    if (item == NULL) {
      depth--;
    } else if (made != NULL && is_list(item) && depth <= KV_RESP_DEPTH) {
      levels[depth++] = (level){item, made, 0};
    }
  }
  return root;
}
