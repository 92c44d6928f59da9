/* frame.c - groups to bytes and back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftlog/frame.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/little_endian.h"

static const uint32_t frame_magic = 0x31464c52; /* "RLF1" */
static unsigned char zeros[KV_LOG_ALIGNMENT];   /* padding; never written to */

enum {
  AT_MAGIC = 0,
  AT_CRC = 4,
  AT_EPOCH = 8,
  AT_SEQUENCE = 16,
  AT_BATCH = 24,
  AT_OLDEST = 32,
  AT_META = 40,
  AT_PAYLOAD = 44,
  AT_PIECES = 48,
  CRC_BEGIN = AT_EPOCH
};

uint64_t kv_log_frame_bytes(uint64_t meta_bytes, uint64_t payload_bytes) {
  const uint64_t bytes = KV_LOG_FRAME_HEADER + meta_bytes + payload_bytes;
  return (bytes + KV_LOG_ALIGNMENT - 1) / KV_LOG_ALIGNMENT * KV_LOG_ALIGNMENT;
}

/* ---- writing ---- */

kv_log_group *kv_log_group_create(size_t pieces, size_t entries, size_t payload_bytes) {
  const size_t meta = pieces * KV_LOG_PIECE + entries * KV_LOG_ENTRY_HEADER;
  kv_log_group *group = calloc(1, sizeof(*group));
  if (group == NULL) {
    return NULL;
  }
  group->head = malloc(KV_LOG_FRAME_HEADER + meta);
  group->vector = calloc(entries + 2, sizeof(*group->vector)); /* head, payloads, padding */
  group->owners = calloc(entries + 1, sizeof(raft_buf *));
  if (group->head == NULL || group->vector == NULL || group->owners == NULL) {
    kv_log_group_free(group);
    return NULL;
  }
  group->header.meta_bytes = (uint32_t)meta;
  group->header.payload_bytes = (uint32_t)payload_bytes;
  group->header.pieces = (uint32_t)pieces;
  group->bytes = kv_log_frame_bytes(meta, payload_bytes);
  group->head_used = KV_LOG_FRAME_HEADER;
  group->vector_count = 1;
  return group;
}

void kv_log_group_free(kv_log_group *group) {
  if (group == NULL) {
    return;
  }
  for (size_t i = 0; i < group->owner_count; i++) {
    raft_buf_release(group->owners[i]);
  }
  free(group->owners);
  free(group->vector);
  free(group->head);
  free(group);
}

void kv_log_group_add_piece(kv_log_group *group, const kv_log_piece *piece) {
  unsigned char *at = group->head + group->head_used;
  kv_put_u64(at, piece->region_id);
  kv_put_u32(at + 8, piece->flags);
  kv_put_u32(at + 12, piece->entry_count);
  kv_put_u64(at + 16, piece->hard_state.term);
  kv_put_u64(at + 24, piece->hard_state.vote);
  kv_put_u64(at + 32, piece->hard_state.commit);
  kv_put_u64(at + 40, piece->truncated_index);
  kv_put_u64(at + 48, piece->truncated_term);
  kv_put_u64(at + 56, piece->first_index);
  group->head_used += KV_LOG_PIECE;
}

static void add_payload(kv_log_group *group, const void *data, size_t len, raft_buf *owner) {
  struct iovec *part = &group->vector[group->vector_count++];
  /* struct iovec is made for reading and writing alike; this one is only written from. */
  memcpy(&part->iov_base, &data, sizeof(data));
  part->iov_len = len;
  group->owners[group->owner_count++] = raft_buf_retain(owner);
}

uint64_t kv_log_group_add_entry(kv_log_group *group, const kv_log_entry_header *entry,
                                const void *data, raft_buf *owner) {
  unsigned char *at = group->head + group->head_used;
  memset(at, 0, KV_LOG_ENTRY_HEADER);
  kv_put_u64(at, entry->term);
  kv_put_u32(at + 8, entry->len);
  kv_put_u32(at + 12, entry->crc);
  at[16] = entry->type;
  at[17] = entry->has_data ? 1 : 0;
  group->head_used += KV_LOG_ENTRY_HEADER;
  if (entry->len > 0) {
    add_payload(group, data, entry->len, owner);
  }
  const uint64_t offset = KV_LOG_FRAME_HEADER + group->header.meta_bytes + group->payload_used;
  group->payload_used += entry->len;
  return offset;
}

static uint32_t head_checksum(const unsigned char *head, size_t meta_bytes, uint32_t salt) {
  return kv_crc32c(salt, head + CRC_BEGIN, KV_LOG_FRAME_HEADER - CRC_BEGIN + meta_bytes);
}

static void encode_header(const kv_log_frame_header *header, unsigned char *head) {
  memset(head, 0, KV_LOG_FRAME_HEADER);
  kv_put_u32(head + AT_MAGIC, frame_magic);
  kv_put_u64(head + AT_EPOCH, header->epoch);
  kv_put_u64(head + AT_SEQUENCE, header->sequence);
  kv_put_u64(head + AT_BATCH, header->batch);
  kv_put_u64(head + AT_OLDEST, header->oldest);
  kv_put_u32(head + AT_META, header->meta_bytes);
  kv_put_u32(head + AT_PAYLOAD, header->payload_bytes);
  kv_put_u32(head + AT_PIECES, header->pieces);
}

void kv_log_group_seal(kv_log_group *group, uint32_t salt, uint64_t batch) {
  const kv_log_frame_header *header = &group->header;
  group->header.batch = batch;
  encode_header(header, group->head);
  kv_put_u32(group->head + AT_CRC, head_checksum(group->head, header->meta_bytes, salt));
  group->vector[0] = (struct iovec){group->head, group->head_used};
  const size_t used = group->head_used + header->payload_bytes;
  /* Sealing again, when a full disk put the write off, finds the padding in place. */
  const size_t padding_at = group->owner_count + 1;
  group->vector_count = padding_at;
  if (group->bytes > used) {
    group->vector[padding_at] = (struct iovec){zeros, group->bytes - used};
    group->vector_count++;
  }
}

/* ---- reading ---- */

static bool decode_header(const unsigned char *bytes, size_t available,
                          kv_log_frame_header *header) {
  if (available < KV_LOG_FRAME_HEADER || kv_get_u32(bytes + AT_MAGIC) != frame_magic) {
    return false;
  }
  *header = (kv_log_frame_header){.epoch = kv_get_u64(bytes + AT_EPOCH),
                                  .sequence = kv_get_u64(bytes + AT_SEQUENCE),
                                  .batch = kv_get_u64(bytes + AT_BATCH),
                                  .oldest = kv_get_u64(bytes + AT_OLDEST),
                                  .meta_bytes = kv_get_u32(bytes + AT_META),
                                  .payload_bytes = kv_get_u32(bytes + AT_PAYLOAD),
                                  .pieces = kv_get_u32(bytes + AT_PIECES)};
  return kv_log_frame_bytes(header->meta_bytes, header->payload_bytes) <= available;
}

uint64_t kv_log_frame_seek(const unsigned char *bytes, uint64_t from, uint64_t to) {
  while (from < to && (to - from < sizeof(uint32_t) || kv_get_u32(bytes + from) != frame_magic)) {
    from += KV_LOG_ALIGNMENT;
  }
  return from < to ? from : to;
}

void kv_log_frame_reader_init(kv_log_frame_reader *reader, const unsigned char *frame,
                              const kv_log_frame_header *header) {
  reader->frame = frame;
  reader->at = KV_LOG_FRAME_HEADER;
  reader->meta_end = KV_LOG_FRAME_HEADER + (size_t)header->meta_bytes;
  reader->payload_at = reader->meta_end;
  reader->payload_end = reader->meta_end + header->payload_bytes;
}

bool kv_log_frame_next_piece(kv_log_frame_reader *reader, kv_log_piece *piece) {
  if (reader->meta_end - reader->at < KV_LOG_PIECE) {
    return false;
  }
  const unsigned char *at = reader->frame + reader->at;
  *piece =
      (kv_log_piece){.region_id = kv_get_u64(at),
                     .flags = kv_get_u32(at + 8),
                     .entry_count = kv_get_u32(at + 12),
                     .hard_state = {kv_get_u64(at + 16), kv_get_u64(at + 24), kv_get_u64(at + 32)},
                     .truncated_index = kv_get_u64(at + 40),
                     .truncated_term = kv_get_u64(at + 48),
                     .first_index = kv_get_u64(at + 56)};
  reader->at += KV_LOG_PIECE;
  return piece->entry_count <= (reader->meta_end - reader->at) / KV_LOG_ENTRY_HEADER;
}

bool kv_log_frame_next_entry(kv_log_frame_reader *reader, kv_log_entry_header *entry,
                             size_t *offset) {
  if (reader->meta_end - reader->at < KV_LOG_ENTRY_HEADER) {
    return false;
  }
  const unsigned char *at = reader->frame + reader->at;
  *entry = (kv_log_entry_header){.term = kv_get_u64(at),
                                 .len = kv_get_u32(at + 8),
                                 .crc = kv_get_u32(at + 12),
                                 .type = at[16],
                                 .has_data = at[17] != 0};
  *offset = reader->payload_at;
  if (entry->len > reader->payload_end - reader->payload_at) {
    return false;
  }
  reader->at += KV_LOG_ENTRY_HEADER;
  reader->payload_at += entry->len;
  return true;
}

/* Pieces, entries and payloads fill their parts exactly, and every payload verifies. */
static bool body_verifies(const unsigned char *bytes, const kv_log_frame_header *header) {
  kv_log_frame_reader reader;
  kv_log_frame_reader_init(&reader, bytes, header);
  for (uint32_t i = 0; i < header->pieces; i++) {
    kv_log_piece piece;
    if (!kv_log_frame_next_piece(&reader, &piece)) {
      return false;
    }
    for (uint32_t j = 0; j < piece.entry_count; j++) {
      kv_log_entry_header entry;
      size_t offset;
      if (!kv_log_frame_next_entry(&reader, &entry, &offset) ||
          kv_crc32c(0, bytes + offset, entry.len) != entry.crc) {
        return false;
      }
    }
  }
  return reader.at == reader.meta_end && reader.payload_at == reader.payload_end;
}

bool kv_log_frame_check(const unsigned char *bytes, size_t available, uint64_t epoch, uint32_t salt,
                        kv_log_frame_header *header) {
  return decode_header(bytes, available, header) && header->epoch == epoch &&
         kv_get_u32(bytes + AT_CRC) == head_checksum(bytes, header->meta_bytes, salt) &&
         body_verifies(bytes, header);
}
