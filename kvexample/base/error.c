/* error.c - a code and the sentence that goes with it, in one call.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char ellipsis[] = "...";

#undef kv_fail /* the analyzer's view of it */
int kv_fail(kv_error *error, int code, const char *format, ...) {
  if (error == NULL) {
    return code;
  }
  error->code = code;
  va_list arguments;
  va_start(arguments, format);
  const int len = vsnprintf(error->text, sizeof(error->text), format, arguments);
  va_end(arguments);
  if (len < 0) {
    error->text[0] = '\0';
  } else if ((size_t)len >= sizeof(error->text)) {
    memcpy(error->text + sizeof(error->text) - sizeof(ellipsis), ellipsis, sizeof(ellipsis));
  }
  return code;
}
