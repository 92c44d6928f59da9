/* members.c - trackers for tests, built and read as short texts: "v1 v2 l3".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "members.h"

#include <check.h>
#include <inttypes.h>
#include <libraft/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static raft_conf_change_type type_of(char letter) {
  static const char letters[] = "vrul"; /* in the order of raft_conf_change_type */
  const char *found = strchr(letters, letter);
  ck_assert_msg(letter != '\0' && found != NULL, "no such change: %c", letter);
  return (raft_conf_change_type)(found - letters);
}

members_changes members_parse(const char *text) {
  members_changes changes = {.count = 0};
  while (*text != '\0') {
    char *end = NULL;
    ck_assert_uint_lt(changes.count, MEMBERS_MAX_CHANGES);
    changes.list[changes.count++] =
        (raft_conf_change_single){type_of(*text), strtoull(text + 1, &end, 10)};
    text = end + strspn(end, " ");
  }
  return changes;
}

int members_compute(const raft_tracker *tracker, uint64_t last_index, enum members_how how,
                    const raft_conf_change_single *changes, size_t count, raft_tracker *next) {
  switch (how) {
  case SIMPLE: return raft_confchange_simple(tracker, last_index, changes, count, next);
  case ENTER: return raft_confchange_enter_joint(tracker, last_index, false, changes, count, next);
  case ENTER_AUTO:
    return raft_confchange_enter_joint(tracker, last_index, true, changes, count, next);
  case LEAVE: return raft_confchange_leave_joint(tracker, last_index, next);
  default: return RAFT_EINVAL;
  }
}

void members_change(raft_tracker *tracker, uint64_t last_index, const char *text) {
  members_changes changes = members_parse(text);
  for (size_t i = 0; i < changes.count; i++) {
    raft_tracker next;
    ck_assert_int_eq(raft_confchange_simple(tracker, last_index, &changes.list[i], 1, &next),
                     RAFT_OK);
    raft_tracker_adopt(tracker, &next);
  }
}

void members_enter_joint(raft_tracker *tracker, uint64_t last_index, const char *text) {
  members_changes changes = members_parse(text);
  raft_tracker next;
  ck_assert_int_eq(
      raft_confchange_enter_joint(tracker, last_index, false, changes.list, changes.count, &next),
      RAFT_OK);
  raft_tracker_adopt(tracker, &next);
}

static size_t print_set(char *place, size_t size, raft_ids set) {
  size_t len = 0;
  for (size_t i = 0; i < set.count; i++) {
    len += (size_t)snprintf(place + len, size - len, "%s%" PRIu64, i == 0 ? "" : " ", set.ids[i]);
    ck_assert_uint_lt(len, size);
  }
  return len;
}

void members_assert(const raft_tracker *tracker, const char *text) {
  raft_conf_state state = raft_tracker_conf_state(tracker);
  const raft_ids sets[] = {state.voters, state.voters_outgoing, state.learners,
                           state.learners_next};
  char actual[1024] = "";
  size_t len = 0;
  size_t used = 0; /* up to the last set that is not empty */
  for (size_t i = 0; i < 4; i++) {
    actual[len] = '|';
    len += i == 0 ? 0 : 1;
    len += print_set(actual + len, sizeof actual - len, sets[i]);
    used = sets[i].count > 0 ? len : used;
  }
  (void)snprintf(actual + used, sizeof actual - used, "%s", state.auto_leave ? " auto" : "");
  ck_assert_str_eq(actual, text);
}

void members_assert_progress(const raft_tracker *tracker) {
  const raft_configuration *config = &tracker->config;
  uint32_t members = 0;
  for (uint64_t id = 0; id < 16; id++) {
    bool learns = raft_idset_has(&config->learners, id);
    bool member = learns || raft_tracker_is_voter(tracker, id);
    const raft_progress *progress = raft_tracker_get(tracker, id);
    ck_assert_int_eq(progress != NULL, member);
    ck_assert(progress == NULL || progress->is_learner == learns);
    members += member ? 1 : 0;
  }
  ck_assert_uint_eq(tracker->count, members);
}
