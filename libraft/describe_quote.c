/* describe_quote.c - bytes as a Go string literal.
 *
 * Payloads are arbitrary bytes. Valid UTF-8 of printable runes is shown as it is; a byte that is
 * part of no valid UTF-8 sequence, and a rune that cannot be seen, is escaped.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "describe_text.h"

/* A rune and the bytes that it takes; width 0: `at` starts no valid sequence. */
typedef struct decoded {
  uint32_t rune;
  size_t width;
} decoded;

/* Length of the sequence that a first byte announces, and the smallest rune that needs it. */
static size_t announced_width(unsigned char first, uint32_t *smallest) {
  if (first < 0x80) {
    *smallest = 0;
    return 1;
  }
  if (first >= 0xc2 && first <= 0xdf) {
    *smallest = 0x80;
    return 2;
  }
  if (first >= 0xe0 && first <= 0xef) {
    *smallest = 0x800;
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    *smallest = 0x10000;
    return 4;
  }
  return 0;
}

static bool is_surrogate(uint32_t rune) {
  return rune >= 0xd800 && rune <= 0xdfff;
}

static decoded decode_rune(const unsigned char *at, size_t left) {
  static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  const decoded invalid = {at[0], 0};
  uint32_t smallest = 0;
  size_t width = announced_width(at[0], &smallest);
  if (width == 0 || width > left) {
    return invalid;
  }
  uint32_t rune = at[0] & first_bits[width];
  for (size_t i = 1; i < width; i++) {
    if ((at[i] & 0xc0) != 0x80) {
      return invalid;
    }
    rune = (rune << 6) | (at[i] & 0x3f);
  }
  if (rune < smallest || rune > 0x10ffff || is_surrogate(rune)) {
    return invalid;
  }
  return (decoded){rune, width};
}

/* The letter of a two-character escape, or 0. */
static char short_escape(uint32_t rune) {
  switch (rune) {
  case '"': return '"';
  case '\\': return '\\';
  case '\a': return 'a';
  case '\b': return 'b';
  case '\f': return 'f';
  case '\n': return 'n';
  case '\r': return 'r';
  case '\t': return 't';
  case '\v': return 'v';
  default: return '\0';
  }
}

static void escape(raft_text *text, decoded what) {
  char letter = short_escape(what.rune);
  if (what.width == 0 || (letter == '\0' && what.rune < 0x80)) {
    raft_text_format(text, "\\x%02x", (unsigned)what.rune);
  } else if (letter != '\0') {
    raft_text_char(text, '\\');
    raft_text_char(text, letter);
  } else if (what.rune < 0x10000) {
    raft_text_format(text, "\\u%04x", (unsigned)what.rune);
  } else {
    raft_text_format(text, "\\U%08x", (unsigned)what.rune);
  }
}

void raft_text_quote(raft_text *text, raft_slice bytes) {
  const unsigned char *at = bytes.data;
  size_t left = bytes.len;
  raft_text_char(text, '"');
  while (left > 0) {
    decoded what = decode_rune(at, left);
    size_t taken = what.width > 0 ? what.width : 1;
    if (what.width == 0 || short_escape(what.rune) != '\0' || !raft_rune_is_printable(what.rune)) {
      escape(text, what);
    } else {
      for (size_t i = 0; i < taken; i++) {
        raft_text_char(text, (char)at[i]);
      }
    }
    at += taken;
    left -= taken;
  }
  raft_text_char(text, '"');
}
