/* interaction_deliver.c - deliver-msgs: messages in flight reach a node, or are lost on the way.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "interaction_deliver.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "interaction_commands.h"
#include "interaction_node.h"

static bool is_thread(uint64_t id) {
  return id == RAFT_APPEND_THREAD || id == RAFT_APPLY_THREAD;
}

static bool is_local(const raft_message *message) {
  return message->from == message->to || is_thread(message->from) || is_thread(message->to);
}

static bool is_wanted(const raft_message *message, const void *ctx) {
  const struct interaction_delivery *delivery = ctx;
  return message->to == delivery->to && !(delivery->drop && is_local(message)) &&
         (delivery->type < 0 || (int)message->type == delivery->type);
}

bool interaction_has_messages(const struct interaction_env *env,
                              const struct interaction_delivery *delivery) {
  return interaction_queue_any(&env->messages, is_wanted, delivery);
}

static void deliver_one(struct interaction_env *env, const struct interaction_delivery *delivery,
                        const raft_message *message) {
  interaction_print(env, "%s", delivery->drop ? "dropped: " : "");
  interaction_print_message(env, message);
  interaction_print(env, "\n");
  if (delivery->drop) {
    return;
  }
  int code = raft_rawnode_step(interaction_find_node(env, delivery->to)->raft, message);
  if (code != RAFT_OK) {
    interaction_print(env, "%s\n", interaction_error_text(code));
  }
}

size_t interaction_deliver(struct interaction_env *env,
                           const struct interaction_delivery *delivery) {
  struct interaction_queue taken = {0};
  interaction_queue_move(&env->messages, &taken, is_wanted, delivery);
  size_t count = taken.count;
  for (size_t i = 0; i < count; i++) {
    deliver_one(env, delivery, &taken.items[i].message);
  }
  interaction_queue_clear(&taken);
  return count;
}

/* --- deliver-msgs --- */

/* Whom the command names, in its order. */
struct recipients {
  struct interaction_delivery *deliveries;
  size_t count;
};

static int add_recipient(struct interaction_env *env, struct recipients *recipients, const char *id,
                         bool drop) {
  struct interaction_delivery delivery = {.type = -1, .drop = drop};
  if (!parse_u64(id, &delivery.to)) {
    return interaction_fail(env, "no node id: \"%s\"", id);
  }
  if (!drop && interaction_find_node(env, delivery.to) == NULL) {
    return interaction_fail(env, "no node with id %s", id);
  }
  for (size_t i = 0; i < recipients->count; i++) {
    const struct interaction_delivery *other = &recipients->deliveries[i];
    if (other->to == delivery.to && other->drop != drop) {
      return interaction_fail(env, "messages to %s cannot be both delivered and dropped", id);
    }
  }
  size_t size = (recipients->count + 1) * sizeof delivery;
  recipients->deliveries = must_reallocate(recipients->deliveries, size);
  recipients->deliveries[recipients->count++] = delivery;
  return 0;
}

/* The type by its name, -2 if there is none of that name. */
static int find_type(const char *name) {
  for (int type = 0; type < RAFT_MSG_TYPE_COUNT; type++) {
    if (strcmp(raft_message_type_name((raft_message_type)type), name) == 0) {
      return type;
    }
  }
  return -2;
}

static int read_type(struct interaction_env *env, const struct directive *directive, int *type) {
  const struct argument *argument = directive_find(directive, "type");
  if (argument == NULL || argument->value_count == 0) {
    return 0;
  }
  *type = find_type(argument->values[0]);
  return *type >= 0 ? 0 : interaction_fail(env, "unknown message type %s", argument->values[0]);
}

static int read_recipients(struct interaction_env *env, const struct directive *directive,
                           struct recipients *recipients) {
  int failed = 0;
  for (size_t i = 0; failed == 0 && i < directive->argument_count; i++) {
    const struct argument *argument = &directive->arguments[i];
    if (argument->value_count == 0) {
      failed = add_recipient(env, recipients, argument->key, false);
    }
    for (size_t v = 0; failed == 0 && v < argument->value_count; v++) {
      if (strcmp(argument->key, "drop") == 0) {
        failed = add_recipient(env, recipients, argument->values[v], true);
      }
    }
  }
  return failed;
}

int interaction_deliver_msgs(struct interaction_env *env, const struct directive *directive) {
  struct recipients recipients = {0};
  int type = -1;
  size_t count = 0;
  int failed = read_recipients(env, directive, &recipients);
  failed = failed == 0 ? read_type(env, directive, &type) : failed;
  for (size_t i = 0; failed == 0 && i < recipients.count; i++) {
    recipients.deliveries[i].type = type;
    count += interaction_deliver(env, &recipients.deliveries[i]);
  }
  if (failed == 0 && count == 0) {
    interaction_print(env, "no messages\n");
  }
  free(recipients.deliveries);
  return failed;
}
