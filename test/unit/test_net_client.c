/* test_net_client.c - proves that answers keep their order and that a client's memory stays
 * bounded.
 *
 * A listening socket and a client's socket in one thread; the store is a fake that keeps commands
 * until the test answers them, in any order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/client.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MANY = 256, TURNS = 200 };

/* ---- the fake store ---- */

typedef struct waiting_command {
  kv_op op;
  char key[32];
  kv_answer_function answer;
  void *ctx;
} waiting_command;

static waiting_command commands[MANY];
static size_t command_count;

static void execute(kv_store *store, const kv_command *command, uint64_t timeout_ms,
                    kv_answer_function answer, void *ctx) {
  (void)store;
  (void)timeout_ms;
  ck_assert_uint_lt(command_count, MANY);
  waiting_command *w = &commands[command_count++];
  *w = (waiting_command){.op = command->op, .answer = answer, .ctx = ctx};
  if (command->arg_count > 0) {
    memcpy(w->key, command->args[0].data, command->args[0].len);
  }
}

static void answer(size_t i, const char *text) {
  commands[i].answer(commands[i].ctx, text, strlen(text));
}

/* ---- server and client ---- */

typedef struct fixture {
  uv_loop_t loop;
  uv_tcp_t listener;
  kv_connections connections;
  kv_clients clients;
  kv_logger logger;
  struct sockaddr_in address;
  int fd;
  char received[1 << 16];
  size_t received_len;
  bool closed; /* by the server */
} fixture;

static fixture f;

static void on_first_byte(kv_connection *connection) {
  kv_client_adopt(&f.clients, connection);
}

static void on_closed(kv_connection *connection, int rc) {
  (void)connection;
  (void)rc;
}

static const kv_protocol fresh = {.name = "fresh", .readable = on_first_byte, .closed = on_closed};

static void on_connection(uv_stream_t *listener, int rc) {
  ck_assert_int_eq(rc, 0);
  kv_connection *connection = kv_connection_open(&f.connections, &fresh, NULL);
  ck_assert_int_eq(kv_connection_accept(connection, listener), 0);
}

static bool host(void *ctx, kv_client *client, kv_call *call, kv_answer_function done,
                 void *done_ctx) {
  (void)ctx;
  (void)client;
  (void)done;
  (void)done_ctx;
  kv_reply_text(call->reply, "host");
  return true;
}

static void no_line(void *ctx, kv_level level, const char *line) {
  (void)ctx;
  (void)level;
  (void)line;
}

static int dial(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(connect(fd, (struct sockaddr *)&f.address, sizeof f.address), 0);
  return fd;
}

static void setup(void) {
  memset(&f, 0, sizeof f);
  command_count = 0;
  ck_assert_int_eq(uv_loop_init(&f.loop), 0);
  f.connections.loop = &f.loop;
  f.logger = (kv_logger){.write = no_line, .level = KV_DEBUG};
  f.clients = (kv_clients){.execute = execute,
                           .cursors = kv_cursors_open(8, 100),
                           .logger = &f.logger,
                           .limits = kv_client_default_limits(),
                           .host = host};
  int len = (int)sizeof f.address;
  ck_assert_int_eq(uv_ip4_addr("127.0.0.1", 0, &f.address), 0);
  ck_assert_int_eq(uv_tcp_init(&f.loop, &f.listener), 0);
  ck_assert_int_eq(uv_tcp_bind(&f.listener, (struct sockaddr *)&f.address, 0), 0);
  ck_assert_int_eq(uv_listen((uv_stream_t *)&f.listener, 8, on_connection), 0);
  ck_assert_int_eq(uv_tcp_getsockname(&f.listener, (struct sockaddr *)&f.address, &len), 0);
  f.fd = dial();
}

static void teardown(void) {
  if (f.fd >= 0) {
    close(f.fd);
  }
  kv_connections_close(&f.connections, 0);
  uv_close((uv_handle_t *)&f.listener, NULL);
  ck_assert_int_eq(uv_run(&f.loop, UV_RUN_DEFAULT), 0);
  ck_assert_uint_eq(f.connections.count, 0);
  ck_assert_int_eq(uv_loop_close(&f.loop), 0);
  kv_cursors_close(f.clients.cursors);
}

static void turns(void) {
  for (int i = 0; i < TURNS; i++) {
    (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    kv_connections_turn(&f.connections);
  }
}

static void send_text(const char *text) {
  ck_assert_int_eq(send(f.fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
  turns();
}

/* Everything that the server has sent by now, as text. */
static const char *receive(void) {
  turns();
  f.received_len = 0;
  while (!f.closed && f.received_len < sizeof f.received - 1) {
    const ssize_t bytes = recv(f.fd, f.received + f.received_len,
                               sizeof f.received - 1 - f.received_len, MSG_DONTWAIT);
    if (bytes < 0) {
      break;
    }
    f.closed = bytes == 0;
    f.received_len += (size_t)bytes;
    turns();
  }
  f.received[f.received_len] = '\0';
  return f.received;
}

/* ---- order ---- */

START_TEST(answers_leave_in_the_order_of_the_requests) {
  send_text("get a\r\nget b\r\nping\r\nget c\r\n");
  ck_assert_uint_eq(command_count, 3);
  answer(2, "+c\r\n");
  answer(1, "+b\r\n");
  ck_assert_str_eq(receive(), "");
  answer(0, "+a\r\n");
  ck_assert_str_eq(receive(), "+a\r\n+b\r\n+PONG\r\n+c\r\n");
}
END_TEST

START_TEST(reads_wait_for_writes_and_writes_for_reads) {
  send_text("set a 1\r\nset b 1\r\nget a\r\nget b\r\nset a 2\r\n");
  ck_assert_uint_eq(command_count, 2);
  answer(1, "+OK\r\n");
  turns();
  ck_assert_uint_eq(command_count, 2);
  answer(0, "+OK\r\n");
  turns();
  ck_assert_uint_eq(command_count, 4);
  ck_assert_int_eq(commands[2].op, KV_OP_GET);
  answer(2, "+1\r\n");
  answer(3, "+1\r\n");
  turns();
  ck_assert_uint_eq(command_count, 5);
  answer(4, "+OK\r\n");
  ck_assert_str_eq(receive(), "+OK\r\n+OK\r\n+1\r\n+1\r\n+OK\r\n");
}
END_TEST

START_TEST(each_answer_has_the_protocol_of_its_request) {
  send_text("get a\r\nhello 3\r\nget b\r\n");
  answer(1, "_\r\n");
  answer(0, "_\r\n");
  const char *text = receive();
  ck_assert_int_eq(strncmp(text, "$-1\r\n%7\r\n", 9), 0);
  ck_assert_str_eq(text + strlen(text) - 3, "_\r\n");
}
END_TEST

START_TEST(scan_answers_get_cursors) {
  send_text("scan 0\r\n");
  answer(0, "*2\r\n$1\r\nk\r\n*0\r\n");
  ck_assert_str_eq(receive(), "*2\r\n$3\r\n100\r\n*0\r\n");
}
END_TEST

START_TEST(host_calls_keep_the_order_too) {
  send_text("get a\r\ninfo\r\n");
  ck_assert_str_eq(receive(), "");
  answer(0, "+a\r\n");
  ck_assert_str_eq(receive(), "+a\r\n$4\r\nhost\r\n");
}
END_TEST

/* ---- bounds ---- */

START_TEST(a_client_with_many_requests_is_not_read_from) {
  f.clients.limits.requests = 3;
  send_text("get a\r\nget b\r\nget c\r\nget d\r\nget e\r\n");
  ck_assert_uint_eq(command_count, 3);
  answer(1, "+b\r\n");
  turns();
  ck_assert_uint_eq(command_count, 3);
  answer(0, "+a\r\n");
  turns();
  ck_assert_uint_eq(command_count, 5);
  for (size_t i = 2; i < 5; i++) {
    answer(i, "+x\r\n");
  }
  ck_assert_str_eq(receive(), "+a\r\n+b\r\n+x\r\n+x\r\n+x\r\n");
}
END_TEST

/* How many may be under way follows from how long the last answers were. */
START_TEST(long_answers_leave_room_for_few) {
  f.clients.limits.answers = (size_t)2 << 20; /* eight of the first guess */
  for (int i = 0; i < 40; i++) {
    send_text("get a\r\n");
  }
  ck_assert_uint_eq(command_count, 8);
  for (size_t i = 0; i < 8; i++) {
    answer(i, "+x\r\n");
  }
  turns();
  ck_assert_uint_eq(command_count, 40);
}
END_TEST

static char *big_answer(size_t bytes) {
  char *text = malloc(bytes + 64);
  const int head = snprintf(text, 64, "$%zu\r\n", bytes);
  memset(text + head, 'v', bytes);
  memcpy(text + (size_t)head + bytes, "\r\n", 3);
  return text;
}

START_TEST(a_client_that_does_not_read_is_not_read_from) {
  enum { BIG = 8 << 20 };
  char *text = big_answer(BIG);
  send_text("get a\r\n");
  answer(0, text);
  turns();
  send_text("get b\r\nget c\r\n");
  ck_assert_uint_eq(command_count, 1);
  size_t total = 0;
  while (total < strlen(text)) {
    total += strlen(receive());
    ck_assert(!f.closed);
  }
  turns();
  ck_assert_uint_eq(command_count, 3);
  answer(1, "+b\r\n");
  answer(2, "+c\r\n");
  free(text);
}
END_TEST

START_TEST(a_hopeless_client_is_disconnected) {
  enum { BIG = 8 << 20 };
  char *text = big_answer(BIG);
  f.clients.limits.output_maximum = BIG + (BIG / 2);
  send_text("get a\r\nget b\r\nget c\r\n");
  answer(0, text);
  answer(1, text);
  answer(2, text);
  turns();
  ck_assert_uint_eq(f.clients.figures.dropped, 1);
  ck_assert_uint_eq(f.clients.figures.connected, 0);
  free(text);
}
END_TEST

START_TEST(too_many_clients_are_refused) {
  f.clients.limits.clients = 1;
  send_text("ping\r\n");
  ck_assert_str_eq(receive(), "+PONG\r\n");
  const int first = f.fd;
  f.fd = dial();
  send_text("ping\r\n");
  ck_assert_str_eq(receive(), "-ERR max number of clients reached\r\n");
  ck_assert(f.closed);
  close(first);
}
END_TEST

/* ---- ends ---- */

START_TEST(what_was_asked_is_answered_after_a_half_close) {
  f.clients.limits.requests = 2;
  send_text("get a\r\nset b 1\r\nget c\r\nget d\r\n");
  ck_assert_int_eq(shutdown(f.fd, SHUT_WR), 0);
  turns();
  for (size_t i = 0; i < 4; i++) {
    ck_assert_uint_gt(command_count, i);
    answer(i, "+x\r\n");
    turns();
  }
  ck_assert_str_eq(receive(), "+x\r\n+x\r\n+x\r\n+x\r\n");
  ck_assert(f.closed);
}
END_TEST

START_TEST(quit_closes_after_the_answers_before_it) {
  send_text("get a\r\nquit\r\nget b\r\n");
  ck_assert_uint_eq(command_count, 1);
  ck_assert_str_eq(receive(), "");
  answer(0, "+a\r\n");
  ck_assert_str_eq(receive(), "+a\r\n+OK\r\n");
  ck_assert(f.closed);
}
END_TEST

START_TEST(garbage_is_answered_and_closes) {
  send_text("get a\r\n*1\r\n!\r\n");
  answer(0, "+a\r\n");
  ck_assert_str_eq(receive(), "+a\r\n-ERR Protocol error: expected '$', got '!'\r\n");
  ck_assert(f.closed);
}
END_TEST

START_TEST(answers_for_a_client_that_has_gone_are_dropped) {
  send_text("get a\r\nget b\r\n");
  ck_assert_uint_eq(f.clients.waiting, 2);
  answer(1, "+b\r\n");
  const struct linger reset = {1, 0};
  ck_assert_int_eq(setsockopt(f.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
  close(f.fd);
  f.fd = -1;
  turns();
  ck_assert_uint_eq(f.clients.figures.connected, 0);
  answer(0, "+a\r\n");
  ck_assert_uint_eq(f.clients.waiting, 0);
}
END_TEST

START_TEST(draining_answers_what_is_due_and_closes) {
  send_text("get a\r\n");
  kv_clients_drain(&f.clients);
  turns();
  send_text("get b\r\n");
  ck_assert_uint_eq(command_count, 1);
  answer(0, "+a\r\n");
  ck_assert_str_eq(receive(), "+a\r\n");
  turns();
  ck_assert_uint_eq(f.clients.figures.connected, 0);
}
END_TEST

START_TEST(a_client_describes_itself) {
  send_text("client setname me\r\nclient setinfo lib-name lib\r\n");
  kv_reply lines = {0};
  kv_clients_describe(&f.clients, uv_now(&f.loop), &lines);
  kv_reply_append(&lines, "", 1);
  ck_assert_ptr_nonnull(strstr(lines.data, "id=1 addr=127.0.0.1:"));
  ck_assert_ptr_nonnull(strstr(lines.data, "cmd=client name=me lib-name=lib lib-ver=\n"));
  kv_reply_free(&lines);
}
END_TEST

int main(void) {
  TCase *tests = tcase_create("client");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, answers_leave_in_the_order_of_the_requests);
  tcase_add_test(tests, reads_wait_for_writes_and_writes_for_reads);
  tcase_add_test(tests, each_answer_has_the_protocol_of_its_request);
  tcase_add_test(tests, scan_answers_get_cursors);
  tcase_add_test(tests, host_calls_keep_the_order_too);
  tcase_add_test(tests, a_client_with_many_requests_is_not_read_from);
  tcase_add_test(tests, long_answers_leave_room_for_few);
  tcase_add_test(tests, a_client_that_does_not_read_is_not_read_from);
  tcase_add_test(tests, a_hopeless_client_is_disconnected);
  tcase_add_test(tests, too_many_clients_are_refused);
  tcase_add_test(tests, what_was_asked_is_answered_after_a_half_close);
  tcase_add_test(tests, quit_closes_after_the_answers_before_it);
  tcase_add_test(tests, garbage_is_answered_and_closes);
  tcase_add_test(tests, answers_for_a_client_that_has_gone_are_dropped);
  tcase_add_test(tests, draining_answers_what_is_due_and_closes);
  tcase_add_test(tests, a_client_describes_itself);
  Suite *suite = suite_create("net_client");
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
