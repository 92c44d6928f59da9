/* log_writer.c - what all regions want written to the raft log in one turn: one request.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/log_writer.h"

#include <stdlib.h>

#include "raftstore/core.h"
#include "raftstore/peer.h"

static void free_parts(kv_log_parts *parts) {
  for (size_t i = 0; i < parts->count; i++) {
    raft_message_release(&parts->items[i].message);
  }
  free(parts->items);
  *parts = (kv_log_parts){0};
}

void kv_log_writer_free(kv_log_writer *writer) {
  while (writer->first != NULL) {
    kv_log_request *request = writer->first;
    writer->first = request->next;
    free_parts(&request->parts);
    free(request);
  }
  free_parts(&writer->parts);
  free(writer->changes);
  *writer = (kv_log_writer){0};
}

static bool reserve_part(kv_log_parts *parts) {
  if (parts->count == parts->room) {
    size_t room = parts->room > 0 ? parts->room * 2 : 8;
    kv_log_part *items = realloc(parts->items, room * sizeof *items);
    if (items == NULL) {
      return false;
    }
    parts->items = items;
    parts->room = room;
  }
  return true;
}

static bool reserve_change(kv_log_writer *writer) {
  if (writer->change_count == writer->change_room) {
    size_t room = writer->change_room > 0 ? writer->change_room * 2 : 8;
    kv_log_change *changes = realloc(writer->changes, room * sizeof *changes);
    if (changes == NULL) {
      return false;
    }
    writer->changes = changes;
    writer->change_room = room;
  }
  return true;
}

void kv_log_writer_add(kv_store *store, const kv_log_change *change, kv_log_part part) {
  kv_log_writer *writer = &store->log;
  if (!reserve_part(&writer->parts) || !reserve_change(writer)) {
    kv_store_fail(store, KV_ENOMEM, "no memory for a write of the raft log");
    return;
  }
  raft_message_retain(&part.message);
  writer->parts.items[writer->parts.count++] = part;
  if (change != NULL) {
    writer->changes[writer->change_count++] = *change;
  }
}

bool kv_log_writer_has_work(const kv_log_writer *writer) {
  return writer->parts.count > 0 && !writer->full;
}

static void deliver(kv_store *store, kv_log_parts *parts) {
  for (size_t i = 0; i < parts->count; i++) {
    const kv_log_part *part = &parts->items[i];
    kv_peer *peer = kv_region_map_peer(&store->regions, part->region_id);
    if (peer != NULL && peer->life == part->life) {
      kv_peer_log_written(peer, part->purpose, &part->message);
    }
  }
  free_parts(parts);
}

/* Parts without any change complete with what is before them: at once, if that is nothing. */
static void attach(kv_store *store) {
  kv_log_writer *writer = &store->log;
  kv_log_parts parts = writer->parts;
  writer->parts = (kv_log_parts){0};
  if (writer->last == NULL) {
    deliver(store, &parts);
    return;
  }
  kv_log_parts *last = &writer->last->parts;
  for (size_t i = 0; i < parts.count; i++) {
    if (!reserve_part(last)) {
      kv_store_fail(store, KV_ENOMEM, "no memory for a write of the raft log");
      break;
    }
    raft_message_retain(&parts.items[i].message);
    last->items[last->count++] = parts.items[i];
  }
  free_parts(&parts);
}

static void hand_over(kv_store *store) {
  kv_log_writer *writer = &store->log;
  const kv_log_device *device = &store->devices.log;
  kv_log_request *request = malloc(sizeof *request);
  if (request == NULL) {
    kv_store_fail(store, KV_ENOMEM, "no memory for a write of the raft log");
    return;
  }
  int rc = device->write(device->ctx, writer->changes, writer->change_count, writer->token + 1);
  if (rc != KV_OK) {
    free(request);
    writer->full = rc == KV_EBUSY || rc == KV_EFULL;
    store->disk_full = store->disk_full || rc == KV_EFULL; /* until something is applied again */
    if (!writer->full) {
      kv_store_fail(store, rc, "the raft log refused a write");
    }
    return;
  }
  *request = (kv_log_request){.token = ++writer->token, .parts = writer->parts};
  if (writer->last != NULL) {
    writer->last->next = request;
  } else {
    writer->first = request;
  }
  writer->last = request;
  writer->parts = (kv_log_parts){0};
  writer->change_count = 0;
}

void kv_log_writer_flush(kv_store *store) {
  if (!kv_log_writer_has_work(&store->log)) {
    return;
  }
  if (store->log.change_count > 0) {
    hand_over(store);
  } else {
    attach(store);
  }
}

void kv_log_writer_tick(kv_log_writer *writer) {
  writer->full = false;
}

void kv_store_log_written(kv_store *store, uint64_t token, int rc) {
  kv_log_writer *writer = &store->log;
  writer->full = false;
  if (rc != KV_OK) {
    kv_store_fail(store, rc, "writing the raft log failed");
    return;
  }
  while (writer->first != NULL && writer->first->token <= token) {
    kv_log_request *request = writer->first;
    writer->first = request->next;
    if (writer->first == NULL) {
      writer->last = NULL;
    }
    deliver(store, &request->parts);
    free(request);
  }
}
