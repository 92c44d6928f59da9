/* ask_command.c - commands that are one request to any store: it sees to it that the leader gets
 * it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/decimal.h"
#include "client/client.h"
#include "ctl/commands.h"
#include "ctl/value_json.h"

enum { ASK_MS = 65000, CONNECT_MS = 3000 };

int kv_ctl_complain(int status, const char *text) {
  (void)fprintf(stderr, "kvctl: %s\n", text);
  return status;
}

bool kv_ctl_number(const char *text, const char *what, long long *number) {
  int64_t parsed;
  if (kv_decimal_parse(text, strlen(text), &parsed) && parsed > 0) {
    *number = parsed;
    return true;
  }
  (void)fprintf(stderr, "kvctl: %s \"%s\" is not a number above 0\n", what, text);
  return false;
}

long long kv_ctl_now(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The first store in the list that can be reached. */
static int connect_to_one(const kv_ctl *ctl, kv_client **client, kv_error *error) {
  kv_error later;
  int rc = kv_client_open(ctl->addresses.texts[0], CONNECT_MS, client, error);
  for (size_t i = 1; i < ctl->addresses.count && rc != KV_OK; i++) {
    rc = kv_client_open(ctl->addresses.texts[i], CONNECT_MS, client, &later);
  }
  return rc;
}

static void print_json(bool right, json_t *reply) {
  json_t *root = json_pack("{s:b,s:o}", "ok", (int)right, right ? "reply" : "error", reply);
  (void)json_dumpf(root, stdout, JSON_INDENT(2));
  (void)putchar('\n');
  json_decref(root);
}

static int show_failure(const kv_ctl *ctl, const char *text) {
  if (ctl->json) {
    print_json(false, json_string(text));
  }
  return kv_ctl_complain(KV_CTL_FAILED, text);
}

static void show_text(const kv_value *reply) {
  if (reply->kind == KV_VALUE_INTEGER) {
    (void)printf("%lld\n", (long long)reply->integer);
  } else {
    (void)printf("%s\n", reply->kind == KV_VALUE_TEXT ? reply->text : "done");
  }
}

static int show(const kv_ctl *ctl, const kv_value *reply) {
  if (reply->kind == KV_VALUE_ERROR) {
    return show_failure(ctl, reply->text);
  }
  if (ctl->json) {
    print_json(true, kv_value_to_json(reply));
  } else {
    show_text(reply);
  }
  return KV_CTL_OK;
}

static int ask(const kv_ctl *ctl, const char *const *arguments) {
  kv_client *client;
  kv_error error;
  const kv_value *reply;
  if (connect_to_one(ctl, &client, &error) != KV_OK) {
    return show_failure(ctl, error.text);
  }
  kv_client_set_timeout(client, ctl->timeout_ms > 0 ? ctl->timeout_ms : ASK_MS);
  const int rc = kv_client_call(client, arguments, &reply, &error);
  const int status = rc == KV_OK ? show(ctl, reply) : show_failure(ctl, error.text);
  kv_client_close(client);
  return status;
}

int kv_ctl_transfer_leader(const kv_ctl *ctl) {
  long long store;
  return kv_ctl_number(ctl->words[0], "store", &store)
             ? ask(ctl, (const char *const[]){"KV.TRANSFER", ctl->words[0], NULL})
             : KV_CTL_USAGE;
}

int kv_ctl_add_peer(const kv_ctl *ctl) {
  long long store;
  return kv_ctl_number(ctl->words[0], "store", &store)
             ? ask(ctl, (const char *const[]){"KV.ADDPEER", ctl->words[0], ctl->words[1], NULL})
             : KV_CTL_USAGE;
}

int kv_ctl_remove_peer(const kv_ctl *ctl) {
  long long store;
  return kv_ctl_number(ctl->words[0], "store", &store)
             ? ask(ctl, (const char *const[]){"KV.REMOVEPEER", ctl->words[0], NULL})
             : KV_CTL_USAGE;
}

int kv_ctl_compact_log(const kv_ctl *ctl) {
  long long index;
  if (ctl->word_count == 0) {
    return ask(ctl, (const char *const[]){"KV.COMPACT", NULL});
  }
  return kv_ctl_number(ctl->words[0], "index", &index)
             ? ask(ctl, (const char *const[]){"KV.COMPACT", ctl->words[0], NULL})
             : KV_CTL_USAGE;
}
