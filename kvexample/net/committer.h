/* committer.h - the thread that makes durable what the apply thread has committed in memory.
 *
 * A generation of the overlay is written when it has its size or its age, whichever is first; a
 * barrier writes it on the apply thread. After a failure that may pass, such as a full disk, it is
 * tried again in a moment.
 *
 * Threads: all functions on the loop's; the flush itself on the thread of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_COMMITTER_H
#define KV_NET_COMMITTER_H

#include "engine/overlay.h"
#include "net/worker.h"
#include "raftstore/store.h"

typedef struct kv_committer_figures {
  uint64_t last_ms;    /* of the last flush */
  uint64_t longest_ms; /* of any */
  uint64_t lag_ms;     /* how long what is oldest in memory has been there; 0: all is durable */
} kv_committer_figures;

typedef struct kv_committer {
  kv_engine *overlay;
  kv_store *store; /* set before the first check */
  const kv_logger *logger;
  uint64_t age_ms;
  uint64_t retry_ms; /* pause after a flush that failed */

  uv_loop_t *loop; /* from here on kept by committer.c */
  kv_worker *worker;
  uv_timer_t timer;
  bool running; /* a flush is under way */
  bool failed;  /* the last one did not succeed: the next one waits for the timer */
  uint64_t dirty_since;
  bool dirty;
  kv_committer_figures figures;
} kv_committer;

/* The first fields are set. On failure close may be called. */
int kv_committer_open(kv_committer *committer, uv_loop_t *loop, kv_error *error);

/* After each turn: is a flush due? */
void kv_committer_check(kv_committer *committer);

kv_committer_figures kv_committer_figures_of(const kv_committer *committer);

/* Ends the thread, after the apply thread has ended, and writes what is left, if that is possible:
 * the next start is shorter then. */
void kv_committer_close(kv_committer *committer);

#endif
