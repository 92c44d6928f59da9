/* commands.h - what kvctl can do, a function each.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CTL_COMMANDS_H
#define KV_CTL_COMMANDS_H

#include <stdbool.h>

#include "client/address_list.h"

/* How the program was called. */
typedef struct kv_ctl {
  kv_address_list addresses;
  const char *scheduler; /* HOST:PORT */
  bool json;
  bool wait;
  int timeout_ms; /* 0: what suits the command */
  char **words;   /* arguments of the command, without its name */
  int word_count;
} kv_ctl;

/* Exit statuses. */
enum { KV_CTL_OK = 0, KV_CTL_FAILED = 1, KV_CTL_USAGE = 2 };

int kv_ctl_status(const kv_ctl *ctl);
int kv_ctl_checksum(const kv_ctl *ctl);
int kv_ctl_wait(const kv_ctl *ctl);
int kv_ctl_transfer_leader(const kv_ctl *ctl);
int kv_ctl_add_peer(const kv_ctl *ctl);
int kv_ctl_remove_peer(const kv_ctl *ctl);
int kv_ctl_compact_log(const kv_ctl *ctl);

int kv_ctl_get(const kv_ctl *ctl);
int kv_ctl_put(const kv_ctl *ctl);
int kv_ctl_delete(const kv_ctl *ctl);
int kv_ctl_cas(const kv_ctl *ctl);
int kv_ctl_scan(const kv_ctl *ctl);

int kv_ctl_store_list(const kv_ctl *ctl);
int kv_ctl_store_show(const kv_ctl *ctl);
int kv_ctl_store_drain(const kv_ctl *ctl);
int kv_ctl_store_undrain(const kv_ctl *ctl);
int kv_ctl_store_forget(const kv_ctl *ctl);

int kv_ctl_region_list(const kv_ctl *ctl);
int kv_ctl_region_show(const kv_ctl *ctl);
int kv_ctl_region_key(const kv_ctl *ctl);
int kv_ctl_region_check(const kv_ctl *ctl);
int kv_ctl_region_split(const kv_ctl *ctl);
int kv_ctl_region_transfer_leader(const kv_ctl *ctl);
int kv_ctl_region_add_peer(const kv_ctl *ctl);
int kv_ctl_region_remove_peer(const kv_ctl *ctl);
int kv_ctl_region_move_peer(const kv_ctl *ctl);

int kv_ctl_operator_list(const kv_ctl *ctl);
int kv_ctl_operator_history(const kv_ctl *ctl);
int kv_ctl_operator_cancel(const kv_ctl *ctl);

int kv_ctl_scheduler_describe(const kv_ctl *ctl);
int kv_ctl_scheduler_pause(const kv_ctl *ctl);
int kv_ctl_scheduler_resume(const kv_ctl *ctl);
int kv_ctl_scheduler_config(const kv_ctl *ctl);

/* "kvctl: TEXT" on standard error; returns status. */
int kv_ctl_complain(int status, const char *text);
/* A number above 0; false: it has been complained about. */
bool kv_ctl_number(const char *text, const char *what, long long *number);
/* Milliseconds since some time. */
long long kv_ctl_now(void);

#endif
