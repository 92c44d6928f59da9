/* log_apply.c - committed entries on their way to the state machine, and back as acknowledgements.
 *
 * The limit is on the bytes that are out and not acknowledged, so that a slow state machine holds
 * a bounded amount of memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/error.h>

#include "log.h"

static uint64_t max_appliable(const raft_log *log, uint64_t ahead) {
  uint64_t stored = log->unstable.offset - 1;
  uint64_t most = ahead > UINT64_MAX - stored ? UINT64_MAX : stored + ahead;
  return log->committed < most ? log->committed : most;
}

bool raft_log_has_next_committed(const raft_log *log, uint64_t ahead) {
  /* A snapshot must be applied first: it replaces what the entries build on. */
  return !log->applying_paused && log->unstable.snapshot == NULL &&
         log->applying < max_appliable(log, ahead);
}

int raft_log_next_committed(raft_log *log, uint64_t ahead, raft_body **body) {
  *body = NULL;
  if (!raft_log_has_next_committed(log, ahead)) {
    return RAFT_OK;
  }
  return raft_log_slice(log, log->applying + 1, max_appliable(log, ahead) + 1,
                        log->max_applying_bytes - log->applying_bytes, body);
}

int raft_log_lend_committed(raft_log *log, raft_room *room, raft_entries *lent) {
  *lent = (raft_entries){NULL, 0, 0};
  if (!raft_log_has_next_committed(log, RAFT_NO_LIMIT)) {
    return RAFT_OK;
  }
  return raft_log_lend(log, log->applying + 1, log->committed + 1,
                       log->max_applying_bytes - log->applying_bytes, room, lent);
}

void raft_log_accept_applying(raft_log *log, uint64_t index, uint64_t bytes, uint64_t ahead) {
  log->applying = index;
  log->applying_bytes += bytes;
  log->applying_paused =
      log->applying_bytes >= log->max_applying_bytes || index < max_appliable(log, ahead);
}

void raft_log_applied_to(raft_log *log, uint64_t index, uint64_t bytes) {
  log->applied = index;
  if (log->applying < index) {
    log->applying = index;
  }
  log->applying_bytes -= bytes < log->applying_bytes ? bytes : log->applying_bytes;
  log->applying_paused = log->applying_bytes >= log->max_applying_bytes;
}
