/* work.c - what an application does for its node: durable writes, messages, the state machine.
 *
 * An asynchronous node's writes and its state machine are two threads' affair: their messages wait
 * in queues until the driver says that a thread is done with the first one. Their answers wait too.
 * A crash in between loses all that.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include <libraft/wire.h>

#include "peer.h"

/* --- records --- */

void peer_put_message(struct peer *peer, const raft_message *message) {
  size_t size = raft_message_wire_size(message);
  void *bytes = pipe_allocate(NULL, size);
  pipe_must(raft_message_encode(message, bytes, size, &size), "encode");
  pipe_put(peer->answer, 'm', message->to, (uint64_t)message->type, bytes, size);
  free(bytes);
}

/* A read that was given up is the affair of who asked. */
static void put_read(struct peer *peer, const raft_read_state *state) {
  if (state->status == RAFT_OK) {
    pipe_put(peer->answer, 'q', state->index, 0, state->context.data, state->context.len);
  }
}

static void put_membership(struct peer *peer) {
  size_t size = 0;
  (void)raft_conf_state_encode(&peer->membership.state, NULL, 0, &size);
  void *bytes = pipe_allocate(NULL, size);
  pipe_must(raft_conf_state_encode(&peer->membership.state, bytes, size, &size), "membership");
  pipe_put(peer->answer, 'c', peer->applied, 0, bytes, size);
  free(bytes);
}

/* --- the state machine --- */

void peer_keep_membership(struct peer *peer, const raft_conf_state *state) {
  struct membership *kept = &peer->membership;
  const raft_ids *from[] = {&state->voters, &state->learners, &state->voters_outgoing,
                            &state->learners_next};
  raft_ids *to[] = {&kept->state.voters, &kept->state.learners, &kept->state.voters_outgoing,
                    &kept->state.learners_next};
  kept->state.auto_leave = state->auto_leave;
  for (size_t i = 0; i < 4; i++) {
    const raft_ids list = *from[i];
    if (list.count > MOST_MEMBERS) {
      pipe_give_up("members", RAFT_ELIMIT);
    }
    if (list.count > 0) {
      memmove(kept->ids[i], list.ids, list.count * sizeof kept->ids[i][0]);
    }
    *to[i] = (raft_ids){.ids = kept->ids[i], .count = list.count};
  }
}

/* False: a snapshot has come in that will bring the membership. */
static bool change_membership(struct peer *peer, const raft_entry *entry) {
  raft_conf_state state;
  int code = RAFT_OK;
  if (entry->type == RAFT_ENTRY_CONF_CHANGE) {
    raft_conf_change change;
    pipe_must(raft_conf_change_decode(entry->data, &change), "change");
    code = raft_rawnode_apply_conf_change_v1(peer->node, &change, &state);
  } else {
    raft_conf_change_v2 change;
    void *memory = NULL;
    pipe_must(raft_conf_change_v2_decode(entry->data, NULL, NULL, &change, &memory), "change");
    code = raft_rawnode_apply_conf_change(peer->node, &change, &state);
    raft_conf_state_free(NULL, memory);
  }
  if (code == RAFT_ECONF_OVERTAKEN) {
    return false;
  }
  pipe_must(code, "apply");
  peer_keep_membership(peer, &state);
  return true;
}

/* Entries that a snapshot overtook are not applied any more. False: neither are those behind. */
static bool apply_entry(struct peer *peer, const raft_entry *entry) {
  if (entry->index <= peer->applied) {
    return true;
  }
  bool changes = entry->type != RAFT_ENTRY_NORMAL;
  if (changes && !change_membership(peer, entry)) {
    return false;
  }
  peer->applied = entry->index;
  peer->applied_term = entry->term;
  size_t size = entry->data.len + 1;
  unsigned char *content = pipe_allocate(NULL, size);
  content[0] = (unsigned char)entry->type;
  if (entry->data.len > 0) {
    memcpy(content + 1, entry->data.data, entry->data.len);
  }
  pipe_put(peer->answer, 'a', entry->index, entry->term, content, size);
  free(content);
  if (changes) {
    put_membership(peer);
  }
  return true;
}

static void apply_all(struct peer *peer, const raft_entry *entries, size_t count) {
  bool more = true;
  for (size_t i = 0; more && i < count; i++) {
    more = apply_entry(peer, &entries[i]);
  }
}

/* --- the disk --- */

static void save(struct peer *peer, const raft_hard_state *state, const raft_entry *entries,
                 size_t count, const raft_snapshot *snapshot) {
  if (state->term != 0 || state->vote != 0 || state->commit != 0) {
    pipe_must(raft_memory_storage_set_hard_state(peer->storage, state), "hard state");
  }
  if (snapshot != NULL) {
    pipe_must(raft_memory_storage_apply_snapshot(peer->storage, snapshot), "snapshot");
    peer->applied = snapshot->index;
    peer->applied_term = snapshot->term;
    peer_keep_membership(peer, &snapshot->conf_state);
    pipe_put(peer->answer, 's', snapshot->index, snapshot->term, snapshot->data.data,
             snapshot->data.len);
    put_membership(peer);
  }
  pipe_must(raft_memory_storage_append(peer->storage, entries, count), "append");
}

static void save_ready(struct peer *peer, const raft_ready *ready) {
  save(peer, &ready->hard_state, ready->entries, ready->entry_count, ready->snapshot);
}

/* --- Readies --- */

static void send_messages(struct peer *peer, const raft_ready *ready) {
  for (size_t i = 0; i < ready->message_count; i++) {
    const raft_message *message = &ready->messages[i];
    if (message->to == RAFT_APPEND_THREAD) {
      queue_push(&peer->append, message, NULL);
    } else if (message->to == RAFT_APPLY_THREAD) {
      queue_push(&peer->apply, message, NULL);
    } else {
      peer_put_message(peer, message);
    }
  }
  for (size_t i = 0; i < ready->read_state_count; i++) {
    put_read(peer, &ready->read_states[i]);
  }
}

void peer_work(struct peer *peer) {
  bool async = peer->config.async_storage_writes;
  while (raft_rawnode_has_ready(peer->node)) {
    const raft_ready *ready;
    pipe_must(raft_rawnode_ready(peer->node, &ready), "ready");
    if (!async) {
      save_ready(peer, ready);
    }
    send_messages(peer, ready);
    if (!async) {
      apply_all(peer, ready->committed_entries, ready->committed_entry_count);
      pipe_must(raft_rawnode_advance(peer->node, ready), "advance");
    }
  }
}

void peer_persist(struct peer *peer) {
  if (!peer->config.async_storage_writes && raft_rawnode_has_ready(peer->node)) {
    const raft_ready *ready;
    pipe_must(raft_rawnode_ready(peer->node, &ready), "ready");
    save_ready(peer, ready);
  }
}

/* --- the threads of an asynchronous node --- */

static void answer_of_thread(struct peer *peer, const raft_message *done) {
  for (size_t i = 0; i < done->response_count; i++) {
    const raft_message *response = &done->responses[i];
    if (response->to == peer->config.id) {
      queue_push(&peer->to_self, response, done);
    } else {
      peer_put_message(peer, response);
    }
  }
}

void peer_append(struct peer *peer) {
  if (peer->append.count == 0) {
    return;
  }
  const struct waiting work = queue_pop(&peer->append);
  const raft_message *message = &work.message;
  const raft_hard_state state = {message->term, message->vote, message->commit};
  save(peer, &state, message->entries, message->entry_count, message->snapshot);
  answer_of_thread(peer, message);
  waiting_release(&work);
}

void peer_apply(struct peer *peer) {
  if (peer->apply.count == 0) {
    return;
  }
  const struct waiting work = queue_pop(&peer->apply);
  apply_all(peer, work.message.entries, work.message.entry_count);
  answer_of_thread(peer, &work.message);
  waiting_release(&work);
}

int peer_hear(struct peer *peer) {
  if (peer->to_self.count == 0) {
    return RAFT_OK;
  }
  const struct waiting answer = queue_pop(&peer->to_self);
  int code = raft_rawnode_step(peer->node, &answer.message);
  waiting_release(&answer);
  return code;
}
