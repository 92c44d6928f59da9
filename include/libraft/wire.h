/* wire.h - raftpb bytes, as etcd-io/raft 3.7 writes and reads them.
 *
 * Encoding writes the fields that are set; entry sizes are those of raft_entry_size. Decoding
 * takes packed and unpacked repeated fields, skips unknown ones (13 and 14 of Message, which are
 * local, among them) and treats input as hostile: sizes, counts and nesting are checked against
 * limits before anything is allocated. Payload bytes are not copied when the input has an owner.
 *
 * All functions are for any thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIBRAFT_WIRE_H
#define LIBRAFT_WIRE_H

#include <libraft/error.h>
#include <libraft/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a decoder accepts. NULL where a function takes them: the defaults. */
typedef struct raft_wire_limits {
  size_t max_bytes;   /* of one encoded message; default 512 MiB */
  size_t max_entries; /* of one message; default 1 Mi */
  size_t max_ids;     /* of one list of a ConfState, and changes of a ConfChangeV2; default 64 Ki */
} raft_wire_limits;

/* Sets the defaults. */
void raft_wire_limits_init(raft_wire_limits *limits);

/* Encoded size in bytes. Local fields (vote, responses) are left out, as in encoding. */
size_t raft_message_wire_size(const raft_message *message);

/* Encodes into buf; *len is set to the bytes written. RAFT_ENOSPACE: buf is too small. */
int raft_message_encode(const raft_message *message, void *buf, size_t size, size_t *len);

/* A piece of raft_message_encode_to of at most so many bytes lies in memory that is used again. */
#define RAFT_WIRE_SMALL 256

/* Encodes piece by piece: write(ctx, data, len) is called in order; a non-zero return of it stops
 * and is returned. Payloads are passed as they lie in memory, so a piece longer than
 * RAFT_WIRE_SMALL is one and lives as long as the message; a shorter one is to be used or copied
 * within the call. RAFT_OK otherwise: it allocates nothing. */
int raft_message_encode_to(const raft_message *message,
                           int (*write)(void *ctx, const void *data, size_t len), void *ctx);

/* Decodes one message. On success message->body holds one reference, for the caller to drop by
 * raft_message_release; it is NULL when the message points to nothing. input.owner != NULL:
 * payloads keep a reference of it; else they are copied into the one allocation that holds the
 * message. allocator NULL: the default. RAFT_EDECODE, RAFT_ELIMIT, RAFT_ENOMEM: nothing is left
 * behind. */
int raft_message_decode(raft_bytes input, const raft_wire_limits *limits,
                        const raft_allocator *allocator, raft_message *message);

/* Single parts, for embedders' own files. Encoders return RAFT_ENOSPACE when size is too small
 * and always set *len to the bytes needed. */
int raft_entry_encode(const raft_entry *entry, void *buf, size_t size, size_t *len);
/* entry->data borrows from `input`, with its owner, without taking a reference. */
int raft_entry_decode(raft_bytes input, raft_entry *entry);
int raft_hard_state_encode(const raft_hard_state *state, void *buf, size_t size, size_t *len);
int raft_hard_state_decode(raft_slice input, raft_hard_state *state);

/* The lists of a decoded ConfState live in *memory, which the caller frees by
 * allocator->free (raft_conf_state_free). */
int raft_conf_state_encode(const raft_conf_state *state, void *buf, size_t size, size_t *len);
int raft_conf_state_decode(raft_slice input, const raft_wire_limits *limits,
                           const raft_allocator *allocator, raft_conf_state *state, void **memory);
void raft_conf_state_free(const raft_allocator *allocator, void *memory);

int raft_snapshot_encode(const raft_snapshot *snapshot, void *buf, size_t size, size_t *len);
/* data borrows from input; the lists are in *memory, as above. */
int raft_snapshot_decode(raft_bytes input, const raft_wire_limits *limits,
                         const raft_allocator *allocator, raft_snapshot *snapshot, void **memory);

/* Data of EntryConfChange and EntryConfChangeV2. The context borrows from input; the changes of
 * the V2 form are in *memory, as above (NULL when there are none). */
int raft_conf_change_encode(const raft_conf_change *change, void *buf, size_t size, size_t *len);
int raft_conf_change_decode(raft_bytes input, raft_conf_change *change);
int raft_conf_change_v2_encode(const raft_conf_change_v2 *change, void *buf, size_t size,
                               size_t *len);
int raft_conf_change_v2_decode(raft_bytes input, const raft_wire_limits *limits,
                               const raft_allocator *allocator, raft_conf_change_v2 *change,
                               void **memory);

#ifdef __cplusplus
}
#endif
#endif
