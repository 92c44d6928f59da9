/* fake_frames.h - servers of the framed protocol in one thread, whose answers a test decides.
 *
 * Real sockets on loopback for the suites of the framed clients.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_FAKE_FRAMES_H
#define TEST_FAKE_FRAMES_H

#include "net/frame.h"

enum { FAKE_FRAME_SERVERS = 4 };

typedef enum fake_frame_act {
  FAKE_ANSWER,   /* sends what the handler has made */
  FAKE_GREETING, /* a HELLO with the server's number as store id */
  FAKE_SILENCE,  /* says nothing */
  FAKE_HANG_UP,  /* closes the connection */
  FAKE_GARBAGE   /* sends bytes that are no frame */
} fake_frame_act;

/* What becomes of a frame that `server` got. *answer: a new buffer, if it is to be sent, in a frame
 * of *type. Called by the servers' thread only. */
typedef fake_frame_act (*fake_frame_handler)(void *context, unsigned server, const kv_frame *frame,
                                             kv_frame_type *type, raft_buf **answer);

typedef struct fake_frames fake_frames;

/* addresses: where each listens. */
fake_frames *fake_frames_start(fake_frame_handler handler, void *context,
                               char addresses[FAKE_FRAME_SERVERS][32]);
/* Afterwards the context is the caller's alone. */
void fake_frames_stop(fake_frames *frames);

#endif
