/* kvscheduler.c - the program of the scheduler: reads its arguments and runs the server.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <getopt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/stderr_log.h"
#include "base/version.h"
#include "net/scheduler_server.h"

static const char usage[] =
    "Usage: kvscheduler --data DIR --listen HOST:PORT [OPTION]...\n"
    "The scheduler of a cluster of kvserver: gives ids, knows where every region is, and decides\n"
    "where replicas and leaders should be. Stores serve on while it is away, but nothing is "
    "split,\n"
    "moved or replaced.\n"
    "\n"
    "  kvscheduler --data s --listen 127.0.0.1:7000\n"
    "  kvserver --data d1 --listen 127.0.0.1:7001 --scheduler 127.0.0.1:7000\n"
    "\n"
    "  --data DIR           where it keeps everything; made if missing\n"
    "  --listen HOST:PORT   where stores and kvctl connect, port 0: any that is free\n"
    "  --max-replicas N     of each region (3)\n"
    "  --set NAME=NUMBER    a setting by its name; `--set help` lists them. What was set by kvctl\n"
    "                       in a running cluster wins\n"
    "  --log-level LEVEL    debug, info, warn or error (info)\n"
    "  --help, --version\n"
    "\n"
    "The scheduler prints a line msg=\"ready\" to standard error when it serves, and writes its\n"
    "address to DIR/address. SIGTERM and SIGINT stop it. Exit status: 0 stopped, 1 failed, 2 "
    "wrong\n"
    "arguments.";

typedef struct arguments {
  kv_scheduler_server_config config;
  kv_logger logger;
} arguments;

typedef enum option_id {
  OPTION_DATA = 1,
  OPTION_LISTEN,
  OPTION_REPLICAS,
  OPTION_SET,
  OPTION_LEVEL,
  OPTION_HELP,
  OPTION_VERSION
} option_id;

static _Noreturn void wrong(const char *text) {
  (void)fprintf(stderr, "kvscheduler: %s\nTry kvscheduler --help\n", text);
  exit(2);
}

static _Noreturn void show(const char *text, const char *more) {
  (void)printf("%s%s\n", text, more);
  exit(fflush(stdout) == 0 ? 0 : 1);
}

static _Noreturn void list_settings(const kv_scheduler_config *config) {
  uint64_t value = 0;
  const char *name;
  for (size_t i = 0; (name = kv_scheduler_config_item(config, i, &value)) != NULL; i++) {
    (void)printf("%-22s %llu\n", name, (unsigned long long)value);
  }
  exit(fflush(stdout) == 0 ? 0 : 1);
}

static void set(arguments *args, const char *name, const char *text) {
  kv_error error = {0};
  int64_t value = 0;
  if (!kv_decimal_parse(text, strlen(text), &value) || value < 0) {
    (void)fprintf(stderr, "kvscheduler: %s takes a number, not \"%s\"\n", name, text);
    exit(2);
  }
  if (kv_scheduler_config_set(&args->config.scheduler.config, name, (uint64_t)value, &error) !=
      KV_OK) {
    wrong(error.text);
  }
}

static void take_setting(arguments *args, char *text) {
  char *equals = strchr(text, '=');
  if (strcmp(text, "help") == 0) {
    list_settings(&args->config.scheduler.config);
  }
  if (equals == NULL) {
    wrong("--set takes NAME=NUMBER");
  }
  *equals = '\0';
  set(args, text, equals + 1);
}

static void take_option(arguments *args, option_id which, char *text) {
  switch ((int)which) {
  case OPTION_DATA: args->config.data_directory = text; break;
  case OPTION_LISTEN: args->config.listen = text; break;
  case OPTION_REPLICAS: set(args, "max-replicas", text); break;
  case OPTION_SET: take_setting(args, text); break;
  case OPTION_LEVEL:
    if (!kv_level_parse(text, &args->logger.level)) {
      wrong("--log-level is debug, info, warn or error");
    }
    break;
  case OPTION_HELP: show(usage, "");
  case OPTION_VERSION: show("kvscheduler ", KV_VERSION);
  default: wrong("unknown or incomplete option");
  }
}

static const struct option long_options[] = {
    {"data", required_argument, NULL, OPTION_DATA},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"max-replicas", required_argument, NULL, OPTION_REPLICAS},
    {"set", required_argument, NULL, OPTION_SET},
    {"log-level", required_argument, NULL, OPTION_LEVEL},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0}};

static void read_arguments(arguments *args, int argc, char **argv) {
  args->logger = kv_stderr_logger(KV_INFO);
  args->config = (kv_scheduler_server_config){.version = KV_VERSION, .logger = &args->logger};
  kv_scheduler_config_init(&args->config.scheduler.config);
  int which = 0;
  while ((which = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
    take_option(args, (option_id)which, optarg);
  }
  if (optind < argc) {
    wrong("all arguments are options: --name value");
  }
  if (args->config.data_directory == NULL) {
    wrong("--data is missing: the directory where the scheduler keeps everything");
  }
  if (args->config.listen == NULL) {
    wrong("--listen is missing: an address such as 127.0.0.1:7000");
  }
}

int main(int argc, char **argv) {
  static arguments args;
  kv_error error = {0};
  read_arguments(&args, argc, argv);
  const int rc = kv_scheduler_server_run(&args.config, &error);
  if (rc != KV_OK) {
    kv_log(&args.logger, KV_ERROR, "cannot go on", "reason=\"%s\"", error.text);
  }
  return rc == KV_OK ? 0 : 1;
}
