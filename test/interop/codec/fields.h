/* fields.h - an object of the protocol as text: every field, in one order, zero or not.
 *
 * The driver writes the same text for what Go has, so that two texts are equal exactly if the
 * objects are: numbers in decimal, bytes as hexadecimal digits, absent bytes as "-".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef INTEROP_FIELDS_H
#define INTEROP_FIELDS_H

#include <libraft/types.h>

#include "../pipe/pipe.h"

/* One of the kinds that codec.c names. memory: what its lists lie in, if they lie outside. */
struct object {
  char kind;
  void *memory;
  union {
    raft_message message;
    raft_entry entry;
    raft_hard_state hard_state;
    raft_snapshot snapshot;
    raft_conf_state conf_state;
    raft_conf_change change;
    raft_conf_change_v2 change_v2;
  } of;
};

/* All zero: empty. text is for the caller to free. */
struct fields {
  char *text;
  size_t len;
  size_t capacity;
};

void fields_print(struct fields *fields, const struct object *object);

#endif
