/* changes.h - membership changes as scripts write them: v1 l2 r3 u4.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DATADRIVEN_CHANGES_H
#define DATADRIVEN_CHANGES_H

#include <libraft/types.h>

#include "text.h"

struct change_list {
  raft_conf_change_single *changes;
  size_t count;
};

/* Tokens separated by one space each: vN adds a voter, lN a learner, rN removes, uN updates.
 * False: no such list; its error text is appended to `error`. changes_free is due either way. */
bool changes_parse(struct change_list *list, const char *input, struct text *error);
void changes_free(struct change_list *list);

#endif
