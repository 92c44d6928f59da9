/* shared.h - clients on shared keys, whose history must be linearizable.
 *
 * Keys are of three kinds: registers (set, compare-and-set, delete), counters and lists that are
 * appended to; all are read, alone and several at once. A key of which too much is unknown, or
 * known, is given up for a fresh one, so that each history can be proven.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORESIM_SHARED_H
#define STORESIM_SHARED_H

#include "cluster.h"

/* options.clients of them begin to work; they take world->clients. */
void ss_shared_start(ss_world *world);
/* They finish what is under way and read every key once more; false: violated. */
bool ss_shared_finish(ss_world *world, uint64_t patience);
/* Is there an order in which all of it makes sense? */
void ss_shared_judge(ss_world *world);

#endif
