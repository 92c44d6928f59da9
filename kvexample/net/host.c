/* host.c - commands that need the server: INFO, TIME, CLIENT LIST, administration.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "net/server_parts.h"

/* Membership changes move data; a client of them waits longer than one of the key space. */
enum { ADMIN_TIMEOUT_MS = 60000 };

typedef struct host_request {
  kv_server *server;
  kv_client *client;
  kv_call *call;
  kv_answer_function answer;
  void *ctx;
} host_request;

/* true: call->reply has the answer. */
typedef bool (*host_function)(const host_request *request);

static bool info(const host_request *request) {
  kv_server_info(request->server, request->call->args + 1, request->call->arg_count - 1,
                 request->call->reply);
  return true;
}

static bool tell_time(const host_request *request) {
  uv_timeval64_t now = {0, 0};
  char text[24];
  (void)uv_gettimeofday(&now);
  kv_reply_array(request->call->reply, 2);
  (void)kv_format(text, sizeof text, "%" PRId64, now.tv_sec);
  kv_reply_text(request->call->reply, text);
  (void)kv_format(text, sizeof text, "%d", (int)now.tv_usec);
  kv_reply_text(request->call->reply, text);
  return true;
}

static void answer_lines(const host_request *request, const kv_reply *lines) {
  kv_reply_bulk(request->call->reply, lines->data, lines->len);
  request->call->reply->failed = request->call->reply->failed || lines->failed;
}

static bool client_list(const host_request *request) {
  kv_reply lines = {0};
  kv_clients_describe(&request->server->clients, uv_now(&request->server->loop), &lines);
  answer_lines(request, &lines);
  kv_reply_free(&lines);
  return true;
}

static bool client_info(const host_request *request) {
  kv_reply lines = {0};
  kv_client_describe(request->client, uv_now(&request->server->loop), &lines);
  answer_lines(request, &lines);
  kv_reply_free(&lines);
  return true;
}

static bool status(const host_request *request) {
  kv_store_status(request->server->store, request->call->reply);
  return true;
}

static bool transfer(const host_request *request) {
  kv_store_transfer(request->server->store, 0, request->call->number, ADMIN_TIMEOUT_MS,
                    request->answer, request->ctx);
  return false;
}

static bool add_peer(const host_request *request) {
  const raft_slice text = request->call->text;
  char address[KV_MAX_ADDRESS + 1];
  kv_host_port parsed;
  kv_error error;
  if (text.len >= sizeof address || memchr(text.data, '\0', text.len) != NULL) {
    kv_reply_error(request->call->reply, "ERR the address is longer than %d bytes", KV_MAX_ADDRESS);
    return true;
  }
  memcpy(address, text.data, text.len);
  address[text.len] = '\0';
  if (kv_host_port_parse(address, &parsed, &error) != KV_OK) {
    kv_reply_error(request->call->reply, "ERR %s", error.text);
    return true;
  }
  kv_store_add_peer(request->server->store, 0, request->call->number, address, ADMIN_TIMEOUT_MS,
                    request->answer, request->ctx);
  return false;
}

static bool remove_peer(const host_request *request) {
  kv_store_remove_peer(request->server->store, 0, request->call->number, ADMIN_TIMEOUT_MS,
                       request->answer, request->ctx);
  return false;
}

static bool compact(const host_request *request) {
  kv_store_compact(request->server->store, 0, request->call->number, ADMIN_TIMEOUT_MS,
                   request->answer, request->ctx);
  return false;
}

static bool checksum(const host_request *request) {
  kv_store_checksum(request->server->store, request->call->number, ADMIN_TIMEOUT_MS,
                    request->answer, request->ctx);
  return false;
}

static const host_function functions[] = {
    [KV_HOST_INFO] = info,
    [KV_HOST_TIME] = tell_time,
    [KV_HOST_CLIENT_LIST] = client_list,
    [KV_HOST_CLIENT_INFO] = client_info,
    [KV_HOST_STATUS] = status,
    [KV_HOST_TRANSFER] = transfer,
    [KV_HOST_ADD_PEER] = add_peer,
    [KV_HOST_REMOVE_PEER] = remove_peer,
    [KV_HOST_COMPACT] = compact,
    [KV_HOST_CHECKSUM] = checksum,
};

bool kv_server_host_call(void *ctx, kv_client *client, kv_call *call, kv_answer_function answer,
                         void *answer_ctx) {
  const host_request request = {ctx, client, call, answer, answer_ctx};
  return functions[call->host](&request);
}
