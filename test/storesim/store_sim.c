/* store_sim.c - the program build/bin/store-sim: a scenario's seed, explained, or many of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "many.h"
#include "test/sim/runner.h"
#include "test/sim/trace.h"

enum { EXIT_VIOLATION = 1, EXIT_USAGE = 2 };

typedef struct command {
  const char *scenario; /* NULL: all */
  const char *list;     /* a file of scenarios and seeds */
  uint64_t first, last;
  uint64_t workers;
  bool seeded, many, explain, names, count_as_tests;
} command;

static const char HELP[] =
    "store-sim - clusters of stores under faults, in virtual time, every promise checked\n"
    "\n"
    "usage: store-sim [--scenario NAME|all] --seeds A..B [-j WORKERS]\n"
    "       store-sim --scenario NAME --seed N [--explain]\n"
    "       store-sim --list FILE\n"
    "       store-sim --names\n"
    "\n"
    "  --scenario NAME    what is played (default: all, the swarm among them)\n"
    "  --seeds A..B       all seeds from A to B, both included\n"
    "  --seed N           one seed; prints its trace hash\n"
    "  --explain          tell the run as a story\n"
    "  -j WORKERS         so many at once (default: one a processor)\n"
    "  --list FILE        run the lines of a file: a scenario, a seed, # and a comment\n"
    "  --names            list the scenarios\n"
    "  --tests            end with the line \"N passed, N failed\", one for each scenario\n"
    "  --help\n"
    "\n"
    "exit status: 0 nothing found, 1 a promise was broken, 2 the command line is wrong\n";

static int usage(const char *format, const char *what) {
  (void)fputs("store-sim: ", stderr);
  (void)fprintf(stderr, format, what);
  (void)fputs("; --help tells more\n", stderr);
  return EXIT_USAGE;
}

static const ss_scenario *find(const char *name) {
  const ss_scenario *scenario = NULL;
  for (size_t i = 0; (scenario = ss_scenario_at(i)) != NULL; i++) {
    if (strcmp(scenario->name, name) == 0) {
      return scenario;
    }
  }
  return NULL;
}

static void list_names(void) {
  const ss_scenario *scenario = NULL;
  for (size_t i = 0; (scenario = ss_scenario_at(i)) != NULL; i++) {
    (void)printf("  %-46s %s\n", scenario->name, scenario->about);
  }
}

/* ---- one seed ---- */

static void print_line(void *ctx, const char *line) {
  (void)ctx;
  (void)puts(line);
}

static void print_tail(const ss_scenario *scenario, uint64_t seed) {
  sim_tail *tail = calloc(1, sizeof *tail);
  ss_result again;
  if (tail != NULL) {
    ss_play(scenario, seed, sim_tail_listen, tail, &again);
    sim_tail_tell(tail, print_line, NULL);
  }
  free(tail);
}

static int run_one(const ss_scenario *scenario, uint64_t seed, bool explain) {
  ss_result result;
  ss_play(scenario, seed, explain ? print_line : NULL, NULL, &result);
  if (!result.violated) {
    (void)printf("%s, seed %" PRIu64 ": ok, hash %016" PRIx64 ", %" PRIu64 " events, %" PRIu64
                 " ms, %" PRIu64 " operations\n",
                 scenario->name, seed, result.hash, result.steps, result.now / SS_MS,
                 result.counts[SS_OPERATIONS]);
    return 0;
  }
  if (!explain) {
    print_tail(scenario, seed);
  }
  (void)printf("%s, seed %" PRIu64 ": VIOLATION at %" PRIu64 ".%03" PRIu64 " ms, step %" PRIu64
               ": %s\nagain: build/bin/store-sim --scenario %s --seed %" PRIu64 " --explain\n",
               scenario->name, seed, result.now / SS_MS, result.now % SS_MS, result.steps,
               result.what, scenario->name, seed);
  return EXIT_VIOLATION;
}

/* ---- many seeds ---- */

static void tell(const ss_scenario *scenario, uint64_t seed) {
  (void)run_one(scenario, seed, false);
}

static int run_many(const command *cmd) {
  const ss_many many = {.only = cmd->scenario != NULL ? find(cmd->scenario) : NULL,
                        .first = cmd->first,
                        .last = cmd->last,
                        .workers = (unsigned)cmd->workers,
                        .count_as_tests = cmd->count_as_tests,
                        .tell = tell};
  int64_t found = ss_run_many(&many);
  if (found < 0) {
    (void)fputs("store-sim: no memory or no processes\n", stderr);
  }
  return found == 0 ? 0 : EXIT_VIOLATION;
}

/* ---- a list of seeds ---- */

/* -1: nothing in that line. */
static int run_line(char *line) {
  char *rest = NULL, *comment = strchr(line, '#');
  if (comment != NULL) {
    *comment = '\0';
  }
  const char *name = strtok_r(line, " \t\n", &rest);
  const char *seed = name != NULL ? strtok_r(NULL, " \t\n", &rest) : NULL;
  if (name == NULL) {
    return -1;
  }
  const ss_scenario *scenario = find(name);
  if (scenario == NULL || seed == NULL) {
    return usage("the list has a line about \"%s\" that is no scenario and seed", name);
  }
  return run_one(scenario, strtoull(seed, NULL, 10), false);
}

static int run_list(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    return usage("cannot read %s", path);
  }
  char *line = NULL;
  size_t size = 0;
  unsigned passed = 0, failed = 0;
  while (getline(&line, &size, file) >= 0) {
    int rc = run_line(line);
    passed += rc == 0;
    failed += rc > 0;
  }
  (void)printf("%u passed, %u failed\n", passed, failed);
  free(line);
  (void)fclose(file);
  return failed == 0 ? 0 : EXIT_VIOLATION;
}

/* ---- the command line ---- */

static bool number(const char *text, uint64_t *value) {
  char *end = NULL;
  errno = 0;
  *value = strtoull(text, &end, 10);
  return errno == 0 && end != text && *end == '\0' && text[0] >= '0' && text[0] <= '9';
}

static bool range(const char *text, uint64_t *first, uint64_t *last) {
  char copy[64];
  (void)snprintf(copy, sizeof copy, "%s", text);
  char *dots = strstr(copy, "..");
  if (dots == NULL) {
    return false;
  }
  *dots = '\0';
  return number(copy, first) && number(dots + 2, last) && *first <= *last &&
         *last - *first < UINT32_MAX;
}

/* One with an argument. */
static int take(command *cmd, const char *name, const char *value) {
  if (strcmp(name, "--scenario") == 0) {
    cmd->scenario = strcmp(value, "all") == 0 ? NULL : value;
    return cmd->scenario == NULL || find(value) != NULL
               ? 0
               : usage("there is no scenario \"%s\" (see --names)", value);
  }
  if (strcmp(name, "--seed") == 0) {
    cmd->seeded = number(value, &cmd->first);
    return cmd->seeded ? 0 : usage("--seed wants a number, not \"%s\"", value);
  }
  if (strcmp(name, "--seeds") == 0) {
    cmd->many = range(value, &cmd->first, &cmd->last);
    return cmd->many ? 0 : usage("--seeds wants A..B, not \"%s\"", value);
  }
  if (strcmp(name, "-j") == 0) {
    return number(value, &cmd->workers) && cmd->workers > 0 && cmd->workers <= SIM_RUNNER_WORKERS
               ? 0
               : usage("-j wants 1 to 64, not \"%s\"", value);
  }
  if (strcmp(name, "--list") == 0) {
    cmd->list = value;
    return 0;
  }
  return usage("unknown: %s", name);
}

static bool flag(command *cmd, const char *arg) {
  bool *const flags[] = {&cmd->explain, &cmd->names, &cmd->count_as_tests};
  static const char *const names[] = {"--explain", "--names", "--tests"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(arg, names[i]) == 0) {
      *flags[i] = true;
      return true;
    }
  }
  return false;
}

static int parse(command *cmd, int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    int rc = 0;
    if (flag(cmd, argv[i])) {
      continue;
    }
    if (strncmp(argv[i], "-j", 2) == 0 && argv[i][2] != '\0') {
      rc = take(cmd, "-j", argv[i] + 2);
    } else if (i + 1 == argc) {
      rc = usage("%s wants a value, or is unknown", argv[i]);
    } else {
      rc = take(cmd, argv[i], argv[i + 1]);
      i++;
    }
    if (rc != 0) {
      return rc;
    }
  }
  return 0;
}

int main(int argc, char **argv) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  command cmd = {.workers = processors < 1 ? 1 : processors > 16 ? 16 : (uint64_t)processors};
  if (argc == 2 && strcmp(argv[1], "--help") == 0) {
    (void)fputs(HELP, stdout);
    return 0;
  }
  int rc = parse(&cmd, argc, argv);
  if (rc != 0) {
    return rc;
  }
  if (cmd.names) {
    list_names();
    return 0;
  }
  if (cmd.list != NULL) {
    return run_list(cmd.list);
  }
  if (cmd.many) {
    return run_many(&cmd);
  }
  if (!cmd.seeded || cmd.scenario == NULL) {
    return usage("%s: what is to be run? --seeds A..B, or --scenario NAME --seed N", argv[0]);
  }
  return run_one(find(cmd.scenario), cmd.first, cmd.explain);
}
