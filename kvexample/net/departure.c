/* departure.c - snapshots on their way to other stores, each on a connection of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/departure.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/arrival.h"
#include "snapshot/snapshot_dir.h"

typedef enum departure_state { WAITING, RUNNING, OVER } departure_state;

struct kv_departure {
  kv_departures *departures;
  kv_departure *next;
  departure_state state;
  int rc;

  uint64_t to_store;
  uint64_t to_peer;
  uint64_t region_id;
  char address[KV_MAX_ADDRESS + 1];
  kv_snapshot_file file;
  raft_buf *envelope;

  kv_connection *connection; /* NULL: none, or gone */
  uint64_t sent;
  uint64_t acknowledged;
  uint64_t deadline;
  bool reading; /* a task is on its way */
  bool end_sent;

  int fd; /* the snapshot thread's while `reading` */
};

/* Reads the next chunk. */
typedef struct chunk_task {
  kv_task task;
  kv_departure *departure;
  uint64_t offset;
  raft_buf *buf;
  void *data;
  size_t wanted;
  int rc;
} chunk_task;

/* ---- on the snapshot thread ---- */

static int read_chunk(chunk_task *chunk) {
  kv_departure *departure = chunk->departure;
  if (departure->fd < 0) {
    char *path =
        kv_snapshot_path(departure->departures->snapshot_directory, departure->file.name, 0);
    departure->fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    free(path);
  }
  size_t done = 0;
  while (departure->fd >= 0 && done < chunk->wanted) {
    const ssize_t bytes = pread(departure->fd, (char *)chunk->data + done, chunk->wanted - done,
                                (off_t)(chunk->offset + done));
    if (bytes == 0 || (bytes < 0 && errno != EINTR)) {
      break;
    }
    done += bytes > 0 ? (size_t)bytes : 0;
  }
  return done == chunk->wanted ? KV_OK : KV_EIO;
}

static void run_chunk(kv_task *task) {
  chunk_task *chunk = (chunk_task *)task;
  chunk->rc = read_chunk(chunk);
}

/* ---- on the loop ---- */

static void progress(kv_departure *departure) {
  departure->deadline =
      uv_now(departure->departures->connections->loop) + departure->departures->timeout_ms;
}

static void finish(kv_departure *departure, int rc, const char *why) {
  if (departure->state == OVER) {
    return;
  }
  if (rc != KV_OK) {
    kv_log(departure->departures->logger, KV_WARN, "snapshot not sent",
           "to=%" PRIu64 " address=%s region=%" PRIu64 " bytes=%" PRIu64 " reason=\"%s\"",
           departure->to_store, departure->address, departure->region_id, departure->sent, why);
  } else {
    kv_log(departure->departures->logger, KV_INFO, "snapshot sent",
           "to=%" PRIu64 " region=%" PRIu64 " index=%" PRIu64 " bytes=%" PRIu64,
           departure->to_store, departure->region_id, departure->file.index, departure->sent);
  }
  departure->departures->running -= departure->state == RUNNING ? 1 : 0;
  departure->state = OVER;
  departure->rc = rc;
  if (departure->connection != NULL) {
    kv_connection_close(departure->connection, 0);
  }
}

static void queue_frame(kv_departure *departure, kv_frame_type type, const raft_bytes *part) {
  kv_outbox *out = &departure->connection->out;
  unsigned char header[KV_FRAME_HEADER];
  kv_frame_header(header, type, part, 1);
  if (kv_outbox_copy(out, header, sizeof header) != KV_OK || kv_outbox_add(out, part) != KV_OK) {
    finish(departure, KV_ENOMEM, "out of memory");
    return;
  }
  kv_connection_touch(departure->connection);
}

static void send_end(kv_departure *departure) {
  const raft_bytes nothing = {"", 0, NULL};
  departure->end_sent = true;
  queue_frame(departure, KV_FRAME_SNAPSHOT_END, &nothing);
}

static void read_on(kv_departure *departure);

static void done_chunk(kv_task *task) {
  chunk_task *chunk = (chunk_task *)task;
  kv_departure *departure = chunk->departure;
  departure->reading = false;
  if (departure->state == RUNNING && chunk->rc != KV_OK) {
    finish(departure, chunk->rc, "the file cannot be read");
  } else if (departure->state == RUNNING && departure->connection != NULL) {
    const raft_bytes part = {chunk->data, chunk->wanted, chunk->buf};
    departure->sent += chunk->wanted;
    progress(departure);
    queue_frame(departure, KV_FRAME_SNAPSHOT_CHUNK, &part);
    read_on(departure);
  }
  raft_buf_release(chunk->buf);
  free(chunk);
}

static chunk_task *new_chunk(kv_departure *departure) {
  const uint64_t left = departure->file.bytes - departure->sent;
  chunk_task *chunk = malloc(sizeof *chunk);
  if (chunk == NULL) {
    return NULL;
  }
  *chunk = (chunk_task){.task = {.run = run_chunk, .done = done_chunk},
                        .departure = departure,
                        .offset = departure->sent,
                        .wanted = left < KV_SNAPSHOT_FRAME ? (size_t)left : KV_SNAPSHOT_FRAME};
  chunk->buf = raft_buf_create(NULL, chunk->wanted, &chunk->data);
  if (chunk->buf == NULL) {
    free(chunk);
    return NULL;
  }
  return chunk;
}

/* Reads ahead as far as the window allows. */
static void read_on(kv_departure *departure) {
  if (departure->state != RUNNING || departure->reading || departure->end_sent) {
    return;
  }
  if (departure->sent == departure->file.bytes) {
    send_end(departure);
    return;
  }
  if (departure->sent - departure->acknowledged + KV_SNAPSHOT_FRAME > KV_SNAPSHOT_WINDOW) {
    return;
  }
  chunk_task *chunk = new_chunk(departure);
  if (chunk == NULL) {
    finish(departure, KV_ENOMEM, "out of memory");
  } else if (kv_worker_push(departure->departures->snapshot_io, &chunk->task.job) != KV_OK) {
    raft_buf_release(chunk->buf);
    free(chunk);
    finish(departure, KV_EBUSY, "the snapshot thread is busy");
  } else {
    departure->reading = true;
  }
}

/* ---- protocol ---- */

static void on_connected(kv_connection *connection) {
  kv_departure *departure = connection->state;
  unsigned char payload[KV_HELLO_MAX];
  kv_hello hello = departure->departures->own;
  hello.target_id = departure->to_store;
  const raft_bytes greeting = {payload, kv_hello_encode(&hello, payload), NULL};
  queue_frame(departure, KV_FRAME_HELLO, &greeting);
  if (departure->state == RUNNING) {
    const raft_bytes envelope = {raft_buf_data(departure->envelope),
                                 raft_buf_len(departure->envelope), departure->envelope};
    queue_frame(departure, KV_FRAME_SNAPSHOT_BEGIN, &envelope);
  }
  progress(departure);
  read_on(departure);
}

static void on_acknowledgement(kv_departure *departure, raft_slice payload) {
  uint64_t bytes = 0;
  uint32_t state = 0;
  if (kv_take_u64(&payload, &bytes) != KV_OK || kv_take_u32(&payload, &state) != KV_OK ||
      bytes > departure->sent) {
    finish(departure, KV_ECORRUPT, "malformed acknowledgement");
    return;
  }
  departure->acknowledged = bytes;
  progress(departure);
  switch (state) {
  case KV_ARRIVAL_RUNNING: read_on(departure); break;
  case KV_ARRIVAL_COMPLETE: finish(departure, KV_OK, ""); break;
  case KV_ARRIVAL_BUSY: finish(departure, KV_EBUSY, "the receiver is busy with others"); break;
  default: finish(departure, KV_EIO, "the receiver could not take it; see its log"); break;
  }
}

static void on_hello(kv_departure *departure, raft_slice payload) {
  kv_hello hello;
  kv_error error;
  if (kv_hello_decode(payload, &hello) != KV_OK) {
    finish(departure, KV_ECORRUPT, "malformed greeting");
  } else if (kv_hello_check(&departure->departures->own, &hello, &error) != KV_OK) {
    finish(departure, KV_EFOREIGN, error.text);
  }
}

static void on_frame(kv_departure *departure, const kv_frame *frame) {
  if (frame->type == KV_FRAME_HELLO) {
    on_hello(departure, frame->payload);
  } else if (frame->type == KV_FRAME_SNAPSHOT_ACK) {
    on_acknowledgement(departure, frame->payload);
  }
}

static void on_readable(kv_connection *connection) {
  kv_departure *departure = connection->state;
  kv_frame frame;
  while (!connection->closing) {
    switch (kv_frame_read(connection->in.data, connection->in.len, &frame)) {
    case KV_FRAME_MORE: connection->wanted = frame.wanted; return;
    case KV_FRAME_BAD: finish(departure, KV_ECORRUPT, frame.why); return;
    case KV_FRAME_WHOLE:
      on_frame(departure, &frame);
      kv_inbox_consume(&connection->in, frame.size);
      break;
    }
  }
}

static void on_closed(kv_connection *connection, int rc) {
  kv_departure *departure = connection->state;
  departure->connection = NULL;
  finish(departure, KV_EIO, rc == 0 ? "the connection was closed" : uv_strerror(rc));
}

static const kv_protocol departure_protocol = {
    .name = "departure", .connected = on_connected, .readable = on_readable, .closed = on_closed};

/* ---- all of them ---- */

int kv_departures_send(kv_departures *departures, uint64_t to_store, const char *address,
                       const kv_snapshot_file *file, raft_buf *envelope, uint64_t region_id,
                       uint64_t to_peer) {
  const size_t len = strlen(address);
  kv_departure *departure = departures->closed ? NULL : calloc(1, sizeof *departure);
  if (departure == NULL || len > KV_MAX_ADDRESS) {
    free(departure);
    return departures->closed ? KV_ECLOSED : KV_ENOMEM;
  }
  *departure = (kv_departure){.departures = departures,
                              .to_store = to_store,
                              .to_peer = to_peer,
                              .region_id = region_id,
                              .file = *file,
                              .envelope = raft_buf_retain(envelope),
                              .fd = -1};
  memcpy(departure->address, address, len + 1);
  kv_departure **end = &departures->first;
  while (*end != NULL) {
    end = &(*end)->next;
  }
  *end = departure;
  return KV_OK;
}

static void start(kv_departure *departure) {
  kv_departures *departures = departure->departures;
  departure->state = RUNNING;
  departures->running++;
  progress(departure);
  departure->connection =
      kv_connection_open(departures->connections, &departure_protocol, departure);
  if (departure->connection == NULL) {
    finish(departure, KV_ENOMEM, "out of memory");
    return;
  }
  kv_connection_dial(departure->connection, departure->address);
}

static void free_departure(kv_departure *departure) {
  if (departure->fd >= 0) {
    (void)close(departure->fd);
  }
  raft_buf_release(departure->envelope);
  free(departure);
}

static bool is_gone(const kv_departure *departure) {
  return departure->state == OVER && departure->connection == NULL && !departure->reading;
}

void kv_departures_report(kv_departures *departures) {
  kv_departure **at = &departures->first;
  while (*at != NULL) {
    kv_departure *departure = *at;
    if (departure->state == WAITING && departures->running < departures->max_running) {
      start(departure);
    }
    if (!is_gone(departure)) {
      at = &departure->next;
      continue;
    }
    *at = departure->next;
    kv_store_snapshot_sent(departures->store, departure->region_id, departure->to_peer,
                           departure->rc);
    free_departure(departure);
  }
}

void kv_departures_check(kv_departures *departures, uint64_t now) {
  for (kv_departure *departure = departures->first; departure != NULL;
       departure = departure->next) {
    if (departure->state == RUNNING && now >= departure->deadline) {
      finish(departure, KV_EIO, "no progress in time");
    }
  }
}

void kv_departures_close(kv_departures *departures) {
  departures->closed = true;
  for (kv_departure *departure = departures->first; departure != NULL;
       departure = departure->next) {
    finish(departure, KV_ECLOSED, "this store stops");
  }
}

void kv_departures_free(kv_departures *departures) {
  while (departures->first != NULL) {
    kv_departure *departure = departures->first;
    departures->first = departure->next;
    free_departure(departure);
  }
}
