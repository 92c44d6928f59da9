/* raft_sim.c - the program build/bin/raft-sim: one seed, explained, or many of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"
#include "sim.h"

enum { PINS_MOST = 32, EXIT_VIOLATION = 1, EXIT_USAGE = 2 };

typedef struct pin {
  const char *name;
  const char *value;
} pin;

typedef struct command {
  uint64_t first;
  uint64_t last;
  bool explain;
  bool many;
  bool count_as_tests;
  uint64_t workers;
  uint64_t seconds;
  uint64_t steps;
  const char *list; /* a file of seeds */
  pin pins[PINS_MOST];
  size_t pin_count;
} command;

static const char HELP[] =
    "raft-sim - libraft under faults, in virtual time, every invariant checked\n"
    "\n"
    "usage: raft-sim --seed N [--explain] [OPTION…]\n"
    "       raft-sim --seeds A..B [-j WORKERS] [OPTION…]\n"
    "       raft-sim --time SECONDS [-j WORKERS] [OPTION…]\n"
    "       raft-sim --list FILE [OPTION…]\n"
    "\n"
    "  --seed N           run one seed; prints its trace hash\n"
    "  --explain          tell the run as a story\n"
    "  --seeds A..B       run all seeds from A to B, both included\n"
    "  --time SECONDS     run fresh seeds for so long (from the clock; --seed N: from N on)\n"
    "  --list FILE        run the lines of a file: a seed, NAME=VALUE …, # and a comment\n"
    "  -j WORKERS         so many at once (default: one a processor)\n"
    "  --steps N          events before the faults end (default: drawn from the seed)\n"
    "  --option NAME=VALUE  pin what the seed would draw; --options lists the names\n"
    "  --tests            end with the line \"N passed, N failed\", a hundred seeds counted as "
    "one\n"
    "  --help, --options\n"
    "\n"
    "exit status: 0 nothing found, 1 an invariant was broken, 2 the command line is wrong\n";

static int usage(const char *format, const char *what) {
  (void)fputs("raft-sim: ", stderr);
  (void)fprintf(stderr, format, what);
  (void)fputs("; --help tells more\n", stderr);
  return EXIT_USAGE;
}

/* ---- options ---- */

static int apply_pin(sim_options *options, const pin *p) {
  switch (sim_options_set(options, p->name, p->value)) {
  case SIM_OPTION_OK: return 0;
  case SIM_OPTION_UNKNOWN: return usage("there is no option \"%s\" (see --options)", p->name);
  case SIM_OPTION_NOT_A_NUMBER: return usage("option %s must be a number", p->name);
  case SIM_OPTION_OUT_OF_RANGE: return usage("option %s is out of its range", p->name);
  }
  return 0;
}

static int options_of(const command *cmd, uint64_t seed, sim_options *options) {
  sim_options_draw(options, seed);
  options->steps = cmd->steps != 0 ? cmd->steps : options->steps;
  for (size_t i = 0; i < cmd->pin_count; i++) {
    int rc = apply_pin(options, &cmd->pins[i]);
    if (rc != 0) {
      return rc;
    }
  }
  return 0;
}

static void list_options(void) {
  const char *name = NULL, *about = NULL;
  for (size_t i = 0; sim_options_describe(i, &name, &about); i++) {
    (void)printf("  %-18s %s\n", name, about);
  }
}

/* ---- one seed ---- */

static void print_line(void *ctx, const char *line) {
  (void)ctx;
  (void)puts(line);
}

static void print_command(const command *cmd, uint64_t seed) {
  (void)printf("again: build/bin/raft-sim --seed %" PRIu64 " --explain", seed);
  if (cmd->steps != 0) {
    (void)printf(" --steps %" PRIu64, cmd->steps);
  }
  for (size_t i = 0; i < cmd->pin_count; i++) {
    (void)printf(" --option %s=%s", cmd->pins[i].name, cmd->pins[i].value);
  }
  (void)puts("");
}

static void print_violation(const command *cmd, uint64_t seed, const sim_options *options,
                            const sim_result *result, bool told) {
  if (!told) {
    sim_tail *tail = calloc(1, sizeof *tail);
    sim_result again;
    if (tail != NULL) {
      sim_run(options, sim_tail_listen, tail, &again);
      sim_tail_tell(tail, print_line, NULL);
    }
    free(tail);
  }
  (void)printf("seed %" PRIu64 ": VIOLATION at %" PRIu64 ".%03" PRIu64 " ms, step %" PRIu64
               ": %s\n",
               seed, result->at / 1000, result->at % 1000, result->step, result->what);
  print_command(cmd, seed);
}

static int run_one(const command *cmd, uint64_t seed) {
  sim_options options;
  sim_result result;
  int rc = options_of(cmd, seed, &options);
  if (rc != 0) {
    return rc;
  }
  sim_run(&options, cmd->explain ? print_line : NULL, NULL, &result);
  if (result.violated) {
    print_violation(cmd, seed, &options, &result, cmd->explain);
    return EXIT_VIOLATION;
  }
  (void)printf("seed %" PRIu64 ": ok, hash %016" PRIx64 ", %" PRIu64 " events, %" PRIu64
               " ms, %" PRIu64 " elections, %" PRIu64 " entries, %" PRIu64 " crashes%s\n",
               seed, result.hash, result.step, result.at / 1000, result.counts[SIM_ELECTIONS],
               result.counts[SIM_COMMITTED], result.counts[SIM_CRASHES],
               result.counts[SIM_STUCK] ? ", stuck in a known hole" : "");
  return 0;
}

/* ---- many seeds ---- */

static bool run_seed(void *ctx, uint64_t seed, uint64_t counts[SIM_RUNNER_COUNTS]) {
  const command *cmd = ctx;
  sim_options options;
  sim_result result;
  (void)options_of(cmd, seed, &options); /* was looked at before */
  sim_run(&options, NULL, NULL, &result);
  for (size_t i = 0; i < SIM_COUNTERS; i++) {
    counts[i] += result.counts[i];
  }
  return result.violated;
}

static void show_progress(void *ctx, uint64_t seeds, uint64_t found, double elapsed) {
  static double last;
  (void)ctx;
  bool terminal = isatty(STDERR_FILENO) != 0;
  if (elapsed - last < (terminal ? 0.5 : 5)) {
    return;
  }
  last = elapsed;
  (void)fprintf(stderr, "%s%" PRIu64 " seeds, %" PRIu64 " violations, %.0f s%s",
                terminal ? "\r" : "", seeds, found, elapsed, terminal ? "  " : "\n");
}

static void print_summary(const sim_runner_result *sum) {
  double hours = (double)sum->counts[SIM_MILLISECONDS] / 3600000.0;
  double elapsed = sum->elapsed > 0.001 ? sum->elapsed : 0.001;
  (void)printf("%" PRIu64 " seeds, %" PRIu64 " violations, %.1f simulated hours in %.1f s: "
               "%.0f seeds/s, %.2f simulated hours/s\n",
               sum->seeds, sum->found, hours, sum->elapsed, (double)sum->seeds / elapsed,
               hours / elapsed);
  for (size_t i = 1; i < SIM_COUNTERS; i++) {
    (void)printf("  %-28s %14" PRIu64 "\n", sim_counter_name((sim_counter)i), sum->counts[i]);
  }
}

static void print_findings(const command *cmd, const sim_runner_result *sum) {
  for (size_t i = 0; i < sum->finding_count && i < 3; i++) {
    (void)fflush(stdout);
    (void)run_one(cmd, sum->findings[i]);
  }
  if (sum->finding_count > 3) {
    (void)printf("further seeds with violations:");
    for (size_t i = 3; i < sum->finding_count; i++) {
      (void)printf(" %" PRIu64, sum->findings[i]);
    }
    (void)puts("");
  }
}

static int run_many(command *cmd) {
  sim_options probe;
  int rc = options_of(cmd, cmd->first, &probe);
  if (rc != 0) {
    return rc;
  }
  sim_runner runner = {.run = run_seed,
                       .ctx = cmd,
                       .first = cmd->first,
                       .last = cmd->last,
                       .seconds = (double)cmd->seconds,
                       .workers = (unsigned)cmd->workers,
                       .progress = show_progress};
  sim_runner_result sum;
  if (!sim_runner_run(&runner, &sum)) {
    (void)fputs("raft-sim: no memory or no processes\n", stderr);
    return EXIT_VIOLATION;
  }
  print_summary(&sum);
  print_findings(cmd, &sum);
  if (cmd->count_as_tests) {
    uint64_t tests = (sum.seeds + 99) / 100, failed = sum.found < tests ? sum.found : tests;
    (void)printf("%" PRIu64 " passed, %" PRIu64 " failed\n", tests - failed, failed);
  }
  return sum.found == 0 ? 0 : EXIT_VIOLATION;
}

/* ---- a list of seeds ---- */

static int run_line(const command *base, char *line) {
  command cmd = *base;
  char *rest = NULL, *comment = strchr(line, '#');
  if (comment != NULL) {
    *comment = '\0';
  }
  const char *word = strtok_r(line, " \t\n", &rest);
  if (word == NULL) {
    return 0;
  }
  cmd.first = strtoull(word, NULL, 10);
  for (char *next = strtok_r(NULL, " \t\n", &rest); next != NULL;
       next = strtok_r(NULL, " \t\n", &rest)) {
    char *value = strchr(next, '=');
    if (value == NULL || cmd.pin_count == PINS_MOST) {
      return usage("a line of the list has \"%s\" where NAME=VALUE should be", next);
    }
    *value++ = '\0';
    pin p = {next, value};
    cmd.pins[cmd.pin_count++] = p;
  }
  return run_one(&cmd, cmd.first);
}

static int run_list(const command *cmd) {
  FILE *file = fopen(cmd->list, "r");
  if (file == NULL) {
    return usage("cannot read %s", cmd->list);
  }
  char *line = NULL;
  size_t size = 0;
  int worst = 0;
  unsigned passed = 0, failed = 0;
  while (getline(&line, &size, file) >= 0) {
    bool run = line[strspn(line, " \t\n")] != '\0' && line[strspn(line, " \t\n")] != '#';
    int rc = run ? run_line(cmd, line) : 0;
    passed += run && rc == 0;
    failed += run && rc != 0;
    worst = rc > worst ? rc : worst;
  }
  (void)printf("%u passed, %u failed\n", passed, failed);
  free(line);
  (void)fclose(file);
  return worst;
}

/* ---- the command line ---- */

static bool number(const char *text, uint64_t *value) {
  char *end = NULL;
  errno = 0;
  *value = strtoull(text, &end, 10);
  return errno == 0 && end != text && *end == '\0' && text[0] >= '0' && text[0] <= '9';
}

static bool range(char *text, uint64_t *first, uint64_t *last) {
  char *dots = strstr(text, "..");
  if (dots == NULL) {
    return false;
  }
  *dots = '\0';
  bool ok = number(text, first) && number(dots + 2, last) && *first <= *last;
  *dots = '.';
  return ok;
}

static int add_pin(command *cmd, char *text) {
  char *value = strchr(text, '=');
  if (value == NULL || value == text) {
    return usage("--option wants NAME=VALUE, not \"%s\"", text);
  }
  if (cmd->pin_count == PINS_MOST) {
    return usage("too many options at \"%s\"", text);
  }
  *value++ = '\0';
  pin p = {text, value};
  cmd->pins[cmd->pin_count++] = p;
  return 0;
}

/* One with an argument. */
static int take(command *cmd, const char *name, char *value) {
  if (strcmp(name, "--seed") == 0) {
    cmd->last = UINT64_MAX;
    return number(value, &cmd->first) ? 0 : usage("--seed wants a number, not \"%s\"", value);
  }
  if (strcmp(name, "--seeds") == 0) {
    cmd->many = true;
    return range(value, &cmd->first, &cmd->last) ? 0
                                                 : usage("--seeds wants A..B, not \"%s\"", value);
  }
  if (strcmp(name, "--time") == 0) {
    return number(value, &cmd->seconds) && cmd->seconds > 0
               ? 0
               : usage("--time wants seconds, not \"%s\"", value);
  }
  if (strcmp(name, "--steps") == 0) {
    return number(value, &cmd->steps) && cmd->steps > 0 && cmd->steps <= UINT32_MAX
               ? 0
               : usage("--steps wants a number, not \"%s\"", value);
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
  return strcmp(name, "--option") == 0 ? add_pin(cmd, value) : usage("unknown: %s", name);
}

/* 0: go on; else exit with status - 1. */
static int parse(command *cmd, int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    char *arg = argv[i];
    if (strcmp(arg, "--help") == 0) {
      (void)fputs(HELP, stdout);
      return 1;
    }
    if (strcmp(arg, "--options") == 0) {
      list_options();
      return 1;
    }
    if (strcmp(arg, "--explain") == 0) {
      cmd->explain = true;
    } else if (strcmp(arg, "--tests") == 0) {
      cmd->count_as_tests = true;
    } else if (strncmp(arg, "-j", 2) == 0 && arg[2] != '\0') {
      int rc = take(cmd, "-j", arg + 2);
      if (rc != 0) {
        return rc + 1;
      }
    } else if (i + 1 == argc) {
      return usage(arg[0] == '-' ? "%s wants a value, or is unknown" : "unknown: %s", arg) + 1;
    } else {
      int rc = take(cmd, arg, argv[++i]);
      if (rc != 0) {
        return rc + 1;
      }
    }
  }
  return 0;
}

int main(int argc, char **argv) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  command cmd = {.first = UINT64_MAX, .last = UINT64_MAX};
  cmd.workers = processors < 1 ? 1 : processors > 16 ? 16 : (uint64_t)processors;
  int rc = parse(&cmd, argc, argv);
  if (rc != 0) {
    return rc - 1;
  }
  if (cmd.list != NULL) {
    return run_list(&cmd);
  }
  bool seeded = cmd.first != UINT64_MAX;
  if (cmd.seconds > 0 && !cmd.many) {
    cmd.first = seeded ? cmd.first : (uint64_t)time(NULL) * 1000000;
    cmd.last = UINT64_MAX - 1;
    (void)printf("seeds from %" PRIu64 " on\n", cmd.first);
    return run_many(&cmd);
  }
  if (!seeded) {
    return usage("%s: what is to be run? --seed N, --seeds A..B, --time SECONDS or --list FILE",
                 argv[0]);
  }
  return cmd.many ? run_many(&cmd) : run_one(&cmd, cmd.first);
}
