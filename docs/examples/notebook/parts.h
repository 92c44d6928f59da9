/* parts.h - what all of the notebook uses: buffers that grow, frames, and giving up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NOTEBOOK_PARTS_H
#define NOTEBOOK_PARTS_H

#include <libraft/raft.h>
#include <stdio.h>
#include <sys/types.h>

typedef struct buffer {
  char *data;
  size_t len, room;
} buffer;

void append(buffer *buf, const void *data, size_t len);
/* Drops the first `len` bytes. */
void drop(buffer *buf, size_t len);

/* A frame is a raft_message behind its length and checksum; the same on disk and on the wire. */
enum { FRAME_HEADER = 8, MAX_FRAME = 1 << 28 };
void append_frame(buffer *buf, const raft_message *message);
/* Bytes of the frame at `data`, and its message, to be released. 0: incomplete, -1: damaged. */
ssize_t take_frame(const char *data, size_t len, raft_message *message);

/* Ends the process, which is always safe: what others rely on is on disk. */
_Noreturn void die(const char *what);
/* Does so for errors of libraft after which there is no going on. The others are lost messages. */
void check(int rc, const char *what);

#endif
