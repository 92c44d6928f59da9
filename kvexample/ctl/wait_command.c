/* wait_command.c - returns when the cluster is as a script needs it, or says why it is not in time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/cluster_view.h"
#include "ctl/scheduler_ask.h"

enum { WAIT_MS = 30000, ROUND_MS = 2000, PAUSE_MS = 50 };

/* What a region's leader had committed when it was first seen. */
typedef struct target {
  int64_t region;
  int64_t commit;
} target;

typedef struct waiting {
  const char *what;
  long long number; /* wanted */
  target *targets;
  size_t target_count;
  int64_t leader; /* store, of a cluster of one region; 0: not asked for */
  char why[sizeof(((kv_error *)NULL)->text)]; /* the condition does not hold yet */
} waiting;

static bool not_yet(waiting *state, const char *why) {
  (void)snprintf(state->why, sizeof(state->why), "%s", why);
  return false;
}

/* The region's leader, if a majority of its voters follows it. */
static const kv_value *accepted_leader(const kv_cluster_view *view, int64_t id) {
  const kv_value *leader = kv_cluster_view_leader(view, id);
  const int64_t voters = kv_value_get_integer(leader, "voters", 0);
  int64_t followers = 0;
  for (size_t i = 0; leader != NULL && i < view->count; i++) {
    const kv_value *region = kv_status_find_region(view->stores[i].reply, id);
    followers += region != NULL && kv_value_get_integer(region, "leader_peer", 0) ==
                                       kv_value_get_integer(leader, "peer", -1);
  }
  return followers > voters / 2 ? leader : NULL;
}

static bool has_members(waiting *state, const kv_value *leader) {
  const int64_t voters = kv_value_get_integer(leader, "voters", 0);
  const int64_t learners = kv_value_get_integer(leader, "learners", 0);
  if (voters == state->number && learners == 0) {
    return true;
  }
  (void)snprintf(state->why, sizeof(state->why),
                 "region %" PRId64 " has %" PRId64 " voters and %" PRId64 " learners",
                 kv_value_get_integer(leader, "region", 0), voters, learners);
  return false;
}

/* The target of the leader's region, noted when it is seen first. 0: out of memory. */
static int64_t target_of(waiting *state, const kv_value *leader) {
  const int64_t region = kv_value_get_integer(leader, "region", 0);
  for (size_t i = 0; i < state->target_count; i++) {
    if (state->targets[i].region == region) {
      return state->targets[i].commit;
    }
  }
  target *targets = realloc(state->targets, (state->target_count + 1) * sizeof(*targets));
  if (targets == NULL) {
    return 0;
  }
  state->targets = targets;
  targets[state->target_count] = (target){region, kv_value_get_integer(leader, "commit", 0)};
  return targets[state->target_count++].commit;
}

static const kv_value *status_of(const kv_cluster_view *view, int64_t store) {
  for (size_t i = 0; i < view->count; i++) {
    if (view->stores[i].store == store) {
      return view->stores[i].reply;
    }
  }
  return NULL;
}

/* Every member has applied what was committed when the waiting began. */
static bool all_caught_up(waiting *state, const kv_cluster_view *view, const kv_value *leader) {
  const int64_t id = kv_value_get_integer(leader, "region", 0);
  const int64_t commit = target_of(state, leader);
  const kv_value *member;
  for (size_t i = 0; (member = kv_status_member(leader, i)) != NULL; i++) {
    const int64_t store = kv_value_get_integer(member, "store", 0);
    const int64_t applied =
        kv_value_get_integer(kv_status_find_region(status_of(view, store), id), "applied", -1);
    if (applied < commit) {
      (void)snprintf(state->why, sizeof(state->why),
                     "store %" PRId64 " has applied %" PRId64 " of %" PRId64 " in region %" PRId64,
                     store, applied, commit, id);
      return false;
    }
  }
  return true;
}

static bool holds_for(waiting *state, const kv_cluster_view *view, int64_t id) {
  const kv_value *leader = accepted_leader(view, id);
  if (leader == NULL) {
    (void)snprintf(state->why, sizeof(state->why),
                   "region %" PRId64 " has no leader that a majority follows", id);
    return false;
  }
  if (strcmp(state->what, "members") == 0) {
    return has_members(state, leader);
  }
  return strcmp(state->what, "caught-up") != 0 || all_caught_up(state, view, leader);
}

static bool has_regions(waiting *state, size_t count) {
  const bool enough = strcmp(state->what, "regions") != 0 || (long long)count >= state->number;
  return enough && count > 0
             ? true
             : not_yet(state, count > 0 ? "there are too few regions" : "there is no region yet");
}

static bool holds(waiting *state, const kv_ctl *ctl) {
  kv_cluster_view view;
  kv_error error;
  size_t count;
  if (kv_cluster_view_status(&ctl->addresses, ROUND_MS, &view, &error) != KV_OK) {
    return not_yet(state, error.text);
  }
  int64_t *regions = kv_cluster_view_regions(&view, &count);
  bool right = has_regions(state, count);
  for (size_t i = 0; i < count && right; i++) {
    right = holds_for(state, &view, regions[i]);
  }
  if (right && strcmp(state->what, "leader") == 0 && count == 1) {
    state->leader =
        kv_value_get_integer(kv_cluster_view_leader(&view, regions[0]), "leader_store", 0);
  }
  free(regions);
  kv_cluster_view_free(&view);
  return right;
}

static bool parse_condition(const kv_ctl *ctl, waiting *state) {
  state->what = ctl->words[0];
  if (strcmp(state->what, "members") == 0 || strcmp(state->what, "regions") == 0) {
    return ctl->word_count == 2 && kv_ctl_number(ctl->words[1], "count", &state->number);
  }
  return ctl->word_count == 1 &&
         (strcmp(state->what, "leader") == 0 || strcmp(state->what, "caught-up") == 0);
}

static void tell(const kv_ctl *ctl, const waiting *state) {
  char text[64] = "done";
  if (state->leader != 0) {
    (void)snprintf(text, sizeof(text), "leader: store %" PRId64, state->leader);
  }
  if (ctl->json || state->leader != 0) {
    kv_ctl_say(ctl, text);
  }
}

int kv_ctl_wait(const kv_ctl *ctl) {
  waiting state = {.number = 0};
  if (!parse_condition(ctl, &state)) {
    return kv_ctl_complain(KV_CTL_USAGE,
                           "wait for what? leader, members N, regions N or caught-up");
  }
  const int timeout = ctl->timeout_ms > 0 ? ctl->timeout_ms : WAIT_MS;
  const long long deadline = kv_ctl_now() + timeout;
  while (!holds(&state, ctl)) {
    if (kv_ctl_now() >= deadline) {
      (void)fprintf(stderr, "kvctl: waited %.1f s in vain for \"%s\": %s\n", timeout / 1000.0,
                    state.what, state.why);
      free(state.targets);
      return KV_CTL_FAILED;
    }
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
  }
  tell(ctl, &state);
  free(state.targets);
  return KV_CTL_OK;
}
