/* proposal.c - what was proposed here and whose fate is not known yet.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/proposal.h"

#include <stdlib.h>

/* The room is a power of two. */
static kv_proposal *at(const kv_proposal_queue *queue, size_t position) {
  return &queue->items[(queue->first + position) & (queue->room - 1)];
}

int kv_proposal_reserve(kv_proposal_queue *queue) {
  if (queue->count < queue->room) {
    return KV_OK;
  }
  size_t room = queue->room > 0 ? queue->room * 2 : 16;
  kv_proposal *items = malloc(room * sizeof *items);
  if (items == NULL) {
    return KV_ENOMEM;
  }
  for (size_t i = 0; i < queue->count; i++) {
    items[i] = *at(queue, i);
  }
  free(queue->items);
  queue->items = items;
  queue->room = room;
  queue->first = 0;
  return KV_OK;
}

void kv_proposal_push(kv_proposal_queue *queue, kv_proposal proposal) {
  queue->count++;
  *at(queue, queue->count - 1) = proposal;
}

void kv_proposal_free(kv_proposal_queue *queue) {
  free(queue->items);
  *queue = (kv_proposal_queue){0};
}

static bool before(const kv_proposal *proposal, uint64_t term, uint64_t index) {
  return proposal->term < term || (proposal->term == term && proposal->index < index);
}

bool kv_proposal_waits(const kv_proposal_queue *queue, uint64_t term, uint64_t index) {
  size_t low = 0, high = queue->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (before(at(queue, middle), term, index)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const kv_proposal *found = low < queue->count ? at(queue, low) : NULL;
  return found != NULL && found->term == term && found->index == index;
}

bool kv_proposal_pop(kv_proposal_queue *queue, kv_proposal *proposal) {
  if (queue->count == 0) {
    return false;
  }
  *proposal = *at(queue, 0);
  queue->first = (queue->first + 1) & (queue->room - 1);
  queue->count--;
  return true;
}

static kv_proposal_fate fate_by_entry(const kv_proposal *proposal, uint64_t term, uint64_t index) {
  if (proposal->term == term) {
    return proposal->index > index    ? KV_FATE_OPEN
           : proposal->index == index ? KV_FATE_APPLIED
                                      : KV_FATE_UNKNOWN;
  }
  if (proposal->term > term) {
    return KV_FATE_OPEN;
  }
  return proposal->index >= index ? KV_FATE_FAILED : KV_FATE_UNKNOWN;
}

static kv_proposal_fate fate_by_snapshot(const kv_proposal *proposal, uint64_t term,
                                         uint64_t index) {
  if (proposal->index <= index) {
    return KV_FATE_UNKNOWN;
  }
  return proposal->term < term ? KV_FATE_FAILED : KV_FATE_OPEN;
}

static kv_proposal_fate pop(kv_proposal_queue *queue, kv_proposal_fate fate,
                            kv_proposal *proposal) {
  if (fate != KV_FATE_OPEN) {
    (void)kv_proposal_pop(queue, proposal);
  }
  return fate;
}

kv_proposal_fate kv_proposal_pop_applied(kv_proposal_queue *queue, uint64_t term, uint64_t index,
                                         kv_proposal *proposal) {
  return queue->count == 0 ? KV_FATE_OPEN
                           : pop(queue, fate_by_entry(at(queue, 0), term, index), proposal);
}

kv_proposal_fate kv_proposal_pop_snapshot(kv_proposal_queue *queue, uint64_t term, uint64_t index,
                                          kv_proposal *proposal) {
  return queue->count == 0 ? KV_FATE_OPEN
                           : pop(queue, fate_by_snapshot(at(queue, 0), term, index), proposal);
}
