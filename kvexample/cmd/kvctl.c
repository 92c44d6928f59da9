/* kvctl.c - the operators' program: looks at a cluster and changes it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "ctl/commands.h"

static const char usage[] =
    "Usage: kvctl [--addr HOST:PORT,...] [--json] [--timeout SECONDS] COMMAND [ARGUMENT]...\n"
    "Looks at a cluster of stores and changes it. Any store that can be reached will do.\n"
    "\n"
    "  status                     who leads, how far each store is\n"
    "  transfer-leader STORE      make this store the leader\n"
    "  add-peer STORE HOST:PORT   give a running store a replica\n"
    "  remove-peer STORE          take the replica of a store away\n"
    "  compact-log [INDEX]        forget log entries up to INDEX, or all that are applied\n"
    "  checksum [--wait]          compare the stores' data\n"
    "  wait CONDITION             return when the cluster has a leader, or is caught up\n"
    "\n"
    "  --addr LIST        stores to ask; the others are learned from them (127.0.0.1:7001)\n"
    "  --json             print JSON\n"
    "  --timeout SECONDS  patience\n"
    "  --help             this; after a command: more about it\n"
    "  --version\n"
    "\n"
    "Exit status: 0 done; 1 failed, or the stores do not agree; 2 wrong arguments.";

typedef struct command {
  const char *name;
  int (*run)(const kv_ctl *ctl);
  int least; /* arguments */
  int most;
  const char *help;
} command;

static const command commands[] = {
    {"status", kv_ctl_status, 0, 0,
     "Usage: kvctl status\n"
     "One line a replica. TERM, LAST, COMMIT and APPLIED are Raft's; LOG is the span of entries "
     "that\n"
     "the store keeps, with their size; LAG is the number of entries that the leader has and the\n"
     "store has not acknowledged; STATE is how the leader feeds it: probe, replicate or snapshot.\n"
     "Stores that do not answer within --timeout (2 s) are shown as unreachable."},
    {"transfer-leader", kv_ctl_transfer_leader, 1, 1,
     "Usage: kvctl transfer-leader STORE\n"
     "Asks the leader to hand over to the store with this number, and waits until it has."},
    {"add-peer", kv_ctl_add_peer, 2, 2,
     "Usage: kvctl add-peer STORE HOST:PORT\n"
     "Adds a replica on the store with this number, which must be running (kvserver --join) at\n"
     "this address. It first learns all data and then votes."},
    {"remove-peer", kv_ctl_remove_peer, 1, 1,
     "Usage: kvctl remove-peer STORE\n"
     "Takes the replica on this store out of the cluster. The store may be dead."},
    {"compact-log", kv_ctl_compact_log, 0, 1,
     "Usage: kvctl compact-log [INDEX]\n"
     "Forgets log entries up to INDEX, or all that are applied, on all stores; prints the index "
     "up\n"
     "to which they are forgotten. Stores that lag behind it get a snapshot."},
    {"checksum", kv_ctl_checksum, 0, 0,
     "Usage: kvctl checksum [--wait]\n"
     "Each store computes a checksum over its own data as of its applied index; those at the same\n"
     "index must agree. --wait asks again until all stores are at the same index, for --timeout\n"
     "(30 s) at most. Exit status 1: they differ, or with --wait: could not be compared."},
    {"wait", kv_ctl_wait, 1, 2,
     "Usage: kvctl wait leader | members N | caught-up\n"
     "Returns when a majority follows a leader, when there are N voters and no learners, or when\n"
     "every member has applied what was committed when the waiting began. Exit status 1 after\n"
     "--timeout (30 s)."},
};

static const command *find_command(const char *name) {
  for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
    if (strcmp(commands[i].name, name) == 0) {
      return &commands[i];
    }
  }
  return NULL;
}

typedef enum option_id {
  OPTION_ADDR = 256,
  OPTION_JSON,
  OPTION_WAIT,
  OPTION_TIMEOUT,
  OPTION_HELP,
  OPTION_VERSION
} option_id;

static const struct option options[] = {{"addr", required_argument, NULL, OPTION_ADDR},
                                        {"json", no_argument, NULL, OPTION_JSON},
                                        {"wait", no_argument, NULL, OPTION_WAIT},
                                        {"timeout", required_argument, NULL, OPTION_TIMEOUT},
                                        {"help", no_argument, NULL, OPTION_HELP},
                                        {"version", no_argument, NULL, OPTION_VERSION},
                                        {NULL, 0, NULL, 0}};

typedef struct arguments {
  kv_ctl ctl;
  bool help;
  bool version;
} arguments;

static bool set_addresses(kv_ctl *ctl, const char *text) {
  kv_error error;
  kv_address_list_free(&ctl->addresses);
  if (kv_address_list_parse(text, &ctl->addresses, &error) == KV_OK) {
    return true;
  }
  (void)kv_ctl_complain(KV_CTL_USAGE, error.text);
  return false;
}

static bool set_timeout(kv_ctl *ctl, const char *text) {
  char *end;
  const double seconds = strtod(text, &end);
  if (end == text || *end != '\0' || !(seconds > 0 && seconds <= 86400)) {
    (void)kv_ctl_complain(KV_CTL_USAGE, "--timeout wants a number of seconds above 0");
    return false;
  }
  ctl->timeout_ms = seconds < 0.001 ? 1 : (int)(seconds * 1000);
  return true;
}

static bool set_option(arguments *given, int id) {
  switch (id) {
  case OPTION_ADDR: return set_addresses(&given->ctl, optarg);
  case OPTION_TIMEOUT: return set_timeout(&given->ctl, optarg);
  case OPTION_JSON: given->ctl.json = true; return true;
  case OPTION_WAIT: given->ctl.wait = true; return true;
  case OPTION_HELP: given->help = true; return true;
  case OPTION_VERSION: given->version = true; return true;
  default: return false; /* getopt_long has complained */
  }
}

static bool parse(int argc, char **argv, arguments *given) {
  for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (!set_option(given, id)) {
      return false;
    }
  }
  return given->ctl.addresses.count > 0 || set_addresses(&given->ctl, "127.0.0.1:7001");
}

static int show(const char *text) {
  (void)puts(text);
  return KV_CTL_OK;
}

static int run(arguments *given, int argc, char **argv) {
  if (given->version) {
    return show("kvctl " KV_VERSION);
  }
  if (optind >= argc) {
    return given->help ? show(usage)
                       : kv_ctl_complain(KV_CTL_USAGE, "no command; --help tells them");
  }
  const command *found = find_command(argv[optind]);
  if (found == NULL) {
    (void)fprintf(stderr, "kvctl: there is no command \"%s\"; --help tells them\n", argv[optind]);
    return KV_CTL_USAGE;
  }
  if (given->help) {
    return show(found->help);
  }
  given->ctl.word_count = argc - optind - 1;
  if (given->ctl.word_count < found->least || given->ctl.word_count > found->most) {
    (void)fprintf(stderr, "%s\n", found->help);
    return KV_CTL_USAGE;
  }
  given->ctl.words = argv + optind + 1;
  return found->run(&given->ctl);
}

int main(int argc, char **argv) {
  arguments given = {.help = false};
  const int status = parse(argc, argv, &given) ? run(&given, argc, argv) : KV_CTL_USAGE;
  kv_address_list_free(&given.ctl.addresses);
  return status;
}
