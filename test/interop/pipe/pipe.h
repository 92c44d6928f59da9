/* pipe.h - requests in and answers out, framed, for the programs that Go drives.
 *
 * A frame is its length in 4 bytes, then the content; all numbers are little-endian. Request: a
 * letter, two numbers of 8 bytes, bytes. Answer: a code in 4 bytes, then records: a letter, two
 * numbers, the length of its bytes in 4, the bytes.
 *
 * When memory runs out, or the driver sends what is no frame, the program says so and exits: the
 * driver notices.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef INTEROP_PIPE_H
#define INTEROP_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libraft/bytes.h>

struct pipe_request {
  char letter;
  uint64_t a;
  uint64_t b;
  raft_bytes bytes;
};

/* All zero: empty. */
struct pipe_answer {
  unsigned char *data;
  size_t len;
  size_t capacity;
};

/* Serves requests of standard input until it ends: serve() returns the code of the answer and puts
 * the records. */
void pipe_serve(int (*serve)(void *ctx, const struct pipe_request *request,
                             struct pipe_answer *answer),
                void *ctx);

void pipe_put(struct pipe_answer *answer, char letter, uint64_t a, uint64_t b, const void *data,
              size_t len);

/* The number at 8 * position of the bytes. */
uint64_t pipe_number(raft_bytes bytes, size_t position);

/* Prints what went wrong, with the library's word for the code, and exits. */
__attribute__((noreturn)) void pipe_give_up(const char *what, int code);
/* Gives up unless the code is RAFT_OK. */
void pipe_must(int code, const char *what);
/* realloc that gives up when there is no memory. */
void *pipe_allocate(void *memory, size_t size);

#endif
