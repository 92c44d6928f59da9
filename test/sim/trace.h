/* trace.h - a run as a number, for machines, and as a story, for people.
 *
 * The hash takes in everything that happened: two runs of one seed have the same, or something in
 * them did not come from the seed. The story is told only if somebody listens; telling it changes
 * nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <stdbool.h>
#include <stdint.h>

/* Gets one line without a newline, valid for the call. */
typedef void (*sim_listener)(void *ctx, const char *line);

typedef struct sim_trace {
  uint64_t hash;
  uint64_t now;          /* virtual time in microseconds, kept by the user */
  sim_listener listener; /* NULL: nobody */
  void *listener_ctx;
} sim_trace;

void sim_trace_init(sim_trace *trace, sim_listener listener, void *listener_ctx);

static inline void sim_trace_mix(sim_trace *trace, uint64_t value) {
  trace->hash = (trace->hash ^ value) * UINT64_C(0x100000001B3);
  trace->hash ^= trace->hash >> 29;
}

static inline bool sim_trace_is_told(const sim_trace *trace) {
  return trace->listener != 0;
}

/* One line: the time, who ("n3"; 0: the world), what. */
void sim_trace_tell(sim_trace *trace, unsigned who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The last lines of a story, for the end of one that went wrong. */
enum { SIM_TAIL_LINES = 40, SIM_LINE = 200 };
typedef struct sim_tail {
  char lines[SIM_TAIL_LINES][SIM_LINE];
  uint64_t count;
} sim_tail;

/* A sim_listener whose ctx is a sim_tail, all zero at first. */
void sim_tail_listen(void *ctx, const char *line);
/* Calls listener for each line that was kept, oldest first. */
void sim_tail_tell(const sim_tail *tail, sim_listener listener, void *listener_ctx);

#endif
