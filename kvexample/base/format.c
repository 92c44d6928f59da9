/* format.c - printf into memory, for code that must not see <stdio.h>.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/format.h"

#include <stdio.h>

size_t kv_vformat(char *buf, size_t size, const char *format, va_list args) {
  int len = vsnprintf(buf, size, format, args);
  if (len >= 0) {
    return (size_t)len;
  }
  if (size > 0) {
    buf[0] = '\0';
  }
  return 0;
}

size_t kv_format(char *buf, size_t size, const char *format, ...) {
  va_list args;
  va_start(args, format);
  size_t len = kv_vformat(buf, size, format, args);
  va_end(args);
  return len;
}
