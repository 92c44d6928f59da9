/* parse.c - scripts in the datadriven form: commands, their input and their expected output.
 *
 * A cursor walks over the file line by line. Between blocks it skips comments; a command line
 * is split into arguments; input and output are runs of lines.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char separator[] = "----";

/* A piece of the text, without its newline. */
struct span {
  const char *data;
  size_t len;
};

struct cursor {
  const char *text;
  size_t len;
  size_t offset; /* of the next line */
  size_t line;   /* number of the last line read */
  struct text *error;
};

static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span trim(struct span span) {
  while (span.len > 0 && is_space(span.data[0])) {
    span.data++;
    span.len--;
  }
  while (span.len > 0 && is_space(span.data[span.len - 1])) {
    span.len--;
  }
  return span;
}

static bool at_end(const struct cursor *cursor) {
  return cursor->offset >= cursor->len;
}

static struct span peek_line(const struct cursor *cursor) {
  const char *begin = cursor->text + cursor->offset;
  size_t rest = cursor->len - cursor->offset;
  const char *newline = memchr(begin, '\n', rest);
  return (struct span){begin, newline == NULL ? rest : (size_t)(newline - begin)};
}

static struct span next_line(struct cursor *cursor) {
  struct span line = peek_line(cursor);
  cursor->offset += line.len;
  if (!at_end(cursor)) {
    cursor->offset++;
  }
  cursor->line++;
  return line;
}

static bool is_separator(struct span line) {
  return line.len == strlen(separator) && memcmp(line.data, separator, line.len) == 0;
}

static bool next_is_separator(const struct cursor *cursor) {
  return !at_end(cursor) && is_separator(peek_line(cursor));
}

static bool next_is_blank(const struct cursor *cursor) {
  return trim(peek_line(cursor)).len == 0;
}

/* Skips free text; false at the end of the file. */
static bool skip_to_command(struct cursor *cursor) {
  while (!at_end(cursor)) {
    struct span line = trim(peek_line(cursor));
    if (line.len > 0 && line.data[0] != '#') {
      return true;
    }
    (void)next_line(cursor);
  }
  return false;
}

/* The command line with its continuation lines. */
static void read_command_line(struct cursor *cursor, struct text *whole) {
  bool more = true;
  while (more && !at_end(cursor)) {
    struct span line = trim(next_line(cursor));
    more = line.len > 0 && line.data[line.len - 1] == '\\';
    text_append(whole, line.data, more ? line.len - 1 : line.len);
  }
}

static void add_value(struct argument *argument, struct span value) {
  size_t size = (argument->value_count + 1) * sizeof *argument->values;
  argument->values = must_reallocate(argument->values, size);
  argument->values[argument->value_count++] = must_copy(value.data, value.len);
}

/* What stands between the parentheses of a list: values separated by commas of its own level. */
static void split_list(struct argument *argument, struct span list) {
  size_t depth = 0;
  size_t begin = 0;
  if (trim(list).len == 0) {
    return;
  }
  for (size_t i = 0; i <= list.len; i++) {
    if (i == list.len || (list.data[i] == ',' && depth == 0)) {
      add_value(argument, trim((struct span){list.data + begin, i - begin}));
      begin = i + 1;
    } else if (list.data[i] == '(') {
      depth++;
    } else if (list.data[i] == ')') {
      depth--;
    }
  }
}

/* Length of a list with its parentheses; 0 when it is not closed. */
static size_t list_length(const char *begin) {
  size_t depth = 0;
  for (size_t i = 0; begin[i] != '\0'; i++) {
    if (begin[i] == '(') {
      depth++;
    } else if (begin[i] == ')' && --depth == 0) {
      return i + 1;
    }
  }
  return 0;
}

/* Reads the values behind `key=`; returns what follows them, NULL for an unclosed list. */
static const char *read_values(struct argument *argument, const char *rest) {
  size_t len = strcspn(rest, " ");
  if (*rest != '(') {
    add_value(argument, (struct span){rest, len});
    return rest + len;
  }
  len = list_length(rest);
  if (len == 0) {
    return NULL;
  }
  split_list(argument, (struct span){rest + 1, len - 2});
  return rest + len;
}

static struct argument *add_argument(struct directive *directive) {
  size_t size = (directive->argument_count + 1) * sizeof *directive->arguments;
  directive->arguments = must_reallocate(directive->arguments, size);
  struct argument *argument = &directive->arguments[directive->argument_count++];
  *argument = (struct argument){0};
  return argument;
}

/* False: a list is not closed. */
static bool split_arguments(struct directive *directive, const char *rest) {
  while (rest != NULL && *(rest += strspn(rest, " ")) != '\0') {
    struct argument *argument = add_argument(directive);
    size_t len = strcspn(rest, " =");
    argument->key = must_copy(rest, len);
    rest += len;
    if (*rest == '=') {
      rest = read_values(argument, rest + 1);
    }
  }
  return rest != NULL;
}

static bool fail_at(struct cursor *cursor, size_t line, const char *why) {
  text_printf(cursor->error, "%zu: %s", line, why);
  return false;
}

static bool read_command(struct cursor *cursor, struct directive *directive) {
  struct text whole = {0};
  directive->line = cursor->line + 1;
  read_command_line(cursor, &whole);
  const char *string = text_string(&whole);
  size_t len = strcspn(string, " ");
  directive->command = must_copy(string, len);
  bool good = split_arguments(directive, string + len);
  text_free(&whole);
  return good || fail_at(cursor, directive->line, "a list of values is not closed");
}

static bool read_input(struct cursor *cursor, struct directive *directive) {
  size_t begin = cursor->offset;
  while (!at_end(cursor) && !next_is_separator(cursor)) {
    (void)next_line(cursor);
  }
  if (at_end(cursor)) {
    return fail_at(cursor, directive->line, "no line ---- follows this command");
  }
  struct span input = trim((struct span){cursor->text + begin, cursor->offset - begin});
  directive->input = must_copy(input.data, input.len);
  (void)next_line(cursor);
  return true;
}

/* Output that ends at a blank line. */
static void read_plain_output(struct cursor *cursor, struct text *output) {
  while (!at_end(cursor) && !next_is_blank(cursor)) {
    struct span line = next_line(cursor);
    text_append(output, line.data, line.len);
    text_puts(output, "\n");
  }
}

/* Output that ends at two separators; false if the file ends before them. */
static bool read_enclosed_output(struct cursor *cursor, struct text *output) {
  while (!at_end(cursor)) {
    struct span line = next_line(cursor);
    if (is_separator(line) && next_is_separator(cursor)) {
      (void)next_line(cursor);
      return true;
    }
    text_append(output, line.data, line.len);
    text_puts(output, "\n");
  }
  return false;
}

static bool read_output(struct cursor *cursor, struct directive *directive) {
  struct text output = {0};
  bool good = true;
  directive->expected_begin = cursor->offset;
  if (next_is_separator(cursor)) {
    (void)next_line(cursor);
    good = read_enclosed_output(cursor, &output);
  } else {
    read_plain_output(cursor, &output);
  }
  directive->expected_end = cursor->offset;
  directive->expected = must_copy(text_string(&output), output.len);
  text_free(&output);
  return good || fail_at(cursor, directive->line, "its output is not closed by two lines ----");
}

static struct directive *add_directive(struct script *script) {
  size_t size = (script->count + 1) * sizeof *script->directives;
  script->directives = must_reallocate(script->directives, size);
  struct directive *directive = &script->directives[script->count++];
  *directive = (struct directive){0};
  return directive;
}

static bool parse_script(struct script *script, struct text *error) {
  struct cursor cursor = {text_string(&script->text), script->text.len, 0, 0, error};
  bool good = true;
  while (good && skip_to_command(&cursor)) {
    struct directive *directive = add_directive(script);
    good = read_command(&cursor, directive) && read_input(&cursor, directive) &&
           read_output(&cursor, directive);
  }
  return good;
}

static bool read_file(const char *path, struct text *text, struct text *error) {
  char buffer[16384];
  size_t len = 0;
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    text_printf(error, "cannot be opened: %s", strerror(errno));
    return false;
  }
  while ((len = fread(buffer, 1, sizeof buffer, file)) > 0) {
    text_append(text, buffer, len);
  }
  bool good = ferror(file) == 0;
  if (!good) {
    text_printf(error, "cannot be read: %s", strerror(errno));
  }
  (void)fclose(file);
  return good;
}

bool script_load(struct script *script, const char *path, struct text *error) {
  *script = (struct script){0};
  return read_file(path, &script->text, error) && parse_script(script, error);
}

bool script_parse(struct script *script, const char *text, size_t len, struct text *error) {
  *script = (struct script){0};
  text_append(&script->text, text, len);
  return parse_script(script, error);
}

static void argument_free(struct argument *argument) {
  for (size_t i = 0; i < argument->value_count; i++) {
    free(argument->values[i]);
  }
  free(argument->values);
  free(argument->key);
}

static void directive_free(struct directive *directive) {
  for (size_t i = 0; i < directive->argument_count; i++) {
    argument_free(&directive->arguments[i]);
  }
  free(directive->arguments);
  free(directive->command);
  free(directive->input);
  free(directive->expected);
}

void script_free(struct script *script) {
  for (size_t i = 0; i < script->count; i++) {
    directive_free(&script->directives[i]);
  }
  free(script->directives);
  text_free(&script->text);
  *script = (struct script){0};
}

const struct argument *directive_find(const struct directive *directive, const char *key) {
  for (size_t i = 0; i < directive->argument_count; i++) {
    if (strcmp(directive->arguments[i].key, key) == 0) {
      return &directive->arguments[i];
    }
  }
  return NULL;
}

const char *directive_value(const struct directive *directive, const char *key) {
  const struct argument *argument = directive_find(directive, key);
  return argument != NULL && argument->value_count == 1 ? argument->values[0] : NULL;
}

bool parse_u64(const char *string, uint64_t *value) {
  uint64_t number = 0;
  if (*string == '\0') {
    return false;
  }
  for (; *string != '\0'; string++) {
    unsigned digit = (unsigned char)*string - (unsigned)'0';
    if (digit > 9 || number > (UINT64_MAX - digit) / 10) {
      return false;
    }
    number = number * 10 + digit;
  }
  *value = number;
  return true;
}

bool parse_bool(const char *string, bool *value) {
  static const char *const spellings[2][6] = {{"0", "f", "F", "FALSE", "false", "False"},
                                              {"1", "t", "T", "TRUE", "true", "True"}};
  for (size_t i = 0; i < 12; i++) {
    if (strcmp(string, spellings[i / 6][i % 6]) == 0) {
      *value = i / 6 == 1;
      return true;
    }
  }
  return false;
}
