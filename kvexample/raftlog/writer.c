/* writer.c - the writer side: groups into files, one sync for all, the next file ready ahead of
 * need.
 *
 * A segment file is made as a partial file (space reserved, then really written), gets its header
 * and only then its name; or it is a spare, which has been through that before. So a file that has
 * a segment's name is whole, and writing to it changes no metadata.
 *
 * A run is the groups that go to one segment. It is written and synced before the next run, so
 * that the `batch` of a frame tells what was durable when the frame was written.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "raftlog/log_state.h"

/* Zeros are written by so many bytes at once. */
enum { FILL_STEP = 256 * 1024 };

/* The sentence for errno, about a file. */
static int fail_file(const kv_log_writer *writer, kv_error *error, int rc, const char *what,
                     const char *name) {
  const int number = errno;
  return kv_fail(error, rc, "cannot %s %s/%s: %s%s", what, writer->path, name, strerror(number),
                 rc == KV_EFULL ? "; make room on the disk, the store goes on by itself" : "");
}

/* ---- open and close ---- */

/* The directory's own entry must survive, too. */
static void sync_parent(int directory) {
  const int parent = openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent >= 0) {
    (void)fsync(parent);
    kv_log_close(parent);
  }
}

int kv_log_writer_open(kv_log_writer *writer, const kv_raft_log_options *options, kv_error *error) {
  writer->files = options->files == NULL ? &kv_log_system_files : options->files;
  writer->segment_bytes = options->segment_bytes;
  writer->cluster_id = options->cluster_id;
  writer->store_id = options->store_id;
  writer->next.fd = -1;
  writer->directory = -1;
  writer->path = strdup(options->directory);
  if (writer->path == NULL) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  const bool made = mkdir(options->directory, 0755) == 0;
  if (!made && errno != EEXIST) {
    return kv_fail(error, kv_log_error_of_errno(errno), "cannot make the directory %s: %s",
                   options->directory, strerror(errno));
  }
  writer->directory = open(options->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (writer->directory < 0) {
    return kv_fail(error, KV_EIO, "cannot open the directory %s: %s", options->directory,
                   strerror(errno));
  }
  if (made) {
    sync_parent(writer->directory);
  }
  return KV_OK;
}

void kv_log_writer_close(kv_log_writer *writer) {
  if (writer->next.fd >= 0) {
    kv_log_close(writer->next.fd);
  }
  if (writer->directory >= 0) {
    kv_log_close(writer->directory);
  }
  free(writer->path);
}

int kv_log_writer_sync_directory(kv_log_writer *writer, kv_error *error) {
  if (writer->files->sync_directory(writer->files->ctx, writer->directory) != 0) {
    return fail_file(writer, error, KV_EIO, "sync the directory", "");
  }
  return KV_OK;
}

static int rename_file(kv_log_writer *writer, const char *from, const char *to, kv_error *error) {
  if (writer->files->rename(writer->files->ctx, writer->directory, from, to) != 0) {
    return fail_file(writer, error, KV_EIO, "rename", from);
  }
  return kv_log_writer_sync_directory(writer, error);
}

/* ---- making a file ---- */

int kv_log_writer_fill(kv_log_writer *writer, int fd, uint64_t from, uint64_t to, kv_error *error) {
  static unsigned char zeros[FILL_STEP]; /* never written to */
  while (from < to) {
    const size_t len = to - from < FILL_STEP ? (size_t)(to - from) : FILL_STEP;
    struct iovec part = {zeros, len};
    const int rc = kv_log_write_all(writer->files, fd, &part, 1, from);
    if (rc != KV_OK) {
      return fail_file(writer, error, rc, "write zeros to a file in", "");
    }
    writer->files->start(writer->files->ctx, fd, (off_t)from, (off_t)len);
    from += len;
  }
  return KV_OK;
}

/* Forgets the file being made; a partial one leaves the disk. */
static void abandon(kv_log_writer *writer) {
  kv_log_maker *next = &writer->next;
  if (next->fd >= 0) {
    uint64_t number;
    kv_log_close(next->fd);
    if (kv_log_file_parse(next->name, &number) == KV_LOG_FILE_PARTIAL) {
      (void)writer->files->unlink(writer->files->ctx, writer->directory, next->name);
    }
  }
  *next = (kv_log_maker){.fd = -1};
}

/* Space is claimed first, so that a full disk is found out about before anything is written. File
 * systems that cannot do that find out while writing. */
static int claim_space(kv_log_writer *writer, kv_error *error) {
  const kv_log_maker *next = &writer->next;
  if (writer->files->allocate(writer->files->ctx, next->fd, (off_t)next->bytes) != 0 &&
      kv_log_error_of_errno(errno) == KV_EFULL) {
    return fail_file(writer, error, KV_EFULL, "reserve space for a segment in", "");
  }
  return KV_OK;
}

static int begin_spare(kv_log_writer *writer, kv_error *error) {
  kv_log_maker *next = &writer->next;
  kv_log_file_name(KV_LOG_FILE_SPARE, writer->spares[writer->spare_count - 1], next->name);
  next->fd = writer->files->open(writer->files->ctx, writer->directory, next->name, O_RDWR);
  if (next->fd < 0) {
    return fail_file(writer, error, kv_log_error_of_errno(errno), "open", next->name);
  }
  writer->spare_count--;
  next->written = next->bytes;
  return KV_OK;
}

static int begin_partial(kv_log_writer *writer, kv_error *error) {
  kv_log_maker *next = &writer->next;
  kv_log_file_name(KV_LOG_FILE_PARTIAL, writer->next_number++, next->name);
  next->fd = writer->files->open(writer->files->ctx, writer->directory, next->name,
                                 O_RDWR | O_CREAT | O_TRUNC);
  if (next->fd < 0) {
    return fail_file(writer, error, kv_log_error_of_errno(errno), "create", next->name);
  }
  return claim_space(writer, error);
}

static int begin(kv_log_writer *writer, uint64_t bytes, kv_error *error) {
  writer->next = (kv_log_maker){.fd = -1, .bytes = bytes};
  return bytes == writer->segment_bytes && writer->spare_count > 0 ? begin_spare(writer, error)
                                                                   : begin_partial(writer, error);
}

static uint32_t draw_salt(void) {
  uint32_t salt;
  if (getrandom(&salt, sizeof(salt), 0) != (ssize_t)sizeof(salt)) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    salt = (uint32_t)now.tv_nsec ^ (uint32_t)now.tv_sec;
  }
  return salt;
}

/* Header, sync, name, sync of the directory. */
static int finish(kv_log_writer *writer, uint64_t epoch, kv_error *error) {
  kv_log_maker *next = &writer->next;
  next->salt = draw_salt();
  const kv_log_segment_header header = {.epoch = epoch,
                                        .bytes = next->bytes,
                                        .cluster_id = writer->cluster_id,
                                        .store_id = writer->store_id,
                                        .salt = next->salt};
  unsigned char block[KV_LOG_SEGMENT_HEADER];
  kv_log_segment_header_encode(&header, block);
  struct iovec part = {block, sizeof(block)};
  int rc = kv_log_write_all(writer->files, next->fd, &part, 1, 0);
  if (rc != KV_OK) {
    return fail_file(writer, error, rc, "write the header of", next->name);
  }
  if (writer->files->sync_data(writer->files->ctx, next->fd) != 0) {
    return fail_file(writer, error, KV_EIO, "sync", next->name);
  }
  char name[KV_LOG_NAME_SIZE];
  kv_log_file_name(KV_LOG_FILE_SEGMENT, epoch, name);
  rc = rename_file(writer, next->name, name, error);
  if (rc == KV_OK) {
    memcpy(next->name, name, sizeof(name));
    next->epoch = epoch;
    next->ready = true;
  }
  return rc;
}

/* Goes on making a file of `bytes` for the segment `epoch`, writing at most `most` bytes of it. */
static int make_on(kv_log_writer *writer, uint64_t bytes, uint64_t epoch, uint64_t most,
                   kv_error *error) {
  kv_log_maker *next = &writer->next;
  int rc = next->fd >= 0 ? KV_OK : begin(writer, bytes, error);
  if (rc == KV_OK) {
    const uint64_t left = next->bytes - next->written;
    const uint64_t to = next->written + (left < most ? left : most);
    rc = kv_log_writer_fill(writer, next->fd, next->written, to, error);
    next->written = rc == KV_OK ? to : next->written;
  }
  if (rc == KV_OK && next->written == next->bytes) {
    rc = finish(writer, epoch, error);
  }
  if (rc != KV_OK) {
    abandon(writer);
  }
  return rc;
}

/* The file that was prepared is of the wrong size: keep it for later. */
static int put_back(kv_log_writer *writer, kv_error *error) {
  kv_log_maker *next = &writer->next;
  int rc = KV_OK;
  if (next->ready) {
    char spare[KV_LOG_NAME_SIZE];
    kv_log_file_name(KV_LOG_FILE_SPARE, writer->next_number, spare);
    rc = rename_file(writer, next->name, spare, error);
    if (rc == KV_OK && writer->spare_count < KV_LOG_SPARES) {
      writer->spares[writer->spare_count++] = writer->next_number++;
    }
  }
  abandon(writer);
  return rc;
}

int kv_log_writer_roll(kv_log_writer *writer, kv_log_segment *segment, kv_error *error) {
  kv_log_maker *next = &writer->next;
  int rc = KV_OK;
  if (next->fd >= 0 && (next->bytes != segment->bytes)) {
    rc = put_back(writer, error);
  }
  if (rc == KV_OK && !next->ready) {
    rc = make_on(writer, segment->bytes, segment->epoch, segment->bytes, error);
  }
  if (rc == KV_OK) {
    segment->fd = next->fd;
    segment->salt = next->salt;
    *next = (kv_log_maker){.fd = -1};
  }
  return rc;
}

/* ---- performing ---- */

/* One retired file becomes a spare, or goes. */
static int retire(kv_log_writer *writer, kv_log_segment *segment, kv_error *error) {
  char name[KV_LOG_NAME_SIZE];
  kv_log_file_name(KV_LOG_FILE_SEGMENT, segment->epoch, name);
  kv_log_close(segment->fd);
  segment->fd = -1;
  if (segment->bytes == writer->segment_bytes && writer->spare_count < KV_LOG_SPARES) {
    char spare[KV_LOG_NAME_SIZE];
    kv_log_file_name(KV_LOG_FILE_SPARE, writer->next_number, spare);
    writer->spares[writer->spare_count++] = writer->next_number++;
    return rename_file(writer, name, spare, error);
  }
  if (writer->files->unlink(writer->files->ctx, writer->directory, name) != 0) {
    return fail_file(writer, error, KV_EIO, "remove", name);
  }
  return kv_log_writer_sync_directory(writer, error);
}

static int flush(kv_log_writer *writer, const kv_log_segment *segment, size_t parts,
                 uint64_t offset, kv_error *error) {
  const int rc = kv_log_write_all(writer->files, segment->fd, writer->vector, parts, offset);
  if (rc != KV_OK) {
    char name[KV_LOG_NAME_SIZE];
    kv_log_file_name(KV_LOG_FILE_SEGMENT, segment->epoch, name);
    return fail_file(writer, error, rc, "write", name);
  }
  return KV_OK;
}

/* Writes all groups at the begin of the list that go to the segment of the first. */
static int write_run(kv_log_writer *writer, const kv_log_group *first, kv_error *error) {
  kv_log_segment *segment = first->segment;
  uint64_t offset = first->offset;
  uint64_t end = offset;
  size_t parts = 0;
  int rc = KV_OK;
  for (const kv_log_group *group = first; group != NULL && group->segment == segment && rc == KV_OK;
       group = group->next) {
    for (size_t i = 0; i < group->vector_count && rc == KV_OK; i++) {
      if (parts == KV_LOG_VECTOR) {
        rc = flush(writer, segment, parts, offset, error);
        offset = end;
        parts = 0;
      }
      writer->vector[parts++] = group->vector[i];
      end += group->vector[i].iov_len;
    }
  }
  return rc == KV_OK ? flush(writer, segment, parts, offset, error) : rc;
}

static void seal_run(kv_log_group *first) {
  const uint64_t batch = first->header.sequence;
  const kv_log_segment *segment = first->segment;
  for (kv_log_group *group = first; group != NULL && group->segment == segment;
       group = group->next) {
    kv_log_group_seal(group, segment->salt, batch);
  }
}

static int sync_segment(kv_log_writer *writer, const kv_log_segment *segment, kv_error *error) {
  writer->syncs++;
  if (writer->files->sync_data(writer->files->ctx, segment->fd) != 0) {
    char name[KV_LOG_NAME_SIZE];
    kv_log_file_name(KV_LOG_FILE_SEGMENT, segment->epoch, name);
    return fail_file(writer, error, KV_EIO, "sync", name);
  }
  return KV_OK;
}

static int perform_run(kv_log_work *work, uint64_t *bytes) {
  kv_log_segment *segment = work->todo.first->segment;
  int rc = segment->fd >= 0 ? KV_OK : kv_log_writer_roll(work->writer, segment, &work->error);
  if (rc == KV_OK) {
    seal_run(work->todo.first);
    rc = write_run(work->writer, work->todo.first, &work->error);
  }
  if (rc == KV_OK) {
    rc = sync_segment(work->writer, segment, &work->error);
  }
  while (rc == KV_OK && work->todo.first != NULL && work->todo.first->segment == segment) {
    kv_log_group *group = kv_log_groups_pop(&work->todo);
    *bytes += group->bytes;
    kv_log_groups_push(&work->performed, group);
  }
  return rc;
}

/* Zeros are written at twice the pace at which groups are, so the next file is ready when it is
 * needed, and no group waits for all of it. */
static int prepare(kv_log_work *work, uint64_t bytes) {
  kv_log_writer *writer = work->writer;
  int rc = KV_OK;
  if (work->active->fd >= 0 && !writer->next.ready) {
    rc = make_on(writer, writer->segment_bytes, work->active->epoch + 1, FILL_STEP + 2 * bytes,
                 &work->error);
  }
  work->next = writer->next.ready ? KV_LOG_NEXT_READY
               : rc == KV_EFULL   ? KV_LOG_NEXT_FULL
                                  : KV_LOG_NEXT_MAKING;
  return rc == KV_EFULL ? KV_OK : rc;
}

int kv_raft_log_perform(kv_log_work *work) {
  uint64_t bytes = 0;
  int rc = KV_OK;
  for (kv_log_segment *segment = work->retired; segment != NULL && rc == KV_OK;
       segment = segment->next) {
    rc = retire(work->writer, segment, &work->error);
  }
  while (work->todo.first != NULL && rc == KV_OK) {
    rc = perform_run(work, &bytes);
  }
  if (rc == KV_OK) {
    rc = prepare(work, bytes);
  } else if (rc == KV_EFULL) {
    work->next = KV_LOG_NEXT_FULL;
  }
  work->rc = rc;
  return rc;
}
