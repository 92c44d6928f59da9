/* member_list.c - the stores that begin a cluster, as people write them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/member_list.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/decimal.h"
#include "net/host_port.h"

static int invalid(const char *item, kv_error *error) {
  return kv_fail(error, KV_EINVAL,
                 "\"%s\" is no member: write id=host:port,... such as "
                 "1=127.0.0.1:7001,2=127.0.0.1:7002",
                 item);
}

static int check_new(const kv_member_list *list, const kv_member *member, kv_error *error) {
  if (list->count == KV_MAX_MEMBERS) {
    return kv_fail(error, KV_EINVAL, "more than %d members", KV_MAX_MEMBERS);
  }
  for (size_t i = 0; i < list->count; i++) {
    if (list->members[i].store_id == member->store_id ||
        strcmp(list->members[i].address, member->address) == 0) {
      return kv_fail(error, KV_EINVAL, "a member is listed twice: %s", member->address);
    }
  }
  return KV_OK;
}

static int take_member(kv_member_list *list, char *item, kv_error *error) {
  char *equals = strchr(item, '=');
  int64_t id = 0;
  kv_host_port parsed;
  if (equals == NULL || !kv_decimal_parse(item, (size_t)(equals - item), &id) || id < 1) {
    return invalid(item, error);
  }
  const kv_member member = {.store_id = (uint64_t)id, .address = equals + 1};
  int rc = kv_host_port_parse(member.address, &parsed, error);
  if (rc == KV_OK && strcmp(parsed.port, "0") == 0) {
    rc = kv_fail(error, KV_EINVAL, "%s: members need a port that the others know", item);
  }
  rc = rc == KV_OK ? check_new(list, &member, error) : rc;
  if (rc == KV_OK) {
    list->members[list->count++] = member;
  }
  return rc;
}

int kv_member_list_parse(const char *text, kv_member_list *list, kv_error *error) {
  kv_member_list_free(list);
  list->text = strdup(text);
  if (list->text == NULL) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  int rc = KV_OK;
  char *rest = list->text;
  while (rc == KV_OK && rest != NULL) {
    rc = take_member(list, strsep(&rest, ","), error);
  }
  if (rc != KV_OK) {
    kv_member_list_free(list);
  }
  return rc;
}

void kv_member_list_free(kv_member_list *list) {
  free(list->text);
  *list = (kv_member_list){0};
}

uint64_t kv_cluster_id(const char *name) {
  int64_t number = 0;
  if (kv_decimal_parse(name, strlen(name), &number) && number > 0) {
    return (uint64_t)number;
  }
  /* 63 bits, so that every client can be told the number: RESP integers have a sign. */
  const uint64_t hash = XXH3_64bits(name, strlen(name)) >> 1;
  return hash != 0 ? hash : 1;
}
