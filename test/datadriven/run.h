/* run.h - runs one script: every block up to the first that does not do what it should.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DATADRIVEN_RUN_H
#define DATADRIVEN_RUN_H

#include "kind.h"

struct run_options {
  const struct datadriven_kind *kind;
  bool rewrite; /* put the actual output in the place of what does not match, in the file */
  bool logs;    /* compare log lines too */
};

/* Prints one line about the script, and the difference if it failed. True: it passed. */
bool run_script(const struct run_options *options, const char *path);

#endif
