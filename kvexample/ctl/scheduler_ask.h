/* scheduler_ask.h - one question to the scheduler, or one after the other on the same connection.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CTL_SCHEDULER_ASK_H
#define KV_CTL_SCHEDULER_ASK_H

#include "client/frame_client.h"
#include "ctl/commands.h"
#include "scheduler/message.h"

typedef struct kv_asker {
  kv_frame_client client;
  uint64_t last_id;
  kv_scheduler_response response; /* the last one; its lists are the asker's */
} kv_asker;

/* Connects to the scheduler that the tool was told of. False: it has been complained about. */
bool kv_asker_open(kv_asker *asker, const kv_ctl *ctl);
void kv_asker_close(kv_asker *asker);

/* Sends the request, whose request_id is filled in, and waits for asker->response. False: no
 * answer, or a refusal; it has been complained about. */
bool kv_asker_ask(kv_asker *asker, kv_scheduler_request *request);
/* One question on a connection of its own; asker is to be closed in each case. */
bool kv_ctl_ask_scheduler(const kv_ctl *ctl, kv_asker *asker, kv_scheduler_request *request);

/* Carries out a request that only succeeds or fails: its response's text, or "done". An exit
 * status. */
int kv_ctl_order(const kv_ctl *ctl, kv_scheduler_request *request);
/* As JSON or as a line. */
void kv_ctl_say(const kv_ctl *ctl, const char *text);

#endif
