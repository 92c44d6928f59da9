/* fake_store.c - poll over a few connections, a table of values, and faults by count.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fake_store.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/buffer.h"
#include "resp/parser.h"

enum { CONNECTIONS = 32, KEYS = 4096, NAME = 64, VALUE = 3072 };

typedef struct item {
  char name[NAME];
  char now[VALUE];
  char before[VALUE];
} item;

typedef struct guest {
  int fd; /* -1: free */
  kv_buffer in;
  kv_buffer out;
  kv_resp_parser parser;
} guest;

struct fake_store {
  const fake_faults *faults;
  int listener;
  int wake[2];
  pthread_t thread;
  guest guests[CONNECTIONS];
  item *items;
  size_t item_count;
  unsigned sets;
  unsigned gets;
  unsigned increments;
};

static bool due(unsigned count, unsigned every) {
  return every > 0 && count % every == 0;
}

static item *find(fake_store *store, raft_slice name) {
  for (size_t i = 0; i < store->item_count; i++) {
    if (strlen(store->items[i].name) == name.len &&
        memcmp(store->items[i].name, name.data, name.len) == 0) {
      return &store->items[i];
    }
  }
  ck_assert_uint_lt(store->item_count, KEYS);
  ck_assert_uint_lt(name.len, NAME);
  item *made = &store->items[store->item_count++];
  memcpy(made->name, name.data, name.len);
  return made;
}

static void say(guest *to, const char *text) {
  ck_assert_int_eq(kv_buffer_append(&to->out, text, strlen(text)), 0);
}

static void say_value(guest *to, const char *value) {
  char head[32];
  if (value[0] == '\0') {
    say(to, "$-1\r\n");
    return;
  }
  (void)snprintf(head, sizeof(head), "$%zu\r\n", strlen(value));
  say(to, head);
  say(to, value);
  say(to, "\r\n");
}

static void store_value(fake_store *store, const raft_slice *arguments) {
  item *found = find(store, arguments[1]);
  ck_assert_uint_lt(arguments[2].len, VALUE);
  memcpy(found->before, found->now, VALUE);
  memset(found->now, 0, VALUE);
  memcpy(found->now, arguments[2].data, arguments[2].len);
}

/* false: hang up. */
static bool do_set(fake_store *store, guest *from, const raft_slice *arguments) {
  const fake_faults *faults = store->faults;
  const unsigned count = ++store->sets;
  const bool hang_up = due(count, faults->hang_up_every);
  const bool refused = due(count, faults->refuse_every);
  if (!refused && !due(count, faults->lose_every) &&
      !(hang_up && count / faults->hang_up_every % 2 == 0)) {
    store_value(store, arguments);
  }
  say(from, refused                              ? "-TRYAGAIN not now\r\n"
            : due(count, faults->time_out_every) ? "-TIMEOUT outcome unknown\r\n"
                                                 : "+OK\r\n");
  return !hang_up;
}

static bool is_command(raft_slice name, const char *command) {
  return name.len == strlen(command) && memcmp(name.data, command, name.len) == 0;
}

static bool holds(const char *value, raft_slice text) {
  return strlen(value) == text.len && memcmp(value, text.data, text.len) == 0;
}

static void say_integer(guest *to, long number) {
  char text[32];
  (void)snprintf(text, sizeof(text), ":%ld\r\n", number);
  say(to, text);
}

static void store_number(fake_store *store, raft_slice name, long number) {
  char text[24];
  const size_t len = (size_t)snprintf(text, sizeof(text), "%ld", number);
  store_value(store, (const raft_slice[]){name, name, {text, len}});
}

static void do_increment(fake_store *store, guest *from, const raft_slice *arguments) {
  char by[24] = {0};
  memcpy(by, arguments[2].data, arguments[2].len < 23 ? arguments[2].len : 23);
  const long times = due(++store->increments, store->faults->twice_every) ? 2 : 1;
  const long number = strtol(find(store, arguments[1])->now, NULL, 10);
  store_number(store, arguments[1], number + times * strtol(by, NULL, 10));
  say_integer(from, number + strtol(by, NULL, 10));
}

static void do_append(fake_store *store, guest *from, const raft_slice *arguments) {
  char whole[VALUE];
  const int len = snprintf(whole, sizeof(whole), "%s%.*s", find(store, arguments[1])->now,
                           (int)arguments[2].len, (const char *)arguments[2].data);
  ck_assert_int_lt(len, VALUE);
  store_value(store, (const raft_slice[]){arguments[1], arguments[1], {whole, (size_t)len}});
  say_integer(from, len);
}

static void do_if(fake_store *store, guest *from, bool is_so, raft_slice name, raft_slice value) {
  if (is_so) {
    store_value(store, (const raft_slice[]){name, name, value});
  }
  say_integer(from, is_so ? 1 : 0);
}

/* false: not one of them. */
static bool do_change(fake_store *store, guest *from, const raft_slice *arguments) {
  if (is_command(arguments[0], "DEL")) {
    do_if(store, from, find(store, arguments[1])->now[0] != '\0', arguments[1],
          (raft_slice){"", 0});
  } else if (is_command(arguments[0], "SETNX")) {
    do_if(store, from, find(store, arguments[1])->now[0] == '\0', arguments[1], arguments[2]);
  } else if (is_command(arguments[0], "KV.CAS")) {
    do_if(store, from, holds(find(store, arguments[1])->now, arguments[2]), arguments[1],
          arguments[3]);
  } else if (is_command(arguments[0], "INCRBY")) {
    do_increment(store, from, arguments);
  } else if (is_command(arguments[0], "APPEND")) {
    do_append(store, from, arguments);
  } else {
    return false;
  }
  return true;
}

static bool answer(fake_store *store, guest *from, const raft_slice *arguments) {
  const fake_faults *faults = store->faults;
  const char *name = arguments[0].data;
  if (faults->silent) {
    return true;
  }
  if (arguments[0].len == 5 && memcmp(name, "HELLO", 5) == 0) {
    say(from, "%1\r\n+proto\r\n:3\r\n");
  } else if (faults->garbage != NULL) {
    say(from, faults->garbage);
  } else if (arguments[0].len == 3 && memcmp(name, "SET", 3) == 0) {
    return do_set(store, from, arguments);
  } else if (arguments[0].len == 3 && memcmp(name, "GET", 3) == 0) {
    const item *found = find(store, arguments[1]);
    say_value(from, due(++store->gets, faults->stale_every) ? found->before : found->now);
  } else if (faults->answer != NULL || !do_change(store, from, arguments)) {
    say(from, faults->answer == NULL ? "+OK\r\n" : faults->answer);
  }
  return true;
}

static void hang_up(guest *on) {
  if (on->fd >= 0) {
    (void)close(on->fd);
    kv_resp_parser_free(&on->parser);
  }
  on->fd = -1;
  kv_buffer_free(&on->in);
  kv_buffer_free(&on->out);
}

static bool answer_all(fake_store *store, guest *from) {
  while (kv_buffer_len(&from->in) > 0) {
    const kv_resp_state state =
        kv_resp_parse(&from->parser, from->in.bytes + from->in.begin, kv_buffer_len(&from->in));
    if (state == KV_RESP_MORE) {
      return true;
    }
    if (state != KV_RESP_REQUEST || !answer(store, from, from->parser.args)) {
      return false;
    }
    kv_buffer_discard(&from->in, from->parser.consumed);
  }
  return true;
}

static void serve(fake_store *store, guest *from) {
  char *to = kv_buffer_reserve(&from->in, 65536);
  const ssize_t got = recv(from->fd, to, 65536, 0);
  kv_buffer_added(&from->in, got > 0 ? (size_t)got : 0);
  bool alive = got > 0 && answer_all(store, from);
  while (alive && kv_buffer_len(&from->out) > 0) {
    const ssize_t sent =
        send(from->fd, kv_buffer_front(&from->out), kv_buffer_len(&from->out), MSG_NOSIGNAL);
    alive = sent > 0;
    kv_buffer_discard(&from->out, sent > 0 ? (size_t)sent : 0);
  }
  if (!alive) {
    hang_up(from);
  }
}

static void take_in(fake_store *store) {
  const int fd = accept(store->listener, NULL, NULL);
  for (size_t i = 0; i < CONNECTIONS && fd >= 0; i++) {
    if (store->guests[i].fd < 0) {
      store->guests[i].fd = fd;
      const kv_resp_limits limits = kv_resp_default_limits();
      kv_resp_parser_init(&store->guests[i].parser, &limits);
      return;
    }
  }
  if (fd >= 0) {
    (void)close(fd);
  }
}

static void *run(void *argument) {
  fake_store *store = argument;
  struct pollfd polled[CONNECTIONS + 2];
  for (;;) {
    polled[0] = (struct pollfd){.fd = store->wake[0], .events = POLLIN};
    polled[1] = (struct pollfd){.fd = store->listener, .events = POLLIN};
    for (size_t i = 0; i < CONNECTIONS; i++) {
      polled[i + 2] = (struct pollfd){.fd = store->guests[i].fd, .events = POLLIN};
    }
    (void)poll(polled, CONNECTIONS + 2, -1);
    if (polled[0].revents != 0) {
      return NULL;
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
      if (polled[i + 2].revents != 0 && store->guests[i].fd >= 0) {
        serve(store, &store->guests[i]);
      }
    }
    if (polled[1].revents != 0) {
      take_in(store);
    }
  }
}

fake_store *fake_store_start(const fake_faults *faults, char address[32]) {
  fake_store *store = calloc(1, sizeof(*store));
  ck_assert_ptr_nonnull(store);
  store->faults = faults;
  store->items = calloc(KEYS, sizeof(*store->items));
  ck_assert_ptr_nonnull(store->items);
  for (size_t i = 0; i < CONNECTIONS; i++) {
    store->guests[i].fd = -1;
  }
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof(name);
  store->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq(bind(store->listener, (const struct sockaddr *)&name, size), 0);
  ck_assert_int_eq(listen(store->listener, 64), 0);
  ck_assert_int_eq(getsockname(store->listener, (struct sockaddr *)&name, &size), 0);
  (void)snprintf(address, 32, "127.0.0.1:%u", ntohs(name.sin_port));
  ck_assert_int_eq(pipe(store->wake), 0);
  ck_assert_int_eq(pthread_create(&store->thread, NULL, run, store), 0);
  return store;
}

void fake_store_stop(fake_store *store) {
  ck_assert_int_eq(write(store->wake[1], "", 1), 1);
  (void)pthread_join(store->thread, NULL);
  for (size_t i = 0; i < CONNECTIONS; i++) {
    hang_up(&store->guests[i]);
  }
  (void)close(store->listener);
  (void)close(store->wake[0]);
  (void)close(store->wake[1]);
  free(store->items);
  free(store);
}
