/* story.c - what libraft's events mean, in the words of the field.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <libraft/describe.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

/* "n1, n3" */
static void list(uint32_t set, char *text, size_t size) {
  size_t at = 0;
  text[0] = '\0';
  for (; set != 0 && at < size; set &= set - 1) {
    int len = snprintf(text + at, size - at, "%sn%d", at == 0 ? "" : ", ", __builtin_ctz(set));
    at += len < 0 ? 0 : (size_t)len;
  }
}

static void tell_leader(sim_node *node, const raft_event *event) {
  char voters[160];
  list(node->votes, voters, sizeof voters);
  sim_trace_tell(&node->world->trace, node->id, "becomes leader of term %" PRIu64 " (votes of %s)",
                 event->term, voters);
}

static void tell_follower(sim_node *node, const raft_event *event) {
  char leader[32] = "nobody yet";
  if (event->peer != 0) {
    (void)snprintf(leader, sizeof leader, "n%" PRIu64, event->peer);
  }
  sim_trace_tell(&node->world->trace, node->id, "is a follower in term %" PRIu64 ", of %s",
                 event->term, leader);
}

static void tell_vote(sim_node *node, const raft_event *event) {
  if (event->a == 1) {
    node->votes |= event->peer <= SIM_NODES ? sim_bit(event->peer) : 0;
  }
  sim_trace_tell(&node->world->trace, node->id, "hears that n%" PRIu64 " %s its %s", event->peer,
                 event->a == 1 ? "gives" : "refuses", event->b == 1 ? "pre-vote" : "vote");
}

static void tell_cast(sim_node *node, const raft_event *event) {
  sim_trace_tell(&node->world->trace, node->id, "gives its %s to n%" PRIu64,
                 event->b ? "pre-vote" : "vote", event->peer);
}

static void tell_pre_candidate(sim_node *node, const raft_event *event) {
  node->votes = 0;
  sim_trace_tell(&node->world->trace, node->id, "asks for pre-votes for term %" PRIu64,
                 event->term + 1);
}

static void tell_candidate(sim_node *node, const raft_event *event) {
  node->votes = 0;
  sim_trace_tell(&node->world->trace, node->id, "is a candidate in term %" PRIu64, event->term);
}

/* What the others say, or what says itself otherwise, is left out. */
static void tell_nothing(sim_node *node, const raft_event *event) {
  (void)node;
  (void)event;
}

static void (*const TELLERS[RAFT_EVENT_COUNT])(sim_node *, const raft_event *) = {
    [RAFT_EVENT_BECAME_LEADER] = tell_leader,
    [RAFT_EVENT_BECAME_FOLLOWER] = tell_follower,
    [RAFT_EVENT_BECAME_PRE_CANDIDATE] = tell_pre_candidate,
    [RAFT_EVENT_BECAME_CANDIDATE] = tell_candidate,
    [RAFT_EVENT_VOTE_RECEIVED] = tell_vote,
    [RAFT_EVENT_VOTE_CAST] = tell_cast,
    [RAFT_EVENT_VOTE_TALLY] = tell_nothing,
    [RAFT_EVENT_VOTE_REQUESTED] = tell_nothing,
    [RAFT_EVENT_STARTED] = tell_nothing,
    [RAFT_EVENT_CONF_SWITCHED] = tell_nothing,
};

void sim_story_event(void *ctx, const raft_event *event) {
  sim_node *node = ctx;
  if (TELLERS[event->type] != NULL) {
    TELLERS[event->type](node, event);
    return;
  }
  char text[SIM_LINE];
  raft_describe_event(event, text, sizeof text);
  sim_trace_tell(&node->world->trace, node->id, "%s", text);
}

void sim_story_begin(sim_world *world) {
  const char *name = NULL, *about = NULL;
  if (!sim_trace_is_told(&world->trace)) {
    return;
  }
  char line[SIM_LINE] = "";
  for (size_t i = 0; sim_options_describe(i, &name, &about); i++) {
    char item[64];
    (void)snprintf(item, sizeof item, " %s=%" PRIu64, name, sim_options_get(&world->options, i));
    if (strlen(line) + strlen(item) > 110) {
      sim_trace_tell(&world->trace, 0, "%s", line);
      line[0] = '\0';
    }
    (void)strncat(line, item, sizeof line - strlen(line) - 1);
  }
  sim_trace_tell(&world->trace, 0, "%s", line);
}
