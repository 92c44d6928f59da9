/* version.c - which library was linked.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/version.h>

unsigned raft_version(void) {
  return RAFT_VERSION_HEX;
}
