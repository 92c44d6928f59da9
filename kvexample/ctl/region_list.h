/* region_list.h - all regions of a cluster in key order, as the scheduler knows them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CTL_REGION_LIST_H
#define KV_CTL_REGION_LIST_H

#include "ctl/scheduler_ask.h"

typedef struct kv_region_list {
  kv_region_report *reports;
  size_t count;
} kv_region_list;

/* Page by page on the asker's connection. False: it has been complained about. */
bool kv_region_list_fetch(kv_asker *asker, kv_region_list *list);
void kv_region_list_free(kv_region_list *list);

/* What is wrong with a region by itself, as a sentence in `text`; false: nothing. */
bool kv_region_list_complaint(const kv_region_report *report, uint64_t replicas, char *text,
                              size_t size);

#endif
