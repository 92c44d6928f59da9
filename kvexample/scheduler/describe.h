/* describe.h - what the scheduler does and why it does nothing, in lines for people.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_DESCRIBE_H
#define KV_SCHEDULER_DESCRIBE_H

#include "scheduler/state.h"

/* Fills response->lines. Linear in the regions: only by request. KV_ENOMEM. */
int kv_scheduler_describe(kv_scheduler *s, kv_scheduler_response *response);

#endif
