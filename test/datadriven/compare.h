/* compare.h - is this the output that was expected, and if not, where does it differ?
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DATADRIVEN_COMPARE_H
#define DATADRIVEN_COMPARE_H

#include <stdbool.h>

#include "text.h"

/* Without log lines unless `logs`; a block that has no line left is the same as "ok". */
bool outputs_match(const char *expected, const char *actual, bool logs);

/* Appends both as one list of lines: "-" expected only, "+" printed only, " " both. */
void outputs_diff(const char *expected, const char *actual, bool logs, struct text *diff);

#endif
