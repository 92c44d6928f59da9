/* world.h - one simulated group: nodes, network, disks, clocks, clients, and those who mean harm.
 *
 * One thread, one seed, virtual time. world.c takes events out of the queue and hands them to their
 * owners; each owner is a file: node*.c hosts libraft's nodes, clients.c proposes and reads,
 * admin.c changes the membership, nemesis.c breaks things, ending.c asks at the end whether the
 * group is alive.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "check.h"
#include "network.h"
#include "options.h"
#include "queue.h"
#include "sim.h"
#include "trace.h"

typedef enum sim_event_kind {
  SIM_TICK,    /* target: node */
  SIM_DELIVER, /* target: node, data: raft_message */
  SIM_WORK,    /* target: node: go on with its Ready */
  SIM_SYNCED,  /* target: node: its oldest write is durable */
  SIM_APPLIED, /* target: node: its oldest apply message is done */
  SIM_RESTART, /* target: node */
  SIM_REPORT,  /* target: leader, number: node << 1 | success of a snapshot */
  SIM_CLIENT,
  SIM_ADMIN,
  SIM_NEMESIS,
  SIM_HEAL /* target: nemesis' number of a partition */
} sim_event_kind;

/* Where a synchronous node stands with its Ready. */
typedef enum sim_stage {
  SIM_IDLE,
  SIM_SAVE,
  SIM_SYNCING,
  SIM_SEND,
  SIM_APPLY,
  SIM_ADVANCE
} sim_stage;

/* Storage messages under way, oldest first. */
typedef struct sim_messages {
  raft_message *items;
  size_t count;
  size_t capacity;
} sim_messages;

typedef struct sim_node {
  unsigned id; /* 0: there is no such node (yet) */
  struct sim_world *world;
  raft_config config;
  raft_rawnode *raft; /* NULL: down */
  sim_disk disk;
  sim_log log;
  sim_image machine;
  bool first_member;   /* bootstraps if it has to */
  bool retired;        /* will not come back */
  uint32_t life;       /* of each start: events of an earlier one are void */
  uint64_t restart_at; /* 0: no restart is planned */
  uint64_t tick_every;
  uint64_t paused_until;

  /* Synchronous: the Ready in hand. */
  sim_stage stage;
  const raft_ready *ready;
  bool sent; /* its messages went out before the write was durable */
  bool work_planned;

  /* Asynchronous: storage messages that are not done. */
  bool async;
  sim_messages appending;
  sim_messages applying;
  uint64_t apply_busy_until;

  bool overtaken; /* a snapshot is on its way that holds what would be applied next */

  /* What the checker last saw. */
  raft_basic_status last;
  uint64_t checked_commit;
  uint64_t kept_term; /* over all lives */
  uint32_t votes;     /* for the story */
} sim_node;

typedef enum sim_write_state { SIM_PENDING, SIM_DROPPED, SIM_DONE } sim_write_state;

typedef struct sim_read {
  uint64_t least; /* highest index that a client may know to be applied when it began */
  uint8_t node;
  bool done;
} sim_read;

typedef struct sim_clients {
  uint8_t *writes; /* sim_write_state by id */
  size_t write_count;
  size_t write_capacity;
  sim_read *reads;
  size_t read_count;
  size_t read_capacity;
} sim_clients;

/* Waits for somebody to send a message of a kind; then the leader is cut off (plots.c). */
typedef struct sim_trap {
  uint32_t senders; /* 0: there is none */
  uint32_t kinds;   /* bits by type */
  unsigned leader;
  uint32_t restarted; /* who starts again then */
} sim_trap;

typedef struct sim_world {
  sim_options options;
  sim_random random;
  sim_queue queue;
  sim_network network;
  sim_trace trace;
  sim_check check;
  sim_clients clients;
  sim_node nodes[SIM_NODES + 1]; /* by id */
  uint64_t step;
  bool calm;          /* the second phase: no faults */
  bool done;          /* it ended well */
  uint64_t partition; /* number of the last one */
  sim_trap trap;
  uint64_t plot_until; /* a plot is under way, which the nemesis does not disturb */
  uint64_t hush_until; /* and in which nothing is written */
  sim_result *result;
} sim_world;

static inline uint64_t sim_now(const sim_world *world) {
  return world->trace.now;
}

static inline void sim_count(sim_world *world, sim_counter counter) {
  world->result->counts[counter]++;
}

static inline bool sim_is_up(const sim_node *node) {
  return node->raft != NULL;
}

/* The next event; false: there is none, or something was broken. */
bool sim_next(sim_world *world);
/* An event `after` from now. */
void sim_plan(sim_world *world, uint64_t after, sim_event_kind kind, unsigned target,
              uint64_t number, void *data);
/* A chance, 0 in the second phase. */
bool sim_fault(sim_world *world, uint64_t per_million);
/* Mean `mean`, at least 1. */
uint64_t sim_about(sim_world *world, uint64_t mean);

/* ---- node.c: starting, stopping, ticking ---- */
void sim_node_install(sim_world *world, unsigned id, const sim_image *image, bool first_member);
void sim_node_free(sim_node *node);
void sim_node_start(sim_node *node);
/* Down, with what was not durable lost; up again `after`, 0: not by itself. */
void sim_node_crash(sim_node *node, uint64_t after);
void sim_node_tick(sim_node *node);

/* ---- node_work.c: what a Ready asks for ---- */
/* After every call: checks it, and takes a Ready if there is one. */
void sim_node_poke(sim_node *node);
void sim_node_work(sim_node *node);
/* Writes what is to be saved, durable after a while. False: the node is down, or the run broken. */
bool sim_node_save(sim_node *node, const raft_hard_state *state, const raft_snapshot *snapshot,
                   const raft_entry *entries, size_t count);
void sim_node_synced(sim_node *node);
/* A crash here? Then the node is down and nothing of it may be touched. */
bool sim_node_falls(sim_node *node);

/* ---- node_async.c: storage messages ---- */
void sim_node_work_async(sim_node *node);
void sim_node_synced_async(sim_node *node);
void sim_node_applied_async(sim_node *node);
void sim_messages_clear(sim_messages *messages);

/* ---- node_apply.c: the state machine ---- */
/* False: the node crashed on the way. */
bool sim_node_apply(sim_node *node, const raft_entry *entries, size_t count);
void sim_node_install_image(sim_node *node, const sim_image *image);

/* ---- node_check.c: what each call and each message must keep ---- */
/* An error that libraft must not return in this place ends the run. */
void sim_expect(sim_node *node, const char *call, int rc);
void sim_node_observe(sim_node *node);
/* New entries were written. */
void sim_node_check_entries(sim_node *node, const raft_entry *entries, size_t count);
void sim_node_check_commit(sim_node *node, uint64_t commit);
/* Entries are handed out to be applied. */
void sim_node_check_applicable(sim_node *node, const raft_entry *entries, size_t count);
/* A message leaves: what it promises must be durable. */
void sim_node_check_promise(sim_node *node, const raft_message *message);

/* A hard state became durable, or came back after a crash: its vote is one. */
void sim_node_check_kept(sim_node *node);

/* ---- node_send.c ---- */
void sim_node_send(sim_node *node, const raft_message *message);
void sim_node_deliver(sim_node *node, raft_message *message);
void sim_message_free(raft_message *message);

/* ---- repeat.c ---- */
/* The leader sends older parts of its log again, as leaders may. */
void sim_node_repeat(sim_node *leader);

/* ---- clients.c ---- */
void sim_client_act(sim_world *world);
/* An entry with this payload was applied. */
void sim_client_applied(sim_node *node, const raft_entry *entry);
void sim_client_answered(sim_node *node, const raft_read_state *state);
/* One write or read now; the id of it. */
uint64_t sim_client_write(sim_node *node);
uint64_t sim_client_read(sim_node *node);
bool sim_client_is_done(const sim_world *world, uint64_t write);

/* ---- plots.c ---- */
/* A message leaves. */
void sim_plot_sent(sim_node *node, const raft_message *message);

/* ---- admin.c, nemesis.c, ending.c, story.c ---- */
void sim_admin_act(sim_world *world);
/* event->target 0: an act of its choice; else what an earlier act planned for this node. */
void sim_nemesis_act(sim_world *world, const sim_event *event);
void sim_nemesis_heal(sim_world *world, uint64_t partition);
/* The newest leader that is up, or NULL. */
sim_node *sim_leader(sim_world *world);
sim_node *sim_random_node(sim_world *world);
void sim_ending(sim_world *world);
void sim_story_event(void *ctx, const raft_event *event);
void sim_story_begin(sim_world *world);

#endif
