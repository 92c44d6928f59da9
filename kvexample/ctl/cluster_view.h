/* cluster_view.h - one question asked of all stores of a cluster at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CTL_CLUSTER_VIEW_H
#define KV_CTL_CLUSTER_VIEW_H

#include "client/client.h"

typedef struct kv_store_view {
  char address[KV_ADDRESS_SIZE];
  int64_t store; /* id; 0: not known */
  kv_client *client;
  const kv_value *reply; /* NULL: unreachable, error says why. Belongs to the client */
  kv_error error;
  bool skipped; /* not to be asked next */
} kv_store_view;

/* By ascending store id. */
typedef struct kv_cluster_view {
  kv_store_view *stores;
  size_t count;
  int64_t cluster;
} kv_cluster_view;

/* Asks the stores at these addresses for their status, learns from it where the others are, and
 * asks those, too; each has timeout_ms. KV_EIO: nobody answered, with the sentence of the first
 * address. KV_ENOMEM. */
int kv_cluster_view_status(const kv_address_list *addresses, int timeout_ms, kv_cluster_view *view,
                           kv_error *error);

/* Asks each store of the view that is not skipped something else, in parallel: words, ended by
 * NULL. Replies take the place of the ones before. */
void kv_cluster_view_ask(kv_cluster_view *view, const char *const *words, int timeout_ms);

void kv_cluster_view_free(kv_cluster_view *view);

/* Number of regions in a status, and each of them; NULL: there is no such. */
const kv_value *kv_status_region(const kv_value *status, size_t position);
/* The regions that any of the statuses names, ascending; freed by the caller. NULL: there are none,
 * or memory is out. */
int64_t *kv_cluster_view_regions(const kv_cluster_view *view, size_t *count);
/* Members of a region in a status. */
const kv_value *kv_status_member(const kv_value *region, size_t position);
/* The status of the region's replica on the store that leads it; NULL: nobody who answered does. */
const kv_value *kv_cluster_view_leader(const kv_cluster_view *view, int64_t region);
/* The region in the status of one store; NULL: it has none. */
const kv_value *kv_status_find_region(const kv_value *status, int64_t region);
/* The member that lives on a store; NULL. */
const kv_value *kv_status_find_member(const kv_value *region, int64_t store);

#endif
