/* command_execute.c - what each command does to the state machine, and its answer.
 *
 * One function an op, found in a table. Texts and corner cases of answers are Redis'. The same
 * command on the same state gives the same writes and the same bytes on every replica.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/glob.h"
#include "raftstore/command.h"

/* Bytes of pattern and key that one SCAN compares before it stops: some tens of milliseconds. */
#define MAX_SCAN_WORK 20000000u

typedef struct execution {
  const kv_command *command;
  kv_txn *txn;
  raft_slice start, end;
  kv_reply *reply;
  kv_size_change *change;
} execution;

typedef int (*execute_function)(const execution *x);

/* --- the engine ----------------------------------------------------------------------------------
 */

/* *found false: no such key; that is KV_OK. The value is valid until the next write. */
static int get(const execution *x, raft_slice key, bool *found, raft_slice *value) {
  *value = (raft_slice){0};
  int rc = x->txn->engine->ops->get(x->txn, KV_SPACE_DATA, key, value);
  *found = rc == KV_OK;
  return rc == KV_ENOTFOUND ? KV_OK : rc;
}

static void count(const execution *x, int64_t bytes, int64_t keys) {
  x->change->bytes += bytes;
  x->change->keys += keys;
}

/* Whether the key was there is not known, and not worth a look: it counts as new. */
static int put(const execution *x, raft_slice key, raft_slice value) {
  count(x, (int64_t)(key.len + value.len), 1);
  return x->txn->engine->ops->put(x->txn, KV_SPACE_DATA, key, value);
}

/* The key was there, with a value of old_len bytes. */
static int replace(const execution *x, raft_slice key, size_t old_len, raft_slice value) {
  count(x, (int64_t)value.len - (int64_t)old_len, 0);
  return x->txn->engine->ops->put(x->txn, KV_SPACE_DATA, key, value);
}

static int put_known(const execution *x, raft_slice key, bool found, size_t old_len,
                     raft_slice value) {
  return found ? replace(x, key, old_len, value) : put(x, key, value);
}

static int del(const execution *x, raft_slice key, bool *found) {
  raft_slice old;
  int rc = get(x, key, found, &old);
  if (rc != KV_OK || !*found) {
    return rc;
  }
  count(x, -(int64_t)(key.len + old.len), -1);
  return x->txn->engine->ops->del(x->txn, KV_SPACE_DATA, key);
}

static void answer_value(const execution *x, bool found, raft_slice value) {
  if (found) {
    kv_reply_bulk(x->reply, value.data, value.len);
  } else {
    kv_reply_nil(x->reply);
  }
}

static bool same(raft_slice a, raft_slice b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* --- writes
 * ---------------------------------------------------------------------------------------- */

static void answer_set(const execution *x, bool done) {
  if ((x->command->flags & KV_FLAG_INT) != 0) {
    kv_reply_integer(x->reply, done ? 1 : 0);
  } else if (done) {
    kv_reply_status(x->reply, "OK");
  } else {
    kv_reply_nil(x->reply);
  }
}

static int execute_set(const execution *x) {
  const kv_command *command = x->command;
  uint32_t flags = command->flags;
  bool found = false;
  raft_slice old = {0};
  if ((flags & (KV_FLAG_NX | KV_FLAG_XX | KV_FLAG_GET)) != 0) {
    int rc = get(x, command->args[0], &found, &old);
    if (rc != KV_OK) {
      return rc;
    }
  }
  bool wanted = !((flags & KV_FLAG_NX) != 0 && found) && !((flags & KV_FLAG_XX) != 0 && !found);
  if ((flags & KV_FLAG_GET) != 0) {
    answer_value(x, found, old); /* before the write, which may move the old value away */
  } else {
    answer_set(x, wanted);
  }
  return wanted ? put_known(x, command->args[0], found, old.len, command->args[1]) : KV_OK;
}

static int execute_mset(const execution *x) {
  for (size_t i = 0; i + 1 < x->command->arg_count; i += 2) {
    int rc = put(x, x->command->args[i], x->command->args[i + 1]);
    if (rc != KV_OK) {
      return rc;
    }
  }
  kv_reply_status(x->reply, "OK");
  return KV_OK;
}

static int execute_del(const execution *x) {
  int64_t deleted = 0;
  for (size_t i = 0; i < x->command->arg_count; i++) {
    bool found;
    int rc = del(x, x->command->args[i], &found);
    if (rc != KV_OK) {
      return rc;
    }
    deleted += found ? 1 : 0;
  }
  kv_reply_integer(x->reply, deleted);
  return KV_OK;
}

static int execute_getdel(const execution *x) {
  bool found;
  raft_slice value;
  int rc = get(x, x->command->args[0], &found, &value);
  if (rc != KV_OK) {
    return rc;
  }
  answer_value(x, found, value);
  return found ? del(x, x->command->args[0], &found) : KV_OK;
}

/* Puts head, which is the old value if there is one, and tail together as the new one. */
static int put_joined(const execution *x, bool found, raft_slice head, raft_slice tail) {
  size_t len = head.len + tail.len;
  unsigned char *joined = malloc(len > 0 ? len : 1);
  if (joined == NULL) {
    return KV_ENOMEM;
  }
  if (head.len > 0) {
    memcpy(joined, head.data, head.len);
  }
  if (tail.len > 0) {
    memcpy(joined + head.len, tail.data, tail.len);
  }
  int rc = put_known(x, x->command->args[0], found, head.len, (raft_slice){joined, len});
  free(joined);
  return rc;
}

static int execute_append(const execution *x) {
  bool found;
  raft_slice old, tail = x->command->args[1];
  int rc = get(x, x->command->args[0], &found, &old);
  if (rc != KV_OK) {
    return rc;
  }
  if (old.len > KV_MAX_VALUE || tail.len > KV_MAX_VALUE - old.len) {
    kv_reply_error(x->reply, "ERR string exceeds maximum allowed size (%u bytes)", KV_MAX_VALUE);
    return KV_OK;
  }
  kv_reply_integer(x->reply, (int64_t)(old.len + tail.len));
  return put_joined(x, found, old, tail);
}

/* False: the sum does not fit. */
static bool add(int64_t a, int64_t b, int64_t *sum) {
  bool fits = b >= 0 ? a <= INT64_MAX - b : a >= INT64_MIN - b;
  if (fits) {
    *sum = a + b;
  }
  return fits;
}

static int execute_incrby(const execution *x) {
  bool found;
  raft_slice old;
  int64_t number = 0;
  int rc = get(x, x->command->args[0], &found, &old);
  if (rc != KV_OK) {
    return rc;
  }
  if (found && !kv_decimal_parse(old.data, old.len, &number)) {
    kv_reply_error(x->reply, "ERR value is not an integer or out of range");
    return KV_OK;
  }
  if (!add(number, x->command->number, &number)) {
    kv_reply_error(x->reply, "ERR increment or decrement would overflow");
    return KV_OK;
  }
  char text[KV_DECIMAL_MAX];
  kv_reply_integer(x->reply, number);
  const size_t len = kv_decimal_write(number, text);
  return put_known(x, x->command->args[0], found, old.len, (raft_slice){text, len});
}

static int execute_cas(const execution *x) {
  const kv_command *command = x->command;
  bool found, expect_absent = (command->flags & KV_FLAG_ABSENT) != 0;
  raft_slice old;
  int rc = get(x, command->args[0], &found, &old);
  if (rc != KV_OK) {
    return rc;
  }
  bool matches = expect_absent ? !found : found && same(old, command->args[1]);
  kv_reply_integer(x->reply, matches ? 1 : 0);
  return matches ? put_known(x, command->args[0], found, old.len, command->args[2]) : KV_OK;
}

/* --- reads
 * ----------------------------------------------------------------------------------------- */

static int execute_get(const execution *x) {
  bool found;
  raft_slice value;
  int rc = get(x, x->command->args[0], &found, &value);
  if (rc == KV_OK) {
    answer_value(x, found, value);
  }
  return rc;
}

/* Takes back what was appended since the reply had this length, in favour of an error. */
static void replace_by_error(kv_reply *reply, size_t begin, const char *text) {
  if (!reply->failed) {
    reply->len = begin;
    kv_reply_error(reply, "%s", text);
  }
}

static int execute_mget(const execution *x) {
  size_t begin = x->reply->len;
  kv_reply_array(x->reply, x->command->arg_count);
  for (size_t i = 0; i < x->command->arg_count; i++) {
    bool found;
    raft_slice value;
    int rc = get(x, x->command->args[i], &found, &value);
    if (rc != KV_OK) {
      return rc;
    }
    answer_value(x, found, value);
    if (x->reply->len - begin > KV_MAX_REPLY) {
      replace_by_error(x->reply, begin,
                       "ERR answer is longer than 67108864 bytes, ask for fewer keys at once");
      break;
    }
  }
  return KV_OK;
}

static int execute_exists(const execution *x) {
  int64_t there = 0;
  for (size_t i = 0; i < x->command->arg_count; i++) {
    bool found;
    raft_slice value;
    int rc = get(x, x->command->args[i], &found, &value);
    if (rc != KV_OK) {
      return rc;
    }
    there += found ? 1 : 0;
  }
  kv_reply_integer(x->reply, there);
  return KV_OK;
}

static int execute_strlen(const execution *x) {
  bool found;
  raft_slice value;
  int rc = get(x, x->command->args[0], &found, &value);
  if (rc == KV_OK) {
    kv_reply_integer(x->reply, (int64_t)value.len);
  }
  return rc;
}

static int execute_type(const execution *x) {
  bool found;
  raft_slice value;
  int rc = get(x, x->command->args[0], &found, &value);
  if (rc == KV_OK) {
    kv_reply_status(x->reply, found ? "string" : "none");
  }
  return rc;
}

/* Nothing expires yet. */
static int execute_ttl(const execution *x) {
  bool found;
  raft_slice value;
  int rc = get(x, x->command->args[0], &found, &value);
  if (rc == KV_OK) {
    kv_reply_integer(x->reply, found ? -1 : -2);
  }
  return rc;
}

/* --- ranges of keys
 * -------------------------------------------------------------------------------- */

static int compare(raft_slice a, raft_slice b) {
  size_t len = a.len < b.len ? a.len : b.len;
  int order = len > 0 ? memcmp(a.data, b.data, len) : 0;
  return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool before_end(const execution *x, raft_slice key) {
  return x->end.len == 0 || compare(key, x->end) < 0;
}

/* Calls visit for each key of the range that is >= from, until it returns false. */
typedef bool (*visit_function)(void *arg, raft_slice key, raft_slice value);

static int each_key(const execution *x, raft_slice from, visit_function visit, void *arg) {
  const kv_engine_ops *ops = x->txn->engine->ops;
  kv_cursor *cursor;
  raft_slice key, value;
  if (compare(from, x->start) < 0) {
    from = x->start;
  }
  int rc = ops->seek(x->txn, KV_SPACE_DATA, from, &cursor);
  if (rc != KV_OK) {
    return rc == KV_ENOTFOUND ? KV_OK : rc;
  }
  do {
    ops->item(cursor, &key, &value);
  } while (before_end(x, key) && visit(arg, key, value) && (rc = ops->next(cursor)) == KV_OK);
  ops->cursor_close(cursor);
  return rc == KV_ENOTFOUND ? KV_OK : rc;
}

typedef struct scan {
  raft_slice pattern;
  bool all;    /* of SCAN: every key, of RANGE: the key is all */
  size_t left; /* keys that may still be looked at */
  uint64_t work;
  size_t count;
  kv_reply keys;
  raft_slice next; /* the first key that was not looked at; empty: none is left */
} scan;

static bool scan_key(void *arg, raft_slice key, raft_slice value) {
  scan *s = arg;
  (void)value;
  if (s->left == 0 || s->keys.len >= KV_MAX_SCAN_REPLY || s->work >= MAX_SCAN_WORK) {
    s->next = key;
    return false;
  }
  s->left--;
  if (s->all || kv_glob_match(s->pattern, key, &s->work)) {
    kv_reply_bulk(&s->keys, key.data, key.len);
    s->count++;
  }
  return true;
}

static void answer_scan(const execution *x, const scan *s) {
  kv_reply_array(x->reply, 2);
  kv_reply_bulk(x->reply, s->next.data, s->next.len);
  kv_reply_array(x->reply, s->count);
  kv_reply_append(x->reply, s->keys.data, s->keys.len);
  x->reply->failed |= s->keys.failed;
}

static int execute_scan(const execution *x) {
  const kv_command *command = x->command;
  bool many = command->number > KV_MAX_SCAN_KEYS;
  scan s = {.all = command->arg_count < 2};
  s.left = many ? KV_MAX_SCAN_KEYS : (size_t)command->number;
  if (!s.all) {
    s.pattern = command->args[1];
  }
  int rc = each_key(x, command->args[0], scan_key, &s);
  if (rc == KV_OK) {
    answer_scan(x, &s);
  }
  kv_reply_free(&s.keys);
  return rc;
}

static bool range_key(void *arg, raft_slice key, raft_slice value) {
  scan *s = arg;
  if (s->left == 0 || s->keys.len >= KV_MAX_SCAN_REPLY) {
    s->next = key;
    return false;
  }
  s->left--;
  kv_reply_bulk(&s->keys, key.data, key.len);
  s->count++;
  if (!s->all) {
    kv_reply_bulk(&s->keys, value.data, value.len);
    s->count++;
  }
  return true;
}

static int execute_range(const execution *x) {
  const kv_command *command = x->command;
  const int64_t wanted = command->number < KV_MAX_SCAN_KEYS ? command->number : KV_MAX_SCAN_KEYS;
  scan s = {.all = (command->flags & KV_FLAG_KEYS) != 0, .left = (size_t)wanted};
  int rc = each_key(x, command->args[0], range_key, &s);
  if (rc == KV_OK) {
    answer_scan(x, &s);
  }
  kv_reply_free(&s.keys);
  return rc;
}

static bool count_key(void *arg, raft_slice key, raft_slice value) {
  (void)key;
  (void)value;
  ++*(uint64_t *)arg;
  return true;
}

/* The engine knows the size of the whole; a part must be counted. */
static int execute_dbsize(const execution *x) {
  uint64_t keys = 0;
  raft_slice from = x->command->arg_count > 0 ? x->command->args[0] : x->start;
  bool whole = from.len == 0 && x->start.len == 0 && x->end.len == 0;
  int rc = whole ? x->txn->engine->ops->count(x->txn, KV_SPACE_DATA, &keys)
                 : each_key(x, from, count_key, &keys);
  if (rc == KV_OK) {
    kv_reply_integer(x->reply, (int64_t)keys);
  }
  return rc;
}

/* --- the table
 * ------------------------------------------------------------------------------------- */

static const execute_function functions[] = {
    [KV_OP_SET] = execute_set,       [KV_OP_MSET] = execute_mset,
    [KV_OP_DEL] = execute_del,       [KV_OP_GETDEL] = execute_getdel,
    [KV_OP_APPEND] = execute_append, [KV_OP_INCRBY] = execute_incrby,
    [KV_OP_CAS] = execute_cas,       [KV_OP_GET] = execute_get,
    [KV_OP_MGET] = execute_mget,     [KV_OP_EXISTS] = execute_exists,
    [KV_OP_STRLEN] = execute_strlen, [KV_OP_TYPE] = execute_type,
    [KV_OP_TTL] = execute_ttl,       [KV_OP_SCAN] = execute_scan,
    [KV_OP_DBSIZE] = execute_dbsize, [KV_OP_RANGE] = execute_range,
};

int kv_command_execute(const kv_command *command, kv_txn *txn, raft_slice range_start,
                       raft_slice range_end, kv_reply *reply, kv_size_change *change) {
  kv_size_change unwanted = {0};
  const execution x = {command,   txn,   range_start,
                       range_end, reply, change != NULL ? change : &unwanted};
  const char *why;
  if (kv_command_check(command, &why) != KV_OK) {
    kv_reply_error(reply, "%s", why);
    return KV_OK;
  }
  return functions[command->op](&x);
}
