/* message_parts.h - lists and reports inside the scheduler's messages; for the two codecs only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_MESSAGE_PARTS_H
#define KV_SCHEDULER_MESSAGE_PARTS_H

#include "base/pb_bytes.h"
#include "raftstore/region_codec.h"
#include "scheduler/message.h"

/* A list of generated structs that is to be encoded; it and its items must stay until then. */
typedef struct kv_list_source {
  const void *items;
  size_t count;
  size_t item_size;
  const pb_msgdesc_t *fields;
} kv_list_source;
void kv_list_put(pb_callback_t *field, const kv_list_source *source);

/* Where a decoded list goes: *items grows by realloc, it and *count begin empty. */
typedef struct kv_list_target {
  void **items;
  size_t *count;
  size_t max;
  size_t item_size;
  const pb_msgdesc_t *fields;
} kv_list_target;
void kv_list_get(pb_callback_t *field, kv_list_target *target);
/* Memory for one more item, zeroed; NULL: none, or there are `max` already. *count is not moved. */
void *kv_list_grow(void **items, size_t count, size_t item_size, size_t max);

/* A report that is to be encoded, with the memory that its encoding needs. */
typedef struct kv_report_source {
  kv_list_source troubles;
} kv_report_source;
/* False: a list beyond its bound. */
bool kv_report_to_pb(const kv_region_report *report, kv_report_source *source,
                     schedulerpb_RegionReport *pb);

/* A report in a message that is being decoded. */
typedef struct kv_report_reader {
  kv_region_reader region;
  kv_list_target troubles;
  void *items;
  size_t count;
} kv_report_reader;
void kv_report_bind(kv_report_reader *reader, schedulerpb_RegionReport *pb);
/* Takes it out of a decoded message, or frees what a failed decoding left: decoded false, which
 * returns KV_ECORRUPT. A report without region is an empty one. */
int kv_report_read(kv_report_reader *reader, const schedulerpb_RegionReport *pb, bool decoded,
                   kv_region_report *report);

#endif
