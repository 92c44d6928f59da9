/* answer.c - every request is answered once, here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <string.h>

#include "base/format.h"
#include "raftstore/core.h"

/* Outside of a flush the answer has to wait for the next one. */
static void postpone(kv_store *store, kv_request *request, raft_bytes reply) {
  if (request->batch != NULL) {
    request->batch->slots[request->slot] = NULL;
    request->batch = NULL;
  }
  kv_list_remove(&request->link);
  raft_buf *kept = reply.owner != NULL ? raft_buf_retain(reply.owner)
                                       : raft_buf_copy(NULL, reply.data, reply.len);
  if (kept == NULL) {
    kv_store_fail(store, KV_ENOMEM, "no memory for an answer");
  }
  request->stage = KV_STAGE_DONE;
  const void *data = reply.owner != NULL ? reply.data : kept != NULL ? raft_buf_data(kept) : NULL;
  request->reply = (raft_bytes){data, kept != NULL ? reply.len : 0, kept};
  kv_list_append(&store->done, &request->link);
}

/* There was no memory for the words. A write may well have been executed: never say that it failed.
 */
static raft_slice speechless(const kv_request *request) {
  static const char unknown[] =
      "-TIMEOUT outcome unknown: no memory for the answer; it may have taken effect\r\n";
  return request->kind == KV_REQUEST_WRITE ? (raft_slice){unknown, sizeof unknown - 1}
                                           : kv_reply_out_of_memory();
}

static void give(kv_store *store, kv_request *request, raft_slice reply) {
  if (reply.len == 0) {
    reply = speechless(request);
  }
  if (request->from_store != 0) {
    kv_forward_answer(store, request, reply);
  } else if (request->answer != NULL) {
    kv_answer_function answer = request->answer;
    request->answer = NULL;
    answer(request->ctx, reply.data, reply.len);
  }
  kv_request_free(&store->requests, request);
}

void kv_answer_bytes(kv_store *store, kv_request *request, raft_bytes reply) {
  if (store->in_flush) {
    give(store, request, (raft_slice){reply.data, reply.len});
  } else {
    postpone(store, request, reply);
  }
}

void kv_answer(kv_store *store, kv_request *request, raft_slice reply) {
  kv_answer_bytes(store, request, (raft_bytes){reply.data, reply.len, NULL});
}

void kv_answer_error(kv_store *store, kv_request *request, const char *format, ...) {
  char text[256];
  kv_reply reply = {0};
  va_list args;
  va_start(args, format);
  (void)kv_vformat(text, sizeof text, format, args);
  va_end(args);
  kv_reply_error(&reply, "%s", text);
  kv_answer(store, request, (raft_slice){reply.data, reply.failed ? 0 : reply.len});
  kv_reply_free(&reply);
}

void kv_answer_refusal(kv_store *store, kv_request *request, const kv_region_error *error) {
  char text[256];
  kv_region_error_text(error, text, sizeof text);
  kv_answer_error(store, request, "%s %s", error->kind == KV_ENTRY_TOO_LARGE ? "ERR" : "TRYAGAIN",
                  text);
}

void kv_answer_ok(kv_store *store, kv_request *request) {
  kv_answer(store, request, (raft_slice){"+OK\r\n", 5});
}

void kv_answer_unknown(kv_store *store, kv_request *request, const char *why) {
  store->summary.unknown++;
  kv_answer_error(store, request, "TIMEOUT outcome unknown: %s; it may still take effect", why);
}

void kv_answer_batch_unknown(kv_store *store, kv_batch *batch, const char *why) {
  for (size_t i = 0; batch != NULL && i < batch->count; i++) {
    if (batch->slots[i] != NULL) {
      kv_answer_unknown(store, batch->slots[i], why);
    }
  }
  kv_batch_dissolve(batch, NULL, KV_STAGE_DONE);
}

void kv_answer_done(kv_store *store) {
  kv_link *link;
  while ((link = kv_list_pop(&store->done)) != NULL) {
    kv_request *request = KV_OBJECT_OF(link, kv_request, link);
    give(store, request, (raft_slice){request->reply.data, request->reply.len});
  }
}

/* Could this request be in a log by now? */
static bool may_take_effect(const kv_request *request) {
  switch (request->stage) {
  case KV_STAGE_PROPOSED: return true;
  case KV_STAGE_FORWARDED: return request->kind != KV_REQUEST_READ;
  case KV_STAGE_ADMIN: return request->tried;
  case KV_STAGE_ARRIVED:
  case KV_STAGE_WAITING:
  case KV_STAGE_GATHERED: return request->tried;
  case KV_STAGE_READING:
  case KV_STAGE_DONE: return false;
  }
  return true;
}

/* A store that is frozen or cut off loses no connection: silence is all that there is to notice. */
static void notice_silence(kv_store *store, const kv_request *request) {
  if (request->stage == KV_STAGE_FORWARDED) {
    kv_region_cache_store_lost(&store->cache, request->to_store);
  }
}

static void expire(kv_store *store, kv_request *request) {
  notice_silence(store, request);
  if (may_take_effect(request)) {
    kv_answer_unknown(store, request, "no answer in time");
  } else if (request->stage == KV_STAGE_WAITING && request->looked_up && request->region_id == 0) {
    kv_answer_error(store, request,
                    "CLUSTERDOWN nobody is known who serves the key; is the scheduler there?");
  } else if (request->stage == KV_STAGE_WAITING || request->stage == KV_STAGE_ARRIVED) {
    kv_answer_error(store, request, "TRYAGAIN no leader was found in time");
  } else {
    kv_answer_error(store, request, "TRYAGAIN not done in time");
  }
}

/* The callbacks may append new requests; they do not remove any. */
void kv_answer_expired(kv_store *store) {
  uint64_t now = kv_store_now(store), next = UINT64_MAX;
  kv_request_table *table = &store->requests;
  if (now < table->next_deadline) {
    return;
  }
  kv_link *link = kv_list_first(&table->all);
  table->next_deadline = UINT64_MAX;
  while (link != NULL) {
    kv_request *request = KV_OBJECT_OF(link, kv_request, all);
    link = kv_list_next(&table->all, link);
    if (request->stage == KV_STAGE_DONE) {
      continue;
    }
    if (request->deadline <= now) {
      expire(store, request);
    } else if (request->deadline < next) {
      next = request->deadline;
    }
  }
  if (next < table->next_deadline) {
    table->next_deadline = next;
  }
}

void kv_answer_closing(kv_store *store) {
  kv_link *link;
  kv_answer_done(store);
  while ((link = kv_list_first(&store->requests.all)) != NULL) {
    kv_request *request = KV_OBJECT_OF(link, kv_request, all);
    if (may_take_effect(request)) {
      kv_answer_unknown(store, request, "this store is stopping");
    } else {
      kv_answer_error(store, request, "TRYAGAIN this store is stopping");
    }
  }
}
