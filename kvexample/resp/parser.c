/* parser.c - finds Redis requests in the bytes that a client sent.
 *
 * A request is an array of bulk strings, or a line of words ("inline"). Line ends, limits and
 * error texts are those of Redis 7, down to the carriage return that alone ends a length line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "resp/parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "engine/engine.h"
#include "resp/inline.h"

/* Room for arguments that survives a request; more is given back. */
enum { ARGS_KEPT = 128, ARGS_FIRST = 16 };

kv_resp_limits kv_resp_default_limits(void) {
  return (kv_resp_limits){.bulk_bytes = 2 * (size_t)KV_MAX_VALUE,
                          .request_bytes = (size_t)32 << 20,
                          .line_bytes = (size_t)64 << 10,
                          .argument_count = (size_t)1 << 20};
}

void kv_resp_parser_init(kv_resp_parser *parser, const kv_resp_limits *limits) {
  memset(parser, 0, sizeof *parser);
  parser->limits = *limits;
}

static void drop_room(kv_resp_parser *parser) {
  free(parser->args);
  free(parser->offsets);
  parser->args = NULL;
  parser->offsets = NULL;
  parser->arg_room = 0;
}

void kv_resp_parser_free(kv_resp_parser *parser) {
  drop_room(parser);
}

static kv_resp_state fail(kv_resp_parser *parser, const char *text) {
  (void)snprintf(parser->error_text, sizeof parser->error_text, "ERR Protocol error: %s", text);
  return KV_RESP_ERROR;
}

static kv_resp_state out_of_memory(kv_resp_parser *parser) {
  (void)snprintf(parser->error_text, sizeof parser->error_text,
                 "ERR out of memory for the arguments of a request");
  return KV_RESP_ERROR;
}

static kv_resp_state more(kv_resp_parser *parser, size_t wanted) {
  parser->wanted = wanted;
  return KV_RESP_MORE;
}

static bool make_room(kv_resp_parser *parser) {
  if (parser->arg_count < parser->arg_room) {
    return true;
  }
  const size_t room = parser->arg_room == 0 ? ARGS_FIRST : parser->arg_room * 2;
  raft_slice *args = realloc(parser->args, room * sizeof *args);
  if (args != NULL) {
    parser->args = args;
  }
  size_t *offsets = realloc(parser->offsets, room * sizeof *offsets);
  if (offsets != NULL) {
    parser->offsets = offsets;
  }
  if (args == NULL || offsets == NULL) {
    return false;
  }
  parser->arg_room = room;
  return true;
}

bool kv_resp_parser_add(kv_resp_parser *parser, size_t offset, size_t len) {
  if (!make_room(parser)) {
    return false;
  }
  parser->offsets[parser->arg_count] = offset;
  parser->args[parser->arg_count].len = len;
  parser->arg_count++;
  return true;
}

static void begin_request(kv_resp_parser *parser) {
  if (parser->arg_room > ARGS_KEPT) {
    drop_room(parser);
  }
  parser->arg_count = 0;
  parser->consumed = 0;
}

static kv_resp_state end_request(kv_resp_parser *parser, const char *data) {
  for (size_t i = 0; i < parser->arg_count; i++) {
    parser->args[i].data = data + parser->offsets[i];
  }
  parser->consumed = parser->position;
  parser->position = 0;
  parser->searched = 0;
  parser->in_array = false;
  return parser->arg_count == 0 ? KV_RESP_EMPTY : KV_RESP_REQUEST;
}

/* The end of the line that begins at position, or NULL. Remembers how far it has looked. */
static const char *line_end(kv_resp_parser *parser, const char *data, size_t len, char end) {
  if (parser->searched < parser->position) {
    parser->searched = parser->position;
  }
  const char *found = memchr(data + parser->searched, end, len - parser->searched);
  parser->searched = found == NULL ? len : (size_t)(found - data);
  return found;
}

static kv_resp_state parse_inline(kv_resp_parser *parser, char *data, size_t len) {
  const char *end = line_end(parser, data, len, '\n');
  if (parser->searched > parser->limits.line_bytes) {
    return fail(parser, "too big inline request");
  }
  if (end == NULL) {
    return more(parser, len + 1);
  }
  parser->position = (size_t)(end - data) + 1;
  size_t line = (size_t)(end - data);
  if (line > 0 && data[line - 1] == '\r') {
    line--;
  }
  switch (kv_resp_split_words(parser, data, line)) {
  case KV_WORDS_OK: return end_request(parser, data);
  case KV_WORDS_UNBALANCED: return fail(parser, "unbalanced quotes in request");
  case KV_WORDS_NO_MEMORY: break;
  }
  return out_of_memory(parser);
}

/* Reads the number of a line such as "*3\r\n" or "$5\r\n" and moves behind the line. */
static kv_resp_state parse_length(kv_resp_parser *parser, const char *data, size_t len,
                                  const char *too_big, bool *valid, int64_t *number) {
  const char *end = line_end(parser, data, len, '\r');
  if (parser->searched - parser->position > parser->limits.line_bytes) {
    return fail(parser, too_big);
  }
  if (end == NULL) {
    return more(parser, len + 1);
  }
  const size_t line = (size_t)(end - data);
  if (line + 2 > len) {
    return more(parser, line + 2);
  }
  const size_t first = parser->position + 1;
  *valid = kv_decimal_parse(data + first, line - first, number);
  parser->position = line + 2;
  return KV_RESP_REQUEST;
}

static kv_resp_state parse_array_header(kv_resp_parser *parser, const char *data, size_t len) {
  bool valid = false;
  int64_t count = 0;
  const kv_resp_state state =
      parse_length(parser, data, len, "too big mbulk count string", &valid, &count);
  if (state != KV_RESP_REQUEST) {
    return state;
  }
  if (!valid || count > (int64_t)parser->limits.argument_count) {
    return fail(parser, "invalid multibulk length");
  }
  parser->remaining = count > 0 ? (size_t)count : 0;
  parser->in_array = true;
  return KV_RESP_REQUEST;
}

static kv_resp_state unexpected_byte(kv_resp_parser *parser, char byte) {
  char text[32];
  const bool line_break = byte == '\r' || byte == '\n';
  (void)snprintf(text, sizeof text, "expected '$', got '%c'", line_break ? ' ' : byte);
  return fail(parser, text);
}

static kv_resp_state parse_bulk_header(kv_resp_parser *parser, const char *data, size_t len) {
  if (parser->position < len && data[parser->position] != '$') {
    /* As Redis: the complaint comes when the line is complete. */
    if (line_end(parser, data, len, '\r') != NULL) {
      return unexpected_byte(parser, data[parser->position]);
    }
  }
  bool valid = false;
  int64_t bytes = 0;
  const kv_resp_state state =
      parse_length(parser, data, len, "too big bulk count string", &valid, &bytes);
  if (state != KV_RESP_REQUEST) {
    return state;
  }
  if (!valid || bytes < 0 || bytes > (int64_t)parser->limits.bulk_bytes) {
    return fail(parser, "invalid bulk length");
  }
  parser->bulk_len = (size_t)bytes;
  if (parser->position + parser->bulk_len + 2 > parser->limits.request_bytes) {
    return fail(parser, "too big request");
  }
  parser->in_bulk = true;
  return KV_RESP_REQUEST;
}

static kv_resp_state parse_bulk(kv_resp_parser *parser, const char *data, size_t len) {
  if (!parser->in_bulk) {
    const kv_resp_state state = parse_bulk_header(parser, data, len);
    if (state != KV_RESP_REQUEST) {
      return state;
    }
  }
  const size_t end = parser->position + parser->bulk_len + 2;
  if (len < end) {
    return more(parser, end);
  }
  if (!kv_resp_parser_add(parser, parser->position, parser->bulk_len)) {
    return out_of_memory(parser);
  }
  parser->position = end;
  parser->in_bulk = false;
  parser->remaining--;
  return KV_RESP_REQUEST;
}

static kv_resp_state parse_array(kv_resp_parser *parser, const char *data, size_t len) {
  if (!parser->in_array) {
    const kv_resp_state state = parse_array_header(parser, data, len);
    if (state != KV_RESP_REQUEST) {
      return state;
    }
  }
  while (parser->remaining > 0) {
    const kv_resp_state state = parse_bulk(parser, data, len);
    if (state != KV_RESP_REQUEST) {
      return state;
    }
  }
  return end_request(parser, data);
}

kv_resp_state kv_resp_parse(kv_resp_parser *parser, char *data, size_t len) {
  if (parser->position == 0 && parser->searched == 0) {
    begin_request(parser);
  }
  if (len == 0) {
    return more(parser, 1);
  }
  return data[0] == '*' ? parse_array(parser, data, len) : parse_inline(parser, data, len);
}
