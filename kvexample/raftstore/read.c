/* read.c - commands that read, on their way through the engine and back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/read.h"

#include <stdlib.h>
#include <xxhash.h>

#include "raftstore/command.h"
#include "raftstore/region_state.h"

/* Bytes of answers from which on the commands that are left wait for another run. */
enum { MOST_BYTES = 16 << 20 };

void kv_read_task_free(kv_read_task *task) {
  if (task != NULL) {
    kv_reply_free(&task->replies);
    free(task->reply_ends);
    free(task->commands);
    free(task->scan);
    free(task);
  }
}

typedef struct read_args {
  raft_slice *args;
  size_t room;
} read_args;

static int decode(read_args *args, raft_slice input, kv_command *command) {
  size_t room = args->room;
  raft_slice again = input;
  int rc = kv_command_decode(&input, command, args->args, &room);
  if (rc == KV_EFULL) {
    raft_slice *grown = realloc(args->args, room * sizeof *grown);
    if (grown == NULL) {
      return KV_ENOMEM;
    }
    args->args = grown;
    args->room = room;
    rc = kv_command_decode(&again, command, args->args, &room);
  }
  return rc == KV_OK && kv_op_is_write(command->op) ? KV_ECORRUPT : rc;
}

static int read_command(kv_read_task *task, kv_txn *txn, const kv_region *region, raft_slice bytes,
                        read_args *args) {
  kv_command command;
  int rc = decode(args, bytes, &command);
  if (rc == KV_ECORRUPT) {
    kv_reply_error(&task->replies, "ERR malformed command");
    return KV_OK;
  }
  if (rc == KV_OK && !kv_command_keys_inside(&command, region)) {
    kv_reply_moved(&task->replies);
    return KV_OK;
  }
  return rc != KV_OK
             ? rc
             : kv_command_execute(&command, txn, region->start, region->end, &task->replies, NULL);
}

static int read_commands(kv_read_task *task, kv_txn *txn, const kv_region *region) {
  read_args args = {0};
  int rc = KV_OK;
  size_t i = task->first;
  for (; i < task->command_count && rc == KV_OK && task->replies.len < MOST_BYTES; i++) {
    rc = read_command(task, txn, region, task->commands[i], &args);
    task->reply_ends[i] = task->replies.len;
  }
  task->end = i;
  free(args.args);
  return rc;
}

static void hash_slice(XXH3_state_t *hash, raft_slice bytes) {
  uint64_t len = bytes.len;
  unsigned char length[8];
  for (size_t i = 0; i < sizeof length; i++) {
    length[i] = (unsigned char)(len >> (8 * i));
  }
  (void)XXH3_64bits_update(hash, length, sizeof length);
  (void)XXH3_64bits_update(hash, bytes.data, bytes.len);
}

static int hash_range(kv_txn *txn, const kv_region *region, XXH3_state_t *hash, uint64_t *keys) {
  const kv_engine_ops *ops = txn->engine->ops;
  kv_cursor *cursor = NULL;
  raft_slice key, value;
  int rc = ops->seek(txn, KV_SPACE_DATA, region->start, &cursor);
  if (rc != KV_OK) {
    return rc == KV_ENOTFOUND ? KV_OK : rc;
  }
  while (rc == KV_OK) {
    ops->item(cursor, &key, &value);
    if (kv_key_past_end(key, region->end)) {
      break;
    }
    hash_slice(hash, key);
    hash_slice(hash, value);
    (*keys)++;
    rc = ops->next(cursor);
  }
  ops->cursor_close(cursor);
  return rc == KV_ENOTFOUND ? KV_OK : rc;
}

static void reply_number(kv_reply *reply, const char *name, uint64_t value) {
  kv_reply_text(reply, name);
  kv_reply_integer(reply, (int64_t)value);
}

static void reply_checksum(kv_read_task *task, uint64_t keys, uint64_t checksum) {
  static const char digits[] = "0123456789abcdef";
  char text[16];
  for (size_t i = 0; i < sizeof text; i++) {
    text[i] = digits[checksum >> (60 - 4 * i) & 15];
  }
  kv_reply_map(&task->replies, 5);
  reply_number(&task->replies, "store", task->store_id);
  reply_number(&task->replies, "region", task->region_id);
  reply_number(&task->replies, "applied", task->applied);
  reply_number(&task->replies, "keys", keys);
  kv_reply_text(&task->replies, "checksum");
  kv_reply_bulk(&task->replies, text, sizeof text);
  task->reply_ends[0] = task->replies.len;
  task->end = task->command_count;
}

static int read_checksum(kv_read_task *task, kv_txn *txn, const kv_region *region) {
  XXH3_state_t *hash = XXH3_createState();
  if (hash == NULL) {
    return KV_ENOMEM;
  }
  uint64_t keys = 0;
  (void)XXH3_64bits_reset(hash);
  int rc = hash_range(txn, region, hash, &keys);
  if (rc == KV_OK) {
    reply_checksum(task, keys, XXH3_64bits_digest(hash));
  }
  XXH3_freeState(hash);
  return rc;
}

static int read_size(kv_read_task *task, kv_txn *txn, const kv_region *region) {
  return region->epoch.version == task->scan->version ? kv_size_scan_slice(task->scan, txn, region)
                                                      : KV_ENOTFOUND;
}

static int read_kind(kv_read_task *task, kv_txn *txn, const kv_region *region) {
  switch (task->kind) {
  case KV_READ_COMMANDS: return read_commands(task, txn, region);
  case KV_READ_CHECKSUM: return read_checksum(task, txn, region);
  case KV_READ_SIZE: return read_size(task, txn, region);
  }
  return KV_EINVAL;
}

/* After a split the commands may mean other keys, or keys of which another region may have newer
 * values. */
static bool is_as_asked(const kv_read_task *task, const kv_region_state *state) {
  return state->phase == KV_REGION_NORMAL &&
         (task->kind != KV_READ_COMMANDS || state->region.epoch.version == task->version);
}

int kv_read_run(kv_read_task *task, kv_txn *txn) {
  kv_region_state state;
  kv_apply_state applied;
  task->replies.len = 0;
  task->replies.failed = false;
  int rc = kv_region_state_load(txn, task->region_id, &state);
  if (rc == KV_OK && !is_as_asked(task, &state)) {
    rc = KV_ENOTFOUND;
  }
  if (rc == KV_OK) {
    rc = kv_apply_state_load(txn, task->region_id, &applied);
  }
  if (rc == KV_OK) {
    task->applied = applied.applied_index;
    rc = read_kind(task, txn, &state.region);
  }
  kv_region_state_clear(&state);
  return rc == KV_OK && task->replies.failed ? KV_ENOMEM : rc;
}
