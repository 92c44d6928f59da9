/* main.c - runs scripts in the datadriven form: datadriven [OPTION…] KIND FILE…
 *
 * Each script runs in an environment of its own up to the first block whose output is not the
 * expected one. Exit status: 0 all passed, 1 some failed, 2 wrong usage.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "kind.h"

struct options {
  const struct datadriven_kind *kind;
  bool rewrite;
  bool logs;
};

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

static bool has_blank_line(const char *output) {
  while (*output != '\0') {
    size_t len = strcspn(output, "\n");
    if (strspn(output, " \t\r") >= len) {
      return true;
    }
    output += output[len] == '\n' ? len + 1 : len;
  }
  return false;
}

/* Appends the output in the form in which scripts hold it. */
static void append_block(struct text *script, const struct text *output) {
  bool enclosed = has_blank_line(text_string(output));
  text_puts(script, enclosed ? "----\n" : "");
  text_append(script, text_string(output), output->len);
  text_puts(script, enclosed ? "----\n----\n" : "");
}

static bool write_all(FILE *file, const struct text *text) {
  bool good = fwrite(text_string(text), 1, text->len, file) == text->len;
  return fclose(file) == 0 && good;
}

/* Replaces the file at once, so that a full disk leaves the old script. */
static bool replace_file(const char *path, const struct text *content, struct text *error) {
  struct text scratch = {0};
  text_printf(&scratch, "%s.rewritten", path);
  FILE *file = fopen(text_string(&scratch), "wb");
  bool good = file != NULL && write_all(file, content) && rename(text_string(&scratch), path) == 0;
  if (!good) {
    text_printf(error, "cannot be rewritten: %s", strerror(errno));
    (void)remove(text_string(&scratch));
  }
  text_free(&scratch);
  return good;
}

/* A script on its way through the runner. */
struct run {
  const struct options *options;
  const char *path;
  struct script script;
  void *env;
  struct text rewritten; /* the script up to `copied`, with new outputs */
  size_t copied;
  size_t changed; /* blocks rewritten */
  struct text error;
};

/* Puts `output` in the place of the block's expected one. */
static void rewrite_block(struct run *run, const struct directive *directive,
                          const struct text *output) {
  const struct text *text = &run->script.text;
  text_append(&run->rewritten, text_string(text) + run->copied,
              directive->expected_begin - run->copied);
  if (run->rewritten.data[run->rewritten.len - 1] != '\n') {
    text_puts(&run->rewritten, "\n");
  }
  append_block(&run->rewritten, output);
  run->copied = directive->expected_end;
  run->changed++;
}

static void finish_output(struct text *output) {
  if (output->len == 0) {
    text_puts(output, "ok");
  }
  if (output->data[output->len - 1] != '\n') {
    text_puts(output, "\n");
  }
}

static bool run_block(struct run *run, const struct directive *directive) {
  struct text output = {0};
  bool logs = run->options->logs;
  bool broken = run->options->kind->run(run->env, directive, &output) != 0;
  finish_output(&output);
  bool same = !broken && outputs_match(directive->expected, text_string(&output), logs);
  if (broken) {
    text_printf(&run->error, "%zu: %s: %s", directive->line, directive->command,
                text_string(&output));
  } else if (!same && run->options->rewrite) {
    rewrite_block(run, directive, &output);
  } else if (!same) {
    text_printf(&run->error, "%zu: %s: unexpected output\n", directive->line, directive->command);
    outputs_diff(directive->expected, text_string(&output), logs, &run->error);
  }
  text_free(&output);
  return same || (!broken && run->options->rewrite);
}

static bool run_blocks(struct run *run) {
  run->env = run->options->kind->open();
  if (run->env == NULL) {
    text_puts(&run->error, "no environment could be made for it");
    return false;
  }
  bool good = true;
  for (size_t i = 0; good && i < run->script.count; i++) {
    good = run_block(run, &run->script.directives[i]);
  }
  run->options->kind->close(run->env);
  return good;
}

static bool save_rewritten(struct run *run) {
  const struct text *text = &run->script.text;
  if (run->changed == 0) {
    return true;
  }
  text_append(&run->rewritten, text_string(text) + run->copied, text->len - run->copied);
  return replace_file(run->path, &run->rewritten, &run->error);
}

static void report(struct run *run, bool good) {
  if (!good) {
    /* Errors about a line begin with its number: then this reads "path:line: …". */
    bool numbered = run->error.len > 0 && strchr("0123456789", run->error.data[0]) != NULL;
    bool ended = run->error.len > 0 && run->error.data[run->error.len - 1] == '\n';
    printf("FAIL %s:%s%s%s", run->path, numbered ? "" : " ", text_string(&run->error),
           ended ? "" : "\n");
  } else if (run->changed > 0) {
    printf("ok   %s (%zu blocks, %zu rewritten)\n", run->path, run->script.count, run->changed);
  } else {
    printf("ok   %s (%zu blocks)\n", run->path, run->script.count);
  }
  (void)fflush(stdout);
}

static bool run_script(const struct options *options, const char *path) {
  struct run run = {.options = options, .path = path};
  bool good =
      script_load(&run.script, path, &run.error) && run_blocks(&run) && save_rewritten(&run);
  report(&run, good);
  script_free(&run.script);
  text_free(&run.rewritten);
  text_free(&run.error);
  return good;
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

static bool read_option(const char *argument, struct options *options) {
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
static int read_options(int argc, char **argv, struct options *options) {
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

static int run_scripts(const struct options *options, char *const *paths, int count) {
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
  struct options options = {0};
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
