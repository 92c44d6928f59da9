/* raw_inbound.h - incoming connections of clients that speak raw calls in frames.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_NET_RAW_INBOUND_H
#define KV_NET_RAW_INBOUND_H

#include "net/inbound.h"

/* The connection has greeted as a client (store id 0), and was greeted. It is taken over. */
void kv_raw_adopt(kv_inbound *inbound, kv_connection *connection);

#endif
