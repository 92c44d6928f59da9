/* scheduler_ask.c - one question to the scheduler, or one after the other on the same connection.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ctl/scheduler_ask.h"

#include <jansson.h>
#include <stdio.h>

enum { ASK_MS = 5000 };

bool kv_asker_open(kv_asker *asker, const kv_ctl *ctl) {
  kv_error error;
  *asker = (kv_asker){.client.socket.fd = -1};
  if (kv_frame_client_open(&asker->client, ctl->scheduler,
                           ctl->timeout_ms > 0 ? ctl->timeout_ms : ASK_MS, &error) == KV_OK) {
    return true;
  }
  (void)fprintf(stderr, "kvctl: the scheduler: %s (--scheduler HOST:PORT names another)\n",
                error.text);
  return false;
}

void kv_asker_close(kv_asker *asker) {
  kv_scheduler_response_clear(&asker->response);
  kv_frame_client_close(&asker->client);
}

static int send_request(kv_asker *asker, const kv_scheduler_request *request) {
  raft_buf *bytes = NULL;
  int rc = kv_scheduler_request_encode(request, &bytes);
  if (rc == KV_OK) {
    rc = kv_frame_client_send(&asker->client, KV_FRAME_SCHEDULER_REQUEST,
                              (raft_slice){raft_buf_data(bytes), raft_buf_len(bytes)});
    raft_buf_release(bytes);
  }
  return rc;
}

/* Frames that answer something else are passed over. */
static int receive_response(kv_asker *asker, kv_error *error) {
  for (;;) {
    kv_frame frame;
    int rc = kv_frame_client_receive(&asker->client, &frame, error);
    if (rc != KV_OK) {
      return rc;
    }
    if (frame.type != KV_FRAME_SCHEDULER_RESPONSE) {
      return kv_fail(error, KV_EIO, "%s is no scheduler", asker->client.socket.address);
    }
    rc = kv_scheduler_response_decode((raft_bytes){frame.payload.data, frame.payload.len, NULL},
                                      &asker->response);
    if (rc != KV_OK) {
      return kv_fail(error, rc, "%s answered something that cannot be read",
                     asker->client.socket.address);
    }
    if (asker->response.request_id == asker->last_id) {
      return KV_OK;
    }
    kv_scheduler_response_clear(&asker->response);
  }
}

bool kv_asker_ask(kv_asker *asker, kv_scheduler_request *request) {
  kv_error error;
  request->request_id = ++asker->last_id;
  kv_scheduler_response_clear(&asker->response);
  int rc = send_request(asker, request);
  if (rc != KV_OK) {
    (void)kv_fail(&error, rc, rc == KV_ENOMEM ? "out of memory" : "the request is too long");
  } else {
    rc = receive_response(asker, &error);
  }
  if (rc != KV_OK) {
    (void)fprintf(stderr, "kvctl: the scheduler: %s\n", error.text);
    return false;
  }
  if (asker->response.status != KV_SCHEDULER_OK) {
    (void)fprintf(stderr, "kvctl: %s\n", asker->response.text);
    return false;
  }
  return true;
}

bool kv_ctl_ask_scheduler(const kv_ctl *ctl, kv_asker *asker, kv_scheduler_request *request) {
  return kv_asker_open(asker, ctl) && kv_asker_ask(asker, request);
}

void kv_ctl_say(const kv_ctl *ctl, const char *text) {
  if (ctl->json) {
    json_t *root = json_pack("{s:b,s:s}", "ok", 1, "reply", text);
    (void)json_dumpf(root, stdout, JSON_INDENT(2));
    (void)putchar('\n');
    json_decref(root);
  } else {
    (void)puts(text);
  }
}

int kv_ctl_order(const kv_ctl *ctl, kv_scheduler_request *request) {
  kv_asker asker;
  const bool done = kv_ctl_ask_scheduler(ctl, &asker, request);
  if (done) {
    kv_ctl_say(ctl, asker.response.text[0] != '\0' ? asker.response.text : "done");
  }
  kv_asker_close(&asker);
  return done ? KV_CTL_OK : KV_CTL_FAILED;
}
