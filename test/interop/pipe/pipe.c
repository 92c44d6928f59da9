/* pipe.c - requests in and answers out, framed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "pipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libraft/error.h>

enum { MOST_BYTES = 1 << 26, REQUEST_HEAD = 17 };

void pipe_give_up(const char *what, int code) {
  (void)fprintf(stderr, "interop: %s: %s\n", what, raft_error_string(code));
  exit(3);
}

void pipe_must(int code, const char *what) {
  if (code != RAFT_OK) {
    pipe_give_up(what, code);
  }
}

void *pipe_allocate(void *memory, size_t size) {
  void *allocated = realloc(memory, size > 0 ? size : 1);
  if (allocated == NULL) {
    pipe_give_up("memory", RAFT_ENOMEM);
  }
  return allocated;
}

/* --- numbers --- */

static uint64_t number_of(const unsigned char *bytes, size_t size) {
  uint64_t number = 0;
  for (size_t i = 0; i < size; i++) {
    number |= (uint64_t)bytes[i] << (8 * i);
  }
  return number;
}

static void write_number(unsigned char *bytes, uint64_t number, size_t size) {
  for (size_t i = 0; i < size; i++) {
    bytes[i] = (unsigned char)(number >> (8 * i));
  }
}

uint64_t pipe_number(raft_bytes bytes, size_t position) {
  if (8 * position + 8 > bytes.len) {
    pipe_give_up("request", RAFT_EINVAL);
  }
  return number_of((const unsigned char *)bytes.data + 8 * position, 8);
}

/* --- answers --- */

static void put(struct pipe_answer *answer, const void *data, size_t len) {
  if (answer->capacity - answer->len < len) {
    answer->capacity = 2 * (answer->len + len);
    answer->data = pipe_allocate(answer->data, answer->capacity);
  }
  if (len > 0) {
    memcpy(answer->data + answer->len, data, len);
    answer->len += len;
  }
}

static void put_number(struct pipe_answer *answer, uint64_t number, size_t size) {
  unsigned char bytes[8];
  write_number(bytes, number, size);
  put(answer, bytes, size);
}

void pipe_put(struct pipe_answer *answer, char letter, uint64_t a, uint64_t b, const void *data,
              size_t len) {
  put(answer, &letter, 1);
  put_number(answer, a, 8);
  put_number(answer, b, 8);
  put_number(answer, len, 4);
  put(answer, data, len);
}

static void send_answer(struct pipe_answer *answer, int code) {
  unsigned char head[4];
  write_number(answer->data, (uint32_t)code, 4);
  write_number(head, answer->len, 4);
  (void)fwrite(head, 1, sizeof head, stdout);
  (void)fwrite(answer->data, 1, answer->len, stdout);
  (void)fflush(stdout);
}

/* --- requests --- */

static unsigned char *read_frame(size_t *len) {
  unsigned char head[4];
  if (fread(head, 1, sizeof head, stdin) != sizeof head) {
    return NULL;
  }
  *len = (size_t)number_of(head, 4);
  if (*len < REQUEST_HEAD || *len > MOST_BYTES) {
    pipe_give_up("frame", RAFT_ELIMIT);
  }
  unsigned char *frame = pipe_allocate(NULL, *len);
  if (fread(frame, 1, *len, stdin) != *len) {
    pipe_give_up("frame", RAFT_EINVAL);
  }
  return frame;
}

void pipe_serve(int (*serve)(void *ctx, const struct pipe_request *request,
                             struct pipe_answer *answer),
                void *ctx) {
  struct pipe_answer answer = {0};
  size_t len = 0;
  for (unsigned char *frame = read_frame(&len); frame != NULL; frame = read_frame(&len)) {
    const struct pipe_request request = {
        .letter = (char)frame[0],
        .a = number_of(frame + 1, 8),
        .b = number_of(frame + 9, 8),
        .bytes = {.data = frame + REQUEST_HEAD, .len = len - REQUEST_HEAD},
    };
    answer.len = 0;
    put_number(&answer, 0, 4); /* for the code */
    send_answer(&answer, serve(ctx, &request, &answer));
    free(frame);
  }
  free(answer.data);
}
