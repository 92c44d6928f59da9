/* scenarios.h - what a group of three goes through while something fails: a table of stories.
 *
 * Nothing in a story has to succeed; what must hold is the group's to check (group.h), and the
 * story's own: only errors that a story without failures could answer too, or RAFT_ENOMEM.
 *
 * A new scenario is a function in scenarios.c and a row of its table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_SCENARIOS_H
#define TEST_SCENARIOS_H

#include "group.h"

typedef struct scenario {
  const char *name;
  void (*play)(void);
  void (*change)(raft_config *config); /* NULL: the defaults */
  bool empty;                          /* the group has to be bootstrapped */
} scenario;

extern const scenario scenarios[];
extern const size_t scenario_count;

/* The group that they play with: three members, open. */
extern group scenario_group;

/* Whoever is down comes back, and whoever was not bootstrapped is, now that nothing fails. */
void scenario_heal(void);
/* What a call may answer in a story: RAFT_ENOMEM, and what it could answer anyway. */
bool scenario_tolerates(int rc);
/* Aborts if a read was answered below what was applied when it was asked. */
void scenario_check_reads(void);

#endif
