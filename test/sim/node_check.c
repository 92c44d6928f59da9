/* node_check.c - what every call of a node and every message of it must keep.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>

#include "world.h"

#define BROKEN(node, ...) sim_check_broken(&(node)->world->check, __VA_ARGS__)

void sim_expect(sim_node *node, const char *call, int rc) {
  if (rc == RAFT_OK || (rc == RAFT_ESTORAGE && node->log.failed_reads > 0)) {
    return;
  }
  BROKEN(node, "%s on n%u answers: %s", call, node->id, raft_error_string(rc));
}

/* ---- state ---- */

static void check_order(sim_node *node, const raft_basic_status *now) {
  const raft_basic_status *last = &node->last;
  const raft_hard_state *a = &last->hard_state, *b = &now->hard_state;
  if (b->term < a->term) {
    BROKEN(node, "terms never fall: n%u went from term %" PRIu64 " to %" PRIu64, node->id, a->term,
           b->term);
  }
  if (b->term == a->term && a->vote != 0 && b->vote != a->vote) {
    BROKEN(node,
           "one vote a term: n%u changed its vote of term %" PRIu64 " from n%" PRIu64
           " to n%" PRIu64,
           node->id, a->term, a->vote, b->vote);
  }
  if (b->commit < a->commit) {
    BROKEN(node, "commit never moves back: n%u went from %" PRIu64 " to %" PRIu64, node->id,
           a->commit, b->commit);
  }
  if (now->applied < last->applied) {
    BROKEN(node, "applied never moves back: n%u went from %" PRIu64 " to %" PRIu64, node->id,
           last->applied, now->applied);
  }
}

/* A leader has committed up to `commit`: is that durable on a quorum of its configuration, and is
 * the last of it of its own term? */
static void check_leader_commit(sim_node *node, uint64_t term, uint64_t commit) {
  sim_world *world = node->world;
  uint64_t own_term = 0, own_chain = 0;
  raft_status status;
  raft_rawnode_status(node->raft, &status);
  sim_conf conf = sim_conf_of(&status.conf_state);
  if (!sim_log_at(&node->log.seen, commit, &own_term, &own_chain)) {
    return; /* cut already */
  }
  if (own_term != term) {
    BROKEN(node,
           "only entries of its own term commit by counting: n%u, leader of term %" PRIu64
           ", committed %" PRIu64 " of term %" PRIu64,
           node->id, term, commit, own_term);
  }
  uint32_t holders = 0;
  for (unsigned id = 1; id <= SIM_NODES; id++) {
    const sim_node *peer = &world->nodes[id];
    uint64_t peer_term = 0, chain = 0;
    if (peer->id != 0 &&
        (commit < peer->log.durable.cut ||
         (sim_log_at(&peer->log.durable, commit, &peer_term, &chain) && chain == own_chain))) {
      holders |= sim_bit(id);
    }
  }
  if (!sim_conf_is_quorum(&conf, holders)) {
    BROKEN(node,
           "what is committed is durable on a quorum: n%u committed %" PRIu64 " in term %" PRIu64
           ", which only the nodes 0x%x have",
           node->id, commit, term, holders >> 1);
  }
}

void sim_node_check_commit(sim_node *node, uint64_t commit) {
  uint64_t term = 0, chain = 0;
  const sim_log_state *log = &node->log.seen;
  uint64_t from = node->checked_commit < log->cut ? log->cut : node->checked_commit;
  for (uint64_t index = from + 1; index <= commit; index++) {
    const sim_entry *entry = sim_log_entry(log, index);
    if (entry == NULL) {
      BROKEN(node, "n%u commits %" PRIu64 ", beyond its log, which ends at %" PRIu64, node->id,
             index, sim_log_last(log));
      return;
    }
    if (index > node->world->check.commit) {
      sim_count(node->world, SIM_COMMITTED);
    }
    sim_check_commit(&node->world->check, node->id, node->last.hard_state.term, &entry->entry,
                     entry->chain);
  }
  if (sim_log_at(log, commit, &term, &chain)) {
    sim_trace_mix(&node->world->trace, chain);
  }
  if (commit > node->checked_commit) {
    node->checked_commit = commit;
  }
}

/* Has a quorum of its configuration promised it their votes? */
static void check_election(sim_node *node, uint64_t term) {
  const sim_check *check = &node->world->check;
  uint32_t votes = 0;
  raft_status status;
  raft_rawnode_status(node->raft, &status);
  sim_conf conf = sim_conf_of(&status.conf_state);
  for (unsigned id = 1; id <= SIM_NODES && term < check->term_count; id++) {
    votes |= check->terms[term].votes[id] == node->id ? sim_bit(id) : 0;
  }
  if (!sim_conf_is_quorum(&conf, votes)) {
    BROKEN(node,
           "a leader has the votes of a quorum: n%u leads term %" PRIu64
           " by the votes of the nodes 0x%x",
           node->id, term, votes >> 1);
  }
}

static void observe_leader(sim_node *node, const raft_basic_status *now) {
  sim_world *world = node->world;
  const raft_basic_status *last = &node->last;
  uint64_t term = now->hard_state.term;
  if (last->soft_state.role != RAFT_LEADER || last->hard_state.term != term) {
    sim_count(world, SIM_ELECTIONS);
    sim_check_leader(&world->check, term, node->id, &node->log.seen);
    check_election(node, term);
    if (sim_fault(world, world->options.repeats)) {
      sim_node_repeat(node);
    }
  } else if (now->hard_state.commit > last->hard_state.commit) {
    check_leader_commit(node, term, now->hard_state.commit);
    sim_node_check_commit(node, now->hard_state.commit);
  }
}

/* Who asks for votes has applied every change of the membership that it knows to be committed, or
 * it would count by voters of before (thesis 4.1). */
static void check_campaign(sim_node *node, const raft_basic_status *now) {
  for (uint64_t index = now->applied + 1; index <= now->hard_state.commit; index++) {
    const sim_entry *entry = sim_log_entry(&node->log.seen, index);
    if (entry != NULL && entry->entry.type != RAFT_ENTRY_NORMAL) {
      BROKEN(node,
             "nobody campaigns by voters of before: n%u has not applied the change of membership "
             "at %" PRIu64 ", which is committed",
             node->id, index);
    }
  }
}

void sim_node_observe(sim_node *node) {
  raft_basic_status now;
  raft_rawnode_basic_status(node->raft, &now);
  check_order(node, &now);
  if (node->last.soft_state.role == RAFT_FOLLOWER && now.soft_state.role != RAFT_FOLLOWER) {
    check_campaign(node, &now);
  }
  if (now.soft_state.role == RAFT_LEADER) {
    observe_leader(node, &now);
  }
  sim_trace *trace = &node->world->trace;
  sim_trace_mix(trace, now.hard_state.term ^ (uint64_t)now.soft_state.role << 60);
  sim_trace_mix(trace, now.hard_state.commit ^ now.last_index << 32 ^ (uint64_t)node->id << 60);
  node->last = now;
}

/* ---- entries ---- */

/* Is it durable, whatever a crash leaves of the writes that are under way? */
static bool is_durable(const sim_log *log, const raft_entry *entry) {
  const sim_entry *kept = sim_log_entry(&log->durable, entry->index);
  for (size_t i = 0; i < log->write_count; i++) {
    const sim_write *write = &log->writes[i];
    if (write->count > 0 && write->entries[0].index <= entry->index) {
      return false; /* it is replaced, or written again */
    }
  }
  return entry->index <= log->durable.cut || (kept != NULL && kept->entry.term == entry->term);
}

/* What is handed out to be applied is durable here, but for what a leader may apply before. */
void sim_node_check_applicable(sim_node *node, const raft_entry *entries, size_t count) {
  uint64_t ahead = 0;
  if (node->last.soft_state.role == RAFT_LEADER) {
    ahead = node->config.max_unpersisted_apply;
  }
  for (size_t i = 0; i < count; i++) {
    if (!is_durable(&node->log, &entries[i]) && ahead-- == 0) {
      BROKEN(node,
             "what is applied is durable: n%u was handed out %" PRIu64 " of term %" PRIu64
             ", which a crash may take away; its log is kept up to %" PRIu64,
             node->id, entries[i].index, entries[i].term, sim_log_last(&node->log.durable));
      return;
    }
  }
}

/* A leader may append a change of the membership only when all before it are applied. */
static void check_change(sim_node *node, const raft_entry *entry) {
  sim_world *world = node->world;
  if (world->options.config.disable_conf_change_validation ||
      node->last.soft_state.role != RAFT_LEADER || node->last.hard_state.term != entry->term) {
    return;
  }
  for (uint64_t index = entry->index - 1; index > node->last.applied; index--) {
    const sim_entry *earlier = sim_log_entry(&node->log.seen, index);
    if (earlier != NULL && earlier->entry.type != RAFT_ENTRY_NORMAL) {
      BROKEN(node,
             "one change at a time: n%u appended a change of membership at %" PRIu64
             " while the one at %" PRIu64 " is not applied",
             node->id, entry->index, index);
    }
  }
}

void sim_node_check_entries(sim_node *node, const raft_entry *entries, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint64_t term = 0, chain = 0;
    if (!sim_log_at(&node->log.seen, entries[i].index, &term, &chain)) {
      BROKEN(node, "n%u was handed out entry %" PRIu64 ", which leaves a gap in its log", node->id,
             entries[i].index);
      return;
    }
    sim_check_entry(&node->world->check, node->id, entries[i].index, term, chain);
    if (entries[i].type != RAFT_ENTRY_NORMAL) {
      check_change(node, &entries[i]);
    }
  }
}

/* ---- promises ---- */

static void check_vote_promise(sim_node *node, const raft_message *message) {
  const raft_hard_state *durable = &node->log.durable.hard_state;
  if (message->reject) {
    return;
  }
  sim_check_vote(&node->world->check, message->term, node->id, (unsigned)message->to);
  if (durable->term < message->term ||
      (durable->term == message->term && durable->vote != message->to)) {
    BROKEN(node,
           "nothing is promised before it is durable: n%u grants n%" PRIu64
           " its vote of term %" PRIu64 ", and has kept vote n%" PRIu64 " of term %" PRIu64,
           node->id, message->to, message->term, durable->vote, durable->term);
  }
}

static void check_append_promise(sim_node *node, const raft_message *message) {
  const sim_log_state *durable = &node->log.durable;
  if (durable->hard_state.term < message->term) {
    BROKEN(node,
           "nothing is promised before it is durable: n%u answers in term %" PRIu64
           ", and has kept term %" PRIu64,
           node->id, message->term, durable->hard_state.term);
  }
  /* Of an earlier term, the entries may have been replaced since, and were not committed then. */
  if (!message->reject && durable->hard_state.term == message->term &&
      message->index > sim_log_last(durable)) {
    BROKEN(node,
           "nothing is promised before it is durable: n%u acknowledges entries up to %" PRIu64
           ", and has kept them up to %" PRIu64,
           node->id, message->index, sim_log_last(durable));
  }
}

/* A candidate that could forget its campaign could win the term twice. */
static void check_request_promise(sim_node *node, const raft_message *message) {
  const raft_hard_state *durable = &node->log.durable.hard_state;
  if (durable->term < message->term) {
    BROKEN(node,
           "nothing is promised before it is durable: n%u asks for votes in term %" PRIu64
           ", and has kept term %" PRIu64,
           node->id, message->term, durable->term);
  }
}

void sim_node_check_promise(sim_node *node, const raft_message *message) {
  if (message->type == RAFT_MSG_VOTE_RESP) {
    check_vote_promise(node, message);
  } else if (message->type == RAFT_MSG_APP_RESP) {
    check_append_promise(node, message);
  } else if (message->type == RAFT_MSG_VOTE) {
    check_request_promise(node, message);
  }
}

void sim_node_check_kept(sim_node *node) {
  const raft_hard_state *kept = &node->log.durable.hard_state;
  if (kept->term < node->kept_term) {
    BROKEN(node, "terms never fall: n%u kept term %" PRIu64 " after %" PRIu64, node->id, kept->term,
           node->kept_term);
  }
  node->kept_term = kept->term;
  if (kept->vote != 0 && kept->vote <= SIM_NODES) {
    sim_check_vote(&node->world->check, kept->term, node->id, (unsigned)kept->vote);
  }
}
