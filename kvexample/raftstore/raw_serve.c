/* raw_serve.c - raw calls of clients: to commands of the key space, and their answers back.
 *
 * They are executed where they arrive or not at all: whoever speaks raw knows the regions, and is
 * told when it knows them wrongly.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "raftstore/command.h"
#include "raftstore/core.h"
#include "raftstore/raw_call.h"
#include "raftstore/reply_reader.h"

typedef struct raw {
  uint64_t request_id;
  kv_raw_call call;
  bool keys_only;
  kv_answer_function answer;
  void *ctx;
} raw;

static void respond(raw *r, kv_raw_response *response) {
  raft_buf *bytes = NULL;
  response->request_id = r->request_id;
  if (kv_raw_response_encode(response, &bytes) == KV_OK) {
    r->answer(r->ctx, raft_buf_data(bytes), raft_buf_len(bytes));
    raft_buf_release(bytes);
  } else {
    r->answer(r->ctx, NULL, 0);
  }
  free(r);
}

/* ---- answers ---- */

static bool read_pairs(const raw *r, raft_slice *reply, kv_raw_response *response) {
  const size_t width = r->keys_only ? 1 : 2;
  size_t count = 0;
  if (!kv_reply_read_array(reply, &count) || count != 2 ||
      !kv_reply_read_bulk(reply, &response->next_key) || !kv_reply_read_array(reply, &count)) {
    return false;
  }
  response->pair_count = count / width;
  response->pairs = calloc(response->pair_count + 1, sizeof *response->pairs);
  bool good = response->pairs != NULL;
  for (size_t i = 0; i < response->pair_count && good; i++) {
    kv_raw_pair *pair = &response->pairs[i];
    good = kv_reply_read_bulk(reply, &pair->key) &&
           (r->keys_only || kv_reply_read_bulk(reply, &pair->value));
  }
  return good;
}

static bool read_reply(const raw *r, raft_slice reply, kv_raw_response *response) {
  int64_t number = 0;
  switch (r->call) {
  case KV_RAW_GET:
    response->not_found = kv_reply_read_nil(&reply);
    return response->not_found || kv_reply_read_bulk(&reply, &response->value);
  case KV_RAW_PUT: response->succeeded = true; return true;
  case KV_RAW_DELETE:
  case KV_RAW_CAS:
    if (!kv_reply_read_integer(&reply, &number)) {
      return false;
    }
    response->succeeded = number > 0;
    return true;
  case KV_RAW_SCAN: return read_pairs(r, &reply, response);
  }
  return false;
}

static void answered(void *ctx, const void *data, size_t len) {
  static const char nonsense[] = "TIMEOUT outcome unknown: no memory for the answer";
  raw *r = ctx;
  kv_raw_response response = {0};
  const char *text = data;
  if (len > 3 && text[0] == '-') { /* without the line's end */
    response.error = (raft_slice){text + 1, len - 3};
  } else if (!read_reply(r, (raft_slice){data, len}, &response)) {
    free(response.pairs);
    response = (kv_raw_response){.error = {nonsense, sizeof nonsense - 1}};
  }
  kv_raw_pair *pairs = response.pairs;
  respond(r, &response);
  free(pairs);
}

static void refused(void *ctx, const kv_region_error *error) {
  kv_raw_response response = {0};
  raft_buf *bytes = NULL;
  if (kv_region_error_encode(error, &bytes) == KV_OK) {
    response.region_error = (raft_slice){raft_buf_data(bytes), raft_buf_len(bytes)};
  } else {
    static const char text[] = "TRYAGAIN server is busy: out of memory";
    response.error = (raft_slice){text, sizeof text - 1};
  }
  respond(ctx, &response);
  raft_buf_release(bytes);
}

/* ---- requests ---- */

static kv_command command_of(const kv_raw_request *from, raft_slice *args) {
  const uint32_t limit = from->limit < KV_MAX_RAW_LIMIT ? from->limit : KV_MAX_RAW_LIMIT;
  kv_command command = {.args = args, .arg_count = 1};
  args[0] = from->key;
  switch (from->call) {
  case KV_RAW_GET: command.op = KV_OP_GET; break;
  case KV_RAW_DELETE: command.op = KV_OP_DEL; break;
  case KV_RAW_PUT:
    command.op = KV_OP_SET;
    command.arg_count = 2;
    args[1] = from->value;
    break;
  case KV_RAW_SCAN:
    command.op = KV_OP_RANGE;
    command.flags = from->keys_only ? KV_FLAG_KEYS : 0;
    command.number = limit;
    break;
  case KV_RAW_CAS:
    command.op = KV_OP_CAS;
    command.flags = from->absent ? KV_FLAG_ABSENT : 0;
    command.arg_count = 3;
    args[1] = from->expected;
    args[2] = from->value;
    break;
  }
  return command;
}

static kv_request *create(kv_store *store, const kv_raw_request *from, const kv_command *command,
                          raw *r, size_t len) {
  const uint64_t longest = UINT64_C(10) * store->config.command_ms;
  const uint64_t asked = from->timeout_ms > 0 ? from->timeout_ms : store->config.command_ms;
  const kv_request_kind kind = kv_op_is_write(command->op) ? KV_REQUEST_WRITE : KV_REQUEST_READ;
  kv_request *request = kv_request_create(
      &store->requests, kind, len, kv_store_now(store) + (asked < longest ? asked : longest));
  if (request != NULL) {
    request->answer = answered;
    request->refused = refused;
    request->ctx = r;
    request->region_id = from->region_id;
    request->epoch = from->epoch;
    request->to_peer = from->peer_id;
    request->term = from->term;
    request->to_store = from->store_id;
  }
  return request;
}

static bool is_full(const kv_store *store, size_t len) {
  const kv_request_table *table = &store->requests;
  return table->count >= store->config.max_pending_count ||
         table->bytes + len > store->config.max_pending_bytes;
}

int kv_store_raw(kv_store *store, raft_slice bytes, kv_answer_function answer, void *ctx) {
  kv_raw_request from;
  raft_slice args[3];
  const char *why = NULL;
  if (kv_raw_request_decode(bytes, &from) != KV_OK) {
    return KV_ECORRUPT;
  }
  const kv_command command = command_of(&from, args);
  const size_t len = kv_command_encode(&command, NULL, 0);
  const bool full = is_full(store, len), good = kv_command_check(&command, &why) == KV_OK;
  raw *r = malloc(sizeof *r);
  kv_request *request =
      r != NULL ? create(store, &from, &command, r, good && !full ? len : 0) : NULL;
  if (request == NULL) {
    free(r);
    return KV_ENOMEM;
  }
  *r = (raw){from.request_id, from.call, from.keys_only, answer, ctx};
  store->summary.commands++;
  if (!good) {
    kv_answer_error(store, request, "%s", why);
  } else if (full) {
    store->summary.busy++;
    kv_answer_error(store, request, "TRYAGAIN server is busy: too many commands are waiting");
  } else {
    (void)kv_command_encode(&command, request->body, len);
    kv_list_append(&store->arrived, &request->link);
  }
  return KV_OK;
}
