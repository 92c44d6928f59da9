/* resp_value.h - a reply of a Redis server, RESP2 or RESP3, as a tree of values.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CLIENT_RESP_VALUE_H
#define KV_CLIENT_RESP_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum kv_value_kind {
  KV_VALUE_NULL,    /* $-1, *-1, _ */
  KV_VALUE_TEXT,    /* simple, bulk and verbatim strings (without format), big numbers */
  KV_VALUE_ERROR,   /* - and ! */
  KV_VALUE_INTEGER, /* : */
  KV_VALUE_DOUBLE,  /* , */
  KV_VALUE_BOOLEAN, /* # */
  KV_VALUE_ARRAY,   /* arrays, sets and pushes */
  KV_VALUE_MAP      /* items are key, value, key, value ... */
} kv_value_kind;

typedef struct kv_value kv_value;
struct kv_value {
  kv_value_kind kind;
  bool boolean;
  int64_t integer;
  double number;
  const char *text; /* also of errors; ends with a zero that len does not count */
  size_t len;
  kv_value *items;
  size_t count;
};

/* The value of a text key of a map; NULL: it has none, or is no map. */
const kv_value *kv_value_get(const kv_value *map, const char *key);
/* The same as a number or text; `otherwise` when it is absent or of another kind. */
int64_t kv_value_get_integer(const kv_value *map, const char *key, int64_t otherwise);
const char *kv_value_get_text(const kv_value *map, const char *key, const char *otherwise);
bool kv_value_is_text(const kv_value *value, const char *text);

#endif
