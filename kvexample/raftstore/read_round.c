/* read_round.c - linearizable reads: many commands share one confirmation of the leader.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/read_round.h"

#include <stdlib.h>
#include <string.h>

#include "raftstore/peer.h"
#include "raftstore/split.h"

/* One is confirmed while the next is on its way. */
enum { MAX_ASKED = 2, ID_BYTES = 8 };

void kv_read_rounds_init(kv_read_rounds *reads) {
  *reads = (kv_read_rounds){0};
  kv_list_init(&reads->rounds);
}

static void free_round(kv_read_round *round) {
  kv_list_remove(&round->link);
  kv_batch_dissolve(round->batch, NULL, KV_STAGE_WAITING);
  kv_read_task_free(round->task);
  free(round);
}

void kv_read_rounds_free(kv_read_rounds *reads) {
  kv_link *link;
  while ((link = kv_list_first(&reads->rounds)) != NULL) {
    free_round(KV_OBJECT_OF(link, kv_read_round, link));
  }
}

/* ---- tasks ---- */

/* One allocation holds descriptors and bytes of all commands. */
static kv_read_task *create_task(const kv_peer *peer, kv_read_kind kind, const kv_batch *batch) {
  size_t bytes = 0;
  for (size_t i = 0; i < batch->count; i++) {
    bytes += batch->slots[i]->len;
  }
  kv_read_task *task = calloc(1, sizeof *task);
  raft_slice *commands = malloc(batch->count * sizeof *commands + bytes + 1);
  size_t *ends = calloc(batch->count + 1, sizeof *ends);
  if (task == NULL || commands == NULL || ends == NULL) {
    free(task);
    free(commands);
    free(ends);
    return NULL;
  }
  unsigned char *to = (unsigned char *)(commands + batch->count);
  for (size_t i = 0; i < batch->count; i++) {
    const kv_request *request = batch->slots[i];
    memcpy(to, request->body, request->len);
    commands[i] = (raft_slice){to, request->len};
    to += request->len;
  }
  task->kind = kind;
  task->region_id = peer->region_id;
  task->store_id = peer->store->config.store_id;
  task->version = peer->region.epoch.version;
  task->commands = commands;
  task->command_count = batch->count;
  task->reply_ends = ends;
  return task;
}

/* A round with everything but its confirmation. NULL: out of memory, the batch is still there. */
static kv_read_round *create_round(kv_peer *peer, kv_read_kind kind, kv_batch *batch) {
  kv_read_round *round = calloc(1, sizeof *round);
  kv_read_task *task = round != NULL ? create_task(peer, kind, batch) : NULL;
  if (task == NULL) {
    free(round);
    return NULL;
  }
  round->id = task->id = ++peer->store->last_round;
  round->task = task;
  round->batch = batch;
  kv_list_append(&peer->rounds.rounds, &round->link);
  return round;
}

static void refuse_batch(kv_peer *peer, kv_batch *batch) {
  kv_list list;
  kv_link *link;
  kv_list_init(&list);
  kv_batch_dissolve(batch, &list, KV_STAGE_WAITING);
  while ((link = kv_list_pop(&list)) != NULL) {
    kv_answer_error(peer->store, KV_OBJECT_OF(link, kv_request, link),
                    "TRYAGAIN server is busy: out of memory");
  }
}

/* ---- asking ---- */

static void encode_id(uint64_t id, unsigned char bytes[ID_BYTES]) {
  for (size_t i = 0; i < ID_BYTES; i++) {
    bytes[i] = (unsigned char)(id >> (8 * i));
  }
}

static uint64_t decode_id(raft_bytes context) {
  const unsigned char *bytes = context.data;
  uint64_t id = 0;
  for (size_t i = 0; i < ID_BYTES && context.len == ID_BYTES; i++) {
    id |= (uint64_t)bytes[i] << (8 * i);
  }
  return id;
}

static void route_round_again(kv_peer *peer, kv_read_round *round) {
  kv_batch *batch = round->batch;
  round->batch = NULL;
  free_round(round);
  kv_route_batch_again(peer, batch);
}

static void ask(kv_peer *peer, kv_read_round *round) {
  unsigned char id[ID_BYTES];
  encode_id(round->id, id);
  raft_bytes context = {id, sizeof id, NULL};
  int rc = raft_rawnode_read_index(peer->node, &context);
  if (rc == RAFT_OK) {
    peer->rounds.asked++;
    peer->store->summary.read_rounds++;
    return;
  }
  (void)kv_peer_check(peer, rc, "asking for a read index failed");
  route_round_again(peer, round);
}

static kv_batch *take_reads(kv_peer *peer) {
  size_t count = 0;
  kv_link *link;
  for (link = kv_list_first(&peer->reads); link != NULL; link = kv_list_next(&peer->reads, link)) {
    count++;
  }
  kv_batch *batch = kv_batch_create(count);
  while (batch != NULL && (link = kv_list_first(&peer->reads)) != NULL) {
    kv_batch_add(batch, KV_OBJECT_OF(link, kv_request, link), KV_STAGE_READING);
  }
  return batch;
}

void kv_read_rounds_start(kv_peer *peer) {
  if (kv_list_is_empty(&peer->reads) || peer->rounds.asked >= MAX_ASKED) {
    return;
  }
  kv_batch *batch = take_reads(peer);
  if (batch == NULL) {
    return; /* they wait for memory, or for their deadlines */
  }
  kv_read_round *round = create_round(peer, KV_READ_COMMANDS, batch);
  if (round == NULL) {
    refuse_batch(peer, batch);
  } else {
    ask(peer, round);
  }
}

static kv_read_round *find(const kv_peer *peer, uint64_t id) {
  for (kv_link *link = kv_list_first(&peer->rounds.rounds); link != NULL;
       link = kv_list_next(&peer->rounds.rounds, link)) {
    kv_read_round *round = KV_OBJECT_OF(link, kv_read_round, link);
    if (round->id == id) {
      return round;
    }
  }
  return NULL;
}

void kv_read_rounds_state(kv_peer *peer, const raft_read_state *state) {
  kv_read_round *round = find(peer, decode_id(state->context));
  if (round == NULL || round->confirmed) {
    return;
  }
  peer->rounds.asked--;
  if (state->status == RAFT_OK) {
    round->confirmed = true;
    round->index = state->index;
  } else {
    route_round_again(peer, round);
  }
}

void kv_read_rounds_abandon(kv_peer *peer) {
  kv_link *link = kv_list_first(&peer->rounds.rounds);
  while (link != NULL) {
    kv_read_round *round = KV_OBJECT_OF(link, kv_read_round, link);
    link = kv_list_next(&peer->rounds.rounds, link);
    if (!round->confirmed) {
      route_round_again(peer, round);
    }
  }
  peer->rounds.asked = 0;
}

/* ---- running ---- */

void kv_read_rounds_run(kv_peer *peer) {
  kv_store *store = peer->store;
  for (kv_link *link = kv_list_first(&peer->rounds.rounds); link != NULL && !store->engine_full;
       link = kv_list_next(&peer->rounds.rounds, link)) {
    kv_read_round *round = KV_OBJECT_OF(link, kv_read_round, link);
    if (!round->confirmed || round->handed_over || round->index > peer->applied) {
      continue;
    }
    if (store->devices.engine.read(store->devices.engine.ctx, round->task) != KV_OK) {
      store->engine_full = true;
    } else {
      round->task = NULL;
      round->handed_over = true;
    }
  }
  if (store->engine_full && !kv_list_is_empty(&peer->rounds.rounds)) {
    kv_store_starve(store, peer);
  }
}

static void answer_round(kv_peer *peer, const kv_read_task *task, kv_batch *batch) {
  size_t start = 0;
  for (size_t i = task->first; i < task->end; i++) {
    raft_slice reply = {task->replies.data + start, task->reply_ends[i] - start};
    start = task->reply_ends[i];
    if (batch->slots[i] != NULL) {
      peer->store->summary.reads++;
      kv_route_answered(peer, batch->slots[i], reply);
    }
  }
}

static void refuse_round(kv_peer *peer, int rc, kv_batch *batch) {
  for (size_t i = 0; i < batch->count; i++) {
    if (batch->slots[i] != NULL) {
      kv_answer_error(peer->store, batch->slots[i], "TRYAGAIN the engine could not read (%d)", rc);
    }
  }
}

/* Not read at all: the region is not what it was when they were routed. */
static void move_round(kv_peer *peer, kv_read_round *round) {
  kv_batch *batch = round->batch;
  round->batch = NULL;
  kv_route_batch_moved(peer, batch);
}

/* The answers are out: the memory that they took is given back before the next ones are read. */
static void read_on(kv_peer *peer, kv_read_round *round, kv_read_task *task) {
  task->first = task->end;
  kv_reply_free(&task->replies);
  round->task = task;
  round->handed_over = false;
  kv_store_mark(peer->store, peer);
}

bool kv_read_rounds_done(kv_peer *peer, kv_read_task *task) {
  kv_read_round *round = find(peer, task->id);
  if (round == NULL) {
    return false;
  }
  if (task->rc == KV_OK) {
    answer_round(peer, task, round->batch);
  } else if (task->rc == KV_ENOTFOUND && task->kind == KV_READ_COMMANDS) {
    move_round(peer, round);
  } else {
    refuse_round(peer, task->rc, round->batch);
  }
  if (task->rc == KV_OK && task->end < task->command_count) {
    read_on(peer, round, task);
    return true;
  }
  free_round(round);
  return false;
}

void kv_read_checksum(kv_peer *peer, kv_request *request) {
  kv_batch *batch = kv_batch_create(1);
  if (batch != NULL) {
    kv_batch_add(batch, request, KV_STAGE_READING);
  }
  kv_read_round *round = batch != NULL ? create_round(peer, KV_READ_CHECKSUM, batch) : NULL;
  if (round == NULL) {
    kv_batch_dissolve(batch, NULL, KV_STAGE_WAITING);
    kv_answer_error(peer->store, request, "TRYAGAIN server is busy: out of memory");
    return;
  }
  round->confirmed = true; /* what is applied here, whatever that is */
  kv_store_mark(peer->store, peer);
}

/* ---- completions ---- */

void kv_store_read_done(kv_store *store, kv_read_task *task) {
  kv_store_engine_moved(store);
  task->next = NULL;
  if (store->read_last != NULL) {
    store->read_last->next = task;
  } else {
    store->read_first = task;
  }
  store->read_last = task;
}

void kv_store_handle_reads(kv_store *store) {
  while (store->read_first != NULL) {
    kv_read_task *task = store->read_first;
    store->read_first = task->next;
    store->read_last = task->next != NULL ? store->read_last : NULL;
    kv_peer *peer = kv_region_map_peer(&store->regions, task->region_id);
    bool kept = peer != NULL && (task->kind == KV_READ_SIZE ? kv_split_counted(peer, task)
                                                            : kv_read_rounds_done(peer, task));
    if (!kept) {
      kv_read_task_free(task);
    }
  }
}
