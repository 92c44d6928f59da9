/* peer.c - one libraft node behind a pair of pipes, for groups mixed with etcd-io/raft nodes.
 *
 * The driver (../mixed/) writes requests to standard input, one frame each, and reads one frame of
 * answer from standard output. A frame is its length in 4 bytes, then the content; all numbers are
 * little-endian. Request: a letter, two numbers of 8 bytes, bytes. Answer: the code of the call in
 * 4 bytes, then records: a letter, two numbers, the length of its bytes in 4, the bytes.
 * After each request all Readies are worked off, and the records say what came of it:
 *   m  a message to send: to, type; raftpb bytes
 *   a  an applied entry: index, term; one byte of type, then the payload
 *   s  a snapshot taken in: index, term; its data
 *   q  a read that may be served: index, 0; its context
 *   i  the node's state, always: term, leader; one byte of role
 *   e  what the request `e` had, decoded and encoded again
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libraft/memory_storage.h>
#include <libraft/raft.h>
#include <libraft/wire.h>

enum { MOST_MEMBERS = 64, MOST_BYTES = 1 << 26, START_INDEX = 10 };

/* Membership with memory of its own. */
struct membership {
  raft_conf_state state;
  uint64_t ids[4][MOST_MEMBERS];
};

struct peer {
  raft_config config;
  raft_memory_storage *storage;
  raft_rawnode *node;
  struct membership membership;
  unsigned char *answer; /* the frame that is being written, without its length */
  size_t answer_len;
  size_t answer_capacity;
};

struct request {
  char letter;
  uint64_t a;
  uint64_t b;
  raft_bytes bytes;
};

static void give_up(const char *what, int code) {
  (void)fprintf(stderr, "peer: %s: %s\n", what, raft_error_string(code));
  exit(3);
}

static void must(int code, const char *what) {
  if (code != RAFT_OK) {
    give_up(what, code);
  }
}

/* ---- the answer ---- */

static void put(struct peer *peer, const void *bytes, size_t len) {
  if (peer->answer_capacity - peer->answer_len < len) {
    peer->answer_capacity = 2 * (peer->answer_len + len);
    peer->answer = realloc(peer->answer, peer->answer_capacity);
  }
  if (peer->answer == NULL) {
    give_up("answer", RAFT_ENOMEM);
  }
  if (len > 0) {
    memcpy(peer->answer + peer->answer_len, bytes, len);
    peer->answer_len += len;
  }
}

static void put_number(struct peer *peer, uint64_t number, size_t size) {
  unsigned char bytes[8];
  for (size_t i = 0; i < size; i++) {
    bytes[i] = (unsigned char)(number >> (8 * i));
  }
  put(peer, bytes, size);
}

static void put_head(struct peer *peer, char letter, uint64_t a, uint64_t b, size_t len) {
  put(peer, &letter, 1);
  put_number(peer, a, 8);
  put_number(peer, b, 8);
  put_number(peer, len, 4);
}

static void put_message(struct peer *peer, char letter, const raft_message *message) {
  size_t size = raft_message_wire_size(message);
  void *bytes = malloc(size + 1);
  if (bytes == NULL) {
    give_up("message", RAFT_ENOMEM);
  }
  must(raft_message_encode(message, bytes, size, &size), "encode");
  put_head(peer, letter, message->to, (uint64_t)message->type, size);
  put(peer, bytes, size);
  free(bytes);
}

/* A read that was given up is the affair of who asked. */
static void put_read(struct peer *peer, const raft_read_state *state) {
  if (state->status == RAFT_OK) {
    put_head(peer, 'q', state->index, 0, state->context.len);
    put(peer, state->context.data, state->context.len);
  }
}

static void put_state(struct peer *peer) {
  raft_basic_status status;
  raft_rawnode_basic_status(peer->node, &status);
  const char role = (char)status.soft_state.role;
  put_head(peer, 'i', status.hard_state.term, status.soft_state.lead, 1);
  put(peer, &role, 1);
}

/* ---- what an application does ---- */

static void keep_membership(struct peer *peer, const raft_conf_state *state) {
  struct membership *kept = &peer->membership;
  const raft_ids *from[] = {&state->voters, &state->learners, &state->voters_outgoing,
                            &state->learners_next};
  raft_ids *to[] = {&kept->state.voters, &kept->state.learners, &kept->state.voters_outgoing,
                    &kept->state.learners_next};
  kept->state.auto_leave = state->auto_leave;
  for (size_t i = 0; i < 4; i++) {
    if (from[i]->count > MOST_MEMBERS) {
      give_up("members", RAFT_ELIMIT);
    }
    const raft_ids list = *from[i];
    if (list.count > 0) {
      memmove(kept->ids[i], list.ids, list.count * sizeof kept->ids[i][0]);
    }
    *to[i] = (raft_ids){.ids = kept->ids[i], .count = list.count};
  }
}

static void apply_change(struct peer *peer, const raft_entry *entry) {
  raft_conf_state state;
  if (entry->type == RAFT_ENTRY_CONF_CHANGE) {
    raft_conf_change change;
    must(raft_conf_change_decode(entry->data, &change), "change");
    must(raft_rawnode_apply_conf_change_v1(peer->node, &change, &state), "apply");
  } else {
    raft_conf_change_v2 change;
    void *memory = NULL;
    must(raft_conf_change_v2_decode(entry->data, NULL, NULL, &change, &memory), "change");
    must(raft_rawnode_apply_conf_change(peer->node, &change, &state), "apply");
    raft_conf_state_free(NULL, memory);
  }
  keep_membership(peer, &state);
}

static void apply(struct peer *peer, const raft_entry *entry) {
  const char type = (char)entry->type;
  if (entry->type != RAFT_ENTRY_NORMAL) {
    apply_change(peer, entry);
  }
  put_head(peer, 'a', entry->index, entry->term, entry->data.len + 1);
  put(peer, &type, 1);
  put(peer, entry->data.data, entry->data.len);
}

static void save(struct peer *peer, const raft_ready *ready) {
  if (ready->hard_state.term != 0) {
    must(raft_memory_storage_set_hard_state(peer->storage, &ready->hard_state), "hard state");
  }
  if (ready->snapshot != NULL) {
    const raft_snapshot *snapshot = ready->snapshot;
    must(raft_memory_storage_apply_snapshot(peer->storage, snapshot), "snapshot");
    keep_membership(peer, &snapshot->conf_state);
    put_head(peer, 's', snapshot->index, snapshot->term, snapshot->data.len);
    put(peer, snapshot->data.data, snapshot->data.len);
  }
  must(raft_memory_storage_append(peer->storage, ready->entries, ready->entry_count), "append");
}

static void work(struct peer *peer) {
  while (raft_rawnode_has_ready(peer->node)) {
    const raft_ready *ready;
    must(raft_rawnode_ready(peer->node, &ready), "ready");
    save(peer, ready);
    for (size_t i = 0; i < ready->message_count; i++) {
      put_message(peer, 'm', &ready->messages[i]);
    }
    for (size_t i = 0; i < ready->read_state_count; i++) {
      put_read(peer, &ready->read_states[i]);
    }
    for (size_t i = 0; i < ready->committed_entry_count; i++) {
      apply(peer, &ready->committed_entries[i]);
    }
    must(raft_rawnode_advance(peer->node, ready), "advance");
  }
}

/* ---- requests ---- */

static uint64_t number_at(const raft_bytes *bytes, size_t position) {
  uint64_t number = 0;
  const unsigned char *at = (const unsigned char *)bytes->data + 8 * position;
  if (8 * position + 8 > bytes->len) {
    give_up("request", RAFT_EINVAL);
  }
  for (size_t i = 0; i < 8; i++) {
    number |= (uint64_t)at[i] << (8 * i);
  }
  return number;
}

/* o: id a, voters 1 to b, all starting from the same state; pre-vote, quorum check, bytes a
 * message, messages in flight, seed. */
static int open_node(struct peer *peer, const struct request *request) {
  uint64_t ids[MOST_MEMBERS];
  if (peer->node != NULL || request->b > MOST_MEMBERS) {
    return RAFT_EINVAL;
  }
  for (uint64_t i = 0; i < request->b; i++) {
    ids[i] = i + 1;
  }
  const raft_snapshot start = {.conf_state = {.voters = {.ids = ids, .count = (size_t)request->b}},
                               .data = {.data = "start", .len = 5},
                               .index = START_INDEX,
                               .term = 1};
  must(raft_memory_storage_open(NULL, &peer->storage), "storage");
  must(raft_memory_storage_apply_snapshot(peer->storage, &start), "start");
  keep_membership(peer, &start.conf_state);
  raft_config_init(&peer->config);
  peer->config.id = request->a;
  peer->config.storage = raft_memory_storage_interface(peer->storage);
  peer->config.pre_vote = number_at(&request->bytes, 0) != 0;
  peer->config.check_quorum = number_at(&request->bytes, 1) != 0;
  peer->config.max_size_per_message = number_at(&request->bytes, 2);
  peer->config.max_inflight_messages = (uint32_t)number_at(&request->bytes, 3);
  peer->config.applied = START_INDEX;
  peer->config.seed = number_at(&request->bytes, 4);
  return raft_rawnode_open(&peer->config, &peer->node);
}

/* k: snapshot at a with these data, log up to b dropped. */
static int compact(struct peer *peer, const struct request *request) {
  int code = raft_memory_storage_create_snapshot(peer->storage, request->a, &peer->membership.state,
                                                 request->bytes);
  if (code == RAFT_OK && request->b > 0) {
    code = raft_memory_storage_compact(peer->storage, request->b);
  }
  return code;
}

/* r: the node dies and comes back, having applied a. */
static int restart(struct peer *peer, const struct request *request) {
  (void)compact(peer, &(struct request){.a = request->a, .bytes = request->bytes});
  raft_rawnode_close(peer->node);
  peer->node = NULL;
  peer->config.applied = request->a;
  return raft_rawnode_open(&peer->config, &peer->node);
}

static int step(struct peer *peer, const struct request *request, bool echo) {
  raft_message message;
  int code = raft_message_decode(request->bytes, NULL, NULL, &message);
  if (code != RAFT_OK) {
    return code;
  }
  if (echo) {
    put_message(peer, 'e', &message);
  } else {
    code = raft_rawnode_step(peer->node, &message);
  }
  raft_message_release(&message);
  return code;
}

static int propose_change(struct peer *peer, const struct request *request) {
  raft_conf_change_v2 change;
  void *memory = NULL;
  int code = raft_conf_change_v2_decode(request->bytes, NULL, NULL, &change, &memory);
  if (code == RAFT_OK) {
    code = raft_rawnode_propose_conf_change_v2(peer->node, &change);
  }
  raft_conf_state_free(NULL, memory);
  return code;
}

static int propose(struct peer *peer, const struct request *request) {
  const raft_slice payload = {.data = request->bytes.data, .len = request->bytes.len};
  return raft_rawnode_propose(peer->node, &payload, 1);
}

static int read_index(struct peer *peer, const struct request *request) {
  return raft_rawnode_read_index(peer->node, &request->bytes);
}

static int serve(struct peer *peer, const struct request *request) {
  switch (request->letter) {
  case 'o': return open_node(peer, request);
  case 'r': return restart(peer, request);
  case 'k': return compact(peer, request);
  case 't': return raft_rawnode_tick(peer->node);
  case 'h': return raft_rawnode_campaign(peer->node);
  case 's': return step(peer, request, false);
  case 'e': return step(peer, request, true);
  case 'p': return propose(peer, request);
  case 'c': return propose_change(peer, request);
  case 'q': return read_index(peer, request);
  case 'l': return raft_rawnode_transfer_leader(peer->node, request->a);
  case 'f': return raft_rawnode_report_snapshot(peer->node, request->a, request->b != 0);
  case 'u': return raft_rawnode_report_unreachable(peer->node, request->a);
  default: return RAFT_EINVAL;
  }
}

static void answer(struct peer *peer, const struct request *request) {
  peer->answer_len = 0;
  put_number(peer, 0, 4);
  int code = peer->node == NULL && request->letter != 'o' ? RAFT_EINVAL : serve(peer, request);
  if (peer->node == NULL) {
    give_up("no node", code);
  }
  for (size_t i = 0; i < 4; i++) {
    peer->answer[i] = (unsigned char)((uint32_t)code >> (8 * i));
  }
  work(peer);
  put_state(peer);
}

/* ---- frames ---- */

static bool read_frame(unsigned char **frame, size_t *len) {
  unsigned char head[4];
  if (fread(head, 1, sizeof head, stdin) != sizeof head) {
    return false;
  }
  *len = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
  if (*len < 17 || *len > MOST_BYTES) {
    give_up("frame", RAFT_ELIMIT);
  }
  *frame = malloc(*len);
  return *frame != NULL && fread(*frame, 1, *len, stdin) == *len;
}

static void write_frame(const struct peer *peer) {
  unsigned char head[4];
  for (size_t i = 0; i < 4; i++) {
    head[i] = (unsigned char)(peer->answer_len >> (8 * i));
  }
  (void)fwrite(head, 1, sizeof head, stdout);
  (void)fwrite(peer->answer, 1, peer->answer_len, stdout);
  (void)fflush(stdout);
}

int main(void) {
  struct peer peer = {0};
  unsigned char *frame = NULL;
  size_t len = 0;
  while (read_frame(&frame, &len)) {
    const raft_bytes numbers = {.data = frame + 1, .len = 16};
    const struct request request = {
        .letter = (char)frame[0],
        .a = number_at(&numbers, 0),
        .b = number_at(&numbers, 1),
        .bytes = {.data = frame + 17, .len = len - 17},
    };
    answer(&peer, &request);
    write_frame(&peer);
    free(frame);
    frame = NULL;
  }
  free(frame);
  free(peer.answer);
  raft_rawnode_close(peer.node);
  if (peer.storage != NULL) {
    raft_memory_storage_close(peer.storage);
  }
  return 0;
}
