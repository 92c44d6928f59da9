/* network.h - whether and when a message arrives: delay, loss, copies, reordering, partitions.
 *
 * The network does not hold messages: it says how many copies of one arrive and when, and its user
 * puts them into the event queue. Places are numbered from 0. A cut takes effect when a message
 * is sent; what is under way by then still arrives.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "random.h"

enum { SIM_PLACES = 32, SIM_COPIES = 2 };

/* Times in the unit of the simulation, chances in parts per million. */
typedef struct sim_network_faults {
  uint32_t drop;
  uint32_t duplicate;
  uint32_t slow; /* chance of a delay up to slow_most instead of delay_most */
  uint64_t delay_least;
  uint64_t delay_most;
  uint64_t slow_most;
  bool in_order; /* as over one connection: nothing overtakes */
} sim_network_faults;

typedef struct sim_network_counts {
  uint64_t sent, dropped, duplicated, slowed, cut;
} sim_network_counts;

typedef struct sim_network {
  sim_random *random;
  sim_network_faults faults;
  uint32_t cut[SIM_PLACES];                /* bit `to` of cut[from]: that way is cut */
  uint64_t newest[SIM_PLACES][SIM_PLACES]; /* arrival of the last message, for in_order */
  sim_network_counts counts;
} sim_network;

void sim_network_init(sim_network *network, sim_random *random, const sim_network_faults *faults);
/* How many copies of a message that is sent now arrive (0: it is lost), and when. */
size_t sim_network_send(sim_network *network, unsigned from, unsigned to, uint64_t now,
                        uint64_t arrivals[SIM_COPIES]);
/* Cuts the way `from` -> `to`, that one only. */
void sim_network_cut(sim_network *network, unsigned from, unsigned to);
/* Cuts both ways between the places of the set and all others. */
void sim_network_split(sim_network *network, uint32_t set);
/* Nothing is cut any more. */
void sim_network_heal(sim_network *network);

static inline bool sim_network_is_cut(const sim_network *network, unsigned from, unsigned to) {
  return (network->cut[from] >> to & 1) != 0;
}

#endif
