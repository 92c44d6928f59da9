/* async.c - asynchronous storage writes: the disk and the state machine have threads of their own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>

#include "host.h"

/* A queue of messages between threads. */
typedef struct queue {
  pthread_mutex_t lock;
  pthread_cond_t filled;
  raft_message items[64];
  size_t count;
} queue;

static void put(queue *q, const raft_message *message) {
  pthread_mutex_lock(&q->lock);
  EXPECT(q->count < 64);
  q->items[q->count++] = *message;
  pthread_cond_signal(&q->filled);
  pthread_mutex_unlock(&q->lock);
}

static raft_message take(queue *q) {
  pthread_mutex_lock(&q->lock);
  while (q->count == 0) {
    pthread_cond_wait(&q->filled, &q->lock);
  }
  raft_message first = q->items[0];
  memmove(q->items, q->items + 1, --q->count * sizeof first);
  pthread_mutex_unlock(&q->lock);
  return first;
}

#define QUEUE \
  { .lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER }

static queue to_disk = QUEUE, to_apply = QUEUE, to_node = QUEUE;
static const raft_message STOP = {.type = RAFT_MSG_HUP};

static raft_rawnode *node;
static raft_memory_storage *memory; /* what the node reads; touched by its thread alone */
static FILE *journal;               /* touched by the disk's thread alone */
static int64_t total;               /* touched by the apply thread alone */
static int applied_count;           /* as the node's thread knows it */

/* snippet: async_disk */
/* All of a message is one write: term and vote, snapshot, entries. Then the node's thread hears of
 * it. */
static void *disk_thread(void *unused) {
  raft_message message = take(&to_disk);
  while (message.type == RAFT_MSG_STORAGE_APPEND) {
    for (size_t i = 0; i < message.entry_count; i++) {
      const raft_bytes *data = &message.entries[i].data;
      EXPECT(data->len == 0 || fwrite(data->data, data->len, 1, journal) == 1);
    }
    EXPECT(fflush(journal) == 0); /* a real one writes a record of all, and syncs it */
    put(&to_node, &message);      /* its one reference goes along */
    message = take(&to_disk);
  }
  return unused;
}
/* end */

/* snippet: async_apply */
static void *apply_thread(void *unused) {
  raft_message message = take(&to_apply);
  while (message.type == RAFT_MSG_STORAGE_APPLY) {
    for (size_t i = 0; i < message.entry_count; i++) {
      int64_t amount;
      if (message.entries[i].data.len == sizeof amount) {
        memcpy(&amount, message.entries[i].data.data, sizeof amount);
        total += amount;
      }
    }
    raft_message_retain(&message.responses[0]); /* it outlives the message that it came with */
    put(&to_node, &message.responses[0]);
    raft_message_release(&message); /* on this thread: the count is atomic */
    message = take(&to_apply);
  }
  return unused;
}
/* end */

static void send_to_peer(const raft_message *message) {
  (void)message; /* the group of this program has one member */
}

/* snippet: async_pump */
static int pump(void) {
  int rc = RAFT_OK;
  while (rc == RAFT_OK && raft_rawnode_has_ready(node)) {
    const raft_ready *rd;
    rc = raft_rawnode_ready(node, &rd);
    for (size_t i = 0; rc == RAFT_OK && i < rd->message_count; i++) {
      const raft_message *message = &rd->messages[i];
      if (message->to == RAFT_APPEND_THREAD || message->to == RAFT_APPLY_THREAD) {
        raft_message_retain(message);
        put(message->to == RAFT_APPEND_THREAD ? &to_disk : &to_apply, message);
      } else {
        send_to_peer(message); /* at once: it promises nothing that is not durable */
      }
    }
  } /* no advance: the responses say what is done */
  return rc;
}
/* end */

/* snippet: async_done */
/* The write is durable: from now on the node may read it, and others may be told. */
static int write_is_durable(const raft_message *message) {
  const raft_hard_state hard_state = {message->term, message->vote, message->commit};
  int rc = RAFT_OK;
  if (message->snapshot != NULL) {
    rc = raft_memory_storage_apply_snapshot(memory, message->snapshot);
  }
  if (rc == RAFT_OK && hard_state.term != 0) {
    rc = raft_memory_storage_set_hard_state(memory, &hard_state);
  }
  if (rc == RAFT_OK) {
    rc = raft_memory_storage_append(memory, message->entries, message->entry_count);
  }
  for (size_t i = 0; rc == RAFT_OK && i < message->response_count; i++) {
    const raft_message *response = &message->responses[i];
    if (response->to == message->from) {
      rc = raft_rawnode_step(node, response);
    } else {
      send_to_peer(response); /* a vote or an acknowledgement */
    }
  }
  return rc;
}
/* end */

/* One message from another thread. */
static void hear(void) {
  raft_message message = take(&to_node);
  if (message.type == RAFT_MSG_STORAGE_APPEND) {
    EXPECT(write_is_durable(&message) == RAFT_OK);
  } else {
    applied_count += (int)message.entry_count;
    EXPECT(raft_rawnode_step(node, &message) == RAFT_OK);
  }
  raft_message_release(&message);
}

int main(void) {
  const uint64_t voters[] = {1};
  const raft_conf_state members = {.voters = {voters, 1}};
  const int64_t amount = 3;
  const raft_slice payload = {&amount, sizeof amount};
  pthread_t disk, apply;
  raft_config config;
  raft_config_init(&config);
  EXPECT(raft_memory_storage_open(NULL, &memory) == RAFT_OK);
  EXPECT(raft_memory_storage_set_conf_state(memory, &members) == RAFT_OK);
  EXPECT((journal = tmpfile()) != NULL);
  config.id = 1;
  config.storage = raft_memory_storage_interface(memory);
  config.async_storage_writes = true;
  EXPECT(raft_rawnode_open(&config, &node) == RAFT_OK);
  EXPECT(pthread_create(&disk, NULL, disk_thread, NULL) == 0);
  EXPECT(pthread_create(&apply, NULL, apply_thread, NULL) == 0);

  EXPECT(raft_rawnode_campaign(node) == RAFT_OK);
  EXPECT(pump() == RAFT_OK);
  while (applied_count < 1) { /* the empty entry of its term */
    hear();
    EXPECT(pump() == RAFT_OK);
  }
  for (int i = 0; i < 14; i++) {
    EXPECT(raft_rawnode_propose(node, &payload, 1) == RAFT_OK);
  }
  EXPECT(pump() == RAFT_OK);
  while (applied_count < 15) {
    hear();
    EXPECT(pump() == RAFT_OK);
  }
  put(&to_disk, &STOP);
  put(&to_apply, &STOP);
  EXPECT(pthread_join(disk, NULL) == 0 && pthread_join(apply, NULL) == 0);
  EXPECT(total == 42);
  while (to_node.count > 0) {
    hear();
  }
  raft_rawnode_close(node);
  raft_memory_storage_close(memory);
  (void)fclose(journal);
  return 0;
}
