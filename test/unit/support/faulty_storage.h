/* faulty_storage.h - a Storage in front of another one that fails where a test wants it to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_FAULTY_STORAGE_H
#define TEST_FAULTY_STORAGE_H

#include <libraft/storage.h>
#include <stdbool.h>

typedef enum storage_call {
  STORAGE_INITIAL_STATE,
  STORAGE_ENTRIES,
  STORAGE_TERM,
  STORAGE_FIRST_INDEX,
  STORAGE_LAST_INDEX,
  STORAGE_SNAPSHOT,
  STORAGE_CALLS
} storage_call;

typedef struct faulty_storage {
  raft_storage iface;
  const raft_storage *inner;
  int answers[STORAGE_CALLS]; /* what calls of a kind fail with; RAFT_OK: they reach `inner` */
  size_t fail_at;             /* the call with this number fails, of whatever kind; 0: none */
  bool fail_from_then_on;     /* ... and so do all after it */
  int code;                   /* ... with this code */
  size_t calls;
} faulty_storage;

/* Nothing fails at first. Both must stay where they are. */
void faulty_storage_init(faulty_storage *storage, const raft_storage *inner);

#endif
