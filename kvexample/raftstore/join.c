/* join.c - a new store becomes a member of a cluster.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/join.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/message.h"

enum { REPEAT_TICKS = 10, FIRST_IDS = 2 };

typedef enum join_phase { PHASE_ID, PHASE_REGION, PHASE_OFFER, PHASE_END } join_phase;

struct kv_join {
  const kv_join_config *config;
  kv_engine *engine;
  const kv_scheduler_device *scheduler;
  join_phase phase;
  kv_store_ident ident;
  kv_region region; /* PHASE_OFFER */
  uint64_t last_id;
  uint64_t ticks;
  uint64_t ask_tick; /* when to ask next */
  kv_error failure;
};

/* ---- what is on disk ---- */

static int read_state(kv_join *join, kv_txn *txn, kv_error *error) {
  uint64_t keys = 0;
  int rc = kv_ident_load(txn, &join->ident);
  if (rc == KV_OK && join->ident.prepared != 0) {
    kv_region_state state;
    rc = kv_region_state_load(txn, join->ident.prepared, &state);
    kv_region_move(&join->region, &state.region);
    kv_region_state_clear(&state);
    return rc;
  }
  if (rc == KV_ENOTFOUND) {
    join->ident = (kv_store_ident){.data_id = join->config->data_id};
    rc = txn->engine->ops->count(txn, KV_SPACE_DATA, &keys);
    if (rc == KV_OK && keys > 0) {
      return kv_fail(error, KV_EFOREIGN,
                     "the data directory holds data without a store's identity: use another one");
    }
    rc = rc == KV_OK ? kv_ident_save(txn, &join->ident) : rc;
  }
  return rc;
}

/* One transaction, durable afterwards. */
static int change(kv_join *join, int (*make)(kv_join *join, kv_txn *txn, kv_error *error),
                  kv_error *error) {
  kv_txn *txn = NULL;
  int rc = join->engine->ops->begin(join->engine, true, &txn);
  if (rc != KV_OK) {
    return rc;
  }
  rc = make(join, txn, error);
  if (rc != KV_OK) {
    join->engine->ops->abort(txn);
    return rc;
  }
  return kv_commit_durable(txn);
}

static int write_ident(kv_join *join, kv_txn *txn, kv_error *error) {
  (void)error;
  return kv_ident_save(txn, &join->ident);
}

static int write_first_region(kv_join *join, kv_txn *txn, kv_error *error) {
  const kv_apply_state applied = {
      KV_INITIAL_LOG_INDEX, KV_INITIAL_LOG_TERM, KV_INITIAL_LOG_INDEX, KV_INITIAL_LOG_TERM, {0}};
  const kv_region_state state = {.region = join->region, .peer_id = join->region.max_peer_id};
  int rc = kv_region_state_save(txn, &state);
  rc = rc == KV_OK ? kv_apply_state_save(txn, join->region.id, &applied) : rc;
  return rc == KV_OK ? write_ident(join, txn, error) : rc;
}

static int drop_first_region(kv_join *join, kv_txn *txn, kv_error *error) {
  const int rc = kv_region_state_delete(txn, join->region.id);
  return rc == KV_OK ? write_ident(join, txn, error) : rc;
}

static void fail(kv_join *join, int code, const char *text) {
  join->phase = PHASE_END;
  (void)kv_fail(&join->failure, code, "%s", text);
}

/* False: the store cannot go on. */
static bool save(kv_join *join, int (*make)(kv_join *join, kv_txn *txn, kv_error *error)) {
  const int rc = change(join, make, &join->failure);
  if (rc != KV_OK) {
    fail(join, rc, "the engine could not keep what the scheduler answered");
  }
  return rc == KV_OK;
}

/* ---- questions ---- */

static void put_question(kv_join *join, kv_scheduler_request *request) {
  request->call = KV_CALL_PUT_STORE;
  request->id = request->store_id = join->config->wanted_id;
  kv_message_text(request->text, sizeof request->text, "%s", join->config->address);
}

static void ask(kv_join *join) {
  kv_scheduler_request request = {.request_id = ++join->last_id,
                                  .cluster_id = join->ident.cluster_id,
                                  .store_id = join->ident.store_id,
                                  .incarnation = join->ident.data_id};
  raft_buf *frame = NULL;
  if (join->phase == PHASE_ID) {
    put_question(join, &request);
  } else if (join->phase == PHASE_REGION) {
    request.call = KV_CALL_ALLOC_IDS;
    request.count = FIRST_IDS;
  } else {
    request.call = KV_CALL_BOOTSTRAP;
    request.report.region = join->region;
    request.report.leader_peer = join->region.max_peer_id;
  }
  if (kv_scheduler_request_encode(&request, &frame) == KV_OK) {
    const raft_bytes bytes = {raft_buf_data(frame), raft_buf_len(frame), frame};
    /* While there is no connection: again with the next tick. */
    const bool sent = join->scheduler->send(join->scheduler->ctx, bytes) == KV_OK;
    const uint32_t repeat = join->config->repeat_ticks;
    join->ask_tick = join->ticks + (!sent ? 1 : repeat > 0 ? repeat : REPEAT_TICKS);
    raft_buf_release(frame);
  }
}

void kv_join_tick(kv_join *join) {
  join->ticks++;
  if (join->phase != PHASE_END && join->ticks >= join->ask_tick) {
    ask(join);
  }
}

/* ---- answers ---- */

static void take_id(kv_join *join, const kv_scheduler_response *response) {
  join->ident.store_id = response->id;
  join->ident.cluster_id = response->cluster_id;
  if (response->bootstrapped) {
    join->phase = save(join, write_ident) ? PHASE_END : join->phase;
  } else {
    join->phase = PHASE_REGION; /* kept together with the first region */
  }
}

static void take_region_ids(kv_join *join, const kv_scheduler_response *response) {
  kv_region *region = &join->region;
  kv_region_clear(region);
  *region = (kv_region){.id = response->id, .epoch = {1, 1}};
  const int rc = kv_region_put_peer(region, response->id + 1, join->ident.store_id, KV_PEER_VOTER,
                                    join->config->address);
  if (rc != KV_OK) {
    return; /* asked again */
  }
  join->ident.prepared = region->id;
  join->phase = save(join, write_first_region) ? PHASE_OFFER : PHASE_END;
}

static void end_offer(kv_join *join, bool taken) {
  join->ident.prepared = 0;
  (void)save(join, taken ? write_ident : drop_first_region);
  join->phase = PHASE_END;
}

static void take_good(kv_join *join, const kv_scheduler_response *response) {
  if (join->phase == PHASE_OFFER) {
    end_offer(join, true);
  } else if (response->id == 0) {
    fail(join, KV_ECORRUPT, "the scheduler gave no id: run the same release on all");
  } else if (join->phase == PHASE_ID) {
    take_id(join, response);
  } else {
    take_region_ids(join, response);
  }
}

static void take(kv_join *join, const kv_scheduler_response *response) {
  switch ((int)response->status) {
  case KV_SCHEDULER_OK: take_good(join, response); break;
  case KV_SCHEDULER_BOOTSTRAPPED:
    if (join->phase == PHASE_OFFER) {
      end_offer(join, false);
    }
    break;
  case KV_SCHEDULER_INVALID:
  case KV_SCHEDULER_TOMBSTONE:
  case KV_SCHEDULER_WRONG_CLUSTER: fail(join, KV_EFOREIGN, response->text); break;
  default: return; /* it cannot now: asked again */
  }
  join->ask_tick = join->ticks + 1;
}

static bool is_awaited(const kv_join *join, const kv_scheduler_response *response) {
  static const kv_scheduler_call calls[] = {[PHASE_ID] = KV_CALL_PUT_STORE,
                                            [PHASE_REGION] = KV_CALL_ALLOC_IDS,
                                            [PHASE_OFFER] = KV_CALL_BOOTSTRAP};
  return join->phase != PHASE_END && response->request_id == join->last_id &&
         response->call == calls[join->phase];
}

void kv_join_received(kv_join *join, raft_bytes bytes) {
  kv_scheduler_response response;
  if (kv_scheduler_response_decode(bytes, &response) == KV_OK) {
    if (is_awaited(join, &response)) {
      take(join, &response);
    }
    kv_scheduler_response_clear(&response);
  }
}

/* ---- the object ---- */

static join_phase first_phase(const kv_store_ident *ident) {
  return ident->store_id == 0 ? PHASE_ID : ident->prepared != 0 ? PHASE_OFFER : PHASE_END;
}

int kv_join_open(const kv_join_config *config, kv_engine *engine,
                 const kv_scheduler_device *scheduler, kv_join **join, kv_error *error) {
  kv_error local = {0};
  kv_join *made = calloc(1, sizeof *made);
  int rc = KV_ENOMEM;
  if (made != NULL) {
    *made = (kv_join){.config = config, .engine = engine, .scheduler = scheduler};
    rc = change(made, read_state, &local);
  }
  if (rc != KV_OK) {
    kv_join_close(made);
    return local.code != KV_OK ? kv_fail(error, rc, "%s", local.text)
                               : kv_fail(error, rc, "the store's identity cannot be read (%d)", rc);
  }
  made->phase = first_phase(&made->ident);
  *join = made;
  return KV_OK;
}

void kv_join_close(kv_join *join) {
  if (join != NULL) {
    kv_region_clear(&join->region);
    free(join);
  }
}

kv_join_state kv_join_look(const kv_join *join, kv_store_ident *ident, kv_error *error) {
  if (join->phase != PHASE_END) {
    return KV_JOIN_ASKING;
  }
  if (ident != NULL) {
    *ident = join->ident;
  }
  if (error != NULL) {
    *error = join->failure;
  }
  return join->failure.code == KV_OK ? KV_JOIN_DONE : KV_JOIN_FAILED;
}
