/* host.c - a group in one process, on which the programs of this folder show one thing each.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

/* snippet: save */
static int save(host *h, const raft_ready *rd) {
  int rc = RAFT_OK;
  if (rd->snapshot != NULL) {
    rc = raft_memory_storage_apply_snapshot(h->storage, rd->snapshot);
  }
  if (rc == RAFT_OK && rd->entry_count > 0) {
    rc = raft_memory_storage_append(h->storage, rd->entries, rd->entry_count);
  }
  if (rc == RAFT_OK && rd->hard_state.term != 0) {
    rc = raft_memory_storage_set_hard_state(h->storage, &rd->hard_state);
  }
  return rc; /* a file would be synced here, if rd->must_sync or there is a snapshot */
}
/* end */

/* snippet: send */
static void send_all(host *h, const raft_ready *rd) {
  for (size_t i = 0; i < rd->message_count; i++) {
    const raft_message *message = &rd->messages[i];
    host *to = &h->group[message->to - 1];
    if (h->cut_off || to->cut_off || to->inbox_count == INBOX) {
      continue; /* lost: raft sends again what matters */
    }
    raft_message_retain(message); /* the Ready's claim on it ends with advance */
    to->inbox[to->inbox_count++] = *message;
  }
}
/* end */

/* snippet: apply_change */
static int apply_change(host *h, const raft_entry *entry) {
  int rc;
  if (entry->type == RAFT_ENTRY_CONF_CHANGE) {
    raft_conf_change change;
    rc = raft_conf_change_decode(entry->data, &change);
    if (rc == RAFT_OK) {
      rc = raft_rawnode_apply_conf_change_v1(h->node, &change, NULL);
    }
  } else {
    raft_conf_change_v2 change;
    void *memory;
    rc = raft_conf_change_v2_decode(entry->data, NULL, NULL, &change, &memory);
    if (rc == RAFT_OK) {
      rc = raft_rawnode_apply_conf_change(h->node, &change, NULL);
      raft_conf_state_free(NULL, memory);
    }
  }
  /* A change that cannot be is refused by all members alike, and changes nothing. */
  return rc == RAFT_ENOMEM || raft_is_fatal(rc) ? rc : RAFT_OK;
}
/* end */

/* snippet: apply */
static int apply(host *h, const raft_entry *entry) {
  int64_t amount;
  int rc = RAFT_OK;
  if (entry->type != RAFT_ENTRY_NORMAL) {
    rc = apply_change(h, entry);
  } else if (entry->data.len == sizeof amount) { /* a new leader begins with an empty entry */
    memcpy(&amount, entry->data.data, sizeof amount);
    h->total += amount;
  }
  h->applied = entry->index;
  return rc;
}
/* end */

static void install(host *h, const raft_snapshot *snapshot) {
  memcpy(&h->total, snapshot->data.data, sizeof h->total);
  h->applied = snapshot->index;
}

static void note_reads(host *h, const raft_ready *rd) {
  for (size_t i = 0; i < rd->read_state_count && h->read_count < 16; i++) {
    memcpy(&h->read_numbers[h->read_count], rd->read_states[i].context.data, sizeof(uint64_t));
    h->reads[h->read_count++] = rd->read_states[i];
  }
}

/* snippet: pump */
int host_pump(host *h) {
  int rc = RAFT_OK;
  while (rc == RAFT_OK && raft_rawnode_has_ready(h->node)) {
    const raft_ready *rd;
    rc = raft_rawnode_ready(h->node, &rd);
    if (rc != RAFT_OK) {
      break; /* RAFT_ENOMEM: nothing is lost, call again later */
    }
    rc = save(h, rd);
    if (rc != RAFT_OK) {
      return rc; /* the disk failed: stop, and never advance */
    }
    send_all(h, rd);
    if (rd->snapshot != NULL) {
      install(h, rd->snapshot);
    }
    for (size_t i = 0; i < rd->committed_entry_count && rc == RAFT_OK; i++) {
      rc = apply(h, &rd->committed_entries[i]);
    }
    note_reads(h, rd);
    if (rc == RAFT_OK) {
      rc = raft_rawnode_advance(h->node, rd);
    }
  }
  return rc;
}
/* end */

/* snippet: open */
int host_open(host *h, const raft_peer *peers, size_t count, void (*tune)(raft_config *config)) {
  raft_config config;
  raft_config_init(&config); /* defaults: PreVote and CheckQuorum are on */
  config.id = h->id;
  config.storage = raft_memory_storage_interface(h->storage);
  config.applied = h->applied; /* 0 at the first start */
  if (tune != NULL) {
    tune(&config);
  }
  int rc = raft_rawnode_open(&config, &h->node);
  if (rc == RAFT_OK && count > 0) { /* the first start of the group, the same list on each member */
    rc = raft_rawnode_bootstrap(h->node, peers, count);
  }
  return rc;
}
/* end */

/* snippet: deliver */
static int deliver(host *h) {
  size_t count = h->inbox_count;
  int rc = RAFT_OK;
  for (size_t i = 0; i < count; i++) {
    int stepped = raft_rawnode_step(h->node, &h->inbox[i]);
    raft_message_release(&h->inbox[i]);
    if (raft_is_fatal(stepped)) {
      rc = stepped; /* anything else concerns this message alone */
    }
  }
  h->inbox_count -= count;
  return rc;
}
/* end */

static bool work(host *group) {
  bool any = false;
  for (size_t i = 0; i < GROUP; i++) {
    any = any || group[i].inbox_count > 0 || raft_rawnode_has_ready(group[i].node);
    EXPECT(deliver(&group[i]) == RAFT_OK);
    EXPECT(host_pump(&group[i]) == RAFT_OK);
  }
  return any;
}

void group_run(host *group, int ticks) {
  for (int tick = 0; tick < ticks; tick++) {
    for (size_t i = 0; i < GROUP; i++) {
      EXPECT(raft_rawnode_tick(group[i].node) == RAFT_OK);
    }
    while (work(group)) {
    }
  }
}

static host *led_by(host *group) {
  raft_basic_status status;
  raft_rawnode_basic_status(group[0].node, &status);
  return status.soft_state.lead == 0 ? NULL : &group[status.soft_state.lead - 1];
}

host *group_leader(host *group) {
  for (int tries = 0; tries < 1000 && led_by(group) == NULL; tries++) {
    group_run(group, 1);
  }
  EXPECT(led_by(group) != NULL);
  return led_by(group);
}

host *group_follower(host *group) {
  return group_leader(group) == &group[0] ? &group[1] : &group[0];
}

void group_open(host *group, void (*tune)(raft_config *config)) {
  const raft_peer peers[] = {{.id = 1}, {.id = 2}, {.id = 3}};
  memset(group, 0, GROUP * sizeof *group);
  for (size_t i = 0; i < GROUP; i++) {
    group[i].id = i + 1;
    group[i].group = group;
    EXPECT(raft_memory_storage_open(NULL, &group[i].storage) == RAFT_OK);
    EXPECT(host_open(&group[i], peers, GROUP, tune) == RAFT_OK);
  }
}

void group_close(host *group) {
  for (size_t i = 0; i < GROUP; i++) {
    for (size_t m = 0; m < group[i].inbox_count; m++) {
      raft_message_release(&group[i].inbox[m]);
    }
    raft_rawnode_close(group[i].node);
    raft_memory_storage_close(group[i].storage);
  }
}

/* snippet: propose */
int host_propose(host *h, int64_t amount) {
  const raft_slice payload = {&amount, sizeof amount};
  return raft_rawnode_propose(h->node, &payload, 1);
}
/* end */
