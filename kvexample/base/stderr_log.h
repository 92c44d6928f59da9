/* stderr_log.h - the logger of programs: to standard error, with time and level in front.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BASE_STDERR_LOG_H
#define KV_BASE_STDERR_LOG_H

#include "base/log.h"

/* Any thread may use it; lines of several threads do not mix. */
kv_logger kv_stderr_logger(kv_level level);

#endif
