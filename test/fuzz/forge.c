/* forge.c - messages that nobody sent: every field as a fuzzer likes it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forge.h"

#include <libraft/wire.h>
#include <string.h>

raft_conf_change_v2 forge_change(fuzz_input *input, raft_conf_change_single singles[4]) {
  unsigned shape = input_byte(input);
  raft_conf_change_v2 change = {.transition = (raft_conf_change_transition)(shape % 3),
                                .changes = singles,
                                .change_count = shape / 3 % 5};
  for (size_t i = 0; i < change.change_count; i++) {
    unsigned choice = input_byte(input);
    singles[i].type = (raft_conf_change_type)(choice & 3);
    singles[i].node_id = (choice >> 2) % 6;
  }
  return change;
}

size_t forge_encoded_change(fuzz_input *input, bool v2, void *buf, size_t size) {
  raft_conf_change_single singles[4];
  size_t len = 0;
  raft_conf_change_v2 change = forge_change(input, singles);
  int rc;
  if (v2) {
    rc = raft_conf_change_v2_encode(&change, buf, size, &len);
  } else {
    raft_conf_change old = {.type = singles[0].type, .node_id = singles[0].node_id};
    if (change.change_count == 0) {
      old = (raft_conf_change){.node_id = 0};
    }
    rc = raft_conf_change_encode(&old, buf, size, &len);
  }
  return rc == RAFT_OK ? len : 0;
}

raft_entry forge_entry(fuzz_input *input, uint64_t term, uint64_t index) {
  unsigned shape = input_byte(input);
  raft_entry entry = {.term = term, .index = index};
  entry.type = (raft_entry_type)((shape & 3) < 3 ? shape & 3 : input_byte(input) & 127);
  entry.data = input_bytes(input, 12);
  entry.term = (shape & 0x70) == 0x70 ? input_number(input, term) : term;
  entry.index = (shape & 0x0c) == 0x0c ? input_number(input, index) : index;
  return entry;
}

static raft_ids forge_ids(fuzz_input *input, uint64_t ids[FORGED_IDS]) {
  unsigned choice = input_byte(input);
  size_t count = choice % (FORGED_IDS + 1);
  for (size_t i = 0; i < count; i++) {
    ids[i] = (choice & 0x80) != 0 ? input_number(input, 0) : i + 1;
  }
  return (raft_ids){ids, count};
}

void forge_snapshot(fuzz_input *input, uint64_t term, uint64_t last, raft_snapshot *snapshot,
                    uint64_t ids[4][FORGED_IDS]) {
  snapshot->index = input_number(input, last);
  snapshot->term = input_number(input, term);
  snapshot->data = input_bytes(input, 12);
  snapshot->conf_state.voters = forge_ids(input, ids[0]);
  snapshot->conf_state.learners = forge_ids(input, ids[1]);
  snapshot->conf_state.voters_outgoing = forge_ids(input, ids[2]);
  snapshot->conf_state.learners_next = forge_ids(input, ids[3]);
  snapshot->conf_state.auto_leave = input_flag(input);
}

/* Mostly members, sometimes strangers; never a storage thread, whose word a node must take. */
static uint64_t forge_id(fuzz_input *input) {
  unsigned choice = input_byte(input);
  uint64_t id = choice < 0xf0 ? choice % 7 : input_number(input, 0);
  return id >= RAFT_APPLY_THREAD ? 0 : id;
}

static void forge_entries(fuzz_input *input, uint64_t term, forged *out) {
  raft_message *m = &out->message;
  m->entry_count = input_below(input, FORGED_ENTRIES + 1);
  for (size_t i = 0; i < m->entry_count; i++) {
    out->entries[i] = forge_entry(input, term, m->index + 1 + i);
  }
  m->entries = m->entry_count == 0 ? NULL : out->entries;
}

void forge_message(fuzz_input *input, uint64_t to, uint64_t term, uint64_t last, forged *out) {
  static const char transfer[] = "CampaignTransfer";
  memset(out, 0, sizeof *out);
  raft_message *m = &out->message;
  unsigned type = input_byte(input), parts = input_byte(input);
  m->type = (raft_message_type)(type < 240 ? type % RAFT_MSG_TYPE_COUNT : type);
  m->to = to;
  m->from = forge_id(input);
  m->term = input_number(input, term);
  m->index = input_number(input, last);
  m->log_term = input_number(input, term);
  m->commit = input_number(input, last);
  m->reject = (parts & 1) != 0;
  m->reject_hint = m->reject ? input_number(input, last) : 0;
  if ((parts & 2) != 0) {
    m->context = input_bytes(input, 20);
  } else if ((parts & 4) != 0) {
    m->context = (raft_bytes){transfer, sizeof transfer - 1, NULL};
  }
  if ((parts & 8) != 0) {
    forge_entries(input, term, out);
  }
  if ((parts & 16) != 0) {
    forge_snapshot(input, term, last, &out->snapshot, out->ids);
    m->snapshot = &out->snapshot;
  }
}
