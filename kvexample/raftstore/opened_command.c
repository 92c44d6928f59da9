/* opened_command.c - a command in binary form, taken apart to see which keys it names.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/opened_command.h"

#include <stdlib.h>

int kv_command_open(raft_slice bytes, kv_opened_command *opened) {
  size_t room = KV_FEW_ARGS;
  opened->args = opened->few;
  int rc = kv_command_decode(&bytes, &opened->command, opened->args, &room);
  if (rc == KV_EFULL) {
    opened->args = malloc(room * sizeof *opened->args);
    rc = opened->args != NULL ? kv_command_decode(&bytes, &opened->command, opened->args, &room)
                              : KV_ENOMEM;
  }
  rc = rc == KV_OK && bytes.len > 0 ? KV_ECORRUPT : rc;
  if (rc != KV_OK) {
    kv_command_close(opened);
  }
  return rc;
}

void kv_command_close(kv_opened_command *opened) {
  if (opened->args != opened->few) {
    free(opened->args);
  }
  opened->args = opened->few;
}

bool kv_command_is_ranged(const kv_command *command) {
  return command->op == KV_OP_SCAN || command->op == KV_OP_DBSIZE || command->op == KV_OP_RANGE;
}

raft_slice kv_command_first_key(const kv_command *command) {
  return command->arg_count > 0 ? command->args[0] : (raft_slice){"", 0};
}

bool kv_command_is_inside(const kv_command *command, const kv_region *region) {
  return kv_command_keys_inside(command, region) &&
         (kv_command_keys(command).count > 0 ||
          kv_region_has_key(region, kv_command_first_key(command)));
}
