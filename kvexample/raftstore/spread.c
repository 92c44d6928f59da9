/* spread.c - a command on keys of several regions: one part a region, answers put together.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/spread.h"

#include <stdlib.h>
#include <string.h>

#include "raftstore/place.h"
#include "raftstore/reply_reader.h"

/* Parts of a DBSIZE under way together, and regions that one SCAN looks into. */
enum { WINDOW = 64, SCAN_REGIONS = 64 };

typedef struct spread {
  kv_store *store;
  kv_answer_function answer;
  void *ctx;
  uint64_t deadline;
  kv_request_kind kind;
  size_t waiting; /* parts without an answer */

  /* Keys: the command in memory of its own, and the positions of its keys in their order. */
  kv_command command;
  raft_slice *args;
  size_t *order;
  size_t key_count;

  /* Range: from where a part is to begin next. */
  bool more;
  unsigned char next[KV_MAX_KEY];
  size_t next_len;
  size_t regions;
  int64_t left; /* SCAN: keys that are still wanted */

  /* Answers so far. */
  kv_list parts; /* of MGET, answered ones */
  size_t bytes;
  int64_t sum;
  size_t listed;
  kv_reply keys;
  bool done;      /* at least one part did what it was to do */
  kv_reply error; /* the worst of the others */
} spread;

struct kv_part {
  kv_link link;
  struct spread *spread;
  size_t first, count;                           /* in spread->order */
  bool bounded;                                  /* range: somebody else begins at `to` */
  unsigned char to[KV_MAX_KEY], end[KV_MAX_KEY]; /* range: end of the region that it went to */
  size_t to_len, end_len;
  kv_reply reply;
};

static void finish(spread *s);

static raft_slice bytes_of(const unsigned char *data, size_t len) {
  return (raft_slice){data, len};
}

static size_t keep(unsigned char *to, raft_slice key) {
  if (key.len > 0) {
    memcpy(to, key.data, key.len);
  }
  return key.len;
}

static size_t stride(const spread *s) {
  return kv_command_keys(&s->command).step;
}

static raft_slice key_at(const spread *s, size_t number) {
  return s->args[s->order[number] * stride(s)];
}

static bool is_ranged(const spread *s) {
  return s->order == NULL;
}

/* ---- errors ---- */

static bool is_unknown(const kv_reply *reply) {
  static const char start[] = "-TIMEOUT";
  return reply->len >= sizeof start - 1 && memcmp(reply->data, start, sizeof start - 1) == 0;
}

/* The first one is told, but that something is unknown matters more. */
static void note_error(spread *s, raft_slice reply) {
  if (s->error.len == 0 || !is_unknown(&s->error)) {
    const bool first = s->error.len == 0;
    kv_reply other = {0};
    kv_reply_append(&other, reply.data, reply.len);
    if (first || is_unknown(&other)) {
      kv_reply_free(&s->error);
      s->error = other;
    } else {
      kv_reply_free(&other);
    }
  }
}

static void note_no_memory(spread *s) {
  static const char text[] = "-TRYAGAIN server is busy: out of memory\r\n";
  note_error(s, (raft_slice){text, sizeof text - 1});
}

/* ---- parts ---- */

static void part_answered(void *ctx, const void *data, size_t len);

/* A part and its request, on the way to the router. NULL: out of memory, which is noted. */
static kv_part *add_part(spread *s, const kv_command *command) {
  const size_t len = kv_command_encode(command, NULL, 0);
  kv_part *part = calloc(1, sizeof *part);
  kv_request *request =
      part != NULL ? kv_request_create(&s->store->requests, s->kind, len, s->deadline) : NULL;
  if (request == NULL) {
    free(part);
    note_no_memory(s);
    return NULL;
  }
  (void)kv_command_encode(command, request->body, len);
  request->answer = part_answered;
  request->ctx = part;
  request->part = part;
  part->spread = s;
  kv_list_append(&s->store->arrived, &request->link);
  s->waiting++;
  return part;
}

static void free_part(kv_part *part) {
  kv_list_remove(&part->link);
  kv_reply_free(&part->reply);
  free(part);
}

/* ---- by keys ---- */

typedef struct ordered_key {
  raft_slice key;
  size_t position;
} ordered_key;

static int compare_keys(const void *left, const void *right) {
  const ordered_key *a = left, *b = right;
  const size_t len = a->key.len < b->key.len ? a->key.len : b->key.len;
  const int order = memcmp(a->key.data, b->key.data, len);
  if (order != 0 || a->key.len != b->key.len) {
    return order != 0 ? order : a->key.len < b->key.len ? -1 : 1;
  }
  return a->position < b->position ? -1 : 1; /* of equal ones the last one wins in MSET */
}

static bool put_in_order(spread *s) {
  s->key_count = kv_command_keys(&s->command).count;
  s->order = malloc(s->key_count * sizeof *s->order);
  ordered_key *keys = malloc(s->key_count * sizeof *keys);
  if (s->order == NULL || keys == NULL) {
    free(keys);
    return false;
  }
  for (size_t i = 0; i < s->key_count; i++) {
    keys[i] = (ordered_key){s->args[i * stride(s)], i};
  }
  qsort(keys, s->key_count, sizeof *keys, compare_keys);
  for (size_t i = 0; i < s->key_count; i++) {
    s->order[i] = keys[i].position;
  }
  free(keys);
  return true;
}

/* How many keys from `first` on are in the same region, or of no known one. */
static size_t run_length(spread *s, size_t first, size_t count) {
  const kv_place place = kv_place_of(s->store, key_at(s, first));
  size_t run = 1;
  while (run < count) {
    const raft_slice key = key_at(s, first + run);
    const bool same = place.region != NULL ? kv_region_has_key(place.region, key)
                                           : kv_place_of(s->store, key).region == NULL;
    if (!same) {
      break;
    }
    run++;
  }
  return run;
}

static void add_keys(spread *s, size_t first, size_t count) {
  const size_t step = stride(s);
  raft_slice *args = malloc(count * step * sizeof *args);
  if (args == NULL) {
    note_no_memory(s);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    memcpy(args + i * step, s->args + s->order[first + i] * step, step * sizeof *args);
  }
  kv_command command = s->command;
  command.args = args;
  command.arg_count = count * step;
  kv_part *part = add_part(s, &command);
  if (part != NULL) {
    part->first = first;
    part->count = count;
  }
  free(args);
}

static void cut_keys(spread *s, size_t first, size_t count) {
  while (count > 0) {
    const size_t run = run_length(s, first, count);
    add_keys(s, first, run);
    first += run;
    count -= run;
  }
}

/* ---- by range ---- */

static kv_part *add_range(spread *s, raft_slice from) {
  raft_slice args[2] = {from};
  kv_command command = s->command;
  if (command.arg_count > 1) {
    args[1] = s->args[1];
  }
  command.args = args;
  command.arg_count = command.arg_count > 0 ? command.arg_count : 1;
  command.number = s->left;
  s->regions++;
  return add_part(s, &command);
}

/* As many parts of a DBSIZE as may be under way; of a SCAN one after the other. */
static void next_range(spread *s) {
  const size_t window = s->command.op == KV_OP_DBSIZE ? WINDOW : 1;
  if (s->more && s->waiting < window && s->error.len == 0) {
    s->more = false;
    (void)add_range(s, bytes_of(s->next, s->next_len));
  }
}

void kv_part_routed(kv_part *part, const kv_region *region) {
  if (part == NULL || !is_ranged(part->spread)) {
    return;
  }
  spread *s = part->spread;
  part->end_len = keep(part->end, region->end);
  if (s->command.op == KV_OP_DBSIZE && !part->bounded) {
    part->bounded = true;
    part->to_len = keep(part->to, region->end);
    s->more = region->end.len > 0;
    s->next_len = keep(s->next, region->end);
    next_range(s);
  }
}

/* The region was split before the part came to it: what is behind it has to be counted, too. */
static void count_the_rest(spread *s, const kv_part *part) {
  const raft_slice end = bytes_of(part->end, part->end_len);
  const raft_slice to = bytes_of(part->to, part->to_len);
  if (end.len > 0 && !(to.len > 0 && kv_key_past_end(end, to))) {
    kv_part *rest = add_range(s, end);
    if (rest != NULL) {
      rest->bounded = true;
      rest->to_len = keep(rest->to, to);
    }
  }
}

static void scan_on(spread *s, const kv_part *part, raft_slice cursor) {
  const raft_slice end = bytes_of(part->end, part->end_len);
  const raft_slice next = cursor.len > 0 ? cursor : end;
  s->next_len = keep(s->next, next);
  s->more = cursor.len == 0 && end.len > 0 && s->left > 0 && s->regions < SCAN_REGIONS &&
            s->keys.len < KV_MAX_SCAN_REPLY;
}

/* ---- answers ---- */

static bool take_number(spread *s, raft_slice reply) {
  int64_t number = 0;
  if (!kv_reply_read_integer(&reply, &number)) {
    return false;
  }
  s->sum += number;
  return true;
}

static bool take_scan(spread *s, const kv_part *part, raft_slice reply) {
  size_t count = 0;
  raft_slice cursor;
  if (!kv_reply_read_array(&reply, &count) || count != 2 || !kv_reply_read_bulk(&reply, &cursor) ||
      cursor.len > KV_MAX_KEY || !kv_reply_read_array(&reply, &count)) {
    return false;
  }
  kv_reply_append(&s->keys, reply.data, reply.len);
  s->listed += count;
  s->left -= (int64_t)count < s->left ? (int64_t)count : s->left;
  scan_on(s, part, cursor);
  return true;
}

static bool take_values(spread *s, kv_part *part, raft_slice reply) {
  s->bytes += reply.len;
  if (s->bytes <= KV_MAX_REPLY + KV_MAX_COMMAND) { /* else it is too long in any case */
    kv_reply_append(&part->reply, reply.data, reply.len);
  }
  kv_list_append(&s->parts, &part->link);
  return true;
}

static bool take(spread *s, kv_part *part, raft_slice reply) {
  const kv_op op = s->command.op;
  return op == KV_OP_MGET   ? take_values(s, part, reply)
         : op == KV_OP_SCAN ? take_scan(s, part, reply)
         : op == KV_OP_MSET ? true
                            : take_number(s, reply);
}

static void part_answered(void *ctx, const void *data, size_t len) {
  kv_part *part = ctx;
  spread *s = part->spread;
  const raft_slice reply = {data, len};
  const bool good = len > 0 && *(const char *)data != '-' && take(s, part, reply);
  s->waiting--;
  s->done = s->done || good;
  if (!good) {
    note_error(s, reply);
  } else if (s->command.op == KV_OP_DBSIZE) {
    count_the_rest(s, part);
  }
  if (!kv_link_is_listed(&part->link)) {
    free_part(part);
  }
  next_range(s);
  if (s->waiting == 0) {
    finish(s);
  }
}

/* ---- the answer ---- */

/* Where each value is, by the position of its key. False: the answers are not what they must be. */
static bool place_values(const spread *s, raft_slice *values) {
  for (kv_link *link = kv_list_first(&s->parts); link != NULL;
       link = kv_list_next(&s->parts, link)) {
    const kv_part *part = KV_OBJECT_OF(link, kv_part, link);
    raft_slice rest = {part->reply.data, part->reply.failed ? 0 : part->reply.len};
    size_t count = 0;
    if (!kv_reply_read_array(&rest, &count) || count != part->count) {
      return false;
    }
    for (size_t i = 0; i < count; i++) {
      if (!kv_reply_read_item(&rest, &values[s->order[part->first + i]])) {
        return false;
      }
    }
  }
  return true;
}

static void put_values(const spread *s, kv_reply *reply) {
  if (s->bytes > KV_MAX_REPLY) {
    kv_reply_error(reply, "ERR answer is longer than 67108864 bytes, ask for fewer keys at once");
    return;
  }
  raft_slice *values = calloc(s->key_count, sizeof *values);
  if (values == NULL || !place_values(s, values)) {
    kv_reply_error(reply, "TRYAGAIN server is busy: out of memory");
  } else {
    kv_reply_array(reply, s->key_count);
    for (size_t i = 0; i < s->key_count; i++) {
      kv_reply_append(reply, values[i].data, values[i].len);
    }
  }
  free(values);
}

static void put_keys(const spread *s, kv_reply *reply) {
  kv_reply_array(reply, 2);
  kv_reply_bulk(reply, s->next, s->next_len);
  kv_reply_array(reply, s->listed);
  kv_reply_append(reply, s->keys.data, s->keys.len);
  reply->failed = reply->failed || s->keys.failed;
}

/* A write that was done in one region and not in another. */
static void put_error(spread *s, kv_reply *reply) {
  if (s->kind != KV_REQUEST_WRITE || !s->done || is_unknown(&s->error)) {
    kv_reply_append(reply, s->error.data, s->error.len);
    reply->failed = reply->failed || s->error.failed;
    return;
  }
  s->store->summary.unknown++;
  const int len = s->error.len > 3 ? (int)s->error.len - 3 : 0;
  kv_reply_error(reply,
                 "TIMEOUT outcome unknown: done in some of the keys' regions and not in others: "
                 "%.*s",
                 len, len > 0 ? s->error.data + 1 : "");
}

static void put_answer(spread *s, kv_reply *reply) {
  if (s->error.len > 0 || s->error.failed) {
    put_error(s, reply);
    return;
  }
  if (s->command.op == KV_OP_MGET) {
    put_values(s, reply);
  } else if (s->command.op == KV_OP_SCAN) {
    put_keys(s, reply);
  } else if (s->command.op == KV_OP_MSET) {
    kv_reply_status(reply, "OK");
  } else {
    kv_reply_integer(reply, s->sum);
  }
}

static void free_spread(spread *s) {
  kv_link *link;
  while ((link = kv_list_first(&s->parts)) != NULL) {
    free_part(KV_OBJECT_OF(link, kv_part, link));
  }
  kv_reply_free(&s->keys);
  kv_reply_free(&s->error);
  free(s->order);
  free(s->args);
  free(s);
}

/* The function may ask for more, but the parts are gone by then. */
static void finish(spread *s) {
  static const char unknown[] =
      "-TIMEOUT outcome unknown: no memory for the answer; it may have taken effect\r\n";
  kv_reply reply = {0};
  put_answer(s, &reply);
  raft_slice bytes = {reply.data, reply.len};
  if (reply.failed) {
    bytes = s->kind == KV_REQUEST_WRITE ? (raft_slice){unknown, sizeof unknown - 1}
                                        : kv_reply_out_of_memory();
  }
  s->answer(s->ctx, bytes.data, bytes.len);
  kv_reply_free(&reply);
  free_spread(s);
}

/* ---- beginning ---- */

/* Arguments and their bytes in one allocation. */
static bool keep_args(spread *s, const kv_command *command) {
  size_t bytes = 0;
  for (size_t i = 0; i < command->arg_count; i++) {
    bytes += command->args[i].len;
  }
  s->args = malloc(command->arg_count * sizeof *s->args + bytes + 1);
  if (s->args == NULL) {
    return false;
  }
  unsigned char *to = (unsigned char *)(s->args + command->arg_count);
  for (size_t i = 0; i < command->arg_count; i++) {
    s->args[i] = (raft_slice){to, command->args[i].len};
    to += keep(to, command->args[i]);
  }
  s->command = *command;
  s->command.args = s->args;
  return true;
}

static spread *create(kv_store *store, const kv_request *request, const kv_command *command) {
  spread *s = calloc(1, sizeof *s);
  if (s == NULL) {
    return NULL;
  }
  s->store = store;
  s->answer = request->answer;
  s->ctx = request->ctx;
  s->deadline = request->deadline;
  s->kind = request->kind;
  s->left = command->number;
  kv_list_init(&s->parts);
  if (!keep_args(s, command) || (kv_command_keys(command).count > 0 && !put_in_order(s))) {
    free_spread(s);
    return NULL;
  }
  return s;
}

static void begin(spread *s) {
  if (is_ranged(s)) {
    (void)add_range(s, s->command.arg_count > 0 ? s->args[0] : (raft_slice){"", 0});
  } else {
    cut_keys(s, 0, s->key_count);
  }
}

void kv_spread(kv_store *store, kv_request *request, const kv_command *command) {
  kv_part *part = request->part;
  spread *s = part != NULL ? part->spread : create(store, request, command);
  if (s == NULL) {
    kv_answer_error(store, request, "TRYAGAIN server is busy: out of memory");
    return;
  }
  if (part != NULL) {
    cut_keys(s, part->first, part->count);
    s->waiting--;
    free_part(part);
  } else {
    begin(s);
  }
  kv_request_free(&store->requests, request);
  if (s->waiting == 0) {
    finish(s);
  }
}
