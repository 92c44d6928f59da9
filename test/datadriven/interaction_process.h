/* interaction_process.h - the work of one node: its Readies and its storage threads.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DATADRIVEN_INTERACTION_PROCESS_H
#define DATADRIVEN_INTERACTION_PROCESS_H

#include "interaction_node.h"

/* Work on one node; 0, or -1 with the reason in the environment's error. */
typedef int interaction_work(struct interaction_node *node);

/* Takes one Ready and does what it says: in synchronous mode all of it, in asynchronous mode the
 * storage messages are left for the threads below. */
interaction_work interaction_work_ready;

/* Processes the first message that waits for the node's append (apply) thread. */
interaction_work interaction_work_append;
interaction_work interaction_work_apply;

/* The work with what it prints indented. */
int interaction_work_indented(struct interaction_node *node, interaction_work *work);

#endif
