/* command.c - the commands of the key space: what each takes, as one table.
 *
 * Everything that is known about a command without executing it is a row here; the codec and the
 * execution have their own files.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/command.h"

/* Keys stand at first, first + step, ... up to the end of the arguments or key_limit of them; all
 * other arguments are values. */
typedef struct op_rule {
  const char *name; /* NULL: no such op */
  bool write;
  uint8_t min_args, step, key_limit; /* key_limit 0: to the end */
  uint32_t max_args;
  uint32_t flags;
} op_rule;

enum { SET_FLAGS = KV_FLAG_NX | KV_FLAG_XX | KV_FLAG_GET | KV_FLAG_INT };

static const op_rule rules[] = {
    [KV_OP_SET] = {"SET", true, 2, 1, 1, 2, SET_FLAGS},
    [KV_OP_MSET] = {"MSET", true, 2, 2, 0, KV_MAX_ARGS, 0},
    [KV_OP_DEL] = {"DEL", true, 1, 1, 0, KV_MAX_ARGS, 0},
    [KV_OP_GETDEL] = {"GETDEL", true, 1, 1, 1, 1, 0},
    [KV_OP_APPEND] = {"APPEND", true, 2, 1, 1, 2, 0},
    [KV_OP_INCRBY] = {"INCRBY", true, 1, 1, 1, 1, 0},
    [KV_OP_CAS] = {"CAS", true, 3, 1, 1, 3, KV_FLAG_ABSENT},
    [KV_OP_GET] = {"GET", false, 1, 1, 1, 1, 0},
    [KV_OP_MGET] = {"MGET", false, 1, 1, 0, KV_MAX_ARGS, 0},
    [KV_OP_EXISTS] = {"EXISTS", false, 1, 1, 0, KV_MAX_ARGS, 0},
    [KV_OP_STRLEN] = {"STRLEN", false, 1, 1, 1, 1, 0},
    [KV_OP_TYPE] = {"TYPE", false, 1, 1, 1, 1, 0},
    [KV_OP_TTL] = {"TTL", false, 1, 1, 1, 1, 0},
    [KV_OP_SCAN] = {"SCAN", false, 1, 0, 0, 2, 0},
    [KV_OP_DBSIZE] = {"DBSIZE", false, 0, 0, 0, 1, 0},
    [KV_OP_RANGE] = {"RANGE", false, 1, 0, 0, 1, KV_FLAG_KEYS},
};

static const op_rule *rule_of(kv_op op) {
  size_t number = (size_t)op;
  bool known = number < sizeof rules / sizeof *rules && rules[number].name != NULL;
  return known ? &rules[number] : NULL;
}

bool kv_op_is_known(kv_op op) {
  return rule_of(op) != NULL;
}

bool kv_op_is_write(kv_op op) {
  const op_rule *rule = rule_of(op);
  return rule != NULL && rule->write;
}

const char *kv_op_name(kv_op op) {
  const op_rule *rule = rule_of(op);
  return rule != NULL ? rule->name : "?";
}

kv_key_range kv_command_keys(const kv_command *command) {
  const op_rule *rule = rule_of(command->op);
  kv_key_range keys = {0, 1, 0};
  if (rule != NULL && rule->step > 0) {
    size_t step = rule->step;
    keys.step = step;
    keys.count = command->arg_count / step + (command->arg_count % step != 0);
    if (rule->key_limit > 0 && keys.count > rule->key_limit) {
      keys.count = rule->key_limit;
    }
  }
  return keys;
}

bool kv_command_keys_inside(const kv_command *command, const kv_region *region) {
  const kv_key_range keys = kv_command_keys(command);
  for (size_t i = 0; i < keys.count; i++) {
    if (!kv_region_has_key(region, command->args[keys.first + i * keys.step])) {
      return false;
    }
  }
  return true;
}

static const char *check_key(raft_slice key) {
  if (key.len == 0) {
    return "ERR an empty key is not allowed";
  }
  return key.len > KV_MAX_KEY ? "ERR key is longer than 480 bytes" : NULL;
}

static const char *check_value(raft_slice value) {
  return value.len > KV_MAX_VALUE ? "ERR value is longer than 4194304 bytes" : NULL;
}

static const char *check_from(const kv_command *command) {
  return command->arg_count > 0 && command->args[0].len > KV_MAX_KEY ? "ERR invalid cursor" : NULL;
}

static const char *check_scan(const kv_command *command) {
  if (command->number < 1) {
    return "ERR syntax error";
  }
  const char *why = check_from(command);
  return why != NULL ? why
         : command->arg_count > 1 && command->args[1].len > KV_MAX_PATTERN
             ? "ERR pattern is longer than 512 bytes"
             : NULL;
}

static const char *check_args(const kv_command *command) {
  kv_key_range keys = kv_command_keys(command);
  const char *why = NULL;
  size_t next_key = keys.first, total = 0;
  for (size_t i = 0; i < command->arg_count && why == NULL; i++) {
    bool is_key = keys.count > 0 && i == next_key;
    why = is_key ? check_key(command->args[i]) : check_value(command->args[i]);
    if (is_key) {
      keys.count--;
      next_key += keys.step;
    }
    total += command->args[i].len; /* each is bounded by now, so is their number: no overflow */
  }
  return why == NULL && total > KV_MAX_COMMAND
             ? "ERR command is longer than 8388608 bytes, split it into several"
             : why;
}

static const char *check(const kv_command *command) {
  const op_rule *rule = rule_of(command->op);
  if (rule == NULL) {
    return "ERR unknown command";
  }
  if (command->arg_count < rule->min_args || command->arg_count > rule->max_args ||
      (command->op == KV_OP_MSET && command->arg_count % 2 != 0)) {
    return "ERR wrong number of arguments";
  }
  if ((command->flags & ~rule->flags) != 0 ||
      (command->flags & (KV_FLAG_NX | KV_FLAG_XX)) == (KV_FLAG_NX | KV_FLAG_XX)) {
    return "ERR syntax error";
  }
  const char *why = command->op == KV_OP_SCAN || command->op == KV_OP_RANGE ? check_scan(command)
                    : command->op == KV_OP_DBSIZE                           ? check_from(command)
                                                                            : NULL;
  return why != NULL ? why : check_args(command);
}

int kv_command_check(const kv_command *command, const char **why) {
  *why = check(command);
  return *why == NULL ? KV_OK : KV_EINVAL;
}
