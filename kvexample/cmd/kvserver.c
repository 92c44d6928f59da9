/* kvserver.c - the program of one store: reads its arguments and runs the server.
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
#include "net/member_list.h"
#include "net/server.h"

static const char usage[] =
    "Usage: kvserver --data DIR [OPTION]...\n"
    "One store of a replicated key-value store. Clients speak the Redis protocol to any store.\n"
    "\n"
    "First start of a cluster, the same list on every store:\n"
    "  kvserver --id 1 --data d1 --initial 1=127.0.0.1:7001,2=127.0.0.1:7002,3=127.0.0.1:7003\n"
    "A store of a cluster with a scheduler, which gives it its number and its work:\n"
    "  kvserver --data d1 --listen 127.0.0.1:7001 --scheduler 127.0.0.1:7000\n"
    "A store that is going to be added to a running cluster:\n"
    "  kvserver --id 4 --data d4 --listen 127.0.0.1:7004 --join 127.0.0.1:7001\n"
    "Again, later:\n"
    "  kvserver --data d1 --listen 127.0.0.1:7001\n"
    "\n"
    "  --data DIR             where the store keeps everything; made if missing\n"
    "  --id N                 number of this store; needed once, for an empty data directory\n"
    "  --initial LIST         id=host:port,... of all stores that begin a new cluster\n"
    "  --initial-regions N    into how many regions a new cluster divides its keys, evenly by\n"
    "                         their first 8 hexadecimal digits; the same on every store (1)\n"
    "  --scheduler HOST:PORT  the cluster's kvscheduler; instead of --id, --initial and --join\n"
    "  --join HOST:PORT       a store of the cluster that this one is going to be added to\n"
    "  --cluster NAME         name or number of the cluster; stores of others are refused\n"
    "                         (default: kvexample)\n"
    "  --listen HOST:PORT     where clients and stores connect, port 0: any that is free\n"
    "                         (default: the own address of --initial)\n"
    "  --advertise HOST:PORT  where the other stores reach this one (default: as --listen)\n"
    "  --tick-ms N            length of a tick of the Raft clock (100)\n"
    "  --election-ticks N     ticks without a leader before an election (10)\n"
    "  --heartbeat-ticks N    ticks between heartbeats (2)\n"
    "  --hibernate-ms N       a region in which nothing happens for so long sleeps and costs\n"
    "                         nothing until it is used; 0: never (5000)\n"
    "  --command-ms N         how long a command may wait for a leader (10000)\n"
    "  --log-keep-entries N   log length from which on a leader cuts it; 0: never (10000)\n"
    "  --region-max-bytes N   a region of more keys and values is split half-way, by its leader\n"
    "                         and with ids from the scheduler; 0: never by itself (150994944)\n"
    "  --log-segment-bytes N  size of a file of the raft log (67108864)\n"
    "  --map-bytes N          address space for the database at first (1 TiB, or what there is)\n"
    "  --engine KIND          overlay: a write is answered when it is in the raft logs of a\n"
    "                         majority and applied in memory, and goes to the database in the\n"
    "                         background; sync: when it is in the database, too (overlay)\n"
    "  --generation-bytes N   of writes that are gathered in memory before they go to the\n"
    "                         database; up to twice as much may wait (33554432)\n"
    "  --generation-ms N      how long they are gathered at most (1000)\n"
    "  --max-clients N        connections of clients at a time (10000)\n"
    "  --log-level LEVEL      debug, info, warn or error (info)\n"
    "  --help, --version\n"
    "\n"
    "The store prints a line msg=\"ready\" to standard error when it serves, and writes its "
    "address\n"
    "to DIR/address. SIGTERM and SIGINT stop it after what was asked is answered; a second one\n"
    "stops it at once. Exit status: 0 stopped, 1 failed, 2 wrong arguments.";

typedef struct arguments {
  kv_server_config config;
  kv_member_list members;
  kv_logger logger;
} arguments;

typedef enum option_id {
  OPTION_DATA = 1,
  OPTION_ID,
  OPTION_INITIAL,
  OPTION_REGIONS,
  OPTION_JOIN,
  OPTION_SCHEDULER,
  OPTION_CLUSTER,
  OPTION_LISTEN,
  OPTION_ADVERTISE,
  OPTION_TICK,
  OPTION_ELECTION,
  OPTION_HEARTBEAT,
  OPTION_HIBERNATE,
  OPTION_COMMAND,
  OPTION_KEEP,
  OPTION_REGION_MAX,
  OPTION_SEGMENT,
  OPTION_MAP,
  OPTION_ENGINE,
  OPTION_GENERATION,
  OPTION_AGE,
  OPTION_CLIENTS,
  OPTION_LEVEL,
  OPTION_HELP,
  OPTION_VERSION
} option_id;

static const struct option_limits {
  const char *name;
  int64_t least, most;
} limits[] = {
    [OPTION_ID] = {"--id", 1, INT64_MAX},
    [OPTION_REGIONS] = {"--initial-regions", 1, KV_MAX_INITIAL_REGIONS},
    [OPTION_TICK] = {"--tick-ms", 1, 60000},
    [OPTION_ELECTION] = {"--election-ticks", 2, 10000},
    [OPTION_HEARTBEAT] = {"--heartbeat-ticks", 1, 10000},
    [OPTION_HIBERNATE] = {"--hibernate-ms", 0, 86400000},
    [OPTION_COMMAND] = {"--command-ms", 1, 3600000},
    [OPTION_KEEP] = {"--log-keep-entries", 0, INT64_MAX},
    [OPTION_REGION_MAX] = {"--region-max-bytes", 0, INT64_MAX},
    [OPTION_SEGMENT] = {"--log-segment-bytes", 65536, INT64_MAX},
    [OPTION_GENERATION] = {"--generation-bytes", 65536, (int64_t)1 << 32},
    [OPTION_AGE] = {"--generation-ms", 1, 60000},
    [OPTION_MAP] = {"--map-bytes", 1048576, INT64_MAX},
    [OPTION_CLIENTS] = {"--max-clients", 1, 1000000},
};

static _Noreturn void wrong(const char *text) {
  (void)fprintf(stderr, "kvserver: %s\nTry kvserver --help\n", text);
  exit(2);
}

static uint64_t number(option_id which, const char *text) {
  const struct option_limits *limit = &limits[which];
  int64_t value = 0;
  if (!kv_decimal_parse(text, strlen(text), &value) || value < limit->least ||
      value > limit->most) {
    (void)fprintf(stderr, "kvserver: %s takes a number from %lld to %lld, not \"%s\"\n",
                  limit->name, (long long)limit->least, (long long)limit->most, text);
    exit(2);
  }
  return (uint64_t)value;
}

static void take_members(arguments *args, const char *text) {
  kv_error error;
  if (kv_member_list_parse(text, &args->members, &error) != KV_OK) {
    wrong(error.text);
  }
  args->config.store.members = args->members.members;
  args->config.store.member_count = args->members.count;
}

static void take_level(arguments *args, const char *text) {
  if (!kv_level_parse(text, &args->logger.level)) {
    wrong("--log-level is debug, info, warn or error");
  }
}

static void take_engine(arguments *args, const char *text) {
  args->config.engine_sync = strcmp(text, "sync") == 0;
  if (!args->config.engine_sync && strcmp(text, "overlay") != 0) {
    wrong("--engine is overlay or sync");
  }
}

static _Noreturn void show(const char *text, const char *more) {
  (void)printf("%s%s\n", text, more);
  exit(fflush(stdout) == 0 ? 0 : 1);
}

/* A region should have about two thirds of what it may have. */
static void take_region_max(kv_store_config *store, uint64_t bytes) {
  store->region_max_bytes = bytes;
  store->region_split_bytes = bytes / 3 * 2;
}

static void take_text(arguments *args, option_id which, const char *text) {
  kv_server_config *config = &args->config;
  switch ((int)which) {
  case OPTION_DATA: config->data_directory = text; break;
  case OPTION_INITIAL: take_members(args, text); break;
  case OPTION_JOIN: config->join = text; break;
  case OPTION_SCHEDULER: config->scheduler = text; break;
  case OPTION_CLUSTER:
    config->store.cluster_id = kv_cluster_id(text);
    config->cluster_given = true;
    break;
  case OPTION_LISTEN: config->listen = text; break;
  case OPTION_ADVERTISE: config->advertise = text; break;
  case OPTION_LEVEL: take_level(args, text); break;
  case OPTION_ENGINE: take_engine(args, text); break;
  case OPTION_HELP: show(usage, "");
  case OPTION_VERSION: show("kvserver ", KV_VERSION);
  default: wrong("unknown or incomplete option");
  }
}

static void take_option(arguments *args, option_id which, const char *text) {
  kv_server_config *config = &args->config;
  switch ((int)which) {
  case OPTION_ID: config->store.store_id = number(which, text); break;
  case OPTION_REGIONS: config->store.initial_regions = (uint32_t)number(which, text); break;
  case OPTION_TICK: config->store.tick_ms = (uint32_t)number(which, text); break;
  case OPTION_ELECTION: config->store.election_ticks = (uint32_t)number(which, text); break;
  case OPTION_HEARTBEAT: config->store.heartbeat_ticks = (uint32_t)number(which, text); break;
  case OPTION_HIBERNATE: config->store.hibernate_ms = (uint32_t)number(which, text); break;
  case OPTION_COMMAND: config->store.command_ms = (uint32_t)number(which, text); break;
  case OPTION_KEEP: config->store.log_gc_entries = number(which, text); break;
  case OPTION_REGION_MAX: take_region_max(&config->store, number(which, text)); break;
  case OPTION_SEGMENT: config->log_segment_bytes = number(which, text); break;
  case OPTION_MAP: config->map_bytes = number(which, text); break;
  case OPTION_GENERATION: config->generation_bytes = (size_t)number(which, text); break;
  case OPTION_AGE: config->generation_ms = number(which, text); break;
  case OPTION_CLIENTS: config->clients.clients = (size_t)number(which, text); break;
  default: take_text(args, which, text); break;
  }
}

static const struct option long_options[] = {
    {"data", required_argument, NULL, OPTION_DATA},
    {"id", required_argument, NULL, OPTION_ID},
    {"initial", required_argument, NULL, OPTION_INITIAL},
    {"initial-regions", required_argument, NULL, OPTION_REGIONS},
    {"join", required_argument, NULL, OPTION_JOIN},
    {"scheduler", required_argument, NULL, OPTION_SCHEDULER},
    {"cluster", required_argument, NULL, OPTION_CLUSTER},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"advertise", required_argument, NULL, OPTION_ADVERTISE},
    {"tick-ms", required_argument, NULL, OPTION_TICK},
    {"election-ticks", required_argument, NULL, OPTION_ELECTION},
    {"heartbeat-ticks", required_argument, NULL, OPTION_HEARTBEAT},
    {"hibernate-ms", required_argument, NULL, OPTION_HIBERNATE},
    {"command-ms", required_argument, NULL, OPTION_COMMAND},
    {"log-keep-entries", required_argument, NULL, OPTION_KEEP},
    {"region-max-bytes", required_argument, NULL, OPTION_REGION_MAX},
    {"log-segment-bytes", required_argument, NULL, OPTION_SEGMENT},
    {"map-bytes", required_argument, NULL, OPTION_MAP},
    {"engine", required_argument, NULL, OPTION_ENGINE},
    {"generation-bytes", required_argument, NULL, OPTION_GENERATION},
    {"generation-ms", required_argument, NULL, OPTION_AGE},
    {"max-clients", required_argument, NULL, OPTION_CLIENTS},
    {"log-level", required_argument, NULL, OPTION_LEVEL},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0}};

static void read_arguments(arguments *args, int argc, char **argv) {
  kv_server_config_init(&args->config);
  args->logger = kv_stderr_logger(KV_INFO);
  args->config.logger = &args->logger;
  args->config.version = KV_VERSION;
  args->config.store.cluster_id = kv_cluster_id("kvexample");
  int which = 0;
  while ((which = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
    take_option(args, (option_id)which, optarg);
  }
  if (optind < argc) {
    wrong("all arguments are options: --name value");
  }
  if (args->config.data_directory == NULL) {
    wrong("--data is missing: the directory where the store keeps everything");
  }
}

int main(int argc, char **argv) {
  static arguments args;
  kv_error error = {0};
  read_arguments(&args, argc, argv);
  const int rc = kv_server_run(&args.config, &error);
  if (rc != KV_OK) {
    kv_log(&args.logger, KV_ERROR, "cannot go on", "reason=\"%s\"", error.text);
  }
  return rc == KV_OK ? 0 : 1;
}
