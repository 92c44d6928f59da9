/* stalled.c - a copy of a command that must wait before it is executed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/stalled.h"

#include <stdlib.h>
#include <string.h>

kv_stalled *kv_stalled_copy(const kv_command *command) {
  size_t bytes = 0;
  for (size_t i = 0; i < command->arg_count; i++) {
    bytes += command->args[i].len;
  }
  const size_t head = sizeof(kv_stalled) + command->arg_count * sizeof(raft_slice);
  kv_stalled *stalled = malloc(head + bytes);
  if (stalled == NULL) {
    return NULL;
  }
  stalled->command = *command;
  stalled->command.args = stalled->args;
  char *at = (char *)stalled + head;
  for (size_t i = 0; i < command->arg_count; i++) {
    const size_t len = command->args[i].len;
    stalled->args[i] = (raft_slice){at, len};
    if (len > 0) {
      memcpy(at, command->args[i].data, len);
    }
    at += len;
  }
  return stalled;
}
