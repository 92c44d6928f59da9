/* glob.c - Redis' patterns for keys.
 *
 * Only the last star seen can matter: if what follows it fits nowhere, no earlier star helps. So
 * there is one place to go back to and no recursion.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/glob.h"

#include <stddef.h>

typedef struct glob {
  const unsigned char *pattern;
  size_t len;
} glob;

static bool in_range(unsigned char byte, unsigned char a, unsigned char b) {
  return a <= b ? byte >= a && byte <= b : byte >= b && byte <= a;
}

/* One member of a set at `at`: a byte, an escaped byte or a range; returns where the next begins.
 */
static size_t set_member(const glob *g, size_t at, unsigned char byte, bool *found) {
  const unsigned char *p = g->pattern + at;
  size_t left = g->len - at;
  if (left >= 2 && p[0] == '\\') {
    *found |= p[1] == byte;
    return at + 2;
  }
  if (left >= 3 && p[1] == '-') {
    *found |= in_range(byte, p[0], p[2]);
    return at + 3;
  }
  *found |= p[0] == byte;
  return at + 1;
}

/* The set whose `[` is before `at`; *at moves behind its `]`. */
static bool set_matches(const glob *g, size_t *at, unsigned char byte) {
  bool found = false;
  bool negated = *at < g->len && g->pattern[*at] == '^';
  if (negated) {
    ++*at;
  }
  while (*at < g->len && g->pattern[*at] != ']') {
    *at = set_member(g, *at, byte, &found);
  }
  if (*at < g->len) {
    ++*at;
  }
  return found != negated;
}

/* Does the element at *at, which is not a star, take this byte? *at moves behind it. */
static bool element_matches(const glob *g, size_t *at, unsigned char byte) {
  unsigned char c = g->pattern[(*at)++];
  switch (c) {
  case '?': return true;
  case '[': return set_matches(g, at, byte);
  case '\\':
    if (*at < g->len) {
      c = g->pattern[(*at)++];
    }
    return c == byte;
  default: return c == byte;
  }
}

static bool only_stars(const glob *g, size_t at) {
  while (at < g->len && g->pattern[at] == '*') {
    at++;
  }
  return at == g->len;
}

bool kv_glob_match(raft_slice pattern, raft_slice text, uint64_t *work) {
  const glob g = {pattern.data, pattern.len};
  const unsigned char *bytes = text.data;
  size_t at = 0, done = 0;                     /* in the pattern, in the text */
  size_t after_star = SIZE_MAX, star_done = 0; /* SIZE_MAX: no star yet */
  uint64_t steps = 0;
  while (done < text.len) {
    size_t next = at;
    if (at < g.len && g.pattern[at] == '*') {
      after_star = ++at;
      star_done = done;
    } else if (at < g.len && element_matches(&g, &next, bytes[done])) {
      at = next;
      done++;
    } else if (after_star != SIZE_MAX) {
      at = after_star; /* the star takes one byte more */
      done = ++star_done;
    } else {
      break;
    }
    steps += 1 + (next > at ? next - at : at - next);
  }
  if (work != NULL) {
    *work += steps + 1;
  }
  return done == text.len && only_stars(&g, at);
}
