/* beat.c - heartbeats of many regions in one frame.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/beat.h"

#include <stdlib.h>
#include <string.h>

enum {
  VERSION = 1,
  VARINT = 10,       /* bytes of the longest one */
  NUMBERS = 8,       /* of a beat */
  FIRST_ROOM = 256,  /* bytes */
  ROOM_KEPT = 16384, /* of beats that were sent */
  FLAG_AWAITS = 1
};

/* ---- numbers ---- */

static unsigned char *put_number(unsigned char *to, uint64_t value) {
  for (; value >= 128; value >>= 7) {
    *to++ = (unsigned char)(value | 128);
  }
  *to++ = (unsigned char)value;
  return to;
}

/* False: the bytes end before, or it is none. */
static bool take_number(raft_slice *from, uint64_t *value) {
  const unsigned char *bytes = from->data;
  *value = 0;
  for (size_t i = 0; i < from->len && i < VARINT; i++) {
    const uint64_t part = bytes[i] & 127;
    if (i == VARINT - 1 && part > 1) {
      return false;
    }
    *value |= part << (7 * i);
    if (bytes[i] < 128) {
      from->data = bytes + i + 1;
      from->len -= i + 1;
      return true;
    }
  }
  return false;
}

/* A count and so many bytes. */
static bool take_bytes(raft_slice *from, uint64_t most, raft_slice *bytes) {
  uint64_t len = 0;
  if (!take_number(from, &len) || len > most || len > from->len) {
    return false;
  }
  *bytes = (raft_slice){from->data, (size_t)len};
  from->data = (const unsigned char *)from->data + len;
  from->len -= (size_t)len;
  return true;
}

/* ---- writing ---- */

void kv_beats_free(kv_beats *beats) {
  free(beats->data);
  *beats = (kv_beats){0};
}

static int reserve(kv_beats *beats, size_t more) {
  size_t room = beats->room > 0 ? beats->room : FIRST_ROOM;
  while (room < beats->len + more) {
    room *= 2;
  }
  if (room > beats->room) {
    unsigned char *data = realloc(beats->data, room);
    if (data == NULL) {
      return KV_ENOMEM;
    }
    beats->data = data;
    beats->room = room;
  }
  return KV_OK;
}

int kv_beats_add(kv_beats *beats, const kv_beat *beat) {
  const uint64_t numbers[NUMBERS] = {beat->region_id,      beat->from_peer,     beat->to_peer,
                                     beat->epoch.conf_ver, beat->epoch.version, beat->term,
                                     beat->index,          beat->context.len};
  if (beat->context.len > KV_BEAT_MAX_CONTEXT ||
      reserve(beats, 1 + NUMBERS * VARINT + KV_BEAT_MAX_CONTEXT) != KV_OK) {
    return KV_ENOMEM;
  }
  unsigned char *to = beats->data + beats->len;
  *to++ = (unsigned char)beat->kind;
  for (size_t i = 0; i < NUMBERS; i++) {
    to = put_number(to, numbers[i]);
  }
  if (beat->context.len > 0) {
    memcpy(to, beat->context.data, beat->context.len);
    to += beat->context.len;
  }
  beats->len = (size_t)(to - beats->data);
  beats->count++;
  return KV_OK;
}

static size_t put_header(unsigned char *bytes, const kv_beat_header *header, uint64_t count) {
  const size_t len = strlen(header->from_address);
  unsigned char *to = bytes;
  *to++ = VERSION;
  *to++ = header->awaits ? FLAG_AWAITS : 0;
  to = put_number(to, header->from_store);
  to = put_number(to, header->to_store);
  to = put_number(to, header->incarnation);
  to = put_number(to, len);
  memcpy(to, header->from_address, len);
  return (size_t)(put_number(to + len, count) - bytes);
}

int kv_beats_frame(kv_beats *beats, const kv_beat_header *header, raft_buf **frame) {
  unsigned char head[2 + 5 * VARINT + KV_MAX_ADDRESS];
  const size_t len = put_header(head, header, beats->count);
  void *data = NULL;
  *frame = raft_buf_create(NULL, len + beats->len, &data);
  if (*frame != NULL) {
    memcpy(data, head, len);
    if (beats->len > 0) {
      memcpy((unsigned char *)data + len, beats->data, beats->len);
    }
  }
  beats->len = 0;
  beats->count = 0;
  if (beats->room > ROOM_KEPT) {
    kv_beats_free(beats);
  }
  return *frame != NULL ? KV_OK : KV_ENOMEM;
}

/* ---- reading ---- */

static bool take_header(raft_slice *from, kv_beat_header *header, uint64_t *count) {
  const unsigned char *bytes = from->data;
  raft_slice address;
  if (from->len < 2 || bytes[0] != VERSION || bytes[1] > FLAG_AWAITS) {
    return false;
  }
  header->awaits = bytes[1] == FLAG_AWAITS;
  *from = (raft_slice){bytes + 2, from->len - 2};
  if (!take_number(from, &header->from_store) || !take_number(from, &header->to_store) ||
      !take_number(from, &header->incarnation) || !take_bytes(from, KV_MAX_ADDRESS, &address) ||
      !take_number(from, count)) {
    return false;
  }
  if (address.len == 0 || memchr(address.data, '\0', address.len) != NULL) {
    return false;
  }
  memcpy(header->from_address, address.data, address.len);
  header->from_address[address.len] = '\0';
  return header->from_store != 0 && header->incarnation != 0;
}

static bool take_beat(raft_slice *from, kv_beat *beat) {
  uint64_t *const numbers[NUMBERS - 1] = {
      &beat->region_id,     &beat->from_peer, &beat->to_peer, &beat->epoch.conf_ver,
      &beat->epoch.version, &beat->term,      &beat->index};
  if (from->len == 0) {
    return false;
  }
  const unsigned char *bytes = from->data;
  beat->kind = (kv_beat_kind)bytes[0];
  *from = (raft_slice){bytes + 1, from->len - 1};
  for (size_t i = 0; i < NUMBERS - 1; i++) {
    if (!take_number(from, numbers[i])) {
      return false;
    }
  }
  return take_bytes(from, KV_BEAT_MAX_CONTEXT, &beat->context) && beat->kind >= KV_BEAT_HEARTBEAT &&
         beat->kind <= KV_BEAT_WAKE && beat->region_id != 0 && beat->from_peer != 0 &&
         beat->to_peer != 0;
}

int kv_beats_read(raft_slice frame, kv_beat_header *header, kv_beat_reader *reader) {
  kv_beat beat;
  uint64_t count = 0;
  if (!take_header(&frame, header, &count)) {
    return KV_ECORRUPT;
  }
  *reader = (kv_beat_reader){frame, count};
  for (uint64_t i = 0; i < count; i++) {
    if (!take_beat(&frame, &beat)) {
      return KV_ECORRUPT;
    }
  }
  return frame.len == 0 ? KV_OK : KV_ECORRUPT;
}

bool kv_beats_next(kv_beat_reader *reader, kv_beat *beat) {
  if (reader->count == 0) {
    return false;
  }
  reader->count--;
  return take_beat(&reader->rest, beat);
}
