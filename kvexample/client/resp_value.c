/* resp_value.c - looking things up in a reply.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client/resp_value.h"

#include <string.h>

bool kv_value_is_text(const kv_value *value, const char *text) {
  return value != NULL && value->kind == KV_VALUE_TEXT && value->len == strlen(text) &&
         memcmp(value->text, text, value->len) == 0;
}

const kv_value *kv_value_get(const kv_value *map, const char *key) {
  if (map == NULL || map->kind != KV_VALUE_MAP) {
    return NULL;
  }
  for (size_t i = 0; i + 1 < map->count; i += 2) {
    if (kv_value_is_text(&map->items[i], key)) {
      return &map->items[i + 1];
    }
  }
  return NULL;
}

int64_t kv_value_get_integer(const kv_value *map, const char *key, int64_t otherwise) {
  const kv_value *value = kv_value_get(map, key);
  return value != NULL && value->kind == KV_VALUE_INTEGER ? value->integer : otherwise;
}

const char *kv_value_get_text(const kv_value *map, const char *key, const char *otherwise) {
  const kv_value *value = kv_value_get(map, key);
  return value != NULL && value->kind == KV_VALUE_TEXT ? value->text : otherwise;
}
