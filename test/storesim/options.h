/* options.h - what a run is made of: cluster, faults, limits and load.
 *
 * Scenarios of the matrix begin with ss_options_init and set what they are about; the swarm draws
 * everything from the seed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORESIM_OPTIONS_H
#define STORESIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "test/sim/disk.h"
#include "test/sim/random.h"

/* Times are in microseconds of virtual time, chances in parts per million, unless said otherwise.
 */
/* What a state machine is kept in. */
typedef enum ss_engine_kind { SS_MODEL, SS_OVERLAY, SS_LMDB, SS_OVERLAY_LMDB } ss_engine_kind;

typedef struct ss_options {
  uint64_t seed;

  /* The cluster. */
  unsigned stores;  /* that are started */
  unsigned members; /* the first so many have the first region */
  uint32_t tick_ms;
  uint32_t election_ticks;
  uint32_t hibernate_ms;
  uint64_t log_gc_entries; /* 0: never by itself */
  size_t max_batch_bytes;
  size_t max_inflight_bytes;

  /* The scheduler. Without one the members are static, and nothing splits by itself. */
  bool scheduler;
  uint64_t replicas;
  uint64_t store_down_ms;    /* until the replicas of a silent store are made up for */
  uint64_t region_max_bytes; /* 0: no region is split for its size */
  uint64_t region_split_bytes;
  uint32_t late_advice; /* chance that what it says, or hears, comes seconds late */

  /* Clocks. */
  uint32_t drift; /* parts per million by which a clock may be fast or slow */

  /* The network. */
  uint64_t delay_least, delay_most;
  uint32_t slow; /* chance of a delay up to slow_most */
  uint64_t slow_most;
  uint32_t drop;      /* chance that a frame is lost; the sender is told, mostly */
  uint32_t duplicate; /* chance that a raft frame comes twice */
  uint32_t reorder;   /* chance that a frame overtakes others of its connection */
  uint32_t breaks;    /* chance, with a frame, that the connection breaks with all that is in it */
  uint32_t stalls;    /* chance that a connection outlives a cut, with what is in it */
  uint32_t refused;   /* chance that the queue of a connection is full */

  /* Disks and threads. */
  sim_disk_faults disk;
  uint64_t apply_least, apply_most; /* a transaction of the state machine */
  unsigned apply_batch;             /* tasks in one at most */
  uint64_t read_most;
  ss_engine_kind engine;
  uint64_t generation_age; /* until the overlay is written below, at most */
  uint64_t flush_most;     /* until a loop turn ends */
  unsigned log_queue;      /* writes that the log device takes; 0: any number */
  unsigned task_queue;     /* same, tasks of the engine device */

  /* Snapshots. */
  uint64_t job_most; /* making, installing, and each chunk on its way */
  unsigned chunks;   /* in how many a file travels at most */
  uint32_t lose_chunk, corrupt_chunk, lose_receipt;

  /* Crashes at any point of a loop turn, a transaction, an installation. */
  uint32_t crash_between;
  uint64_t down_most;

  /* Acts of the nemesis. */
  uint64_t nemesis_every; /* mean time between two; 0: none */
  uint64_t nemesis_long;  /* how long what it does lasts at most */
  uint32_t nemesis_set;   /* which acts, bits by number */

  /* Administration: members come and go, leaders move, logs are cut. */
  uint64_t admin_every; /* mean time between two requests; 0: none */

  /* Clients on shared keys. */
  unsigned clients;
  unsigned keys;       /* in use at a time */
  uint64_t think_most; /* between two requests of a client */
  unsigned pad;        /* bytes that a value is longer at most */
  uint64_t timeout_ms; /* of a request at most */
  uint64_t lasts;      /* how long the faults go on */
} ss_options;

/* A calm cluster: no faults, uneven clocks. */
void ss_options_init(ss_options *options, uint64_t seed);
/* Everything by chance. */
void ss_options_draw(ss_options *options, uint64_t seed);

#endif
