/* parser.h - finds Redis requests in the bytes that a client sent.
 *
 * The caller keeps the bytes in one buffer that begins with the current request; the parser
 * remembers offsets only, so the buffer may grow and move between calls. Arguments point into the
 * buffer: nothing is copied. Every byte is looked at once, however the input is cut.
 *
 * Memory is bounded: room for arguments grows with arguments that have arrived, never with a
 * count that was only announced, and a request that announces more than the limits is an error
 * before its bytes are awaited.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RESP_PARSER_H
#define KV_RESP_PARSER_H

#include <libraft/bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kv_resp_limits {
  size_t bulk_bytes;     /* one argument */
  size_t request_bytes;  /* one request, protocol included */
  size_t line_bytes;     /* an inline request, and every length line */
  size_t argument_count; /* of one request */
} kv_resp_limits;

/* Twice the longest value (so that a value that is too long gets an error, not a closed
 * connection), 32 MiB, 64 KiB, 1 048 576. */
kv_resp_limits kv_resp_default_limits(void);

typedef enum kv_resp_state {
  KV_RESP_MORE,    /* the request is not complete; nothing to discard */
  KV_RESP_REQUEST, /* args and arg_count are valid until the buffer changes */
  KV_RESP_EMPTY,   /* an empty line or array: no answer is due */
  KV_RESP_ERROR    /* error_text; answer with it and close */
} kv_resp_state;

typedef struct kv_resp_parser {
  kv_resp_limits limits;

  /* The result. */
  raft_slice *args;
  size_t arg_count;
  size_t consumed;     /* bytes of the request; discard them before the next call */
  size_t wanted;       /* with MORE: bytes that the buffer must have before another try helps */
  char error_text[96]; /* "ERR Protocol error: ..." */

  /* Where the parser stands in the current request. */
  size_t position;  /* everything before it is understood */
  size_t searched;  /* no line end before it */
  size_t remaining; /* arguments still to come */
  size_t bulk_len;
  bool in_array;
  bool in_bulk;

  size_t *offsets; /* of args, until the request is complete */
  size_t arg_room;
} kv_resp_parser;

void kv_resp_parser_init(kv_resp_parser *parser, const kv_resp_limits *limits);
void kv_resp_parser_free(kv_resp_parser *parser);

/* Looks for one request at the front of data[0, len). With the same request each call must see at
 * least the bytes of the one before. Inline arguments in quotes are unquoted in place. After
 * REQUEST and EMPTY the next call begins a new request; after ERROR there is no next call. */
kv_resp_state kv_resp_parse(kv_resp_parser *parser, char *data, size_t len);

#endif
