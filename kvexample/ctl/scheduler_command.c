/* scheduler_command.c - what the scheduler does and why not, its operators and its configuration.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "ctl/records.h"
#include "ctl/scheduler_ask.h"

/* Asks, shows the response's rows, closes. An exit status. */
static int show(const kv_ctl *ctl, kv_scheduler_request *request,
                void (*print)(const kv_ctl *ctl, const kv_scheduler_response *response)) {
  kv_asker asker;
  const bool done = kv_ctl_ask_scheduler(ctl, &asker, request);
  if (done) {
    print(ctl, &asker.response);
  }
  kv_asker_close(&asker);
  return done ? KV_CTL_OK : KV_CTL_FAILED;
}

static void print_lines(const kv_ctl *ctl, const kv_scheduler_response *response) {
  static const char *const columns[] = {"subject", "says"};
  kv_records records;
  kv_records_begin(&records, columns, 2);
  for (size_t i = 0; i < response->line_count; i++) {
    kv_records_text(&records, "%s", response->lines[i].subject);
    kv_records_text(&records, "%s", response->lines[i].text);
  }
  kv_records_end(&records, ctl->json, "lines");
}

int kv_ctl_scheduler_describe(const kv_ctl *ctl) {
  kv_scheduler_request request = {.call = KV_CALL_DESCRIBE};
  return show(ctl, &request, print_lines);
}

int kv_ctl_scheduler_pause(const kv_ctl *ctl) {
  kv_scheduler_request request = {.call = KV_CALL_PAUSE};
  return kv_ctl_order(ctl, &request);
}

int kv_ctl_scheduler_resume(const kv_ctl *ctl) {
  kv_scheduler_request request = {.call = KV_CALL_RESUME};
  return kv_ctl_order(ctl, &request);
}

static void print_items(const kv_ctl *ctl, const kv_scheduler_response *response) {
  static const char *const columns[] = {"name", "value"};
  kv_records records;
  kv_records_begin(&records, columns, 2);
  for (size_t i = 0; i < response->item_count; i++) {
    kv_records_text(&records, "%s", response->items[i].name);
    kv_records_number(&records, response->items[i].value);
  }
  kv_records_end(&records, ctl->json, "config");
}

static bool is_amount(const char *text, uint64_t *amount) {
  long long number = 0;
  if (strcmp(text, "0") != 0 && !kv_ctl_number(text, "value", &number)) {
    return false;
  }
  *amount = (uint64_t)number;
  return true;
}

int kv_ctl_scheduler_config(const kv_ctl *ctl) {
  kv_scheduler_request request = {.call = KV_CALL_GET_CONFIG};
  if (ctl->word_count == 1) {
    return kv_ctl_complain(KV_CTL_USAGE, "scheduler config takes a name and a value, or nothing");
  }
  if (ctl->word_count == 2) {
    request.call = KV_CALL_SET_CONFIG;
    kv_message_text(request.text, sizeof(request.text), "%s", ctl->words[0]);
    if (!is_amount(ctl->words[1], &request.count)) {
      return KV_CTL_USAGE;
    }
  }
  return show(ctl, &request, print_items);
}

static void print_operators(const kv_ctl *ctl, const kv_scheduler_response *response) {
  static const char *const columns[] = {"operator", "region", "state", "what", "why",
                                        "steps",    "step",   "age",   "ended"};
  kv_records records;
  kv_records_begin(&records, columns, sizeof(columns) / sizeof(columns[0]));
  for (size_t i = 0; i < response->operator_count; i++) {
    const kv_operator_info *one = &response->operators[i];
    kv_records_number(&records, one->id);
    kv_records_number(&records, one->region_id);
    kv_records_text(&records, "%s", kv_operator_state_name((kv_operator_state)one->state));
    kv_records_text(&records, "%s", one->name);
    kv_records_text(&records, "%s", one->reason);
    kv_records_text(&records, "%u of %u", (unsigned)one->steps_done, (unsigned)one->step_count);
    kv_records_text(&records, "%s", one->step);
    kv_records_age(&records, one->age);
    kv_records_age(&records, one->ended);
  }
  kv_records_end(&records, ctl->json, "operators");
}

int kv_ctl_operator_list(const kv_ctl *ctl) {
  kv_scheduler_request request = {.call = KV_CALL_LIST_OPERATORS};
  return show(ctl, &request, print_operators);
}

int kv_ctl_operator_history(const kv_ctl *ctl) {
  kv_scheduler_request request = {.call = KV_CALL_OPERATOR_HISTORY};
  if (ctl->word_count == 1 && !is_amount(ctl->words[0], &request.count)) {
    return KV_CTL_USAGE;
  }
  return show(ctl, &request, print_operators);
}

int kv_ctl_operator_cancel(const kv_ctl *ctl) {
  long long region;
  if (!kv_ctl_number(ctl->words[0], "region", &region)) {
    return KV_CTL_USAGE;
  }
  kv_scheduler_request request = {.call = KV_CALL_CANCEL_OPERATOR, .id = (uint64_t)region};
  return kv_ctl_order(ctl, &request);
}
