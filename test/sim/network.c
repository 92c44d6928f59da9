/* network.c - the faults of a network, drawn for each message.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "network.h"

#include <string.h>

void sim_network_init(sim_network *network, sim_random *random, const sim_network_faults *faults) {
  memset(network, 0, sizeof *network);
  network->random = random;
  network->faults = *faults;
}

static uint64_t arrival(sim_network *network, unsigned from, unsigned to, uint64_t now) {
  const sim_network_faults *faults = &network->faults;
  uint64_t most = faults->delay_most;
  if (sim_random_chance(network->random, faults->slow)) {
    most = faults->slow_most;
    network->counts.slowed++;
  }
  uint64_t least = faults->delay_least < most ? faults->delay_least : most;
  uint64_t at = now + sim_random_between(network->random, least, most);
  uint64_t *newest = &network->newest[from][to];
  if (faults->in_order && at <= *newest) {
    at = *newest;
  }
  *newest = at;
  return at;
}

size_t sim_network_send(sim_network *network, unsigned from, unsigned to, uint64_t now,
                        uint64_t arrivals[SIM_COPIES]) {
  network->counts.sent++;
  if (sim_network_is_cut(network, from, to)) {
    network->counts.cut++;
    return 0;
  }
  if (sim_random_chance(network->random, network->faults.drop)) {
    network->counts.dropped++;
    return 0;
  }
  arrivals[0] = arrival(network, from, to, now);
  if (!sim_random_chance(network->random, network->faults.duplicate)) {
    return 1;
  }
  network->counts.duplicated++;
  arrivals[1] = arrival(network, from, to, now);
  return 2;
}

void sim_network_cut(sim_network *network, unsigned from, unsigned to) {
  network->cut[from] |= UINT32_C(1) << to;
}

void sim_network_split(sim_network *network, uint32_t set) {
  for (unsigned from = 0; from < SIM_PLACES; from++) {
    network->cut[from] |= (set >> from & 1) != 0 ? ~set : set;
  }
}

void sim_network_heal(sim_network *network) {
  memset(network->cut, 0, sizeof network->cut);
}
