/* disk.h - when a write is durable, whether it fails, and what of it a crash leaves.
 *
 * The disk does not hold data: writes are queued by its user, become durable in their order, and
 * the disk says when. At a crash it says how much of what was not durable yet is there all the
 * same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "random.h"

typedef struct sim_disk_faults {
  uint64_t sync_least; /* time until a write is durable */
  uint64_t sync_most;
  uint32_t slow; /* chance of a write that takes up to slow_most */
  uint64_t slow_most;
  uint32_t fail_write; /* chance that a write fails: nothing may be promised any more */
  uint32_t fail_read;  /* chance that a read fails */
  uint32_t survive;    /* chance, at a crash, that what was not durable is there in part */
} sim_disk_faults;

typedef struct sim_disk_counts {
  uint64_t writes, slowed, failed_writes, failed_reads, torn;
} sim_disk_counts;

typedef struct sim_disk {
  sim_random *random;
  const sim_disk_faults *faults;
  uint64_t busy_until;
  sim_disk_counts counts;
} sim_disk;

void sim_disk_init(sim_disk *disk, sim_random *random, const sim_disk_faults *faults);
/* A write begins. False: it fails. *durable_at is never before that of an earlier write. */
bool sim_disk_write(sim_disk *disk, uint64_t now, uint64_t *durable_at);
/* False: a read of now fails. */
bool sim_disk_read(sim_disk *disk);
/* A crash: how many of `pending` pieces, oldest first, survived. */
size_t sim_disk_crash(sim_disk *disk, size_t pending);

#endif
