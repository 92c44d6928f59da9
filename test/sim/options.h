/* options.h - what a run is made of: cluster, faults and configuration, all drawn from the seed.
 *
 * Each seed has its own mixture (a swarm): runs in which a kind of fault is absent find what runs
 * with everything do not. Any of them can be pinned by name, as raft-sim's --option does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <libraft/config.h>

#include "disk.h"
#include "network.h"

/* Times are in microseconds, chances in parts per million, unless said otherwise. */
typedef struct sim_options {
  uint64_t seed;
  uint64_t steps; /* events of the phase with faults */

  /* The group. */
  uint64_t nodes;        /* voters at the start, 1 ... 7 */
  uint64_t learners;     /* learners at the start */
  uint64_t bootstrap;    /* 1: begin with raft_rawnode_bootstrap, 0: with a snapshot */
  uint64_t async;        /* 0: Ready/Advance, 1: storage messages, 2: some nodes so, some so */
  uint64_t wire;         /* 1: messages are encoded and decoded on their way */
  uint64_t mixed_limits; /* 1: limits differ between nodes */
  uint64_t priorities;   /* raft_config.priority: two bits a node, 0: all alike */

  /* The clocks. */
  uint64_t tick;   /* time between two ticks of a good clock */
  uint64_t drift;  /* how much faster or slower a clock may run */
  uint64_t jitter; /* how much each tick may be early or late */

  /* Faults; all end with the first phase. */
  sim_network_faults network;
  sim_disk_faults disk;
  uint64_t crash_between; /* chance of a crash between any two calls */
  uint64_t step_between;  /* chance that other things happen between two calls of a Ready */
  uint64_t work_delay;    /* longest time until a Ready is taken */
  uint64_t apply_most;    /* longest time that applying takes (asynchronous) */
  uint64_t no_snapshot;   /* chance that Storage has no snapshot just now */
  uint64_t lost_reports;  /* chance that what became of a snapshot is never reported */
  uint64_t unreachable;   /* chance that a lost message is reported as such */
  uint64_t repeats;       /* chance that a new leader sends older parts of its log first */
  uint64_t late_copies;   /* chance that a snapshot comes once more, much later */
  uint64_t nemesis_every; /* mean time between two acts of the nemesis; 0: none */
  uint64_t nemesis_long;  /* how long a partition, crash or pause lasts at most */
  uint64_t nemesis_set;   /* which acts it knows, bits by number */

  /* What the group is asked to do. */
  uint64_t client_every;    /* mean time between two requests */
  uint64_t reads;           /* chance that a request is a read */
  uint64_t batches;         /* chance that a write is a batch */
  uint64_t payload_most;    /* bytes */
  uint64_t to_leader;       /* chance that a request goes to a leader, if there is one */
  uint64_t admin_every;     /* mean time between two changes of membership; 0: none */
  uint64_t joint;           /* chance that one is of the general form */
  uint64_t keep;            /* chance, when something is applied, that the machine is kept */
  uint64_t compact;         /* chance, when it is kept, that the log is cut */
  uint64_t retain;          /* entries that are left when the log is cut, at most */
  uint64_t snapshot_of_now; /* 1: snapshots show the machine of now, 0: as it was kept */

  uint64_t group_commit; /* 1: voters are in two commit groups */

  raft_config config; /* without id, storage, seed */
} sim_options;

/* The options of a seed. */
void sim_options_draw(sim_options *options, uint64_t seed);

typedef enum sim_option_error {
  SIM_OPTION_OK,
  SIM_OPTION_UNKNOWN,
  SIM_OPTION_NOT_A_NUMBER,
  SIM_OPTION_OUT_OF_RANGE
} sim_option_error;

/* Sets one by its name. */
sim_option_error sim_options_set(sim_options *options, const char *name, const char *value);
/* The name of option number `position` and what it is about; false: there is none. */
bool sim_options_describe(size_t position, const char **name, const char **about);
/* Its value, for the first line of a story. */
uint64_t sim_options_get(const sim_options *options, size_t position);

#endif
