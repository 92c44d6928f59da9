/* disk.c - the faults of a disk, drawn for each write and each crash.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "disk.h"

#include <string.h>

void sim_disk_init(sim_disk *disk, sim_random *random, const sim_disk_faults *faults) {
  memset(disk, 0, sizeof *disk);
  disk->random = random;
  disk->faults = faults;
}

bool sim_disk_write(sim_disk *disk, uint64_t now, uint64_t *durable_at) {
  const sim_disk_faults *faults = disk->faults;
  disk->counts.writes++;
  if (sim_random_chance(disk->random, faults->fail_write)) {
    disk->counts.failed_writes++;
    return false;
  }
  uint64_t takes = sim_random_between(disk->random, faults->sync_least, faults->sync_most);
  if (sim_random_chance(disk->random, faults->slow)) {
    takes = sim_random_between(disk->random, faults->sync_least, faults->slow_most);
    disk->counts.slowed++;
  }
  if (disk->busy_until < now) {
    disk->busy_until = now;
  }
  disk->busy_until += takes;
  *durable_at = disk->busy_until;
  return true;
}

bool sim_disk_read(sim_disk *disk) {
  bool fails = sim_random_chance(disk->random, disk->faults->fail_read);
  disk->counts.failed_reads += fails;
  return !fails;
}

size_t sim_disk_crash(sim_disk *disk, size_t pending) {
  disk->busy_until = 0;
  if (pending == 0 || !sim_random_chance(disk->random, disk->faults->survive)) {
    return 0;
  }
  disk->counts.torn++;
  return (size_t)sim_random_between(disk->random, 0, pending);
}
