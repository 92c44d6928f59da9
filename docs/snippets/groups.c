/* groups.c - many groups in one process: one clock, one pump, messages that say to which group they
 * go.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "host.h"

enum { GROUPS = 200, STORES = 3, MAIL = 4096 };

/* snippet: envelope */
/* raft knows nothing of groups: whoever carries its messages adds which one. */
typedef struct envelope {
  uint32_t group;
  raft_message message;
} envelope;
/* end */

typedef struct store {
  uint64_t id;
  raft_rawnode *nodes[GROUPS];
  raft_memory_storage *storages[GROUPS];
  envelope mail[MAIL];
  size_t mail_count;
} store;

static store stores[STORES];

static void post(uint32_t number, const raft_message *message) {
  store *to = &stores[message->to - 1];
  if (to->mail_count < MAIL) {
    raft_message_retain(message);
    to->mail[to->mail_count++] = (envelope){number, *message};
  }
}

static void save(raft_memory_storage *storage, const raft_ready *rd) {
  EXPECT(raft_memory_storage_append(storage, rd->entries, rd->entry_count) == RAFT_OK);
  if (rd->hard_state.term != 0) {
    EXPECT(raft_memory_storage_set_hard_state(storage, &rd->hard_state) == RAFT_OK);
  }
}

/* snippet: group_turn */
/* One turn of a store: all Readies of all groups are written and synced together, so a sync is
 * shared by as many groups as have work. Only then is anything sent. */
static void turn(store *s) {
  const raft_ready *work[GROUPS] = {NULL};
  for (uint32_t g = 0; g < GROUPS; g++) {
    if (raft_rawnode_has_ready(s->nodes[g])) { /* constant time, so asking all is cheap */
      EXPECT(raft_rawnode_ready(s->nodes[g], &work[g]) == RAFT_OK);
      save(s->storages[g], work[g]);
    }
  }
  /* the one sync stands here */
  for (uint32_t g = 0; g < GROUPS; g++) {
    if (work[g] != NULL) {
      for (size_t i = 0; i < work[g]->message_count; i++) {
        post(g, &work[g]->messages[i]);
      }
      EXPECT(raft_rawnode_advance(s->nodes[g], work[g]) == RAFT_OK);
    }
  }
}
/* end */

static void deliver(store *s) {
  size_t count = s->mail_count;
  for (size_t i = 0; i < count; i++) {
    EXPECT(!raft_is_fatal(raft_rawnode_step(s->nodes[s->mail[i].group], &s->mail[i].message)));
    raft_message_release(&s->mail[i].message);
  }
  s->mail_count = 0;
}

static void open_store(store *s, uint64_t id) {
  const uint64_t voters[] = {1, 2, 3};
  const raft_conf_state members = {.voters = {voters, STORES}};
  s->id = id;
  for (uint32_t g = 0; g < GROUPS; g++) {
    raft_config config;
    raft_config_init(&config);
    EXPECT(raft_memory_storage_open(NULL, &s->storages[g]) == RAFT_OK);
    EXPECT(raft_memory_storage_set_conf_state(s->storages[g], &members) == RAFT_OK);
    config.id = id;
    config.storage = raft_memory_storage_interface(s->storages[g]);
    /* snippet: group_seed */
    config.seed = g; /* else all groups would elect at the same tick */
    /* end */
    EXPECT(raft_rawnode_open(&config, &s->nodes[g]) == RAFT_OK);
  }
}

static bool all_have_a_leader(const store *s) {
  for (uint32_t g = 0; g < GROUPS; g++) {
    raft_basic_status status;
    raft_rawnode_basic_status(s->nodes[g], &status);
    if (status.soft_state.lead == 0) {
      return false;
    }
  }
  return true;
}

int main(void) {
  for (size_t i = 0; i < STORES; i++) {
    open_store(&stores[i], i + 1);
  }
  int ticks = 0;
  for (; ticks < 1000 && !all_have_a_leader(&stores[0]); ticks++) {
    for (size_t i = 0; i < STORES; i++) {
      for (uint32_t g = 0; g < GROUPS; g++) {
        EXPECT(raft_rawnode_tick(stores[i].nodes[g]) == RAFT_OK);
      }
    }
    for (int turns = 0; turns < 4; turns++) {
      for (size_t i = 0; i < STORES; i++) {
        deliver(&stores[i]);
        turn(&stores[i]);
      }
    }
  }
  EXPECT(ticks < 1000);
  for (size_t i = 0; i < STORES; i++) {
    deliver(&stores[i]);
    for (uint32_t g = 0; g < GROUPS; g++) {
      raft_rawnode_close(stores[i].nodes[g]);
      raft_memory_storage_close(stores[i].storages[g]);
    }
  }
  return 0;
}
