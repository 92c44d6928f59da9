/* address_list.h - "host:port,host:port" as the tools take it, and connecting to one of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CLIENT_ADDRESS_LIST_H
#define KV_CLIENT_ADDRESS_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Longest "host:port". */
#define KV_ADDRESS_SIZE 272u

typedef struct kv_address_list {
  char (*texts)[KV_ADDRESS_SIZE];
  size_t count;
} kv_address_list;

/* Reads a list; blanks and empty parts are errors. KV_EINVAL with a sentence, KV_ENOMEM. */
int kv_address_list_parse(const char *text, kv_address_list *list, kv_error *error);
/* Adds one unless it is there. KV_ENOMEM, KV_EINVAL: too long. */
int kv_address_list_add(kv_address_list *list, const char *address);
bool kv_address_list_has(const kv_address_list *list, const char *address);
void kv_address_list_free(kv_address_list *list);

/* Begins to connect a non-blocking TCP socket; *fd is it. Host names are looked up, which may take
 * its time. KV_EIO or KV_EINVAL with a sentence. */
int kv_address_connect(const char *address, int *fd, kv_error *error);

/* What went wrong with the connection to an address, for people; number is an errno. */
int kv_address_fail(kv_error *error, const char *address, int number);

#endif
