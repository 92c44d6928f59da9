/* address_list.c - addresses of stores: read, looked up, connected to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client/address_list.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/host_port.h"

void kv_address_list_free(kv_address_list *list) {
  free(list->texts);
  *list = (kv_address_list){NULL, 0};
}

bool kv_address_list_has(const kv_address_list *list, const char *address) {
  for (size_t i = 0; i < list->count; i++) {
    if (strcmp(list->texts[i], address) == 0) {
      return true;
    }
  }
  return false;
}

int kv_address_list_add(kv_address_list *list, const char *address) {
  const size_t len = strlen(address);
  if (len >= KV_ADDRESS_SIZE) {
    return KV_EINVAL;
  }
  if (kv_address_list_has(list, address)) {
    return KV_OK;
  }
  char(*texts)[KV_ADDRESS_SIZE] = realloc(list->texts, (list->count + 1) * sizeof(*texts));
  if (texts == NULL) {
    return KV_ENOMEM;
  }
  list->texts = texts;
  memcpy(texts[list->count++], address, len + 1);
  return KV_OK;
}

/* One part of the list, [text, text + len). */
static int add_part(kv_address_list *list, const char *text, size_t len, kv_error *error) {
  char address[KV_ADDRESS_SIZE];
  kv_host_port parts;
  if (len >= sizeof(address)) {
    return kv_fail(error, KV_EINVAL, "an address is at most %u bytes long", KV_ADDRESS_SIZE - 1);
  }
  memcpy(address, text, len);
  address[len] = '\0';
  const int rc = kv_host_port_parse(address, &parts, error);
  if (rc != KV_OK) {
    return rc;
  }
  return kv_address_list_add(list, address) == KV_OK ? KV_OK
                                                     : kv_fail(error, KV_ENOMEM, "out of memory");
}

int kv_address_list_parse(const char *text, kv_address_list *list, kv_error *error) {
  *list = (kv_address_list){NULL, 0};
  for (;;) {
    const size_t len = strcspn(text, ",");
    const int rc = add_part(list, text, len, error);
    if (rc != KV_OK) {
      kv_address_list_free(list);
      return rc;
    }
    if (text[len] == '\0') {
      return KV_OK;
    }
    text += len + 1;
  }
}

int kv_address_fail(kv_error *error, const char *address, int number) {
  const char *hint = number == ECONNREFUSED ? "; is kvserver running there?" : "";
  return kv_fail(error, KV_EIO, "cannot reach %s: %s%s", address,
                 number == ECONNREFUSED ? "connection refused" : strerror(number), hint);
}

static int look_up(const char *address, struct addrinfo **found, kv_error *error) {
  kv_host_port parts;
  const int rc = kv_host_port_parse(address, &parts, error);
  if (rc != KV_OK) {
    return rc;
  }
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  const int failed = getaddrinfo(parts.host, parts.port, &hints, found);
  if (failed != 0) {
    return kv_fail(error, KV_EIO, "cannot reach %s: %s", address, gai_strerror(failed));
  }
  return KV_OK;
}

int kv_address_connect(const char *address, int *fd, kv_error *error) {
  struct addrinfo *found;
  *fd = -1;
  int rc = look_up(address, &found, error);
  if (rc != KV_OK) {
    return rc;
  }
  *fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int one = 1;
  if (*fd >= 0) {
    (void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  }
  if (*fd < 0 || (connect(*fd, found->ai_addr, found->ai_addrlen) != 0 && errno != EINPROGRESS)) {
    rc = kv_address_fail(error, address, errno);
    if (*fd >= 0) {
      (void)close(*fd);
    }
    *fd = -1;
  }
  freeaddrinfo(found);
  return rc;
}
