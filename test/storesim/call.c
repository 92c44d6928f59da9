/* call.c - requests to stores: each is answered exactly once, and in time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "cluster.h"

/* Besides its deadline a request may take: ticks, a slow clock, loop turns. */
enum { MARGIN = 3 * SS_SECOND };

static void answered(void *ctx, const void *reply, size_t len) {
  ss_call *call = ctx;
  ss_world *world = call->world;
  ss_store *store = &world->stores[call->store];
  if (call->answered) {
    ss_violation(world, "s%u answers a request twice", call->store);
    return;
  }
  call->answered = true;
  call->ended = world->now;
  call->lost = store->closing || store->burnt;
  call->reply = sim_resize(NULL, len + 1, 1);
  memcpy(call->reply, reply, len);
  call->reply[len] = '\0';
  call->len = len;
  if (call->done != NULL && !world->violated) {
    ss_plan(world, 1 + ss_below(world, SS_MS), SS_ANSWER, 0, 0, call);
  }
}

static ss_call *add(ss_store *store, uint64_t timeout_ms, void (*done)(ss_call *, void *),
                    void *owner) {
  ss_world *world = store->world;
  ss_call *call = sim_zeroed(1, sizeof *call);
  *call = (ss_call){.world = world,
                    .store = store->id,
                    .begun = world->now,
                    .deadline = world->now + timeout_ms * 1000,
                    .done = done,
                    .owner = owner,
                    .next = world->calls};
  world->calls = call;
  return call;
}

ss_call *ss_execute(ss_store *store, const ss_command *command, uint64_t timeout_ms,
                    void (*done)(ss_call *call, void *owner), void *owner) {
  ss_call *call = add(store, timeout_ms, done, owner);
  kv_command inner = {.op = command->op,
                      .flags = command->flags,
                      .number = command->number,
                      .args = command->args,
                      .arg_count = command->arg_count};
  kv_store_execute(store->store, &inner, timeout_ms, answered, call);
  ss_touch(store);
  return call;
}

ss_call *ss_administrate(ss_store *store, ss_admin_kind kind, uint64_t region_id, unsigned to,
                         uint64_t timeout_ms, void (*done)(ss_call *call, void *owner),
                         void *owner) {
  ss_call *call = add(store, timeout_ms, done, owner);
  kv_store *inner = store->store;
  uint64_t to_id = store->world->stores[to].kv_id;
  switch (kind) {
  case SS_TRANSFER: kv_store_transfer(inner, region_id, to_id, timeout_ms, answered, call); break;
  case SS_ADD_PEER:
    kv_store_add_peer(inner, region_id, to_id, store->world->stores[to].address, timeout_ms,
                      answered, call);
    break;
  case SS_REMOVE_PEER:
    kv_store_remove_peer(inner, region_id, to_id, timeout_ms, answered, call);
    break;
  case SS_HALVE:
    kv_store_split(inner, region_id, (raft_slice){"", 0}, timeout_ms, answered, call);
    break;
  case SS_COMPACT: kv_store_compact(inner, region_id, 0, timeout_ms, answered, call); break;
  }
  ss_touch(store);
  return call;
}

void ss_call_free(ss_call *call) {
  ss_call **at = &call->world->calls;
  while (*at != call) {
    at = &(*at)->next;
  }
  *at = call->next;
  free(call->reply);
  free(call);
}

void ss_answer_event(ss_call *call) {
  call->done(call, call->owner);
  ss_call_free(call);
}

void ss_check_calls(ss_world *world) {
  for (ss_call *call = world->calls; call != NULL; call = call->next) {
    const ss_store *store = &world->stores[call->store];
    uint64_t since = store->paused_until > call->deadline ? store->paused_until : call->deadline;
    if (!call->answered && world->now > since + MARGIN) {
      ss_violation(world, "s%u does not answer a request of %llu ms ago, due %llu ms ago",
                   call->store, (unsigned long long)(world->now - call->begun) / 1000,
                   (unsigned long long)(world->now - call->deadline) / 1000);
      return;
    }
  }
}

void ss_calls_crash(ss_store *store) {
  for (ss_call *call = store->world->calls; call != NULL; call = call->next) {
    if (call->store == store->id && !call->answered) {
      ss_violation(store->world, "s%u closes without answering a request", store->id);
    }
  }
}

void ss_calls_free(ss_world *world) {
  while (world->calls != NULL) {
    ss_call_free(world->calls);
  }
}

static bool begins(const ss_call *call, const char *text) {
  return strncmp(call->reply, text, strlen(text)) == 0;
}

ss_outcome ss_outcome_of(const ss_call *call) {
  if (call->lost || begins(call, "-TIMEOUT outcome unknown")) {
    return SS_PERHAPS;
  }
  if (begins(call, "-TRYAGAIN") || begins(call, "-CLUSTERDOWN")) {
    return SS_NOT_DONE;
  }
  return begins(call, "-") ? SS_WRONG : SS_DONE;
}
