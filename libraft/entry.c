/* entry.c - how many bytes an entry has in raftpb.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "entry_size.h"

uint64_t raft_entry_size(const raft_entry *entry) {
  return raft_entry_bytes(entry);
}
