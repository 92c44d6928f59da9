/* glob.h - Redis' patterns for keys.
 *
 * `*` any bytes, `?` one byte, `[abc]` `[a-z]` `[^a]` one byte of a set, `\x` the byte x itself.
 * As in Redis: a set that is not closed ends with the pattern, a range may be written backwards,
 * and a backslash at the very end stands for itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BASE_GLOB_H
#define KV_BASE_GLOB_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stdint.h>

/* Does the whole text match? Time is at most the product of the two lengths, whatever the number of
 * stars; *work (may be NULL) grows by about the number of bytes that were compared, so that a
 * caller with many texts can stop in time. */
bool kv_glob_match(raft_slice pattern, raft_slice text, uint64_t *work);

#endif
