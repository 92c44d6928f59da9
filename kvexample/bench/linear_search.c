/* linear_search.c - the search for an order of one key's operations.
 *
 * Begins and ends of the operations with a known outcome stand in one list by time. An operation
 * can be next in the order if its begin stands before the first end in the list: otherwise the one
 * that ended must come before it. Choosing it takes both its entries out of the list; going back
 * puts them in again. Operations of unknown outcome never end: they stand in a list of their own,
 * and are tried last. All ended operations chosen: an order was found.
 *
 * A configuration is the set of chosen operations and the value that they leave. It is remembered
 * as 128 bits, the sum of random numbers of the chosen ones and the digest of the value; that two
 * configurations share them will not happen (2^-70 with a billion of them).
 *
 * What need not be tried, as an order without it exists if one with it does:
 * - any other next operation, if one without an effect can be next: it may as well be first;
 * - an operation of unknown outcome that changes nothing, or is overwritten before anybody saw it:
 *   it may as well be later, or never;
 * - of operations of unknown outcome that do the same, any but the first that is left.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "bench/linear.h"

/* ---- what an operation does ---- */

static bool add(const kv_linear_op *op, const kv_linear_value *state, kv_linear_value *next) {
  int64_t number;
  int64_t sum;
  if (!kv_linear_value_number(state, &number) || __builtin_add_overflow(number, op->number, &sum) ||
      (!op->unknown && sum != op->result)) {
    return false;
  }
  *next = kv_linear_value_of_number(sum);
  return true;
}

static bool compare_and_set(const kv_linear_op *op, const kv_linear_value *state,
                            kv_linear_value *next) {
  const bool done = kv_linear_value_equal(state, &op->expected);
  *next = done ? op->value : *state;
  return op->unknown || done == (op->result != 0);
}

static bool append(const kv_linear_op *op, const kv_linear_value *state, kv_linear_value *next) {
  *next = kv_linear_value_append(state, &op->value);
  return op->unknown || next->length == (uint64_t)op->result;
}

/* Can the operation be done on this value with the result that was seen? Then *next is left. */
static bool apply(const kv_linear_op *op, const kv_linear_value *state, kv_linear_value *next) {
  *next = *state;
  switch (op->kind) {
  case KV_LINEAR_READ: return kv_linear_value_equal(state, &op->value);
  case KV_LINEAR_WRITE: *next = op->value; return true;
  case KV_LINEAR_DELETE:
    *next = (kv_linear_value){0};
    return op->unknown || state->present == (op->result != 0);
  case KV_LINEAR_CAS: return compare_and_set(op, state, next);
  case KV_LINEAR_ADD: return add(op, state, next);
  case KV_LINEAR_APPEND: return append(op, state, next);
  }
  return false;
}

bool kv_linear_has_no_effect(const kv_linear_op *op) {
  return op->kind == KV_LINEAR_READ ||
         (op->kind == KV_LINEAR_CAS && !op->unknown && op->result == 0);
}

/* Does it leave the same whatever was there, and learn nothing of it? */
static bool is_blind(const kv_linear_op *op) {
  return op->kind == KV_LINEAR_WRITE || (op->kind == KV_LINEAR_DELETE && op->unknown);
}

/* ---- configurations that were entered ---- */

typedef struct mark {
  uint64_t low;
  uint64_t high;
} mark;

typedef struct memory {
  mark *slots; /* all zero: free */
  size_t room; /* a power of two */
  size_t count;
} memory;

static uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

static mark mark_of_op(size_t index) {
  return (mark){mix(index * 2 + UINT64_C(0x9e3779b97f4a7c15)),
                mix(index * 2 + UINT64_C(0xd1b54a32d192ed04))};
}

static mark mark_of(mark chosen, const kv_linear_value *state) {
  const uint64_t shape = state->length * 2 + (state->present ? 1 : 0);
  return (mark){mix(chosen.low + state->digest[0] * UINT64_C(0x9e3779b97f4a7c15)) + shape,
                mix(chosen.high ^ (state->digest[1] + shape)) | 1};
}

/* The slot of the mark, or the free one where it belongs. */
static mark *find_slot(mark *slots, size_t room, mark wanted) {
  size_t at = (size_t)wanted.low & (room - 1);
  while (slots[at].high != 0 && (slots[at].high != wanted.high || slots[at].low != wanted.low)) {
    at = (at + 1) & (room - 1);
  }
  return &slots[at];
}

static bool grow(memory *known) {
  const size_t room = known->room == 0 ? 1024 : known->room * 2;
  mark *slots = calloc(room, sizeof(*slots));
  if (slots == NULL) {
    return false;
  }
  for (size_t i = 0; i < known->room; i++) {
    if (known->slots[i].high != 0) {
      *find_slot(slots, room, known->slots[i]) = known->slots[i];
    }
  }
  free(known->slots);
  known->slots = slots;
  known->room = room;
  return true;
}

/* ---- the search ---- */

typedef struct entry entry;
struct entry {
  entry *previous;
  entry *next;
  entry *end; /* of a begin; NULL: this is an end */
  size_t op;
  uint64_t time;
};

typedef struct frame {
  size_t op;
  entry *begin; /* NULL: of unknown outcome */
  size_t place; /* then: where in the list of these, and the first end that was not passed */
  entry *at;
  kv_linear_value before;
  bool alone; /* nothing else need be tried in its place */
} frame;

typedef struct search {
  const kv_linear_op *ops;
  size_t count;
  entry *entries;
  entry head;      /* before the first */
  size_t *unknown; /* operations of unknown outcome, by begin */
  size_t unknowns;
  size_t *twins; /* of each in `unknown`: the place of the one before that does the same, + 1 */
  bool *used;    /* of each in `unknown` */
  frame *frames;
  size_t depth;
  size_t left; /* ended operations to be chosen */
  mark chosen;
  kv_linear_value state;
  memory known;
  uint64_t limit;
  /* Where to go on: in the list of entries, and at its first end in that of unknown outcomes. */
  entry *at;
  size_t place;
} search;

typedef enum step {
  STEP_ENTERED,
  STEP_FOUND,
  STEP_NEXT, /* not this candidate */
  STEP_DEAD, /* no candidate is left, or none is of use */
  STEP_GIVE_UP
} step;

static void take_out(const entry *one) {
  one->previous->next = one->next;
  if (one->next != NULL) {
    one->next->previous = one->previous;
  }
}

static void put_back(entry *one) {
  one->previous->next = one;
  if (one->next != NULL) {
    one->next->previous = one;
  }
}

static void toggle(search *run, size_t op) {
  const mark of_op = mark_of_op(op);
  run->chosen.low ^= of_op.low;
  run->chosen.high ^= of_op.high;
}

/* Remembers the configuration with this value. */
static step remember(search *run, const kv_linear_value *state) {
  if (run->known.count * 2 >= run->known.room && !grow(&run->known)) {
    return STEP_GIVE_UP;
  }
  const mark here = mark_of(run->chosen, state);
  mark *slot = find_slot(run->known.slots, run->known.room, here);
  if (slot->high != 0) {
    return STEP_NEXT;
  }
  if (run->known.count >= run->limit) {
    return STEP_GIVE_UP;
  }
  *slot = here;
  run->known.count++;
  return STEP_ENTERED;
}

/* Enters the configuration after `op`, unless it was entered before. */
static step enter(search *run, frame chosen, const kv_linear_value *next) {
  toggle(run, chosen.op);
  const step result = remember(run, next);
  if (result != STEP_ENTERED) {
    toggle(run, chosen.op);
    return result;
  }
  run->frames[run->depth++] = chosen;
  run->state = *next;
  if (chosen.begin != NULL) {
    take_out(chosen.begin);
    take_out(chosen.begin->end);
    run->left--;
  } else {
    run->used[chosen.place] = true;
  }
  run->at = run->head.next;
  run->place = 0;
  return run->left == 0 ? STEP_FOUND : STEP_ENTERED;
}

static void leave(search *run, const frame *last) {
  toggle(run, last->op);
  run->state = last->before;
  if (last->begin != NULL) {
    put_back(last->begin->end);
    put_back(last->begin);
    run->left++;
    run->at = last->begin->next;
    run->place = 0;
  } else {
    run->used[last->place] = false;
    run->at = last->at;
    run->place = last->place + 1;
  }
}

/* Undoes the last choice that has an alternative; false: there is none. */
static bool go_back(search *run) {
  while (run->depth > 0) {
    const frame *last = &run->frames[--run->depth];
    leave(run, last);
    if (!last->alone) {
      return true;
    }
  }
  return false;
}

static bool is_overwritten_unseen(const search *run, const kv_linear_op *op) {
  return is_blind(op) && run->depth > 0 && run->frames[run->depth - 1].begin == NULL;
}

static step try_ended(search *run, entry *begin) {
  const kv_linear_op *op = &run->ops[begin->op];
  kv_linear_value next;
  if (is_overwritten_unseen(run, op) || !apply(op, &run->state, &next)) {
    return STEP_NEXT;
  }
  const frame chosen = {
      .op = begin->op, .begin = begin, .before = run->state, .alone = kv_linear_has_no_effect(op)};
  const step result = enter(run, chosen, &next);
  return result == STEP_NEXT && chosen.alone ? STEP_DEAD : result;
}

static step try_unknown(search *run, size_t place) {
  const kv_linear_op *op = &run->ops[run->unknown[place]];
  const bool twin_left = run->twins[place] != 0 && !run->used[run->twins[place] - 1];
  kv_linear_value next;
  if (run->used[place] || twin_left || is_overwritten_unseen(run, op) ||
      !apply(op, &run->state, &next) || kv_linear_value_equal(&next, &run->state)) {
    return STEP_NEXT;
  }
  const frame chosen = {
      .op = run->unknown[place], .place = place, .at = run->at, .before = run->state};
  return enter(run, chosen, &next);
}

/* The next candidate: begins up to the first end, then what began before that and never ended. */
static step try_next(search *run) {
  entry *at = run->at;
  if (at->end != NULL) {
    run->at = at->next;
    return try_ended(run, at);
  }
  const size_t place = run->place++;
  if (place >= run->unknowns || run->ops[run->unknown[place]].begun > at->time) {
    return STEP_DEAD;
  }
  return try_unknown(run, place);
}

static kv_linear_verdict look_for_an_order(search *run) {
  step result = run->left == 0 ? STEP_FOUND : STEP_ENTERED;
  while (result != STEP_FOUND && result != STEP_GIVE_UP) {
    result = try_next(run);
    if (result == STEP_DEAD && !go_back(run)) {
      return KV_LINEAR_WRONG;
    }
  }
  return result == STEP_FOUND ? KV_LINEAR_RIGHT : KV_LINEAR_GAVE_UP;
}

/* ---- the lists ---- */

/* At the same time begins come first: what touches may be in either order. */
static int by_time(const void *a, const void *b) {
  const entry *left = a;
  const entry *right = b;
  if (left->time != right->time) {
    return left->time < right->time ? -1 : 1;
  }
  const int ends = (left->end == NULL) - (right->end == NULL);
  return ends != 0 ? ends : (left->op > right->op) - (left->op < right->op);
}

/* Sorted entries know their operation only; links the two of each, and neighbours. */
static void link_entries(search *run, size_t entries, entry **begins) {
  entry *last = &run->head;
  for (size_t i = 0; i < entries; i++) {
    entry *one = &run->entries[i];
    if (one->end != NULL) {
      begins[one->op] = one;
    } else {
      begins[one->op]->end = one;
    }
    one->previous = last;
    last->next = one;
    last = one;
  }
}

static void list_ended(search *run, entry **begins) {
  size_t entries = 0;
  for (size_t i = 0; i < run->count; i++) {
    const kv_linear_op *op = &run->ops[i];
    if (!op->unknown) {
      const uint64_t ended = op->ended < op->begun ? op->begun : op->ended;
      /* Any pointer marks a begin until its end has its place. */
      run->entries[entries++] = (entry){.op = i, .time = op->begun, .end = &run->head};
      run->entries[entries++] = (entry){.op = i, .time = ended};
    }
  }
  run->left = entries / 2;
  qsort(run->entries, entries, sizeof(*run->entries), by_time);
  link_entries(run, entries, begins);
}

static bool do_the_same(const kv_linear_op *a, const kv_linear_op *b) {
  return a->kind == b->kind && a->number == b->number &&
         kv_linear_value_equal(&a->value, &b->value) &&
         kv_linear_value_equal(&a->expected, &b->expected);
}

/* Place + 1 of the last before `place` that does the same; not looking far. */
static size_t find_twin(const search *run, size_t place) {
  const size_t far = place > 1000 ? place - 1000 : 0;
  for (size_t i = place; i > far; i--) {
    if (do_the_same(&run->ops[run->unknown[i - 1]], &run->ops[run->unknown[place]])) {
      return i;
    }
  }
  return 0;
}

/* Does the operation's result tell more of a value than that it is a certain one? */
static bool sees_any_value(const kv_linear_op *op) {
  switch (op->kind) {
  case KV_LINEAR_READ:
  case KV_LINEAR_WRITE: return false;
  case KV_LINEAR_CAS: return !op->unknown && op->result == 0;
  case KV_LINEAR_DELETE: return !op->unknown;
  case KV_LINEAR_ADD:
  case KV_LINEAR_APPEND: return true;
  }
  return true;
}

static bool is_seen(const search *run, const kv_linear_value *value) {
  for (size_t i = 0; i < run->count; i++) {
    const kv_linear_op *op = &run->ops[i];
    if ((op->kind == KV_LINEAR_READ && kv_linear_value_equal(&op->value, value)) ||
        (op->kind == KV_LINEAR_CAS && kv_linear_value_equal(&op->expected, value))) {
      return true;
    }
  }
  return false;
}

/* Where results tell of certain values only, a write of one that is in no result explains nothing.
 */
static bool may_matter(const search *run, const kv_linear_op *op, bool any_value_is_seen) {
  return op->kind != KV_LINEAR_READ &&
         (any_value_is_seen || op->kind == KV_LINEAR_DELETE || is_seen(run, &op->value));
}

static void list_unknown(search *run) {
  bool any_value_is_seen = false;
  for (size_t i = 0; i < run->count; i++) {
    any_value_is_seen = any_value_is_seen || sees_any_value(&run->ops[i]);
  }
  for (size_t i = 0; i < run->count; i++) {
    if (run->ops[i].unknown && may_matter(run, &run->ops[i], any_value_is_seen)) {
      run->unknown[run->unknowns] = i;
      run->twins[run->unknowns] = find_twin(run, run->unknowns);
      run->unknowns++;
    }
  }
}

kv_linear_verdict kv_linear_check_key(const kv_linear_op *ops, size_t count, uint64_t limit,
                                      uint64_t *configurations) {
  const size_t room = count + 1;
  search run = {.ops = ops, .count = count, .limit = limit == 0 ? KV_LINEAR_LIMIT : limit};
  entry **begins = calloc(room, sizeof(entry *));
  run.entries = calloc(room * 2, sizeof(*run.entries));
  run.unknown = calloc(room, sizeof(*run.unknown));
  run.twins = calloc(room, sizeof(*run.twins));
  run.used = calloc(room, sizeof(*run.used));
  run.frames = calloc(room, sizeof(*run.frames));
  kv_linear_verdict verdict = KV_LINEAR_GAVE_UP;
  if (begins != NULL && run.entries != NULL && run.unknown != NULL && run.twins != NULL &&
      run.used != NULL && run.frames != NULL) {
    list_ended(&run, begins);
    list_unknown(&run);
    run.at = run.head.next;
    verdict = look_for_an_order(&run);
  }
  if (configurations != NULL) {
    *configurations = run.known.count;
  }
  free(begins);
  free(run.entries);
  free(run.unknown);
  free(run.twins);
  free(run.used);
  free(run.frames);
  free(run.known.slots);
  return verdict;
}
