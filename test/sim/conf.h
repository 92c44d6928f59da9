/* conf.h - a membership as sets of small ids: bit i stands for node i.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_CONF_H
#define SIM_CONF_H

#include <libraft/types.h>

enum { SIM_NODES = 24 }; /* ids 1 ... SIM_NODES */

typedef struct sim_conf {
  uint32_t voters;
  uint32_t outgoing;
  uint32_t learners;
  uint32_t learners_next;
  bool auto_leave;
} sim_conf;

/* Room for the lists of a raft_conf_state. */
typedef struct sim_conf_lists {
  uint64_t ids[4][SIM_NODES];
} sim_conf_lists;

static inline uint32_t sim_bit(uint64_t id) {
  return UINT32_C(1) << id;
}

sim_conf sim_conf_of(const raft_conf_state *state);
/* The lists of the result lie in `lists`. */
raft_conf_state sim_conf_state(const sim_conf *conf, sim_conf_lists *lists);
bool sim_conf_equal(const sim_conf *a, const sim_conf *b);
/* Does the set hold a majority of each half? */
bool sim_conf_is_quorum(const sim_conf *conf, uint32_t set);

static inline uint32_t sim_conf_voters(const sim_conf *conf) {
  return conf->voters | conf->outgoing;
}

static inline uint32_t sim_conf_members(const sim_conf *conf) {
  return conf->voters | conf->outgoing | conf->learners | conf->learners_next;
}

#endif
