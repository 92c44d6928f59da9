/* format.h - printf into memory, for code that must not see <stdio.h>.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BASE_FORMAT_H
#define KV_BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* As snprintf: writes at most size bytes, the terminator included (size 0: nothing), and returns
 * the length of the whole text without it. A text that cannot be formatted is empty. */
size_t kv_format(char *buf, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t kv_vformat(char *buf, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#endif
