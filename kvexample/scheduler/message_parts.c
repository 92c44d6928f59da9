/* message_parts.c - lists and reports inside the scheduler's messages.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scheduler/message_parts.h"

#include <stdlib.h>
#include <string.h>

static bool put_items(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const kv_list_source *source = *arg;
  const char *item = source->items;
  for (size_t i = 0; i < source->count; i++, item += source->item_size) {
    if (!pb_encode_tag_for_field(stream, field) ||
        !pb_encode_submessage(stream, source->fields, item)) {
      return false;
    }
  }
  return true;
}

void kv_list_put(pb_callback_t *field, const kv_list_source *source) {
  field->funcs.encode = put_items;
  field->arg = kv_pb_argument(source);
}

/* Room doubles whenever the count is a power of two, so it need not be kept. */
void *kv_list_grow(void **items, size_t count, size_t item_size, size_t max) {
  if (count >= max) {
    return NULL;
  }
  if ((count & (count - 1)) == 0) {
    void *more = realloc(*items, (count == 0 ? 1 : 2 * count) * item_size);
    if (more == NULL) {
      return NULL;
    }
    *items = more;
  }
  char *item = (char *)*items + count * item_size;
  return memset(item, 0, item_size);
}

static bool get_item(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  kv_list_target *target = *arg;
  (void)field;
  void *item = kv_list_grow(target->items, *target->count, target->item_size, target->max);
  if (item == NULL || !pb_decode(stream, target->fields, item)) {
    return false;
  }
  ++*target->count;
  return true;
}

void kv_list_get(pb_callback_t *field, kv_list_target *target) {
  field->funcs.decode = get_item;
  field->arg = target;
}

bool kv_report_to_pb(const kv_region_report *report, kv_report_source *source,
                     schedulerpb_RegionReport *pb) {
  *pb = (schedulerpb_RegionReport){.has_region = true,
                                   .leader_peer = report->leader_peer,
                                   .term = report->term,
                                   .bytes = report->bytes,
                                   .keys = report->keys,
                                   .written_bytes = report->written_bytes,
                                   .written_keys = report->written_keys,
                                   .age = report->age};
  kv_region_to_pb(&report->region, &pb->region);
  source->troubles = (kv_list_source){report->troubles, report->trouble_count,
                                      sizeof *report->troubles, schedulerpb_Trouble_fields};
  kv_list_put(&pb->troubles, &source->troubles);
  return report->trouble_count <= KV_MAX_PEERS;
}

void kv_report_bind(kv_report_reader *reader, schedulerpb_RegionReport *pb) {
  reader->items = NULL;
  reader->count = 0;
  reader->troubles = (kv_list_target){&reader->items, &reader->count, KV_MAX_PEERS,
                                      sizeof(kv_peer_trouble), schedulerpb_Trouble_fields};
  kv_region_bind(&reader->region, &pb->region);
  kv_list_get(&pb->troubles, &reader->troubles);
}

int kv_report_read(kv_report_reader *reader, const schedulerpb_RegionReport *pb, bool decoded,
                   kv_region_report *report) {
  *report = (kv_region_report){.leader_peer = pb->leader_peer,
                               .term = pb->term,
                               .bytes = pb->bytes,
                               .keys = pb->keys,
                               .written_bytes = pb->written_bytes,
                               .written_keys = pb->written_keys,
                               .age = pb->age};
  int rc = decoded ? KV_OK : KV_ECORRUPT;
  if (!decoded || !pb->has_region) {
    kv_region_reader_clear(&reader->region);
  } else {
    rc = kv_region_read(&reader->region, &pb->region, &report->region);
  }
  if (rc != KV_OK) {
    free(reader->items);
    *report = (kv_region_report){0};
    return rc;
  }
  report->troubles = reader->items;
  report->trouble_count = reader->count;
  return KV_OK;
}
