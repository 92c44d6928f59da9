/* make.c - objects of the protocol made up from a seed.
 *
 * Numbers are likely to be where encodings change their length; bytes to be absent or empty.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "make.h"

#include <stdlib.h>

enum { MOST_ENTRIES = 6, MOST_IDS = 5, MOST_BYTES = 300 };

/* --- chance and memory --- */

static uint64_t draw(struct maker *maker) {
  uint64_t mixed = maker->random += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
  mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
  return mixed ^ mixed >> 31;
}

static uint64_t below(struct maker *maker, uint64_t bound) {
  return draw(maker) % bound;
}

static void *keep(struct maker *maker, size_t size) {
  size_t room = (maker->block_count + 1) * sizeof *maker->blocks;
  maker->blocks = pipe_allocate(maker->blocks, room);
  void *block = pipe_allocate(NULL, size);
  maker->blocks[maker->block_count++] = block;
  return block;
}

void make_release(struct maker *maker) {
  for (size_t i = 0; i < maker->block_count; i++) {
    free(maker->blocks[i]);
  }
  free(maker->blocks);
}

/* --- parts --- */

static uint64_t number(struct maker *maker) {
  uint64_t bits = below(maker, 65);
  switch (below(maker, 5)) {
  case 0: return 0;
  case 1: return bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - below(maker, 2);
  case 2: return below(maker, 200);
  case 3: return UINT64_MAX - below(maker, 3);
  default: return bits == 0 ? 0 : draw(maker) >> (64 - bits);
  }
}

static bool coin(struct maker *maker) {
  return below(maker, 2) == 0;
}

static raft_bytes bytes(struct maker *maker) {
  raft_bytes value = {.data = NULL};
  uint64_t kind = below(maker, 4);
  if (kind == 0) {
    return value;
  }
  value.len = kind == 1 ? 0 : (size_t)below(maker, MOST_BYTES);
  unsigned char *data = keep(maker, value.len);
  for (size_t i = 0; i < value.len; i++) {
    data[i] = (unsigned char)draw(maker);
  }
  value.data = data;
  return value;
}

static raft_ids ids(struct maker *maker) {
  size_t count = (size_t)below(maker, MOST_IDS);
  uint64_t *list = keep(maker, count * sizeof *list);
  for (size_t i = 0; i < count; i++) {
    list[i] = number(maker);
  }
  return (raft_ids){.ids = list, .count = count};
}

/* --- objects --- */

static raft_entry entry(struct maker *maker) {
  return (raft_entry){.type = (raft_entry_type)below(maker, 3),
                      .term = number(maker),
                      .index = number(maker),
                      .data = bytes(maker)};
}

static raft_conf_state conf_state(struct maker *maker) {
  return (raft_conf_state){.voters = ids(maker),
                           .learners = ids(maker),
                           .voters_outgoing = ids(maker),
                           .learners_next = ids(maker),
                           .auto_leave = coin(maker)};
}

static raft_snapshot snapshot(struct maker *maker) {
  return (raft_snapshot){.data = bytes(maker),
                         .conf_state = conf_state(maker),
                         .index = number(maker),
                         .term = number(maker)};
}

static const raft_snapshot *kept_snapshot(struct maker *maker) {
  if (below(maker, 3) != 0) {
    return NULL;
  }
  raft_snapshot *kept = keep(maker, sizeof *kept);
  *kept = snapshot(maker);
  return kept;
}

static raft_message message(struct maker *maker) {
  size_t count = (size_t)below(maker, MOST_ENTRIES);
  raft_entry *entries = keep(maker, count * sizeof *entries);
  for (size_t i = 0; i < count; i++) {
    entries[i] = entry(maker);
  }
  return (raft_message){.type = (raft_message_type)below(maker, RAFT_MSG_TYPE_COUNT),
                        .to = number(maker),
                        .from = number(maker),
                        .term = number(maker),
                        .log_term = number(maker),
                        .index = number(maker),
                        .entries = entries,
                        .entry_count = count,
                        .commit = number(maker),
                        .snapshot = kept_snapshot(maker),
                        .reject = coin(maker),
                        .reject_hint = number(maker),
                        .context = bytes(maker)};
}

static raft_hard_state hard_state(struct maker *maker) {
  return (raft_hard_state){.term = number(maker), .vote = number(maker), .commit = number(maker)};
}

static raft_conf_change change(struct maker *maker) {
  return (raft_conf_change){.id = number(maker),
                            .type = (raft_conf_change_type)below(maker, 4),
                            .node_id = number(maker),
                            .context = bytes(maker)};
}

static raft_conf_change_v2 change_v2(struct maker *maker) {
  size_t count = (size_t)below(maker, MOST_IDS);
  raft_conf_change_single *changes = keep(maker, count * sizeof *changes);
  for (size_t i = 0; i < count; i++) {
    changes[i].type = (raft_conf_change_type)below(maker, 4);
    changes[i].node_id = number(maker);
  }
  return (raft_conf_change_v2){.transition = (raft_conf_change_transition)below(maker, 3),
                               .changes = changes,
                               .change_count = count,
                               .context = bytes(maker)};
}

void make_object(struct maker *maker, struct object *object) {
  switch (object->kind) {
  case 'm': object->of.message = message(maker); break;
  case 'e': object->of.entry = entry(maker); break;
  case 'h': object->of.hard_state = hard_state(maker); break;
  case 's': object->of.snapshot = snapshot(maker); break;
  case 'c': object->of.conf_state = conf_state(maker); break;
  case '1': object->of.change = change(maker); break;
  default: object->of.change_v2 = change_v2(maker); break;
  }
}
