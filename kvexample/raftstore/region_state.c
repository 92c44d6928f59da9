/* region_state.c - what a store keeps about itself and its regions beside the clients' data.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/region_state.h"

#include <string.h>

#include "base/pb_bytes.h"
#include "raft_serverpb.pb.h"
#include "raftstore/region_codec.h"

enum { KEY_LENGTH = 9, SMALL_RECORD = 128 };

static raft_slice make_key(char kind, uint64_t region_id, unsigned char key[KEY_LENGTH]) {
  key[0] = (unsigned char)kind;
  for (size_t i = 0; i < 8; i++) {
    key[1 + i] = (unsigned char)(region_id >> (56 - 8 * i));
  }
  return (raft_slice){key, KEY_LENGTH};
}

/* Records of numbers only. */
static int save_small(kv_txn *txn, raft_slice key, const pb_msgdesc_t *fields, const void *pb) {
  unsigned char bytes[SMALL_RECORD];
  size_t len = 0;
  int rc = kv_pb_encode(fields, pb, bytes, sizeof bytes, &len);
  return rc != KV_OK ? rc
                     : txn->engine->ops->put(txn, KV_SPACE_META, key, (raft_slice){bytes, len});
}

static int load(kv_txn *txn, raft_slice key, const pb_msgdesc_t *fields, void *pb) {
  raft_slice value;
  int rc = txn->engine->ops->get(txn, KV_SPACE_META, key, &value);
  return rc != KV_OK ? rc : kv_pb_decode(fields, value, pb);
}

int kv_ident_load(kv_txn *txn, kv_store_ident *ident) {
  raft_serverpb_StoreIdent pb = raft_serverpb_StoreIdent_init_zero;
  *ident = (kv_store_ident){0};
  int rc = load(txn, (raft_slice){"S", 1}, raft_serverpb_StoreIdent_fields, &pb);
  if (rc == KV_OK) {
    *ident = (kv_store_ident){pb.cluster_id, pb.store_id, pb.incarnation, pb.data_id, pb.prepared};
  }
  return rc;
}

int kv_ident_save(kv_txn *txn, const kv_store_ident *ident) {
  raft_serverpb_StoreIdent pb = {ident->cluster_id, ident->store_id, ident->incarnation,
                                 ident->data_id, ident->prepared};
  return save_small(txn, (raft_slice){"S", 1}, raft_serverpb_StoreIdent_fields, &pb);
}

int kv_apply_state_load(kv_txn *txn, uint64_t region_id, kv_apply_state *state) {
  unsigned char key[KEY_LENGTH];
  raft_serverpb_ApplyState pb = raft_serverpb_ApplyState_init_zero;
  *state = (kv_apply_state){0};
  int rc = load(txn, make_key('A', region_id, key), raft_serverpb_ApplyState_fields, &pb);
  if (rc == KV_OK) {
    *state = (kv_apply_state){pb.applied_index,
                              pb.applied_term,
                              pb.truncated_index,
                              pb.truncated_term,
                              {pb.bytes, pb.keys}};
  }
  return rc;
}

int kv_apply_state_save(kv_txn *txn, uint64_t region_id, const kv_apply_state *state) {
  unsigned char key[KEY_LENGTH];
  raft_serverpb_ApplyState pb = {state->applied_index,  state->applied_term, state->truncated_index,
                                 state->truncated_term, state->size.bytes,   state->size.keys};
  return save_small(txn, make_key('A', region_id, key), raft_serverpb_ApplyState_fields, &pb);
}

int kv_region_state_delete(kv_txn *txn, uint64_t region_id) {
  static const char kinds[] = {'A', 'R'};
  unsigned char key[KEY_LENGTH];
  int rc = KV_OK;
  for (size_t i = 0; i < sizeof kinds && (rc == KV_OK || rc == KV_ENOTFOUND); i++) {
    rc = txn->engine->ops->del(txn, KV_SPACE_META, make_key(kinds[i], region_id, key));
  }
  return rc == KV_ENOTFOUND ? KV_OK : rc;
}

void kv_region_state_clear(kv_region_state *state) {
  kv_region_clear(&state->region);
  *state = (kv_region_state){0};
}

static int decode_region_state(raft_slice value, kv_region_state *state) {
  raft_serverpb_RegionState pb = raft_serverpb_RegionState_init_zero;
  kv_region_reader reader;
  *state = (kv_region_state){0};
  kv_region_bind(&reader, &pb.region);
  int rc = kv_pb_decode(raft_serverpb_RegionState_fields, value, &pb);
  if (rc != KV_OK || pb.phase > KV_REGION_TOMBSTONE) {
    kv_region_reader_clear(&reader);
    return KV_ECORRUPT;
  }
  rc = kv_region_read(&reader, &pb.region, &state->region);
  if (rc == KV_OK) {
    state->phase = (kv_region_phase)pb.phase;
    state->peer_id = pb.peer_id;
  }
  return rc;
}

int kv_region_state_load(kv_txn *txn, uint64_t region_id, kv_region_state *state) {
  unsigned char key[KEY_LENGTH];
  raft_slice value;
  *state = (kv_region_state){0};
  int rc = txn->engine->ops->get(txn, KV_SPACE_META, make_key('R', region_id, key), &value);
  return rc != KV_OK ? rc : decode_region_state(value, state);
}

int kv_region_state_save(kv_txn *txn, const kv_region_state *state) {
  unsigned char key[KEY_LENGTH];
  raft_serverpb_RegionState pb = {
      .phase = (uint32_t)state->phase, .has_region = true, .peer_id = state->peer_id};
  raft_buf *buf = NULL;
  kv_region_to_pb(&state->region, &pb.region);
  int rc = kv_pb_encode_buf(raft_serverpb_RegionState_fields, &pb, &buf);
  if (rc == KV_OK) {
    raft_slice value = {raft_buf_data(buf), raft_buf_len(buf)};
    rc = txn->engine->ops->put(txn, KV_SPACE_META, make_key('R', state->region.id, key), value);
  }
  raft_buf_release(buf);
  return rc;
}

static int visit_item(const kv_engine_ops *ops, kv_cursor *cursor,
                      int (*visit)(void *ctx, const kv_region_state *state), void *ctx,
                      bool *past) {
  raft_slice key, value;
  kv_region_state state;
  ops->item(cursor, &key, &value);
  *past = key.len != KEY_LENGTH || *(const char *)key.data != 'R';
  if (*past) {
    return KV_OK;
  }
  int rc = decode_region_state(value, &state);
  if (rc == KV_OK) {
    rc = visit(ctx, &state);
  }
  kv_region_state_clear(&state);
  return rc;
}

int kv_region_state_each(kv_txn *txn, int (*visit)(void *ctx, const kv_region_state *state),
                         void *ctx) {
  const kv_engine_ops *ops = txn->engine->ops;
  unsigned char key[KEY_LENGTH];
  kv_cursor *cursor = NULL;
  int rc = ops->seek(txn, KV_SPACE_META, make_key('R', 0, key), &cursor);
  bool past = rc == KV_ENOTFOUND;
  if (rc != KV_OK) {
    return past ? KV_OK : rc;
  }
  while (rc == KV_OK && !past) {
    rc = visit_item(ops, cursor, visit, ctx, &past);
    if (rc == KV_OK && !past) {
      rc = ops->next(cursor);
      past = rc == KV_ENOTFOUND;
    }
  }
  ops->cursor_close(cursor);
  return past ? KV_OK : rc;
}

/* The first key of [start, end), copied out of the transaction. */
static int first_key(kv_txn *txn, raft_slice start, raft_slice end, unsigned char *copy,
                     raft_slice *key) {
  const kv_engine_ops *ops = txn->engine->ops;
  kv_cursor *cursor = NULL;
  raft_slice found, value;
  int rc = ops->seek(txn, KV_SPACE_DATA, start, &cursor);
  if (rc != KV_OK) {
    return rc;
  }
  ops->item(cursor, &found, &value);
  if (kv_key_past_end(found, end)) {
    rc = KV_ENOTFOUND;
  } else if (found.len > KV_MAX_KEY) {
    rc = KV_ECORRUPT;
  } else {
    memcpy(copy, found.data, found.len);
    *key = (raft_slice){copy, found.len};
  }
  ops->cursor_close(cursor);
  return rc;
}

/* The search goes on where the last key was found: before it, an engine may have to pass over all
 * that was deleted. */
int kv_data_clear(kv_txn *txn, raft_slice start, raft_slice end, size_t limit, bool *more) {
  unsigned char copy[KV_MAX_KEY];
  raft_slice key = start;
  int rc = KV_OK;
  *more = false;
  for (size_t i = 0; i < limit && rc == KV_OK; i++) {
    rc = first_key(txn, key, end, copy, &key);
    if (rc == KV_OK) {
      rc = txn->engine->ops->del(txn, KV_SPACE_DATA, key);
    }
  }
  if (rc == KV_OK) {
    rc = first_key(txn, key, end, copy, &key);
    *more = rc == KV_OK;
  }
  return rc == KV_ENOTFOUND ? KV_OK : rc;
}

void kv_snapshot_meta_clear(kv_snapshot_meta *meta) {
  kv_region_clear(&meta->region);
  *meta = (kv_snapshot_meta){0};
}

int kv_snapshot_meta_encode(const kv_snapshot_meta *meta, raft_buf **bytes) {
  raft_serverpb_SnapshotMeta pb = {.has_region = true,
                                   .index = meta->index,
                                   .term = meta->term,
                                   .keys = meta->keys,
                                   .bytes = meta->bytes,
                                   .checksum = meta->checksum};
  kv_region_to_pb(&meta->region, &pb.region);
  return kv_pb_encode_buf(raft_serverpb_SnapshotMeta_fields, &pb, bytes);
}

int kv_snapshot_meta_decode(raft_slice bytes, kv_snapshot_meta *meta) {
  raft_serverpb_SnapshotMeta pb = raft_serverpb_SnapshotMeta_init_zero;
  kv_region_reader reader;
  *meta = (kv_snapshot_meta){0};
  kv_region_bind(&reader, &pb.region);
  if (kv_pb_decode(raft_serverpb_SnapshotMeta_fields, bytes, &pb) != KV_OK) {
    kv_region_reader_clear(&reader);
    return KV_ECORRUPT;
  }
  int rc = kv_region_read(&reader, &pb.region, &meta->region);
  if (rc == KV_OK) {
    meta->index = pb.index;
    meta->term = pb.term;
    meta->keys = pb.keys;
    meta->bytes = pb.bytes;
    meta->checksum = pb.checksum;
  }
  return rc;
}
