/* scratch.h - a directory for the files of one test.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_SCRATCH_H
#define TEST_SCRATCH_H

#include <stddef.h>

typedef struct scratch {
  char path[256];
} scratch;

/* Makes a new empty directory under $TMPDIR or /tmp; fails the test if that is impossible. */
void scratch_open(scratch *dir);
/* Removes it with everything in it. */
void scratch_close(const scratch *dir);

/* "<directory>/<name>" into buf, which takes 512 bytes; returns buf. */
char *scratch_path(const scratch *dir, const char *name, char *buf);
/* Whole files. Fail the test if they cannot. The caller frees what was read. */
void scratch_write(const scratch *dir, const char *name, const void *data, size_t len);
void *scratch_read(const scratch *dir, const char *name, size_t *len);
/* Number of entries in the directory. */
size_t scratch_count(const scratch *dir);

#endif
