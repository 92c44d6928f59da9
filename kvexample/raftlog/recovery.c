/* recovery.c - from the files of a directory to the state of a log, or to the reason why not.
 *
 * Frames are read in the order of epochs and offsets; their sequence numbers must follow on. Where
 * they stop, what lies behind decides: a later frame that verifies was either written together with
 * the missing one (its `batch` is not above the missing sequence: nobody was told that either was
 * durable, both are dropped) or after it had become durable (then something was damaged, and
 * guessing what is not for us). Dropped frames that verify are erased, lest they seem to follow on
 * later.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "raftlog/log_state.h"

#define ADVICE                                                                                     \
  "restore this store's directory from a backup, or remove the store from the cluster and let it " \
  "join again with an empty directory"

/* A frame that verifies but does not follow on: dropped with what is missing before it. */
typedef struct leftover {
  const kv_log_segment *segment;
  uint64_t offset;
} leftover;

typedef struct recovery {
  kv_raft_log *log;
  kv_error *error;
  uint64_t *epochs; /* of the segments in the directory, ascending */
  size_t epoch_count;
  size_t epoch_room;
  uint64_t expected;      /* sequence of the next frame; 0: none seen yet */
  uint64_t first;         /* sequence of the first frame */
  uint64_t oldest;        /* as the last frame says */
  unsigned char *content; /* of the segment that is being read */
  size_t content_room;
  leftover *leftovers;
  size_t leftover_count;
  size_t leftover_room;
  const kv_log_segment *end_segment; /* where the next frame is missed, */
  uint64_t end_offset;               /* and where in it */
} recovery;

static int out_of_memory(kv_error *error) {
  return kv_fail(error, KV_ENOMEM, "out of memory while reading the raft log");
}

/* ---- the directory ---- */

static int compare_epochs(const void *a, const void *b) {
  uint64_t left;
  uint64_t right;
  memcpy(&left, a, sizeof(left));
  memcpy(&right, b, sizeof(right));
  return left < right ? -1 : left > right;
}

static int note_segment(recovery *run, uint64_t epoch) {
  if (run->epoch_count == run->epoch_room) {
    const size_t room = run->epoch_room == 0 ? 16 : run->epoch_room * 2;
    uint64_t *epochs = realloc(run->epochs, room * sizeof(*epochs));
    if (epochs == NULL) {
      return out_of_memory(run->error);
    }
    run->epochs = epochs;
    run->epoch_room = room;
  }
  run->epochs[run->epoch_count++] = epoch;
  return KV_OK;
}

static void remove_file(const recovery *run, const char *name) {
  const kv_log_writer *writer = &run->log->writer;
  (void)writer->files->unlink(writer->files->ctx, writer->directory, name);
}

/* A spare that is of use is kept, any other removed. */
static void note_spare(recovery *run, const char *name, uint64_t number) {
  kv_log_writer *writer = &run->log->writer;
  const int fd = writer->files->open(writer->files->ctx, writer->directory, name, O_RDWR);
  const off_t bytes = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
  if (fd >= 0) {
    kv_log_close(fd);
  }
  if (bytes == (off_t)writer->segment_bytes && writer->spare_count < KV_LOG_SPARES) {
    writer->spares[writer->spare_count++] = number;
  } else {
    remove_file(run, name);
  }
}

static int note_name(recovery *run, const char *name) {
  uint64_t number;
  kv_log_writer *writer = &run->log->writer;
  switch (kv_log_file_parse(name, &number)) {
  case KV_LOG_FILE_SEGMENT: return note_segment(run, number);
  case KV_LOG_FILE_SPARE: note_spare(run, name, number); break;
  case KV_LOG_FILE_PARTIAL: remove_file(run, name); break;
  case KV_LOG_FILE_OTHER: return KV_OK;
  }
  writer->next_number = number >= writer->next_number ? number + 1 : writer->next_number;
  return KV_OK;
}

static int list_directory(recovery *run) {
  const kv_log_writer *writer = &run->log->writer;
  const int fd = openat(writer->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (directory == NULL) {
    return kv_fail(run->error, KV_EIO, "cannot list %s: %s", writer->path, strerror(errno));
  }
  int rc = KV_OK;
  for (const struct dirent *entry; rc == KV_OK && (entry = readdir(directory)) != NULL;) {
    rc = note_name(run, entry->d_name);
  }
  (void)closedir(directory);
  if (run->epoch_count > 0) {
    qsort(run->epochs, run->epoch_count, sizeof(*run->epochs), compare_epochs);
  }
  return rc;
}

/* ---- one frame ---- */

static int apply_entries(recovery *run, kv_log_region *region, const kv_log_piece *piece,
                         kv_log_frame_reader *reader, kv_log_segment *segment, uint64_t offset) {
  kv_log_index *index = &run->log->index;
  for (uint32_t i = 0; i < piece->entry_count; i++) {
    kv_log_entry entry = {.segment = segment};
    size_t at;
    if (!kv_log_frame_next_entry(reader, &entry.header, &at)) {
      return KV_ECORRUPT; /* not after kv_log_frame_check */
    }
    entry.offset = (uint32_t)(offset + at);
    if (kv_log_region_place(index, region, piece->first_index + i, &entry) != KV_OK) {
      return out_of_memory(run->error);
    }
  }
  return KV_OK;
}

static int apply_frame(recovery *run, const unsigned char *frame, const kv_log_frame_header *header,
                       kv_log_segment *segment, uint64_t offset) {
  kv_log_index *index = &run->log->index;
  kv_log_frame_reader reader;
  kv_log_frame_reader_init(&reader, frame, header);
  int rc = KV_OK;
  kv_log_piece piece;
  for (uint32_t i = 0; i < header->pieces && rc == KV_OK; i++) {
    (void)kv_log_frame_next_piece(&reader, &piece);
    kv_log_region *region = kv_log_index_obtain(index, piece.region_id);
    if (region == NULL) {
      return out_of_memory(run->error);
    }
    if ((piece.flags & KV_LOG_PIECE_RESET) != 0) {
      kv_log_region_truncate(index, region, 0);
    } else if (piece.entry_count > 0 && (piece.flags & KV_LOG_PIECE_REWRITE) == 0) {
      kv_log_region_truncate(index, region, piece.first_index);
    }
    rc = apply_entries(run, region, &piece, &reader, segment, offset);
    kv_log_region_compact(index, region, piece.truncated_index);
    kv_log_region_set_state(region, &piece, segment);
  }
  return rc;
}

/* ---- one segment ---- */

static int fail_damaged(const recovery *run, const kv_log_segment *segment, uint64_t offset) {
  char name[KV_LOG_NAME_SIZE];
  kv_log_file_name(KV_LOG_FILE_SEGMENT, segment->epoch, name);
  return kv_fail(run->error, KV_ECORRUPT,
                 "raft log %s/%s is damaged at offset %" PRIu64
                 ": what was durable there does not verify, but later groups do; " ADVICE,
                 run->log->writer.path, name, offset);
}

static int note_leftover(recovery *run, const kv_log_segment *segment, uint64_t offset) {
  if (run->leftover_count == run->leftover_room) {
    const size_t room = run->leftover_room == 0 ? 16 : run->leftover_room * 2;
    leftover *leftovers = realloc(run->leftovers, room * sizeof(*leftovers));
    if (leftovers == NULL) {
      return out_of_memory(run->error);
    }
    run->leftovers = leftovers;
    run->leftover_room = room;
  }
  run->leftovers[run->leftover_count++] = (leftover){segment, offset};
  return KV_OK;
}

/* What lies behind the last frame that follows on, which ends at `begin`. */
static int judge_rest(recovery *run, const kv_log_segment *segment, const unsigned char *content,
                      uint64_t begin) {
  uint64_t offset = begin;
  int rc = KV_OK;
  while (rc == KV_OK &&
         (offset = kv_log_frame_seek(content, offset, segment->bytes)) < segment->bytes) {
    kv_log_frame_header header;
    if (!kv_log_frame_check(content + offset, (size_t)(segment->bytes - offset), segment->epoch,
                            segment->salt, &header)) {
      offset += KV_LOG_ALIGNMENT;
      continue;
    }
    const uint64_t missing = run->expected == 0 ? 1 : run->expected;
    if (header.batch > missing) {
      /* A segment that begins with a frame too late: the missing one ended the one before. */
      return offset == begin ? fail_damaged(run, run->end_segment, run->end_offset)
                             : fail_damaged(run, segment, begin);
    }
    rc = note_leftover(run, segment, offset);
    offset += kv_log_frame_bytes(header.meta_bytes, header.payload_bytes);
  }
  return rc;
}

/* Only when all else is found to be right, so that a log that is refused is left as it was. */
static int erase_leftovers(const recovery *run) {
  kv_log_writer *writer = &run->log->writer;
  int rc = KV_OK;
  for (size_t i = 0; i < run->leftover_count && rc == KV_OK; i++) {
    const leftover *frame = &run->leftovers[i];
    rc = kv_log_writer_fill(writer, frame->segment->fd, frame->offset,
                            frame->offset + KV_LOG_FRAME_HEADER, run->error);
    if (rc == KV_OK && writer->files->sync_data(writer->files->ctx, frame->segment->fd) != 0) {
      rc = kv_fail(run->error, KV_EIO, "cannot sync the raft log in %s: %s", writer->path,
                   strerror(errno));
    }
  }
  return rc;
}

static int replay(recovery *run, kv_log_segment *segment, const unsigned char *content) {
  uint64_t offset = KV_LOG_SEGMENT_HEADER;
  kv_log_frame_header header;
  int rc = KV_OK;
  while (rc == KV_OK && offset < segment->bytes &&
         kv_log_frame_check(content + offset, (size_t)(segment->bytes - offset), segment->epoch,
                            segment->salt, &header) &&
         (run->expected == 0 || header.sequence == run->expected)) {
    rc = apply_frame(run, content + offset, &header, segment, offset);
    run->first = run->expected == 0 ? header.sequence : run->first;
    segment->first_sequence =
        segment->first_sequence == 0 ? header.sequence : segment->first_sequence;
    run->expected = header.sequence + 1;
    run->oldest = header.oldest;
    offset += kv_log_frame_bytes(header.meta_bytes, header.payload_bytes);
    run->end_segment = segment;
    run->end_offset = offset;
  }
  if (run->end_segment == NULL) {
    run->end_segment = segment;
    run->end_offset = offset;
  }
  return rc == KV_OK ? judge_rest(run, segment, content, offset) : rc;
}

/* ---- files ---- */

/* Another store's log, or another cluster's; 0 on either side: it was not said. */
static int check_identity(const recovery *run, const kv_log_segment_header *header,
                          const char *name) {
  const kv_log_writer *writer = &run->log->writer;
  if (writer->store_id != 0 && header->store_id != 0 && writer->store_id != header->store_id) {
    return kv_fail(run->error, KV_EFOREIGN,
                   "%s belongs to store %" PRIu64 ", this is store %" PRIu64
                   ": start it with its own directory",
                   name, header->store_id, writer->store_id);
  }
  if (writer->cluster_id != 0 && header->cluster_id != 0 &&
      writer->cluster_id != header->cluster_id) {
    return kv_fail(run->error, KV_EFOREIGN,
                   "%s belongs to cluster %" PRIu64 ", this store to cluster %" PRIu64
                   ": start it with its own directory",
                   name, header->cluster_id, writer->cluster_id);
  }
  return KV_OK;
}

static int read_header(recovery *run, kv_log_segment *segment, const char *name) {
  const kv_log_writer *writer = &run->log->writer;
  char path[512];
  (void)snprintf(path, sizeof(path), "%s/%s", writer->path, name);
  unsigned char block[KV_LOG_SEGMENT_HEADER] = {0};
  size_t got;
  kv_log_segment_header header;
  int rc = kv_log_read_all(writer->files, segment->fd, block, sizeof(block), 0, &got);
  if (rc != KV_OK) {
    return kv_fail(run->error, rc, "cannot read %s: %s", path, strerror(errno));
  }
  rc = kv_log_segment_header_decode(block, got, path, &header, run->error);
  rc = rc == KV_OK ? check_identity(run, &header, path) : rc;
  if (rc == KV_OK && header.epoch != segment->epoch) {
    rc = kv_fail(run->error, KV_ECORRUPT,
                 "%s has the header of segment %016" PRIx64 ": it was renamed or copied; " ADVICE,
                 path, header.epoch);
  }
  segment->bytes = header.bytes;
  segment->salt = header.salt;
  return rc;
}

/* The whole file into run->content; what it lacks at the end counts as zeros. */
static int read_content(recovery *run, const kv_log_segment *segment) {
  if (run->content_room < segment->bytes) {
    free(run->content);
    run->content = malloc((size_t)segment->bytes);
    run->content_room = run->content == NULL ? 0 : (size_t)segment->bytes;
  }
  if (run->content == NULL) {
    return out_of_memory(run->error);
  }
  size_t got;
  if (kv_log_read_all(run->log->writer.files, segment->fd, run->content, (size_t)segment->bytes, 0,
                      &got) != KV_OK) {
    return kv_fail(run->error, KV_EIO, "cannot read a segment of the raft log in %s: %s",
                   run->log->writer.path, strerror(errno));
  }
  memset(run->content + got, 0, (size_t)segment->bytes - got);
  return KV_OK;
}

static int load_segment(recovery *run, kv_log_segment *segment) {
  kv_log_writer *writer = &run->log->writer;
  char name[KV_LOG_NAME_SIZE];
  kv_log_file_name(KV_LOG_FILE_SEGMENT, segment->epoch, name);
  segment->fd = writer->files->open(writer->files->ctx, writer->directory, name, O_RDWR);
  if (segment->fd < 0) {
    return kv_fail(run->error, KV_EIO, "cannot open %s/%s: %s", writer->path, name,
                   strerror(errno));
  }
  int rc = read_header(run, segment, name);
  rc = rc == KV_OK ? read_content(run, segment) : rc;
  return rc == KV_OK ? replay(run, segment, run->content) : rc;
}

static int load_segments(recovery *run) {
  kv_raft_log *log = run->log;
  kv_log_segment **end = &log->oldest;
  int rc = KV_OK;
  for (size_t i = 0; i < run->epoch_count && rc == KV_OK; i++) {
    kv_log_segment *segment = kv_log_segment_create(run->epochs[i], 0);
    if (segment == NULL) {
      return out_of_memory(run->error);
    }
    *end = segment;
    end = &segment->next;
    rc = load_segment(run, segment);
    log->segments++;
    log->file_bytes += segment->bytes;
  }
  return rc;
}

/* ---- is all there? ---- */

static int check_region(const recovery *run, const kv_log_region *region) {
  bool whole = region->count == 0 || region->first == region->truncated_index + 1;
  for (uint64_t i = 0; i < region->count && whole; i++) {
    whole = kv_log_region_entry(region, region->first + i)->segment != NULL;
  }
  return whole ? KV_OK
               : kv_fail(run->error, KV_ECORRUPT,
                         "the raft log in %s lacks entries of region %" PRIu64 "; " ADVICE,
                         run->log->writer.path, region->id);
}

static int check_complete(const recovery *run) {
  const kv_raft_log *log = run->log;
  if ((run->expected == 0 && log->oldest->epoch > 1) || run->first > run->oldest) {
    return kv_fail(run->error, KV_ECORRUPT,
                   "the raft log in %s has lost segments before segment %016" PRIx64
                   " that are still needed; " ADVICE,
                   log->writer.path, log->oldest->epoch);
  }
  int rc = KV_OK;
  for (size_t i = 0; i < log->index.slot_count && rc == KV_OK; i++) {
    rc = log->index.slots[i] == NULL ? KV_OK : check_region(run, log->index.slots[i]);
  }
  return rc;
}

/* ---- where to go on ---- */

/* A file that is to be written to has all its blocks again. */
static int complete_file(const recovery *run, const kv_log_segment *segment) {
  const off_t bytes = lseek(segment->fd, 0, SEEK_END);
  return bytes < 0
             ? kv_fail(run->error, KV_EIO, "cannot measure a segment of the raft log in %s: %s",
                       run->log->writer.path, strerror(errno))
             : kv_log_writer_fill(&run->log->writer, segment->fd, (uint64_t)bytes, segment->bytes,
                                  run->error);
}

/* Segments behind the active one hold nothing: the first may be the prepared one, others go, the
 * last first, so that epochs never have a hole. */
static int settle_rest(recovery *run) {
  kv_raft_log *log = run->log;
  kv_log_writer *writer = &log->writer;
  /* The active segment is the one that load_segments found the end in. */
  kv_log_segment *rest = log->active->next; /* NOLINT(clang-analyzer-core.NullDereference) */
  log->active->next = NULL;
  int rc = complete_file(run, log->active);
  if (rc == KV_OK && rest != NULL && rest->bytes == writer->segment_bytes &&
      rest->epoch == log->active->epoch + 1) {
    writer->next = (kv_log_maker){.fd = rest->fd,
                                  .bytes = rest->bytes,
                                  .ready = true,
                                  .epoch = rest->epoch,
                                  .salt = rest->salt};
    kv_log_file_name(KV_LOG_FILE_SEGMENT, rest->epoch, writer->next.name);
    rc = complete_file(run, rest);
    rest->fd = -1;
    log->next = KV_LOG_NEXT_READY;
  }
  bool removed = false;
  while (rest != NULL) {
    kv_log_segment **last = &rest;
    while ((*last)->next != NULL) {
      last = &(*last)->next;
    }
    char name[KV_LOG_NAME_SIZE];
    kv_log_file_name(KV_LOG_FILE_SEGMENT, (*last)->epoch, name);
    if ((*last)->fd >= 0) {
      remove_file(run, name);
      removed = true;
    }
    log->segments--;
    log->file_bytes -= (*last)->bytes;
    kv_log_segment_free(*last);
    *last = NULL;
  }
  return rc == KV_OK && removed ? kv_log_writer_sync_directory(writer, run->error) : rc;
}

static int begin_log(recovery *run) {
  kv_raft_log *log = run->log;
  log->oldest = kv_log_segment_create(1, log->writer.segment_bytes);
  if (log->oldest == NULL) {
    return out_of_memory(run->error);
  }
  log->active = log->oldest;
  log->tail = KV_LOG_SEGMENT_HEADER;
  log->segments = 1;
  log->file_bytes = log->oldest->bytes;
  log->next_sequence = 1;
  return kv_log_writer_roll(&log->writer, log->oldest, run->error);
}

static int go_on(recovery *run) {
  kv_raft_log *log = run->log;
  for (kv_log_segment *segment = log->oldest; segment != NULL; segment = segment->next) {
    log->active = segment == run->end_segment ? segment : log->active;
  }
  log->tail = run->end_offset;
  log->next_sequence = run->expected == 0 ? 1 : run->expected;
  log->durable = log->next_sequence - 1;
  log->oldest_needed = run->oldest;
  return settle_rest(run);
}

int kv_log_recover(kv_raft_log *log, kv_error *error) {
  recovery run = {.log = log, .error = error};
  log->writer.next_number = 1;
  int rc = list_directory(&run);
  if (rc == KV_OK && run.epoch_count == 0) {
    rc = begin_log(&run);
  } else if (rc == KV_OK) {
    rc = load_segments(&run);
    rc = rc == KV_OK ? check_complete(&run) : rc;
    rc = rc == KV_OK ? erase_leftovers(&run) : rc;
    rc = rc == KV_OK ? go_on(&run) : rc;
  }
  free(run.content);
  free(run.leftovers);
  free(run.epochs);
  if (rc == KV_OK) {
    kv_log_collect(log);
    kv_log(log->logger, KV_INFO, "raft log open",
           "segments=%zu groups=%" PRIu64 " live_bytes=%" PRIu64, log->segments, log->durable,
           log->index.bytes);
  }
  return rc;
}
