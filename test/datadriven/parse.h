/* parse.h - scripts in the datadriven form: commands, their input and their expected output.
 *
 *   # Comments and blank lines stand between the blocks.
 *   command bare key=value list=(a, b)
 *   lines of input, if any
 *   ----
 *   expected output, up to the first blank line
 *
 * Output that contains blank lines is enclosed by doubled separators: two lines "----" before
 * and after it. A command line that ends with "\" goes on in the next line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DATADRIVEN_PARSE_H
#define DATADRIVEN_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* `key`: no values. `key=value`: one, perhaps empty. `key=(a, b)`: as many as listed. */
struct argument {
  char *key;
  char **values;
  size_t value_count;
};

/* One block of a script. */
struct directive {
  size_t line; /* where the command stands, counted from 1 */
  char *command;
  struct argument *arguments; /* in written order, keys may repeat */
  size_t argument_count;
  char *input;    /* without white space around it; "" when there is none */
  char *expected; /* ends with a newline unless empty */
  /* Where the expected output stands in the script's text, doubled separators included. */
  size_t expected_begin;
  size_t expected_end;
};

struct script {
  struct text text; /* the file as it was read */
  struct directive *directives;
  size_t count;
};

/* Reads a file. False: cannot be read or is no script; *error says why, with the line where it
 * is about one ("12: …"). script_free is due either way. */
bool script_load(struct script *script, const char *path, struct text *error);
/* The same with a text, which is copied. */
bool script_parse(struct script *script, const char *text, size_t len, struct text *error);
void script_free(struct script *script);

/* First argument of that name, NULL when there is none. */
const struct argument *directive_find(const struct directive *directive, const char *key);
/* Its value if it has exactly one; NULL otherwise. */
const char *directive_value(const struct directive *directive, const char *key);

/* Whole string as a decimal number. False, *value as it was: no such number. */
bool parse_u64(const char *string, uint64_t *value);
/* The spellings 1 t T TRUE true True, 0 f F FALSE false False. */
bool parse_bool(const char *string, bool *value);

#endif
