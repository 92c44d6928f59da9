/* main.c - runs scripts in the datadriven form: datadriven [OPTION…] KIND FILE…
 *
 * Each script runs in an environment of its own up to the first block whose output is not the
 * expected one. Exit status: 0 all passed, 1 some failed, 2 wrong usage.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "run.h"

static void print_kinds(FILE *stream) {
  for (size_t i = 0; datadriven_kinds[i] != NULL; i++) {
    fprintf(stream, " %s", datadriven_kinds[i]->name);
  }
  fprintf(stream, "\n");
}

static void print_usage(FILE *stream) {
  fprintf(stream, "usage: datadriven [--rewrite] [--logs] KIND FILE...\n"
                  "  --rewrite  put the actual output in the place of what does not match\n"
                  "  --logs     compare log lines too\n"
                  "kinds:");
  print_kinds(stream);
}

static const struct datadriven_kind *find_kind(const char *name) {
  for (size_t i = 0; datadriven_kinds[i] != NULL; i++) {
    if (strcmp(datadriven_kinds[i]->name, name) == 0) {
      return datadriven_kinds[i];
    }
  }
  fprintf(stderr, "datadriven: unknown kind \"%s\"; there is:", name);
  print_kinds(stderr);
  return NULL;
}

static bool read_option(const char *argument, struct run_options *options) {
  if (strcmp(argument, "--rewrite") == 0) {
    options->rewrite = true;
  } else if (strcmp(argument, "--logs") == 0) {
    options->logs = true;
  } else {
    fprintf(stderr, "datadriven: unknown option \"%s\"\n", argument);
    return false;
  }
  return true;
}

/* Takes the options out of the arguments, wherever they stand: KIND and the files move to the
 * front of argv. Their number, -1 for an unknown option. */
static int read_options(int argc, char **argv, struct run_options *options) {
  int kept = 0;
  for (int i = 1; i < argc; i++) {
    if (strncmp(argv[i], "--", 2) != 0) {
      argv[kept++] = argv[i];
    } else if (!read_option(argv[i], options)) {
      return -1;
    }
  }
  return kept;
}

static int run_scripts(const struct run_options *options, char *const *paths, int count) {
  unsigned passed = 0;
  unsigned failed = 0;
  for (int i = 0; i < count; i++) {
    if (run_script(options, paths[i])) {
      passed++;
    } else {
      failed++;
    }
  }
  printf("%u passed, %u failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
  struct run_options options = {0};
  if (argc == 2 && strcmp(argv[1], "--help") == 0) {
    print_usage(stdout);
    return 0;
  }
  int count = read_options(argc, argv, &options);
  if (count < 2) {
    print_usage(stderr);
    return 2;
  }
  options.kind = find_kind(argv[0]);
  return options.kind == NULL ? 2 : run_scripts(&options, argv + 1, count - 1);
}
