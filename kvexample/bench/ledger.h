/* ledger.h - what was written to each key, as far as it is known: the book that a store is judged
 * by.
 *
 * Each key has one writer, which numbers its writes 1, 2, 3 ...; 0 is the key without a value. A
 * write ends acknowledged, refused (certainly not done) or unknown (a time-out, a lost connection):
 * it may take effect at any time, so the key is left alone from then on if there are others.
 *
 * A read may find anything from what was acknowledged (or had been read) before it began up to what
 * was attempted before it ended; where a write is unknown also less, down to that write.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BENCH_LEDGER_H
#define KV_BENCH_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct kv_ledger_page {
  uint64_t acknowledged; /* highest */
  uint64_t attempted;    /* highest */
  uint64_t seen;         /* highest that a read has found */
  uint64_t unknown;      /* lowest; 0: none */
} kv_ledger_page;

typedef struct kv_ledger {
  kv_ledger_page *pages; /* one a key */
  uint64_t keys;
} kv_ledger;

typedef enum kv_verdict {
  KV_VERDICT_RIGHT,
  KV_VERDICT_LOST,    /* an acknowledged write is not there, or a read went back in time */
  KV_VERDICT_INVENTED /* more than was ever attempted */
} kv_verdict;

/* KV_ENOMEM. */
int kv_ledger_init(kv_ledger *ledger, uint64_t keys);
void kv_ledger_free(kv_ledger *ledger);

/* The number of the next write to the key, which begins now. */
uint64_t kv_ledger_attempt(kv_ledger *ledger, uint64_t key);
void kv_ledger_acknowledge(kv_ledger *ledger, uint64_t key, uint64_t sequence);
void kv_ledger_leave_unknown(kv_ledger *ledger, uint64_t key, uint64_t sequence);
/* Is nothing unknown about the key? */
bool kv_ledger_is_clear(const kv_ledger *ledger, uint64_t key);

/* What a read that begins now must find at least. */
uint64_t kv_ledger_floor(const kv_ledger *ledger, uint64_t key);
/* Judges what a read found that began with this floor; remembers what it has seen. */
kv_verdict kv_ledger_judge(kv_ledger *ledger, uint64_t key, uint64_t floor, uint64_t found);

/* Writes the book to a file, replacing it; `prefix` is the beginning of the names of keys. KV_EIO
 * with a sentence. */
int kv_ledger_save(const kv_ledger *ledger, const char *path, const char *prefix, kv_error *error);

enum { KV_LEDGER_PREFIX = 64 };
/* Reads such a file into an uninitialised ledger. KV_EIO, KV_ECORRUPT, KV_ENOMEM with a sentence.
 */
int kv_ledger_load(kv_ledger *ledger, const char *path, char prefix[KV_LEDGER_PREFIX],
                   kv_error *error);

#endif
