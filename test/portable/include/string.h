/* string.h - the functions of the C library's header that libraft and nanopb may call.
 *
 * For compilers that come without a C library (cortex_m.sh).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PORTABLE_STRING_H
#define PORTABLE_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);
void *memchr(const void *in, int value, size_t size);
size_t strlen(const char *text);
int strcmp(const char *left, const char *right);
int strncmp(const char *left, const char *right, size_t size);
char *strchr(const char *text, int character);

#endif
