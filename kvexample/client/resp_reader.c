/* resp_reader.c - one value after the other, with a stack of the lists that are not full yet.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client/resp_reader.h"

#include <stdlib.h>
#include <string.h>

/* Limits of what a reply may announce. */
static const int64_t longest_text = INT64_C(512) << 20;
static const int64_t longest_list = INT64_C(16) << 20;
static const size_t longest_line = 64 << 10;

struct kv_resp_block {
  kv_resp_block *next;
  _Alignas(max_align_t) unsigned char bytes[];
};

static void *allocate(kv_resp_reader *reader, size_t size) {
  kv_resp_block *block = malloc(sizeof(*block) + size);
  if (block == NULL) {
    return NULL;
  }
  block->next = reader->blocks;
  reader->blocks = block;
  return block->bytes;
}

void kv_resp_reader_free(kv_resp_reader *reader) {
  while (reader->blocks != NULL) {
    kv_resp_block *next = reader->blocks->next;
    free(reader->blocks);
    reader->blocks = next;
  }
  reader->depth = 0;
  reader->root = (kv_value){.kind = KV_VALUE_NULL};
}

/* ---- lines ---- */

typedef struct line {
  char kind;
  const char *text;
  size_t len;   /* without kind and end */
  size_t whole; /* with them */
} line;

static int find_line(const kv_buffer *buffer, line *found) {
  const size_t len = kv_buffer_len(buffer);
  const char *front = len == 0 ? NULL : kv_buffer_front(buffer);
  const char *end = len == 0 ? NULL : memchr(front, '\n', len);
  if (end == NULL) {
    return len > longest_line ? KV_ECORRUPT : KV_ENOTFOUND;
  }
  const size_t whole = (size_t)(end - front) + 1;
  if (whole < 3 || front[whole - 2] != '\r') {
    return KV_ECORRUPT;
  }
  *found = (line){front[0], front + 1, whole - 3, whole};
  return KV_OK;
}

static int parse_integer(const line *from, int64_t *number) {
  char text[24];
  char *end;
  if (from->len == 0 || from->len >= sizeof(text)) {
    return KV_ECORRUPT;
  }
  memcpy(text, from->text, from->len);
  text[from->len] = '\0';
  *number = strtoll(text, &end, 10);
  return end == text + from->len && text[0] != ' ' && text[0] != '+' ? KV_OK : KV_ECORRUPT;
}

static int parse_double(const line *from, double *number) {
  char text[64];
  char *end;
  if (from->len == 0 || from->len >= sizeof(text)) {
    return KV_ECORRUPT;
  }
  memcpy(text, from->text, from->len);
  text[from->len] = '\0';
  *number = strtod(text, &end);
  return end == text + from->len ? KV_OK : KV_ECORRUPT;
}

/* ---- values ---- */

static int copy_text(kv_resp_reader *reader, const char *text, size_t len, kv_value *value) {
  char *copy = allocate(reader, len + 1);
  if (copy == NULL) {
    return KV_ENOMEM;
  }
  memcpy(copy, text, len);
  copy[len] = '\0';
  value->text = copy;
  value->len = len;
  return KV_OK;
}

/* $len\r\n...\r\n, and = and ! alike; nothing is taken before all of it is there. */
static int read_bulk(kv_resp_reader *reader, const kv_buffer *buffer, const line *head,
                     kv_value *value, size_t *used) {
  int64_t len;
  if (parse_integer(head, &len) != KV_OK || len < -1 || len > longest_text) {
    return KV_ECORRUPT;
  }
  *used = head->whole;
  if (len == -1) {
    value->kind = KV_VALUE_NULL;
    return KV_OK;
  }
  const char *text = kv_buffer_front(buffer) + head->whole;
  size_t bytes = (size_t)len;
  if (kv_buffer_len(buffer) - head->whole < bytes + 2) {
    return KV_ENOTFOUND;
  }
  if (memcmp(text + bytes, "\r\n", 2) != 0) {
    return KV_ECORRUPT;
  }
  *used += bytes + 2;
  if (head->kind == '=' && bytes >= 4) { /* "txt:" */
    text += 4;
    bytes -= 4;
  }
  value->kind = head->kind == '!' ? KV_VALUE_ERROR : KV_VALUE_TEXT;
  return copy_text(reader, text, bytes, value);
}

/* *n, ~n, >n, %n and |n. The items come as further values. */
static int read_list(kv_resp_reader *reader, const line *head, kv_value *value) {
  int64_t count;
  if (parse_integer(head, &count) != KV_OK || count < -1 || count > longest_list) {
    return KV_ECORRUPT;
  }
  if (count == -1) {
    value->kind = KV_VALUE_NULL;
    return KV_OK;
  }
  const bool pairs = head->kind == '%' || head->kind == '|';
  value->kind = pairs ? KV_VALUE_MAP : KV_VALUE_ARRAY;
  if (reader->depth == KV_RESP_DEPTH) {
    return KV_ECORRUPT;
  }
  reader->levels[reader->depth++] = (kv_resp_level){
      .list = value, .wanted = (size_t)count * (pairs ? 2 : 1), .drop = head->kind == '|'};
  return KV_OK;
}

static int read_boolean(const line *head, kv_value *value) {
  value->kind = KV_VALUE_BOOLEAN;
  value->boolean = head->len == 1 && head->text[0] == 't';
  return head->len == 1 && (head->text[0] == 't' || head->text[0] == 'f') ? KV_OK : KV_ECORRUPT;
}

/* One value, or the begin of a list; *used: bytes of the buffer. */
static int read_value(kv_resp_reader *reader, const kv_buffer *buffer, kv_value *value,
                      size_t *used) {
  line head;
  const int rc = find_line(buffer, &head);
  if (rc != KV_OK) {
    return rc;
  }
  *used = head.whole;
  *value = (kv_value){.kind = KV_VALUE_NULL};
  switch (head.kind) {
  case '+':
  case '(': value->kind = KV_VALUE_TEXT; return copy_text(reader, head.text, head.len, value);
  case '-': value->kind = KV_VALUE_ERROR; return copy_text(reader, head.text, head.len, value);
  case ':': value->kind = KV_VALUE_INTEGER; return parse_integer(&head, &value->integer);
  case ',': value->kind = KV_VALUE_DOUBLE; return parse_double(&head, &value->number);
  case '#': return read_boolean(&head, value);
  case '_': return head.len == 0 ? KV_OK : KV_ECORRUPT;
  case '$':
  case '=':
  case '!': return read_bulk(reader, buffer, &head, value, used);
  case '*':
  case '~':
  case '>':
  case '%':
  case '|': return read_list(reader, &head, value);
  default: return KV_ECORRUPT;
  }
}

/* ---- lists ---- */

/* Where the next value goes. NULL: out of memory. */
static kv_value *next_place(kv_resp_reader *reader) {
  if (reader->depth == 0) {
    return &reader->root;
  }
  kv_resp_level *level = &reader->levels[reader->depth - 1];
  kv_value *list = level->list;
  if (list->count == level->room) {
    const size_t room = level->room == 0 ? 8 : level->room * 2;
    const size_t capped = room < level->wanted ? room : level->wanted;
    kv_value *items = allocate(reader, capped * sizeof(*items));
    if (items == NULL) {
      return NULL;
    }
    if (list->count > 0) {
      memcpy(items, list->items, list->count * sizeof(*items));
    }
    list->items = items;
    level->room = capped;
  }
  return &list->items[list->count];
}

/* A value is complete: it counts, and so may the lists be that it is the last item of. True: so is
 * the reply. */
static bool close_value(kv_resp_reader *reader) {
  while (reader->depth > 0) {
    kv_resp_level *level = &reader->levels[reader->depth - 1];
    if (level->list->count < level->wanted) {
      return false;
    }
    reader->depth--;
    if (level->drop) {
      return false; /* the value that the attribute is of follows, in the same place */
    }
    if (reader->depth > 0) {
      reader->levels[reader->depth - 1].list->count++;
    }
  }
  return true;
}

/* Takes a value in; a list that has items to come stays open. True: the reply is complete. */
static bool accept(kv_resp_reader *reader, bool opened) {
  if (!opened && reader->depth == 0) {
    return true;
  }
  if (!opened) {
    reader->levels[reader->depth - 1].list->count++;
  }
  return close_value(reader);
}

int kv_resp_read(kv_resp_reader *reader, kv_buffer *buffer, const kv_value **reply) {
  if (reader->depth == 0) {
    kv_resp_reader_free(reader);
  }
  for (;;) {
    kv_value *place = next_place(reader);
    if (place == NULL) {
      return KV_ENOMEM;
    }
    const size_t depth = reader->depth;
    size_t used = 0;
    const int rc = read_value(reader, buffer, place, &used);
    if (rc != KV_OK) {
      return rc;
    }
    kv_buffer_discard(buffer, used);
    if (accept(reader, reader->depth > depth)) {
      *reply = &reader->root;
      return KV_OK;
    }
  }
}
