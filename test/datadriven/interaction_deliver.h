/* interaction_deliver.h - messages in flight reach a node, or are lost on the way.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DATADRIVEN_INTERACTION_DELIVER_H
#define DATADRIVEN_INTERACTION_DELIVER_H

#include "interaction_env.h"

/* Which of the messages in flight. */
struct interaction_delivery {
  uint64_t to;
  int type;  /* raft_message_type; negative: all */
  bool drop; /* lose them; never those of a node to itself */
};

bool interaction_has_messages(const struct interaction_env *env,
                              const struct interaction_delivery *delivery);

/* Prints each and gives it to its node. An error of Step is printed behind it. Returns how many
 * there were. Without `drop`, the node must exist. */
size_t interaction_deliver(struct interaction_env *env,
                           const struct interaction_delivery *delivery);

#endif
