/* changes.c - membership changes as scripts write them: v1 l2 r3 u4.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "changes.h"

#include <stdlib.h>
#include <string.h>

#include "parse.h"

static bool type_of(char letter, raft_conf_change_type *type) {
  switch (letter) {
  case 'v': *type = RAFT_CONF_ADD_NODE; return true;
  case 'l': *type = RAFT_CONF_ADD_LEARNER; return true;
  case 'r': *type = RAFT_CONF_REMOVE_NODE; return true;
  case 'u': *type = RAFT_CONF_UPDATE_NODE; return true;
  default: return false;
  }
}

static bool is_number(const char *string) {
  return *string != '\0' && string[strspn(string, "0123456789")] == '\0';
}

/* The words that scripts expect for a bad number are those of the Go library. */
static void bad_number(const char *string, struct text *error) {
  text_puts(error, "strconv.ParseUint: parsing \"");
  for (; *string != '\0'; string++) {
    if (*string == '\n') {
      text_puts(error, "\\n");
    } else {
      text_puts(error, *string == '"' || *string == '\\' ? "\\" : "");
      text_append(error, string, 1);
    }
  }
}

static bool parse_id(const char *string, uint64_t *id, struct text *error) {
  if (parse_u64(string, id)) {
    return true;
  }
  bad_number(string, error);
  text_puts(error, is_number(string) ? "\": value out of range" : "\": invalid syntax");
  return false;
}

static bool parse_token(const char *token, raft_conf_change_single *change, struct text *error) {
  if (strlen(token) < 2) {
    text_printf(error, "unknown token %s", token);
    return false;
  }
  if (!type_of(token[0], &change->type)) {
    text_printf(error, "unknown input: %s", token);
    return false;
  }
  return parse_id(token + 1, &change->node_id, error);
}

static bool add_token(struct change_list *list, const char *token, struct text *error) {
  size_t size = (list->count + 1) * sizeof *list->changes;
  list->changes = must_reallocate(list->changes, size);
  return parse_token(token, &list->changes[list->count++], error);
}

bool changes_parse(struct change_list *list, const char *input, struct text *error) {
  *list = (struct change_list){0};
  bool good = true;
  bool more = *input != '\0';
  while (good && more) {
    size_t len = strcspn(input, " ");
    char *token = must_copy(input, len);
    good = add_token(list, token, error);
    free(token);
    more = input[len] == ' ';
    input += len + 1;
  }
  return good;
}

void changes_free(struct change_list *list) {
  free(list->changes);
  *list = (struct change_list){0};
}
