/* conf.c - sets of ids from lists and back, and majorities of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conf.h"

static uint32_t set_of(raft_ids ids) {
  uint32_t set = 0;
  for (size_t i = 0; i < ids.count; i++) {
    set |= ids.ids[i] <= SIM_NODES ? sim_bit(ids.ids[i]) : 1; /* a stranger is node 0 */
  }
  return set;
}

sim_conf sim_conf_of(const raft_conf_state *state) {
  sim_conf conf = {.voters = set_of(state->voters),
                   .outgoing = set_of(state->voters_outgoing),
                   .learners = set_of(state->learners),
                   .learners_next = set_of(state->learners_next),
                   .auto_leave = state->auto_leave};
  return conf;
}

static raft_ids list_of(uint32_t set, uint64_t *ids) {
  raft_ids list = {ids, 0};
  for (; set != 0; set &= set - 1) {
    ids[list.count++] = (uint64_t)__builtin_ctz(set);
  }
  return list;
}

raft_conf_state sim_conf_state(const sim_conf *conf, sim_conf_lists *lists) {
  raft_conf_state state = {.voters = list_of(conf->voters, lists->ids[0]),
                           .learners = list_of(conf->learners, lists->ids[1]),
                           .voters_outgoing = list_of(conf->outgoing, lists->ids[2]),
                           .learners_next = list_of(conf->learners_next, lists->ids[3]),
                           .auto_leave = conf->auto_leave};
  return state;
}

bool sim_conf_equal(const sim_conf *a, const sim_conf *b) {
  return a->voters == b->voters && a->outgoing == b->outgoing && a->learners == b->learners &&
         a->learners_next == b->learners_next && a->auto_leave == b->auto_leave;
}

static bool has_majority(uint32_t half, uint32_t set) {
  return half == 0 || 2 * __builtin_popcount(half & set) > __builtin_popcount(half);
}

bool sim_conf_is_quorum(const sim_conf *conf, uint32_t set) {
  return has_majority(conf->voters, set) && has_majority(conf->outgoing, set);
}
