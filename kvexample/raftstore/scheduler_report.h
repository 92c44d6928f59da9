/* scheduler_report.h - what this store sends to the scheduler, message by message; for the files of
 * the scheduler's client only.
 *
 * All of them may be lost without notice.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RAFTSTORE_SCHEDULER_REPORT_H
#define KV_RAFTSTORE_SCHEDULER_REPORT_H

#include "raftstore/peer.h"

/* Ids of requests ascend. */
uint64_t kv_scheduler_next_id(kv_store *store);

void kv_scheduler_send_address(kv_store *store);
void kv_scheduler_send_store(kv_store *store);
void kv_scheduler_send_region(kv_peer *peer);
void kv_scheduler_send_member_question(const kv_peer *peer);
void kv_scheduler_send_id_question(kv_store *store, uint64_t request_id);
void kv_scheduler_send_region_question(kv_store *store, raft_slice key);
void kv_scheduler_send_split_question(kv_peer *peer, uint64_t request_id);

/* An answer to a question. ids: of a split, NULL for a single one. Ignored if it comes too late. */
void kv_scheduler_ids_came(kv_store *store, uint64_t request_id, int rc, const char *why,
                           const kv_split_ids *ids, uint64_t id);

#endif
