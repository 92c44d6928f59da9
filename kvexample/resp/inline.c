/* inline.c - splits a line of words, some of them in quotes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "resp/inline.h"

/* One line being read at `from` and rewritten at `to`, which never overtakes. */
typedef struct line_cursor {
  char *line;
  size_t len;
  size_t from;
  size_t to;
} line_cursor;

static bool is_blank(char byte) {
  return byte == ' ' || (byte >= '\t' && byte <= '\r') || byte == '\0';
}

static int hex_digit(char byte) {
  if (byte >= '0' && byte <= '9') {
    return byte - '0';
  }
  if (byte >= 'a' && byte <= 'f') {
    return byte - 'a' + 10;
  }
  return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

static char escaped(char byte) {
  switch (byte) {
  case 'n': return '\n';
  case 'r': return '\r';
  case 't': return '\t';
  case 'b': return '\b';
  case 'a': return '\a';
  default: return byte;
  }
}

static void put(line_cursor *cursor, char byte, size_t taken) {
  cursor->line[cursor->to++] = byte;
  cursor->from += taken;
}

/* One character inside double quotes, escapes included. */
static void take_escapable(line_cursor *cursor) {
  const char *at = cursor->line + cursor->from;
  const size_t left = cursor->len - cursor->from;
  if (left >= 4 && at[0] == '\\' && at[1] == 'x' && hex_digit(at[2]) >= 0 &&
      hex_digit(at[3]) >= 0) {
    put(cursor, (char)(unsigned char)(hex_digit(at[2]) * 16 + hex_digit(at[3])), 4);
  } else if (left >= 2 && at[0] == '\\') {
    put(cursor, escaped(at[1]), 2);
  } else {
    put(cursor, at[0], 1);
  }
}

/* The inside of quotes and the closing one; false: not closed, or something sticks to it. */
static bool take_quoted(line_cursor *cursor, char quote) {
  cursor->from++;
  while (cursor->from < cursor->len && cursor->line[cursor->from] != quote) {
    const char *at = cursor->line + cursor->from;
    if (quote == '"') {
      take_escapable(cursor);
    } else if (cursor->len - cursor->from >= 2 && at[0] == '\\' && at[1] == '\'') {
      put(cursor, '\'', 2);
    } else {
      put(cursor, at[0], 1);
    }
  }
  if (cursor->from == cursor->len) {
    return false;
  }
  cursor->from++;
  return cursor->from == cursor->len || is_blank(cursor->line[cursor->from]);
}

static bool take_word(line_cursor *cursor) {
  while (cursor->from < cursor->len && !is_blank(cursor->line[cursor->from])) {
    const char byte = cursor->line[cursor->from];
    if (byte == '"' || byte == '\'') {
      return take_quoted(cursor, byte);
    }
    put(cursor, byte, 1);
  }
  return true;
}

kv_words kv_resp_split_words(kv_resp_parser *parser, char *line, size_t len) {
  line_cursor cursor = {.line = line, .len = len};
  while (true) {
    while (cursor.from < len && is_blank(line[cursor.from])) {
      cursor.from++;
    }
    if (cursor.from == len) {
      return KV_WORDS_OK;
    }
    const size_t begin = cursor.from;
    cursor.to = begin;
    if (!take_word(&cursor)) {
      return KV_WORDS_UNBALANCED;
    }
    if (!kv_resp_parser_add(parser, begin, cursor.to - begin)) {
      return KV_WORDS_NO_MEMORY;
    }
  }
}
