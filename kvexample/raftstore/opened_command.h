/* opened_command.h - a command in binary form, taken apart to see which keys it names.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_OPENED_COMMAND_H
#define KV_RAFTSTORE_OPENED_COMMAND_H

#include "raftstore/command.h"
#include "raftstore/region.h"

enum { KV_FEW_ARGS = 16 };

/* The arguments borrow from the bytes. Stays where it is. */
typedef struct kv_opened_command {
  kv_command command;
  raft_slice few[KV_FEW_ARGS];
  raft_slice *args; /* few, or memory of its own */
} kv_opened_command;

/* One command, and nothing behind it. KV_ECORRUPT, KV_ENOMEM: there is nothing to close. */
int kv_command_open(raft_slice bytes, kv_opened_command *opened);
void kv_command_close(kv_opened_command *opened);

/* Goes along a range of keys instead of naming them: SCAN, DBSIZE. */
bool kv_command_is_ranged(const kv_command *command);
/* The first key that it names, or from which on it goes along the keys. */
raft_slice kv_command_first_key(const kv_command *command);
/* Does the region have all keys that the command names? Of a range, does it have the first? */
bool kv_command_is_inside(const kv_command *command, const kv_region *region);

#endif
