/* kind.h - what a script's commands act on; one kind of script, one interface.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DATADRIVEN_KIND_H
#define DATADRIVEN_KIND_H

#include "parse.h"
#include "text.h"

struct datadriven_kind {
  const char *name; /* KIND on the command line */
  /* A fresh environment, one a script; NULL: could not be made. */
  void *(*open)(void);
  void (*close)(void *env);
  /* Runs one command and appends what it prints to `out`, the texts of errors that scripts
   * expect included; nothing printed is compared as "ok". 0, or non-zero when the environment
   * itself broke: the script then fails, whatever was expected, with `out` as the reason. */
  int (*run)(void *env, const struct directive *directive, struct text *out);
};

extern const struct datadriven_kind quorum_kind;      /* quorum_kind.c */
extern const struct datadriven_kind confchange_kind;  /* confchange_kind.c */
extern const struct datadriven_kind interaction_kind; /* interaction_kind.c */

/* Every kind there is, NULL at the end: a new one is added in kinds.c. */
extern const struct datadriven_kind *const datadriven_kinds[];

#endif
