/* member_list.h - the stores that begin a cluster, as people write them: 1=host:port,2=host:port.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_MEMBER_LIST_H
#define KV_NET_MEMBER_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "raftstore/store.h"

enum { KV_MAX_MEMBERS = 63 };

typedef struct kv_member_list {
  kv_member members[KV_MAX_MEMBERS];
  size_t count;
  char *text; /* what the addresses point into */
} kv_member_list;

/* KV_EINVAL, with a sentence; KV_ENOMEM. The list replaces what was there. */
int kv_member_list_parse(const char *text, kv_member_list *list, kv_error *error);
void kv_member_list_free(kv_member_list *list);

/* The number of a cluster: a decimal number as it is, any other name by its hash. Never 0. */
uint64_t kv_cluster_id(const char *name);

#endif
