/* members.h - trackers for tests, built and read as short texts: "v1 v2 l3".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_MEMBERS_H
#define TEST_MEMBERS_H

#include "libraft/confchange.h"

#define MEMBERS_MAX_CHANGES 64

typedef struct members_changes {
  raft_conf_change_single list[MEMBERS_MAX_CHANGES];
  size_t count;
} members_changes;

/* "v1 l2 r3 u4": add voter, add learner, remove, update. Anything else fails the test. */
members_changes members_parse(const char *text);

/* The ways in which a configuration changes. */
enum members_how { SIMPLE, ENTER, ENTER_AUTO, LEAVE };
int members_compute(const raft_tracker *tracker, uint64_t last_index, enum members_how how,
                    const raft_conf_change_single *changes, size_t count, raft_tracker *next);

/* Makes the changes one by one, each a simple one with this last index, and puts them into force.
 */
void members_change(raft_tracker *tracker, uint64_t last_index, const char *text);
/* Enters a joint configuration by these changes. */
void members_enter_joint(raft_tracker *tracker, uint64_t last_index, const char *text);

/* The test fails unless this is the configuration: "1 2|1 3|4|5 auto" for incoming, outgoing,
 * learners and learners_next; sets at the end may be left out, "" is the empty one. */
void members_assert(const raft_tracker *tracker, const char *text);

/* The test fails unless exactly the members have progress, by ascending id, and it knows who
 * learns. Ids are below 16. */
void members_assert_progress(const raft_tracker *tracker);

#endif
