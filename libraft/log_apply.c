/* log_apply.c - committed entries on their way to the state machine, and back as acknowledgements.
 *
 * The limit is on the bytes that are out and not acknowledged, so that a slow state machine holds
 * a bounded amount of memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/error.h>

#include "log.h"

static uint64_t max_appliable(const raft_log *log, bool unstable) {
  uint64_t stored = log->unstable.offset - 1;
  return unstable || log->committed < stored ? log->committed : stored;
}

bool raft_log_has_next_committed(const raft_log *log, bool unstable) {
  /* A snapshot must be applied first: it replaces what the entries build on. */
  return !log->applying_paused && log->unstable.snapshot == NULL &&
         log->applying < max_appliable(log, unstable);
}

int raft_log_next_committed(raft_log *log, bool unstable, raft_body **body) {
  *body = NULL;
  if (!raft_log_has_next_committed(log, unstable)) {
    return RAFT_OK;
  }
  return raft_log_slice(log, log->applying + 1, max_appliable(log, unstable) + 1,
                        log->max_applying_bytes - log->applying_bytes, body);
}

void raft_log_accept_applying(raft_log *log, uint64_t index, uint64_t bytes, bool unstable) {
  log->applying = index;
  log->applying_bytes += bytes;
  log->applying_paused =
      log->applying_bytes >= log->max_applying_bytes || index < max_appliable(log, unstable);
}

void raft_log_applied_to(raft_log *log, uint64_t index, uint64_t bytes) {
  log->applied = index;
  if (log->applying < index) {
    log->applying = index;
  }
  log->applying_bytes -= bytes < log->applying_bytes ? bytes : log->applying_bytes;
  log->applying_paused = log->applying_bytes >= log->max_applying_bytes;
}
