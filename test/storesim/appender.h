/* appender.h - a client that puts numbered keys of its own, and looks whether all are there.
 *
 * Nobody else writes its keys, so at any time it must find exactly what it put: each once, in
 * order, none missing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORESIM_APPENDER_H
#define STORESIM_APPENDER_H

#include "cluster.h"

typedef enum ss_appender_state {
  SS_APPENDER_IDLE,
  SS_APPENDER_PUTS,
  SS_APPENDER_SCANS,
  SS_APPENDER_GETS,
  SS_APPENDER_DELETES
} ss_appender_state;

typedef struct ss_appender {
  ss_world *world;
  unsigned number;
  ss_appender_state state;
  uint64_t next; /* number of the next key; all below were put, all below first deleted */
  uint64_t first;
  uint64_t seen;    /* scanning: next key to be found */
  char cursor[32];  /* scanning goes on behind it */
  bool waiting;     /* an event will let it go on */
  bool stopping;    /* begins nothing new */
  bool deleting;    /* goes on until nothing is left */
  char refusal[96]; /* the last one */
  uint64_t gets[4]; /* numbers of keys whose values are looked at */
} ss_appender;

void ss_appender_init(ss_appender *appender, ss_world *world, unsigned number);
void ss_appender_start(ss_appender *appender);
/* What it waited for has come. */
void ss_appender_event(ss_appender *appender);
static inline bool ss_appender_is_idle(const ss_appender *appender) {
  return appender->state == SS_APPENDER_IDLE && !appender->waiting;
}
/* Looks at all keys once; the appender is idle again when it is through. */
void ss_appender_verify(ss_appender *appender);
void ss_appender_delete_all(ss_appender *appender);

#endif
