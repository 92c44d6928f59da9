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
    "Usage: kvctl [OPTION]... COMMAND [ARGUMENT]...\n"
    "Looks at a cluster of stores and changes it.\n"
    "\n"
    "Asked of the scheduler:\n"
    "  store list | show STORE    states, leaders, regions, sizes\n"
    "  store drain STORE          move everything off a store, which then is a tombstone\n"
    "  store undrain STORE        keep it after all\n"
    "  store forget STORE         drop a tombstone from the list\n"
    "  region list | show REGION  ranges, leaders, epochs, peers, sizes\n"
    "  region key KEY             the region that has the key\n"
    "  region check               are there holes, missing leaders or replicas?\n"
    "  region split REGION [KEY]  in two, at KEY or half-way\n"
    "  region transfer-leader REGION STORE\n"
    "  region add-peer REGION STORE\n"
    "  region remove-peer REGION STORE\n"
    "  region move-peer REGION FROM TO\n"
    "  operator list | history [N] | cancel REGION\n"
    "  scheduler describe         what it does, and why it does not\n"
    "  scheduler pause | resume   operators that nobody asked for\n"
    "  scheduler config [NAME VALUE]\n"
    "\n"
    "Asked of the leader of the key's region, which the scheduler knows:\n"
    "  get KEY | put KEY VALUE | delete KEY\n"
    "  cas KEY EXPECTED NEW       put NEW if the value is EXPECTED; cas KEY NEW: if there is none\n"
    "  scan [FROM [COUNT]]        keys and values from FROM on (1000)\n"
    "\n"
    "Asked of the stores; any that can be reached will do:\n"
    "  status                     who leads, how far each replica is\n"
    "  checksum [--wait]          compare the replicas' data\n"
    "  wait CONDITION             return when the cluster has a leader, or is caught up\n"
    "  compact-log [INDEX]        forget log entries up to INDEX, or all that are applied\n"
    "  transfer-leader STORE      (these three: of a cluster of one region, without scheduler)\n"
    "  add-peer STORE HOST:PORT\n"
    "  remove-peer STORE\n"
    "\n"
    "  --addr LIST        stores to ask; the others are learned from them (127.0.0.1:7001)\n"
    "  --scheduler ADDR   where the scheduler listens (127.0.0.1:7000)\n"
    "  --json             print JSON\n"
    "  --timeout SECONDS  patience\n"
    "  --help             this; after a command: more about it\n"
    "  --version\n"
    "\n"
    "Exit status: 0 done; 1 failed, or something is wrong with the cluster; 2 wrong arguments.";

typedef struct command {
  const char *name; /* one word or two */
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
     "Each store computes a checksum over its own data of each region as of its applied index;\n"
     "those of a region at the same index must agree. --wait asks again until all are at the same\n"
     "index, for --timeout (30 s) at most. Exit status 1: they differ, or with --wait: could not\n"
     "be compared."},
    {"wait", kv_ctl_wait, 1, 2,
     "Usage: kvctl wait leader | members N | regions N | caught-up\n"
     "Returns when in every region a majority follows a leader; when every region has N voters\n"
     "and no learners; when there are N regions or more, all with a leader; or when every member\n"
     "of every region has applied what was committed when the waiting began. Exit status 1 after\n"
     "--timeout (30 s)."},
    {"get", kv_ctl_get, 1, 1,
     "Usage: kvctl get KEY\nPrints the value. Exit status 1: there is no such key."},
    {"put", kv_ctl_put, 2, 2, "Usage: kvctl put KEY VALUE"},
    {"delete", kv_ctl_delete, 1, 1, "Usage: kvctl delete KEY"},
    {"cas", kv_ctl_cas, 2, 3,
     "Usage: kvctl cas KEY EXPECTED NEW | cas KEY NEW\n"
     "Puts NEW if the value is EXPECTED, or, in the short form, if there is no such key. Exit "
     "status\n"
     "1: it is not."},
    {"scan", kv_ctl_scan, 0, 2,
     "Usage: kvctl scan [FROM [COUNT]]\n"
     "Keys and values in the order of bytes, over all regions. Each page is linearizable by "
     "itself.\n"
     "Bytes that are not printable appear as \\xNN; tables cut long ones, --json does not."},
    {"store list", kv_ctl_store_list, 0, 0,
     "Usage: kvctl store list\n"
     "STATE: Up; Disconnected (no heartbeat for a while: gets nothing new); Down (for long: its\n"
     "replicas are made up elsewhere); Offline (being drained, serves still); Tombstone (empty).\n"
     "LEADERS, REGIONS, BYTES and PENDING are what the regions' leaders say of its replicas."},
    {"store show", kv_ctl_store_show, 1, 1, "Usage: kvctl store show STORE\nAs store list."},
    {"store drain", kv_ctl_store_drain, 1, 1,
     "Usage: kvctl store drain STORE\n"
     "The scheduler moves its leaders and replicas to other stores; when it is empty it becomes a\n"
     "tombstone and may be stopped. Refused if the replicas that are left would be too few."},
    {"store undrain", kv_ctl_store_undrain, 1, 1,
     "Usage: kvctl store undrain STORE\nA store that is being drained stays after all."},
    {"store forget", kv_ctl_store_forget, 1, 1,
     "Usage: kvctl store forget STORE\n"
     "Takes a tombstone out of the list. Its number is never given again."},
    {"region list", kv_ctl_region_list, 0, 0,
     "Usage: kvctl region list\n"
     "In key order, as their leaders reported them last (REPORTED: that long ago). PEERS are\n"
     "PEER@STORE. Keys show bytes that are not printable as \\xNN."},
    {"region show", kv_ctl_region_show, 1, 1, "Usage: kvctl region show REGION\nAs region list."},
    {"region key", kv_ctl_region_key, 1, 1,
     "Usage: kvctl region key KEY\nThe region that has the key."},
    {"region check", kv_ctl_region_check, 0, 0,
     "Usage: kvctl region check\n"
     "Exit status 1, and a line for each complaint: keys that no region has, regions without\n"
     "leader, with too few or too many voters, with replicas that are down or lag."},
    {"region split", kv_ctl_region_split, 1, 2,
     "Usage: kvctl region split REGION [KEY]\n"
     "At KEY, which becomes the first one of the right half, or half-way. Waits until it is done."},
    {"region transfer-leader", kv_ctl_region_transfer_leader, 2, 2,
     "Usage: kvctl region transfer-leader REGION STORE\nWaits until that store leads the region."},
    {"region add-peer", kv_ctl_region_add_peer, 2, 2,
     "Usage: kvctl region add-peer REGION STORE\n"
     "A replica more than configured is taken away again by the scheduler, unless it is paused."},
    {"region remove-peer", kv_ctl_region_remove_peer, 2, 2,
     "Usage: kvctl region remove-peer REGION STORE\n"
     "A missing replica is made up for by the scheduler, unless it is paused."},
    {"region move-peer", kv_ctl_region_move_peer, 3, 3,
     "Usage: kvctl region move-peer REGION FROM TO\nWaits until store TO has the replica of FROM."},
    {"operator list", kv_ctl_operator_list, 0, 0,
     "Usage: kvctl operator list\nWhat the scheduler is doing, an operator a region at most."},
    {"operator history", kv_ctl_operator_history, 0, 1,
     "Usage: kvctl operator history [N]\nThe last N operators that ended (0: all that are kept)."},
    {"operator cancel", kv_ctl_operator_cancel, 1, 1,
     "Usage: kvctl operator cancel REGION\nNo further steps of the region's operator are sent."},
    {"scheduler describe", kv_ctl_scheduler_describe, 0, 0,
     "Usage: kvctl scheduler describe\nWhat each part of it does, or why it does nothing."},
    {"scheduler pause", kv_ctl_scheduler_pause, 0, 0,
     "Usage: kvctl scheduler pause\nIt makes no operators by itself until it is resumed."},
    {"scheduler resume", kv_ctl_scheduler_resume, 0, 0, "Usage: kvctl scheduler resume"},
    {"scheduler config", kv_ctl_scheduler_config, 0, 2,
     "Usage: kvctl scheduler config [NAME VALUE]\nShows the configuration, or changes one value."},
};

/* Does the name stand at the front of the words? Then how many words it has; else 0. */
static int matches(const char *name, char *const *words, int count) {
  const char *blank = strchr(name, ' ');
  if (blank == NULL) {
    return count >= 1 && strcmp(name, words[0]) == 0 ? 1 : 0;
  }
  const size_t noun = (size_t)(blank - name);
  return count >= 2 && strlen(words[0]) == noun && strncmp(name, words[0], noun) == 0 &&
                 strcmp(blank + 1, words[1]) == 0
             ? 2
             : 0;
}

static const command *find_command(char *const *words, int count, int *taken) {
  for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
    *taken = matches(commands[i].name, words, count);
    if (*taken > 0) {
      return &commands[i];
    }
  }
  return NULL;
}

typedef enum option_id {
  OPTION_ADDR = 256,
  OPTION_SCHEDULER,
  OPTION_JSON,
  OPTION_WAIT,
  OPTION_TIMEOUT,
  OPTION_HELP,
  OPTION_VERSION
} option_id;

static const struct option options[] = {{"addr", required_argument, NULL, OPTION_ADDR},
                                        {"scheduler", required_argument, NULL, OPTION_SCHEDULER},
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
  case OPTION_SCHEDULER: given->ctl.scheduler = optarg; return true;
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
  int taken = 0;
  const command *found = find_command(argv + optind, argc - optind, &taken);
  if (found == NULL) {
    (void)fprintf(stderr, "kvctl: there is no command \"%s%s%s\"; --help tells them\n",
                  argv[optind], optind + 1 < argc ? " " : "",
                  optind + 1 < argc ? argv[optind + 1] : "");
    return KV_CTL_USAGE;
  }
  if (given->help) {
    return show(found->help);
  }
  given->ctl.word_count = argc - optind - taken;
  if (given->ctl.word_count < found->least || given->ctl.word_count > found->most) {
    (void)fprintf(stderr, "%s\n", found->help);
    return KV_CTL_USAGE;
  }
  given->ctl.words = argv + optind + taken;
  return found->run(&given->ctl);
}

int main(int argc, char **argv) {
  arguments given = {.ctl.scheduler = "127.0.0.1:7000"};
  const int status = parse(argc, argv, &given) ? run(&given, argc, argv) : KV_CTL_USAGE;
  kv_address_list_free(&given.ctl.addresses);
  return status;
}
