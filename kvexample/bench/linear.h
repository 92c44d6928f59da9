/* linear.h - was there an order in which all that clients saw makes sense?
 *
 * A history is linearizable if each operation can be given one moment between its begin and its
 * end such that, done one after the other at these moments, all operations have the results that
 * were seen. This is decided for each key alone (linearizability is a property of the parts:
 * Herlihy and Wing, 1990, theorem 1) by the search of Wing and Gong with the memory of Lowe
 * ("Testing for linearizability", 2017): configurations that were reached before are not entered
 * again.
 *
 * An operation of unknown outcome may take effect at any time from its begin on, or never. One that
 * was certainly not done, and a read without an answer, say nothing: leave them away.
 *
 * No I/O, no clock, no randomness: the same history gives the same report. Not for several threads.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BENCH_LINEAR_H
#define KV_BENCH_LINEAR_H

#include "bench/linear_value.h"

typedef enum kv_linear_kind {
  KV_LINEAR_READ,   /* value: what was found */
  KV_LINEAR_WRITE,  /* value: what was written */
  KV_LINEAR_DELETE, /* result: was there a value? */
  KV_LINEAR_CAS, /* expected, value; result: was it done? expected absent: "set if there is none" */
  KV_LINEAR_ADD, /* number; result: the sum. An absent value is 0 */
  KV_LINEAR_APPEND /* value; result: the length of the whole */
} kv_linear_kind;

typedef struct kv_linear_op {
  uint64_t key;    /* any number that stands for the key */
  uint64_t client; /* for people */
  uint64_t begun;  /* of one clock, any unit: before the request was sent */
  uint64_t ended;  /* not before begun: after the answer was there. Unknown: ignored */
  kv_linear_kind kind;
  bool unknown;
  kv_linear_value value;
  kv_linear_value expected;
  int64_t number;
  int64_t result;
} kv_linear_op;

/* All zero is empty. Every key begins absent. */
typedef struct kv_linear_history {
  kv_linear_op *ops;
  size_t count;
  size_t room;
} kv_linear_history;

/* KV_ENOMEM. In any order. */
int kv_linear_add(kv_linear_history *history, const kv_linear_op *op);
void kv_linear_free(kv_linear_history *history);

typedef enum kv_linear_verdict {
  KV_LINEAR_RIGHT,
  KV_LINEAR_WRONG,
  KV_LINEAR_GAVE_UP /* not proven either way: the memory allowed was not enough */
} kv_linear_verdict;

/* Configurations that are remembered for a key, 16 bytes each, unless told otherwise. */
#define KV_LINEAR_LIMIT UINT64_C(4000000)

typedef struct kv_linear_report {
  uint64_t keys;
  uint64_t operations;
  uint64_t unknown;            /* operations of unknown outcome */
  uint64_t wrong;              /* keys */
  uint64_t gave_up;            /* keys */
  uint64_t most;               /* configurations of the key that took most */
  kv_linear_history offending; /* of the first wrong key, as few operations as could be found */
} kv_linear_report;

/* Judges all keys; sorts the history by key and begin. limit: of configurations a key, 0 is
 * KV_LINEAR_LIMIT. The report needs kv_linear_report_free. The history is proven only if neither
 * wrong nor gave_up counts a key. KV_ENOMEM: no report. */
int kv_linear_check(kv_linear_history *history, uint64_t limit, kv_linear_report *report);
void kv_linear_report_free(kv_linear_report *report);

/* The history of one key, sorted by begin. *configurations: how many were entered; may be NULL. */
kv_linear_verdict kv_linear_check_key(const kv_linear_op *ops, size_t count, uint64_t limit,
                                      uint64_t *configurations);

/* A read, or a conditional write that was not done. */
bool kv_linear_has_no_effect(const kv_linear_op *op);

/* Of a wrong history of one key, sorted by begin: the shortest beginning that is wrong, without
 * reads that are not needed for that, and with `unknown` set where outcome and end of an operation
 * do not matter. KV_ENOMEM. */
int kv_linear_shrink(const kv_linear_op *ops, size_t count, uint64_t limit,
                     kv_linear_history *shrunk);

enum { KV_LINEAR_OP_TEXT = 512 };
/* One line, without its end: client, times since `origin`, operation and result. */
void kv_linear_describe(const kv_linear_op *op, uint64_t origin, char text[KV_LINEAR_OP_TEXT]);

#endif
