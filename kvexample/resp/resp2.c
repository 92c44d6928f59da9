/* resp2.c - rewrites answers for clients that speak the older protocol, RESP2.
 *
 * Elements that are alike in both protocols are copied in runs; each of the others has a rewriting
 * function. Counts of aggregates stand before their items, so nesting needs no memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "resp/resp2.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/error.h"

/* One element as it was read: its line without type byte and CR LF, and the bytes behind. */
typedef struct resp_element {
  char type;
  const char *text;
  size_t text_len;
  int64_t count; /* of types that announce one; -1: nil in its old form */
  const char *body;
  size_t body_len;
} resp_element;

typedef void (*rewrite_fn)(kv_reply *out, const resp_element *element);

static void header(kv_reply *out, char type, int64_t count) {
  char line[32];
  const int len = snprintf(line, sizeof line, "%c%" PRId64 "\r\n", type, count);
  kv_reply_append(out, line, (size_t)len);
}

static void write_nil(kv_reply *out, const resp_element *element) {
  (void)element;
  kv_reply_append(out, "$-1\r\n", 5);
}

static void write_boolean(kv_reply *out, const resp_element *element) {
  kv_reply_integer(out, element->text_len == 1 && element->text[0] == 't');
}

static void write_text(kv_reply *out, const resp_element *element) {
  kv_reply_bulk(out, element->text, element->text_len);
}

static void write_array(kv_reply *out, const resp_element *element) {
  header(out, '*', element->count);
}

static void write_map(kv_reply *out, const resp_element *element) {
  header(out, '*', element->count * 2);
}

/* "txt:" and such in front is for people who speak RESP3. */
static void write_verbatim(kv_reply *out, const resp_element *element) {
  const size_t skip = element->body_len >= 4 ? 4 : element->body_len;
  kv_reply_bulk(out, element->body + skip, element->body_len - skip);
}

static void write_error(kv_reply *out, const resp_element *element) {
  kv_reply_error(out, "%.*s", (int)element->body_len, element->body);
}

typedef struct element_type {
  char type;
  bool counted; /* the line is a number */
  bool body;    /* and that many bytes and CR LF follow */
  rewrite_fn rewrite;
} element_type;

static const element_type element_types[] = {
    {'+', false, false, NULL},          {'-', false, false, NULL},
    {':', false, false, NULL},          {'$', true, true, NULL},
    {'*', true, false, NULL},           {'_', false, false, write_nil},
    {'#', false, false, write_boolean}, {',', false, false, write_text},
    {'(', false, false, write_text},    {'%', true, false, write_map},
    {'~', true, false, write_array},    {'>', true, false, write_array},
    {'=', true, true, write_verbatim},  {'!', true, true, write_error},
};

static const element_type *find_type(char type) {
  for (size_t i = 0; i < sizeof element_types / sizeof *element_types; i++) {
    if (element_types[i].type == type) {
      return &element_types[i];
    }
  }
  return NULL;
}

/* Bytes of the element at the front of data, 0: malformed. */
static size_t read_element(const char *data, size_t len, const element_type *type,
                           resp_element *element) {
  const char *end = memchr(data, '\r', len);
  if (end == NULL || (size_t)(end - data) + 2 > len || end[1] != '\n') {
    return 0;
  }
  *element = (resp_element){.type = *data, .text = data + 1};
  element->text_len = (size_t)(end - element->text);
  size_t size = (size_t)(end - data) + 2;
  if (!type->counted) {
    return size;
  }
  if (!kv_decimal_parse(element->text, element->text_len, &element->count) || element->count < -1 ||
      element->count > INT32_MAX) {
    return 0;
  }
  if (type->body && element->count >= 0) {
    element->body = data + size;
    element->body_len = (size_t)element->count;
    size += element->body_len + 2;
  }
  return size <= len ? size : 0;
}

bool kv_resp2_is_same(const char *data, size_t len) {
  return len > 0 && memchr("+-:$", *data, 4) != NULL;
}

int kv_resp2_append(kv_reply *out, const char *data, size_t len) {
  const size_t before = out->len;
  size_t run = 0; /* data[run, at) is alike and not yet copied */
  size_t at = 0;
  while (at < len) {
    resp_element element;
    const element_type *type = find_type(data[at]);
    const size_t size = type == NULL ? 0 : read_element(data + at, len - at, type, &element);
    if (size == 0) {
      out->len = out->failed ? out->len : before;
      return KV_ECORRUPT;
    }
    if (type->rewrite != NULL) {
      kv_reply_append(out, data + run, at - run);
      type->rewrite(out, &element);
      run = at + size;
    }
    at += size;
  }
  kv_reply_append(out, data + run, at - run);
  return KV_OK;
}
