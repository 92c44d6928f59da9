/* operator_order.c - orders for one region: given to the scheduler, and waited for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/scheduler_ask.h"

enum { ORDER_MS = 60000, PAUSE_MS = 50 };

/* The operator as a list of the scheduler's has it; NULL: it is not in there. */
static const kv_operator_info *find(const kv_scheduler_response *response, uint64_t id) {
  for (size_t i = 0; i < response->operator_count; i++) {
    if (response->operators[i].id == id) {
      return &response->operators[i];
    }
  }
  return NULL;
}

static int tell_end(const kv_ctl *ctl, const kv_operator_info *ended) {
  char text[400];
  (void)snprintf(text, sizeof(text), "%s: %s%s%s", ended->name,
                 kv_operator_state_name((kv_operator_state)ended->state),
                 ended->step[0] != '\0' ? ": " : "", ended->step);
  if (ended->state != KV_OPERATOR_FINISHED) {
    return kv_ctl_complain(KV_CTL_FAILED, text);
  }
  kv_ctl_say(ctl, text);
  return KV_CTL_OK;
}

static void pause_briefly(void) {
  const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
  (void)nanosleep(&pause, NULL);
}

/* Until the operator has left the running ones for the history. */
static int wait_for_end(const kv_ctl *ctl, kv_asker *asker, uint64_t id) {
  const long long deadline = kv_ctl_now() + (ctl->timeout_ms > 0 ? ctl->timeout_ms : ORDER_MS);
  while (kv_ctl_now() < deadline) {
    kv_scheduler_request request = {.call = KV_CALL_OPERATOR_HISTORY};
    if (!kv_asker_ask(asker, &request)) {
      return KV_CTL_FAILED;
    }
    const kv_operator_info *ended = find(&asker->response, id);
    if (ended != NULL) {
      return tell_end(ctl, ended);
    }
    pause_briefly();
  }
  (void)fprintf(
      stderr, "kvctl: operator %" PRIu64 " is still under way; kvctl operator list shows it\n", id);
  return KV_CTL_FAILED;
}

static int order(const kv_ctl *ctl, kv_scheduler_request *request, const char *name) {
  kv_asker asker;
  int status = KV_CTL_FAILED;
  kv_message_text(request->text, sizeof(request->text), "%s", name);
  if (kv_ctl_ask_scheduler(ctl, &asker, request)) {
    status = wait_for_end(ctl, &asker, asker.response.id);
  }
  kv_asker_close(&asker);
  return status;
}

/* Arguments: the region, and what `targets` points to, each a store. */
static bool read_words(const kv_ctl *ctl, kv_scheduler_request *request, uint64_t *const *targets,
                       size_t count) {
  long long number;
  if (!kv_ctl_number(ctl->words[0], "region", &number)) {
    return false;
  }
  request->id = (uint64_t)number;
  for (size_t i = 0; i < count; i++) {
    if (!kv_ctl_number(ctl->words[i + 1], "store", &number)) {
      return false;
    }
    *targets[i] = (uint64_t)number;
  }
  return true;
}

int kv_ctl_region_transfer_leader(const kv_ctl *ctl) {
  kv_scheduler_request request = {.call = KV_CALL_ADD_OPERATOR};
  uint64_t *const targets[] = {&request.to_store};
  return read_words(ctl, &request, targets, 1) ? order(ctl, &request, "transfer-leader")
                                               : KV_CTL_USAGE;
}

int kv_ctl_region_add_peer(const kv_ctl *ctl) {
  kv_scheduler_request request = {.call = KV_CALL_ADD_OPERATOR};
  uint64_t *const targets[] = {&request.to_store};
  return read_words(ctl, &request, targets, 1) ? order(ctl, &request, "add-peer") : KV_CTL_USAGE;
}

int kv_ctl_region_remove_peer(const kv_ctl *ctl) {
  kv_scheduler_request request = {.call = KV_CALL_ADD_OPERATOR};
  uint64_t *const targets[] = {&request.from_store};
  return read_words(ctl, &request, targets, 1) ? order(ctl, &request, "remove-peer") : KV_CTL_USAGE;
}

int kv_ctl_region_move_peer(const kv_ctl *ctl) {
  kv_scheduler_request request = {.call = KV_CALL_ADD_OPERATOR};
  uint64_t *const targets[] = {&request.from_store, &request.to_store};
  return read_words(ctl, &request, targets, 2) ? order(ctl, &request, "move-peer") : KV_CTL_USAGE;
}

int kv_ctl_region_split(const kv_ctl *ctl) {
  kv_scheduler_request request = {.call = KV_CALL_ADD_OPERATOR};
  if (!read_words(ctl, &request, NULL, 0)) {
    return KV_CTL_USAGE;
  }
  if (ctl->word_count == 2) {
    request.key = (raft_slice){ctl->words[1], strlen(ctl->words[1])};
  }
  return order(ctl, &request, "split");
}
