/* options.c - arguments of kvbench, each a row of a table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/options.h"

#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/decimal.h"
#include "base/version.h"
#include "bench/ledger.h"
#include "bench/marked_value.h"

static const char usage[] =
    "Usage: kvbench [OPTION]...\n"
    "Closed-loop load on servers of the Redis protocol, and a check that nothing was lost.\n"
    "\n"
    "  --addr LIST          host:port,... of the stores; connections are spread over them, and "
    "move\n"
    "                       to another one when theirs fails (127.0.0.1:7001)\n"
    "  --protocol NAME      resp: of Redis; raw: each connection, 256 at most, asks the leader of "
    "the\n"
    "                       key's region by raw calls, in a thread of its own: without --addr,\n"
    "                       --pipeline, --rate, --gap, --verify, --verify-only, --state,\n"
    "                       --check-history and progress lines (resp)\n"
    "  --scheduler ADDR     for raw: where the scheduler listens (127.0.0.1:7000)\n"
    "  --connections N      (50)\n"
    "  --pipeline N         requests under way on each connection (1)\n"
    "  --value-size N       bytes (256)\n"
    "  --read-share N       per cent of the requests that are GET, the others are SET (0)\n"
    "  --keys N             (100000)\n"
    "  --distribution NAME  uniform, zipf or sequential (uniform)\n"
    "  --seconds N          how long to run, may have a fraction (10)\n"
    "  --requests N         or how many requests to make\n"
    "  --rate N             requests a second of all connections together; 0: as many as go (0)\n"
    "  --timeout N          milliseconds after which a request counts as lost (5000)\n"
    "  --seed N             of the random numbers (from the clock)\n"
    "  --prefix TEXT        what names of keys begin with\n"
    "  --verify             write values that can be checked, check each read, and read all keys "
    "at\n"
    "                       the end: every acknowledged write must be there\n"
    "  --verify-timeout N   milliseconds of patience for that (30000)\n"
    "  --state FILE         keep what was acknowledged in FILE\n"
    "  --verify-only        no load: check what FILE says of an earlier run\n"
    "  --check-history      clients that share a few keys (--keys, 8): reads, writes, exchanges, "
    "additions,\n"
    "                       appends; is there an order in which all that they saw makes sense?\n"
    "  --gap                print the longest time without an acknowledged write\n"
    "  --json               the result as JSON\n"
    "  --quiet              no progress lines\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 all is well; 1 a check failed, or no request succeeded; 2 wrong arguments.";

/* A thread each. */
enum { RAW_CONNECTIONS = 256 };

typedef enum option_id {
  OPTION_ADDR = 256,
  OPTION_PROTOCOL,
  OPTION_SCHEDULER,
  OPTION_DISTRIBUTION,
  OPTION_SECONDS,
  OPTION_PREFIX,
  OPTION_STATE,
  OPTION_HELP,
  OPTION_VERSION,
  OPTION_FLAG,                      /* + row of `flags` */
  OPTION_NUMBER = OPTION_FLAG + 256 /* + row of `numbers` */
} option_id;

static const struct {
  const char *name;
  size_t offset;
  uint64_t least;
  uint64_t most;
} numbers[] = {
    {"connections", offsetof(kv_bench_options, connections), 1, 10000},
    {"pipeline", offsetof(kv_bench_options, pipeline), 1, 10000},
    {"value-size", offsetof(kv_bench_options, value_size), 0, 16 << 20},
    {"read-share", offsetof(kv_bench_options, read_share), 0, 100},
    {"keys", offsetof(kv_bench_options, keys), 1, UINT64_C(1) << 32},
    {"requests", offsetof(kv_bench_options, requests), 1, INT64_MAX},
    {"rate", offsetof(kv_bench_options, rate), 0, 100000000},
    {"timeout", offsetof(kv_bench_options, timeout_ms), 1, 3600000},
    {"verify-timeout", offsetof(kv_bench_options, verify_ms), 1, 86400000},
    {"seed", offsetof(kv_bench_options, seed), 0, INT64_MAX},
};

static const struct {
  const char *name;
  size_t offset;
} flags[] = {
    {"verify", offsetof(kv_bench_options, verify)},
    {"verify-only", offsetof(kv_bench_options, verify_only)},
    {"check-history", offsetof(kv_bench_options, check_history)},
    {"gap", offsetof(kv_bench_options, gap)},
    {"json", offsetof(kv_bench_options, json)},
    {"quiet", offsetof(kv_bench_options, quiet)},
};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]), FLAGS = sizeof(flags) / sizeof(flags[0]) };

static const struct option others[] = {
    {"addr", required_argument, NULL, OPTION_ADDR},
    {"protocol", required_argument, NULL, OPTION_PROTOCOL},
    {"scheduler", required_argument, NULL, OPTION_SCHEDULER},
    {"distribution", required_argument, NULL, OPTION_DISTRIBUTION},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"prefix", required_argument, NULL, OPTION_PREFIX},
    {"state", required_argument, NULL, OPTION_STATE},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
};

enum { OTHERS = sizeof(others) / sizeof(others[0]), ALL = OTHERS + NUMBERS + FLAGS };

static void fill_table(struct option table[ALL + 1]) {
  memcpy(table, others, sizeof(others));
  for (int i = 0; i < NUMBERS; i++) {
    table[OTHERS + i] =
        (struct option){numbers[i].name, required_argument, NULL, OPTION_NUMBER + i};
  }
  for (int i = 0; i < FLAGS; i++) {
    table[OTHERS + NUMBERS + i] =
        (struct option){flags[i].name, no_argument, NULL, OPTION_FLAG + i};
  }
  table[ALL] = (struct option){NULL, 0, NULL, 0};
}

static bool complain(const char *text) {
  (void)fprintf(stderr, "kvbench: %s\n", text);
  return false;
}

static bool set_number(kv_bench_options *options, int row, const char *text) {
  int64_t number = -1;
  if (!kv_decimal_parse(text, strlen(text), &number) || number < 0 ||
      (uint64_t)number < numbers[row].least || (uint64_t)number > numbers[row].most) {
    (void)fprintf(stderr, "kvbench: --%s %s: a number from %" PRIu64 " to %" PRIu64 " is wanted\n",
                  numbers[row].name, text, numbers[row].least, numbers[row].most);
    return false;
  }
  *(uint64_t *)(void *)((char *)options + numbers[row].offset) = (uint64_t)number;
  return true;
}

static bool set_seconds(kv_bench_options *options, const char *text) {
  char *end;
  options->seconds = strtod(text, &end);
  return (end != text && *end == '\0' && options->seconds > 0 && options->seconds <= 1e7) ||
         complain("--seconds wants a number above 0");
}

static bool set_addresses(kv_bench_options *options, const char *text) {
  kv_error error;
  kv_address_list_free(&options->addresses);
  return kv_address_list_parse(text, &options->addresses, &error) == KV_OK || complain(error.text);
}

static bool set_protocol(kv_bench_options *options, const char *text) {
  options->raw = strcmp(text, "raw") == 0;
  return options->raw || strcmp(text, "resp") == 0 || complain("--protocol wants resp or raw");
}

static bool set_scheduler(kv_bench_options *options, const char *text) {
  kv_address_list list = {0};
  kv_error error;
  options->scheduler = text;
  const int rc = kv_address_list_parse(text, &list, &error);
  const size_t count = list.count;
  kv_address_list_free(&list);
  return rc != KV_OK  ? complain(error.text)
         : count == 1 ? true
                      : complain("--scheduler wants one host:port");
}

static bool set_prefix(kv_bench_options *options, const char *text) {
  options->prefix = text;
  return (strlen(text) < KV_LEDGER_PREFIX && text[0] != '\0' && strpbrk(text, " \r\n") == NULL) ||
         complain("--prefix wants 1 to 63 characters without blanks");
}

static bool set_option(kv_bench_options *options, int id, const char *text) {
  if (id >= OPTION_NUMBER && id < OPTION_NUMBER + NUMBERS) {
    return set_number(options, id - OPTION_NUMBER, text);
  }
  if (id >= OPTION_FLAG && id < OPTION_FLAG + FLAGS) {
    *(bool *)(void *)((char *)options + flags[id - OPTION_FLAG].offset) = true;
    return true;
  }
  switch (id) {
  case OPTION_ADDR: return set_addresses(options, text);
  case OPTION_PROTOCOL: return set_protocol(options, text);
  case OPTION_SCHEDULER: return set_scheduler(options, text);
  case OPTION_DISTRIBUTION:
    return kv_distribution_parse(text, &options->distribution) ||
           complain("--distribution wants uniform, zipf or sequential");
  case OPTION_SECONDS: return set_seconds(options, text);
  case OPTION_PREFIX: return set_prefix(options, text);
  case OPTION_STATE: options->state = text; return true;
  default: return false; /* getopt_long has complained */
  }
}

static void set_defaults(kv_bench_options *options) {
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  *options = (kv_bench_options){.connections = 50,
                                .pipeline = 1,
                                .value_size = 256,
                                .timeout_ms = 5000,
                                .verify_ms = 30000,
                                .seed = (uint64_t)now.tv_sec * 1000000007u ^ (uint64_t)now.tv_nsec};
}

/* Which option was given that asks for what blocking clients, which share nothing, cannot do. */
static const char *not_for_raw(const kv_bench_options *options) {
  const struct {
    bool given;
    const char *name;
  } others_given[] = {
      {options->addresses.count > 0, "--addr"},
      {options->pipeline > 1, "--pipeline"},
      {options->rate > 0, "--rate"},
      {options->gap, "--gap"},
      {options->verify, "--verify"},
      {options->verify_only, "--verify-only"},
      {options->state != NULL, "--state"},
      {options->check_history, "--check-history"},
  };
  for (size_t i = 0; i < sizeof(others_given) / sizeof(others_given[0]); i++) {
    if (others_given[i].given) {
      return others_given[i].name;
    }
  }
  return NULL;
}

static bool check_of_raw(kv_bench_options *options) {
  const char *other = not_for_raw(options);
  if (other != NULL) {
    (void)fprintf(stderr, "kvbench: --protocol raw goes without %s\n", other);
    return false;
  }
  options->scheduler = options->scheduler == NULL ? "127.0.0.1:7000" : options->scheduler;
  return options->connections <= RAW_CONNECTIONS ||
         complain("--protocol raw wants 256 connections at most: each has a thread");
}

static bool check_of_history(kv_bench_options *options) {
  if (options->verify || options->verify_only || options->state != NULL || options->pipeline > 1) {
    return complain("--check-history goes without --verify, --state and --pipeline");
  }
  options->keys = options->keys == 0 ? 8 : options->keys;
  return options->keys <= 100000 || complain("--check-history wants 100000 keys at most");
}

/* Options that do not go together. */
static bool check(kv_bench_options *options) {
  if (options->raw && !check_of_raw(options)) {
    return false;
  }
  if (!options->raw && options->scheduler != NULL) {
    return complain("--scheduler goes with --protocol raw");
  }
  if (options->check_history && !check_of_history(options)) {
    return false;
  }
  options->keys = options->keys == 0 ? 100000 : options->keys;
  if (options->seconds <= 0 && options->requests == 0) {
    options->seconds = 10;
  }
  if (options->verify_only && options->state == NULL) {
    return complain("--verify-only needs --state FILE");
  }
  if (options->state != NULL && !options->verify && !options->verify_only) {
    return complain("--state goes with --verify or --verify-only");
  }
  if (options->verify && options->keys < options->connections) {
    return complain("--verify needs at least as many keys as connections: each key has one writer");
  }
  if (options->verify && options->value_size < KV_MARK_BYTES) {
    return complain("--verify needs values of at least 40 bytes");
  }
  return options->raw || options->addresses.count > 0 || set_addresses(options, "127.0.0.1:7001");
}

kv_bench_start kv_bench_options_parse(int argc, char **argv, kv_bench_options *options) {
  struct option table[ALL + 1];
  fill_table(table);
  set_defaults(options);
  for (int id; (id = getopt_long(argc, argv, "", table, NULL)) != -1;) {
    if (id == OPTION_HELP || id == OPTION_VERSION) {
      (void)puts(id == OPTION_HELP ? usage : "kvbench " KV_VERSION);
      return KV_BENCH_SHOWN;
    }
    if (!set_option(options, id, optarg)) {
      (void)fputs("kvbench: --help tells the options\n", stderr);
      return KV_BENCH_WRONG;
    }
  }
  if (optind < argc) {
    (void)fprintf(stderr, "kvbench: what is \"%s\"? --help tells the options\n", argv[optind]);
    return KV_BENCH_WRONG;
  }
  return check(options) ? KV_BENCH_RUN : KV_BENCH_WRONG;
}

void kv_bench_options_free(kv_bench_options *options) {
  kv_address_list_free(&options->addresses);
}
