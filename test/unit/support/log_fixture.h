/* log_fixture.h - a raft log in a directory of its own, for the suites of kvexample/raftlog/.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_LOG_FIXTURE_H
#define TEST_LOG_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "raftlog/raft_log.h"

/* Smallest segments that the log allows. */
#define FIXTURE_SEGMENT (64u << 10)

/* ---- faults ---- */

typedef enum fault_call {
  FAULT_OPEN,
  FAULT_PREAD,
  FAULT_PWRITEV,
  FAULT_ALLOCATE,
  FAULT_SYNC_DATA,
  FAULT_SYNC_DIRECTORY,
  FAULT_RENAME,
  FAULT_UNLINK,
  FAULT_CALLS
} fault_call;

/* Counts calls of each kind and fails the one whose turn it is. Syncs are counted only: tests do
 * not cut the power. */
typedef struct fault_plan {
  fault_call call;
  int after;       /* calls of that kind that succeed first; < 0: none fails */
  int number;      /* errno of the failing call */
  bool for_ever;   /* all later ones fail, too */
  size_t short_by; /* transfers are cut to at most this many bytes; 0: not */
  int counts[FAULT_CALLS];
} fault_plan;

/* File operations under a plan; they refer to it. */
void fault_files(fault_plan *plan, kv_log_files *files);

/* ---- the log ---- */

typedef struct log_fixture {
  char directory[64];
  kv_raft_log_options options;
  fault_plan plan; /* of its files; none fails at first */
  kv_log_files files;
  kv_raft_log *log;
  kv_error error;
  uint64_t tokens[4096]; /* reported so far, in order */
  int codes[4096];
  size_t reported;
  uint64_t next_token;
} log_fixture;

/* Makes an empty directory and opens a log in it. */
void fixture_open(log_fixture *fixture);
/* Closes and removes everything. */
void fixture_close(log_fixture *fixture);
/* Closes the log and opens it again; returns the code of opening. */
int fixture_reopen(log_fixture *fixture);
/* Path of the segment with this epoch. */
void fixture_segment_path(const log_fixture *fixture, uint64_t epoch, char *path, size_t size);

/* Takes, performs and gives back until nothing is left; returns the last code. */
int fixture_sync(log_fixture *fixture);

/* One write, with the next token. */
int fixture_change(log_fixture *fixture, const kv_log_change *change);
/* Appends `count` entries of a term from index on; each payload is of `len` bytes that
 * fixture_payload makes of region, index and term. */
int fixture_append(log_fixture *fixture, uint64_t region, uint64_t index, size_t count,
                   uint64_t term, size_t len);
int fixture_compact(log_fixture *fixture, uint64_t region, uint64_t to);
int fixture_hard_state(log_fixture *fixture, uint64_t region, uint64_t term, uint64_t vote,
                       uint64_t commit);
void fixture_payload(unsigned char *data, size_t len, uint64_t region, uint64_t index,
                     uint64_t term);

/* Fails the test unless [first, last] is what the region has, each of this term and length. */
void fixture_expect(log_fixture *fixture, uint64_t region, uint64_t first, uint64_t last,
                    uint64_t term, size_t len);

#endif
