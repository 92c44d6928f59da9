/* version.h - which libraft these headers belong to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIBRAFT_VERSION_H
#define LIBRAFT_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define RAFT_VERSION_MAJOR 0
#define RAFT_VERSION_MINOR 1
#define RAFT_VERSION_PATCH 0
/* 0xMMmmpp: comparable with < and >=. */
#define RAFT_VERSION_HEX \
  ((RAFT_VERSION_MAJOR << 16) | (RAFT_VERSION_MINOR << 8) | RAFT_VERSION_PATCH)

/* Version of the library that was linked, as RAFT_VERSION_HEX. Any thread. */
unsigned raft_version(void);

#ifdef __cplusplus
}
#endif
#endif
