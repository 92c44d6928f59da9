/* request.c - commands under way.
 *
 * An id is a slot of the table and a serial number, so that a late answer for an earlier request of
 * the same slot finds nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/request.h"

#include <stdlib.h>
#include <string.h>

void kv_request_table_init(kv_request_table *table) {
  *table = (kv_request_table){.next_deadline = UINT64_MAX};
  kv_list_init(&table->all);
}

void kv_request_table_free(kv_request_table *table) {
  free(table->slots);
  free(table->free_slots);
}

static bool grow(kv_request_table *table) {
  size_t room = table->room > 0 ? table->room * 2 : 64;
  if (room > UINT32_MAX / 2) {
    return false;
  }
  kv_request **slots = realloc(table->slots, room * sizeof *slots);
  if (slots == NULL) {
    return false;
  }
  table->slots = slots;
  uint32_t *free_slots = realloc(table->free_slots, room * sizeof *free_slots);
  if (free_slots == NULL) {
    return false;
  }
  table->free_slots = free_slots;
  for (size_t i = room; i > table->room; i--) {
    slots[i - 1] = NULL;
    free_slots[table->free_count++] = (uint32_t)(i - 1);
  }
  table->room = room;
  return true;
}

static size_t footprint(const kv_request *request) {
  return sizeof *request + request->len;
}

kv_request *kv_request_create(kv_request_table *table, kv_request_kind kind, size_t len,
                              uint64_t deadline) {
  if (table->free_count == 0 && !grow(table)) {
    return NULL;
  }
  kv_request *request = malloc(sizeof *request + len);
  if (request == NULL) {
    return NULL;
  }
  uint32_t slot = table->free_slots[--table->free_count];
  *request = (kv_request){.kind = kind, .deadline = deadline, .len = len};
  request->id = (uint64_t)++table->serial << 32 | slot;
  table->slots[slot] = request;
  kv_list_append(&table->all, &request->all);
  table->count++;
  table->bytes += footprint(request);
  if (deadline < table->next_deadline) {
    table->next_deadline = deadline;
  }
  return request;
}

void kv_request_free(kv_request_table *table, kv_request *request) {
  uint32_t slot = (uint32_t)request->id;
  if (request->batch != NULL) {
    request->batch->slots[request->slot] = NULL;
  }
  kv_list_remove(&request->link);
  kv_list_remove(&request->all);
  table->slots[slot] = NULL;
  table->free_slots[table->free_count++] = slot;
  table->count--;
  table->bytes -= footprint(request);
  raft_buf_release(request->reply.owner);
  free(request);
}

kv_request *kv_request_find(const kv_request_table *table, uint64_t id) {
  size_t slot = (uint32_t)id;
  kv_request *request = slot < table->room ? table->slots[slot] : NULL;
  return request != NULL && request->id == id ? request : NULL;
}

kv_batch *kv_batch_create(size_t room) {
  kv_batch *batch = malloc(sizeof *batch + room * sizeof *batch->slots);
  if (batch != NULL) {
    *batch = (kv_batch){.slots = (kv_request **)(void *)(batch + 1)};
  }
  return batch;
}

void kv_batch_add(kv_batch *batch, kv_request *request, kv_request_stage stage) {
  kv_list_remove(&request->link);
  request->stage = stage;
  request->batch = batch;
  request->slot = batch->count;
  batch->slots[batch->count++] = request;
}

void kv_batch_dissolve(kv_batch *batch, kv_list *list, kv_request_stage stage) {
  for (size_t i = 0; batch != NULL && i < batch->count; i++) {
    kv_request *request = batch->slots[i];
    if (request != NULL) {
      request->batch = NULL;
      request->stage = stage;
      if (list != NULL) {
        kv_list_append(list, &request->link);
      }
    }
  }
  free(batch);
}
