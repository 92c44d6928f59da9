/* value_json.h - a reply of a store as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_CTL_VALUE_JSON_H
#define KV_CTL_VALUE_JSON_H

#include <jansson.h>

#include "client/resp_value.h"

/* A new reference. Keys of maps that are not text are left out; text that is not UTF-8 becomes
 * null. NULL: out of memory. */
json_t *kv_value_to_json(const kv_value *value);

#endif
