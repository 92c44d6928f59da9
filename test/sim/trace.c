/* trace.c - lines of a story, and the last of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sim_trace_init(sim_trace *trace, sim_listener listener, void *listener_ctx) {
  memset(trace, 0, sizeof *trace);
  trace->hash = UINT64_C(0xCBF29CE484222325);
  trace->listener = listener;
  trace->listener_ctx = listener_ctx;
}

void sim_trace_tell(sim_trace *trace, unsigned who, const char *format, ...) {
  if (trace->listener == NULL) {
    return;
  }
  char what[SIM_LINE], line[SIM_LINE + 64], name[16] = "--";
  va_list args;
  va_start(args, format);
  (void)vsnprintf(what, sizeof what, format, args);
  va_end(args);
  if (who != 0) {
    (void)snprintf(name, sizeof name, "n%u", who);
  }
  (void)snprintf(line, sizeof line, "%7" PRIu64 ".%03" PRIu64 " ms  %-3s %s", trace->now / 1000,
                 trace->now % 1000, name, what);
  trace->listener(trace->listener_ctx, line);
}

void sim_tail_listen(void *ctx, const char *line) {
  sim_tail *tail = ctx;
  (void)snprintf(tail->lines[tail->count++ % SIM_TAIL_LINES], SIM_LINE, "%s", line);
}

void sim_tail_tell(const sim_tail *tail, sim_listener listener, void *listener_ctx) {
  uint64_t first = tail->count < SIM_TAIL_LINES ? 0 : tail->count - SIM_TAIL_LINES;
  for (uint64_t i = first; i < tail->count; i++) {
    listener(listener_ctx, tail->lines[i % SIM_TAIL_LINES]);
  }
}
