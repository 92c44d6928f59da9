/* linear_shrink.c - a wrong history that people can read.
 *
 * Each step keeps the history wrong and only takes away what could have proven it: if the longer
 * one could be put in order, so could the shorter.
 * - Cut off after a moment: what began later is left away, what ended later has an unknown outcome.
 *   The last operation of the shortest wrong beginning is where the store went wrong, at the
 * latest.
 * - Leave away reads, and conditional writes that were not done.
 * - Let the outcome of a write be unknown. It stays in the history, since reads may have found it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "bench/linear.h"

/* Configurations of thinning out: of one attempt, and of all. People wait for it. */
enum { DEAR = 200000, THINNING = 4000000 };

typedef struct shrinking {
  kv_linear_op *ops;
  size_t count;
  kv_linear_op *attempt;
  uint64_t limit;  /* configurations of one attempt */
  uint64_t budget; /* of all that are left */
} shrinking;

/* The attempt and what it costs. */
static bool is_wrong(shrinking *run, size_t count) {
  const uint64_t limit = run->limit < run->budget ? run->limit : run->budget;
  uint64_t configurations;
  const kv_linear_verdict verdict =
      kv_linear_check_key(run->attempt, count, limit + 1, &configurations);
  run->budget -= configurations < run->budget ? configurations : run->budget;
  return verdict == KV_LINEAR_WRONG;
}

/* ---- the shortest beginning ---- */

static size_t cut(const kv_linear_op *ops, size_t count, uint64_t moment, kv_linear_op *into) {
  size_t kept = 0;
  for (size_t i = 0; i < count && ops[i].begun <= moment; i++) {
    into[kept] = ops[i];
    into[kept].unknown = ops[i].unknown || ops[i].ended > moment;
    kept += into[kept].unknown && ops[i].kind == KV_LINEAR_READ ? 0 : 1;
  }
  return kept;
}

static int by_number(const void *a, const void *b) {
  const uint64_t left = *(const uint64_t *)a;
  const uint64_t right = *(const uint64_t *)b;
  return (left > right) - (left < right);
}

/* Halves the ends: all up to `wrong` are wrong, those before `right` are not known to be. */
static void find_beginning(shrinking *run, const uint64_t *ends, size_t count) {
  size_t right = 0;
  size_t wrong = count - 1;
  while (right < wrong) {
    const size_t middle = right + (wrong - right) / 2;
    const size_t kept = cut(run->ops, run->count, ends[middle], run->attempt);
    if (is_wrong(run, kept)) {
      wrong = middle;
    } else {
      right = middle + 1;
    }
  }
  run->count = cut(run->ops, run->count, ends[wrong], run->ops);
}

static int shorten(shrinking *run) {
  uint64_t *ends = calloc(run->count + 1, sizeof(*ends));
  size_t count = 0;
  if (ends == NULL) {
    return KV_ENOMEM;
  }
  for (size_t i = 0; i < run->count; i++) {
    if (!run->ops[i].unknown) {
      ends[count++] = run->ops[i].ended;
    }
  }
  qsort(ends, count, sizeof(*ends), by_number);
  if (count > 0) {
    find_beginning(run, ends, count);
  }
  free(ends);
  return KV_OK;
}

/* ---- what is not needed ---- */

/* The history with ops[first, first + count) relaxed. */
static size_t relax(const shrinking *run, size_t first, size_t count, kv_linear_op *into) {
  size_t kept = 0;
  for (size_t i = 0; i < run->count; i++) {
    const bool relaxed = i >= first && i - first < count;
    if (!relaxed || !kv_linear_has_no_effect(&run->ops[i])) {
      into[kept] = run->ops[i];
      into[kept++].unknown |= relaxed;
    }
  }
  return kept;
}

static bool try_to_relax(shrinking *run, size_t first, size_t count) {
  const size_t kept = relax(run, first, count, run->attempt);
  if (!is_wrong(run, kept)) {
    return false;
  }
  memcpy(run->ops, run->attempt, kept * sizeof(*run->ops));
  run->count = kept;
  return true;
}

static bool is_relaxed(const shrinking *run, size_t first, size_t count) {
  for (size_t i = first; i < first + count && i < run->count; i++) {
    if (!run->ops[i].unknown) {
      return false;
    }
  }
  return true;
}

/* In pieces that become smaller, oldest first. */
static void thin_out(shrinking *run) {
  for (size_t piece = run->count / 2; piece > 0; piece /= 2) {
    for (size_t first = 0; first < run->count;) {
      const size_t before = run->count;
      if (!is_relaxed(run, first, piece)) {
        (void)try_to_relax(run, first, piece);
      }
      first += piece - (before - run->count);
    }
  }
}

int kv_linear_shrink(const kv_linear_op *ops, size_t count, uint64_t limit,
                     kv_linear_history *shrunk) {
  const size_t room = count + 1;
  shrinking run = {.count = count};
  *shrunk = (kv_linear_history){0};
  run.ops = calloc(room, sizeof(*run.ops));
  run.attempt = calloc(room, sizeof(*run.attempt));
  int rc = run.ops == NULL || run.attempt == NULL ? KV_ENOMEM : KV_OK;
  if (rc == KV_OK) {
    memcpy(run.ops, ops, count * sizeof(*ops));
    run.limit = limit == 0 ? KV_LINEAR_LIMIT : limit;
    run.budget = run.limit * 16;
    rc = shorten(&run);
  }
  if (rc == KV_OK) {
    run.limit = DEAR;
    run.budget = run.budget < THINNING ? run.budget : THINNING;
    thin_out(&run);
    *shrunk = (kv_linear_history){.ops = run.ops, .count = run.count, .room = room};
    run.ops = NULL;
  }
  free(run.ops);
  free(run.attempt);
  return rc;
}
