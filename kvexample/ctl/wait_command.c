/* wait_command.c - returns when the cluster is as a script needs it, or says why it is not in time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/cluster_view.h"
#include "ctl/commands.h"

enum { WAIT_MS = 30000, ROUND_MS = 2000, PAUSE_MS = 50 };

typedef struct waiting {
  const char *what;
  long long members;                          /* wanted */
  int64_t commit;                             /* of the leader when it was first seen; 0: not yet */
  char why[sizeof(((kv_error *)NULL)->text)]; /* the condition does not hold yet */
} waiting;

static bool not_yet(waiting *state, const char *why) {
  (void)snprintf(state->why, sizeof(state->why), "%s", why);
  return false;
}

/* The leader, if a majority of its voters follows it. */
static const kv_value *accepted_leader(const kv_cluster_view *view) {
  const kv_value *leader = kv_cluster_view_leader(view, KV_FIRST_REGION);
  const int64_t voters = kv_value_get_integer(leader, "voters", 0);
  int64_t followers = 0;
  for (size_t i = 0; leader != NULL && i < view->count; i++) {
    const kv_value *region = kv_status_find_region(view->stores[i].reply, KV_FIRST_REGION);
    followers += region != NULL && kv_value_get_integer(region, "leader_peer", 0) ==
                                       kv_value_get_integer(leader, "peer", -1);
  }
  return followers > voters / 2 ? leader : NULL;
}

static bool has_members(waiting *state, const kv_value *leader) {
  const int64_t voters = kv_value_get_integer(leader, "voters", 0);
  const int64_t learners = kv_value_get_integer(leader, "learners", 0);
  if (voters == state->members && learners == 0) {
    return true;
  }
  (void)snprintf(state->why, sizeof(state->why), "%" PRId64 " voters and %" PRId64 " learners",
                 voters, learners);
  return false;
}

/* Every member has applied what was committed when the waiting began. */
static bool all_caught_up(waiting *state, const kv_cluster_view *view, const kv_value *leader) {
  const kv_value *member;
  state->commit = state->commit != 0 ? state->commit : kv_value_get_integer(leader, "commit", 0);
  for (size_t i = 0; (member = kv_status_member(leader, i)) != NULL; i++) {
    const int64_t store = kv_value_get_integer(member, "store", 0);
    int64_t applied = -1;
    for (size_t s = 0; s < view->count; s++) {
      if (view->stores[s].store == store) {
        applied = kv_value_get_integer(
            kv_status_find_region(view->stores[s].reply, KV_FIRST_REGION), "applied", -1);
      }
    }
    if (applied < state->commit) {
      (void)snprintf(state->why, sizeof(state->why),
                     "store %" PRId64 " has applied %" PRId64 " of %" PRId64, store, applied,
                     state->commit);
      return false;
    }
  }
  return true;
}

static bool holds(waiting *state, const kv_ctl *ctl) {
  kv_cluster_view view;
  kv_error error;
  if (kv_cluster_view_status(&ctl->addresses, ROUND_MS, &view, &error) != KV_OK) {
    return not_yet(state, error.text);
  }
  const kv_value *leader = accepted_leader(&view);
  bool right = false;
  if (leader == NULL) {
    right = not_yet(state, "there is no leader that a majority follows");
  } else if (strcmp(state->what, "members") == 0) {
    right = has_members(state, leader);
  } else if (strcmp(state->what, "caught-up") == 0) {
    right = all_caught_up(state, &view, leader);
  } else {
    right = true;
    (void)printf("leader: store %" PRId64 "\n", kv_value_get_integer(leader, "leader_store", 0));
  }
  kv_cluster_view_free(&view);
  return right;
}

static bool parse_condition(const kv_ctl *ctl, waiting *state) {
  state->what = ctl->words[0];
  if (strcmp(state->what, "members") == 0) {
    return ctl->word_count == 2 && kv_ctl_number(ctl->words[1], "count", &state->members);
  }
  return ctl->word_count == 1 &&
         (strcmp(state->what, "leader") == 0 || strcmp(state->what, "caught-up") == 0);
}

int kv_ctl_wait(const kv_ctl *ctl) {
  waiting state = {.members = 0};
  if (!parse_condition(ctl, &state)) {
    return kv_ctl_complain(KV_CTL_USAGE, "wait for what? leader, members N or caught-up");
  }
  const int timeout = ctl->timeout_ms > 0 ? ctl->timeout_ms : WAIT_MS;
  const long long deadline = kv_ctl_now() + timeout;
  while (!holds(&state, ctl)) {
    if (kv_ctl_now() >= deadline) {
      (void)fprintf(stderr, "kvctl: waited %.1f s in vain for \"%s\": %s\n", timeout / 1000.0,
                    state.what, state.why);
      return KV_CTL_FAILED;
    }
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
  }
  return KV_CTL_OK;
}
