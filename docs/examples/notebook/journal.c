/* journal.c - what has to survive, in one file that is only appended to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parts.h"

static void write_durably(int file, const buffer *buf) {
  for (size_t done = 0; done < buf->len;) {
    ssize_t wrote = write(file, buf->data + done, buf->len - done);
    if (wrote < 0) {
      die("writing the journal");
    }
    done += (size_t)wrote;
  }
  if (fdatasync(file) != 0) {
    die("syncing the journal"); /* no second try: the kernel may have dropped the pages */
  }
}

/* The message that carries what a frame says. The vote travels in a field that is encoded. */
static raft_message frame_of(const journal *j, const raft_snapshot *snapshot,
                             const raft_entry *entries, size_t count) {
  raft_message frame = {.type = RAFT_MSG_APP,
                        .term = j->hard_state.term,
                        .log_term = j->hard_state.vote,
                        .commit = j->hard_state.commit,
                        .snapshot = snapshot,
                        .entries = entries,
                        .entry_count = count};
  return frame;
}

static void remember(journal *j, const raft_message *frame) {
  raft_hard_state hard_state = {frame->term, frame->log_term, frame->commit};
  j->hard_state = hard_state;
  check(raft_memory_storage_set_hard_state(j->memory, &hard_state), "hard state");
  if (frame->snapshot != NULL) {
    check(raft_memory_storage_apply_snapshot(j->memory, frame->snapshot), "snapshot");
  }
  check(raft_memory_storage_append(j->memory, frame->entries, frame->entry_count), "entries");
}

void journal_save(journal *j, const raft_ready *rd) {
  buffer buf = {0};
  if (rd->hard_state.term != 0) {
    j->hard_state = rd->hard_state;
  }
  if (!rd->must_sync && rd->snapshot == NULL) {
    return; /* a new commit index alone is learnt again after a restart */
  }
  raft_message frame = frame_of(j, rd->snapshot, rd->entries, rd->entry_count);
  append_frame(&buf, &frame);
  write_durably(j->file, &buf);
  remember(j, &frame);
  free(buf.data);
}

raft_snapshot journal_snapshot(const journal *j) {
  raft_snapshot snapshot = {.index = 0};
  check(j->storage->snapshot(j->storage->ctx, &snapshot), "snapshot");
  return snapshot;
}

/* A new file with the frame alone takes the place of the old one, once it is durable. */
static void replace_file(journal *j, const raft_message *frame) {
  buffer buf = {0};
  append_frame(&buf, frame);
  int file = openat(j->directory, "journal.new", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0666);
  if (file < 0) {
    die("journal.new");
  }
  write_durably(file, &buf);
  if (renameat(j->directory, "journal.new", j->directory, "journal") != 0 ||
      fsync(j->directory) != 0) {
    die("journal.new");
  }
  close(j->file);
  j->file = file;
  free(buf.data);
}

void journal_compact(journal *j, uint64_t index, const raft_conf_state *members, raft_bytes data) {
  uint64_t last = 0;
  check(raft_memory_storage_create_snapshot(j->memory, index, members, data), "snapshot");
  check(raft_memory_storage_compact(j->memory, index), "compaction");
  check(j->storage->last_index(j->storage->ctx, &last), "last index");
  raft_snapshot snapshot = journal_snapshot(j);
  size_t count = (size_t)(last - index);
  raft_entry *entries = calloc(count + 1, sizeof *entries);
  if (entries == NULL) {
    die("memory");
  }
  if (count > 0) {
    check(j->storage->entries(j->storage->ctx, index + 1, last + 1, RAFT_NO_LIMIT, entries, &count),
          "entries");
  }
  raft_message frame = frame_of(j, &snapshot, entries, count);
  replace_file(j, &frame);
  for (size_t i = 0; i < count; i++) {
    raft_buf_release(entries[i].data.owner);
  }
  free(entries);
}

/* Cuts off what is behind `end`. A crash can leave one frame there that is not whole: nobody was
 * told of it. If more follows, the file was damaged otherwise. */
static void cut(const journal *j, const buffer *buf, size_t end) {
  uint32_t claimed = 0;
  if (buf->data != NULL && buf->len - end >= FRAME_HEADER) {
    memcpy(&claimed, buf->data + end, sizeof claimed);
    if (claimed > 0 && claimed < buf->len - end - FRAME_HEADER) {
      fprintf(stderr, "notebook: the journal is damaged at byte %zu, before its end\n", end);
      exit(1); /* it held promises to others: not for a program to decide */
    }
  }
  if (ftruncate(j->file, (off_t)end) != 0 || fsync(j->file) != 0 || fsync(j->directory) != 0) {
    die("journal");
  }
}

void journal_open(journal *j, const char *directory) {
  buffer buf = {0};
  char block[65536];
  ssize_t len;
  size_t at = 0;
  raft_message frame;
  if ((mkdir(directory, 0777) != 0 && errno != EEXIST) ||
      (j->directory = open(directory, O_RDONLY | O_DIRECTORY)) < 0 ||
      (j->file = openat(j->directory, "journal", O_RDWR | O_CREAT | O_APPEND, 0666)) < 0) {
    die(directory);
  }
  check(raft_memory_storage_open(NULL, &j->memory), "memory");
  j->storage = raft_memory_storage_interface(j->memory);
  while ((len = read(j->file, block, sizeof block)) > 0) {
    append(&buf, block, (size_t)len);
  }
  if (len < 0) {
    die("reading the journal");
  }
  while ((len = take_frame(buf.data + at, buf.len - at, &frame)) > 0) {
    remember(j, &frame);
    raft_message_release(&frame);
    at += (size_t)len;
  }
  cut(j, &buf, at);
  free(buf.data);
}
