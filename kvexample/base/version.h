/* version.h - the release, which library and programs share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BASE_VERSION_H
#define KV_BASE_VERSION_H

#include <libraft/version.h>

#define KV_TEXT_OF(x) #x
#define KV_TEXT(x)    KV_TEXT_OF(x)

/* "1.2.3" */
#define KV_VERSION \
  KV_TEXT(RAFT_VERSION_MAJOR) "." KV_TEXT(RAFT_VERSION_MINOR) "." KV_TEXT(RAFT_VERSION_PATCH)

#endif
