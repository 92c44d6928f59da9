/* run.c - runs one script: every block up to the first that does not do what it should.
 *
 * Rewriting copies the file and exchanges only the outputs that do not match, so that comments,
 * blank lines and good blocks stay as they are.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"

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
  const struct run_options *options;
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

bool run_script(const struct run_options *options, const char *path) {
  struct run run = {.options = options, .path = path};
  bool good =
      script_load(&run.script, path, &run.error) && run_blocks(&run) && save_rewritten(&run);
  report(&run, good);
  script_free(&run.script);
  text_free(&run.rewritten);
  text_free(&run.error);
  return good;
}
