/* arrival.c - a snapshot that another store is sending: chunks to a file, then to the core.
 *
 * Steps are tasks of the snapshot thread, in order. The arrival lives until its last task has come
 * back, even if the connection has gone; `failed` makes the remaining steps do nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/arrival.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "raftstore/envelope.h"
#include "snapshot/snapshot_dir.h"

/* What fits into the window, and what is around it. */
enum { MOST_STEPS = KV_SNAPSHOT_WINDOW / KV_SNAPSHOT_FRAME + 4 };

struct kv_arrival {
  kv_inbound *inbound;
  kv_arrival *previous;
  kv_arrival *next;
  kv_connection *connection; /* NULL: gone */
  uint64_t from_store;
  raft_buf *envelope;
  uint64_t bytes;
  uint64_t deadline;
  size_t steps; /* on their way */
  bool finished;
  bool failed;

  /* The snapshot thread's: */
  kv_snapshot_receiver *receiver;
  int rc; /* of the first step that failed */
};

typedef enum step_kind { STEP_BEGIN, STEP_CHUNK, STEP_END, STEP_ABORT } step_kind;

typedef struct step {
  kv_task task;
  kv_arrival *arrival;
  step_kind kind;
  int rc;
  kv_error error;        /* if rc is not KV_OK */
  kv_snapshot_file file; /* of STEP_END */
  size_t len;
  unsigned char data[];
} step;

/* ---- on the snapshot thread ---- */

static int begin_file(kv_arrival *arrival, kv_error *error) {
  kv_envelope envelope;
  raft_message message;
  const raft_bytes frame = {raft_buf_data(arrival->envelope), raft_buf_len(arrival->envelope),
                            arrival->envelope};
  int rc = kv_envelope_decode(frame, &envelope, &message);
  if (rc != KV_OK) {
    return kv_fail(error, rc, "the message with the snapshot is malformed");
  }
  if (envelope.tombstone || envelope.question) {
    return kv_fail(error, KV_ECORRUPT, "no message in the envelope");
  }
  if (message.snapshot == NULL) {
    rc = kv_fail(error, KV_ECORRUPT, "no snapshot in the message");
  } else {
    const raft_slice meta = {message.snapshot->data.data, message.snapshot->data.len};
    rc = kv_snapshot_receive_begin(arrival->inbound->snapshot_directory, meta, &arrival->receiver,
                                   error);
  }
  raft_message_release(&message);
  return rc;
}

static int take_step(kv_arrival *arrival, step *s) {
  if (arrival->receiver == NULL && (s->kind == STEP_CHUNK || s->kind == STEP_END)) {
    return kv_fail(&s->error, KV_ECORRUPT, "more frames behind the end of a snapshot");
  }
  switch (s->kind) {
  case STEP_BEGIN: return begin_file(arrival, &s->error);
  case STEP_CHUNK: return kv_snapshot_receive_chunk(arrival->receiver, s->data, s->len, &s->error);
  case STEP_END: {
    kv_snapshot_receiver *receiver = arrival->receiver;
    arrival->receiver = NULL;
    return kv_snapshot_receive_end(receiver, &s->file, &s->error);
  }
  case STEP_ABORT: break;
  }
  return KV_ECLOSED;
}

static void run_step(kv_task *task) {
  step *s = (step *)task;
  kv_arrival *arrival = s->arrival;
  if (arrival->rc == KV_OK) {
    arrival->rc = take_step(arrival, s);
  }
  s->rc = arrival->rc;
  if (arrival->rc != KV_OK) {
    kv_snapshot_receive_abort(arrival->receiver);
    arrival->receiver = NULL;
  }
}

/* ---- on the loop ---- */

static void acknowledge(kv_connection *connection, uint64_t bytes, kv_arrival_state state) {
  unsigned char payload[12];
  unsigned char header[KV_FRAME_HEADER];
  (void)kv_put_u32(kv_put_u64(payload, bytes), (uint32_t)state);
  const raft_bytes part = {payload, sizeof payload, NULL};
  kv_frame_header(header, KV_FRAME_SNAPSHOT_ACK, &part, 1);
  if (kv_outbox_copy(&connection->out, header, sizeof header) != KV_OK ||
      kv_outbox_copy(&connection->out, payload, sizeof payload) != KV_OK) {
    kv_connection_close(connection, UV_ENOMEM);
    return;
  }
  kv_connection_touch(connection);
}

static void answer(kv_arrival *arrival, kv_arrival_state state) {
  if (arrival->connection != NULL) {
    acknowledge(arrival->connection, arrival->bytes, state);
  }
}

static void fail(kv_arrival *arrival, const char *why) {
  if (arrival->failed || arrival->finished) {
    return;
  }
  arrival->failed = true;
  kv_log(arrival->inbound->logger, KV_WARN, "snapshot not received",
         "from=%" PRIu64 " bytes=%" PRIu64 " reason=\"%s\"", arrival->from_store, arrival->bytes,
         why);
  answer(arrival, KV_ARRIVAL_FAILED);
}

static void complete(kv_arrival *arrival, const kv_snapshot_file *file) {
  arrival->finished = true;
  kv_log(arrival->inbound->logger, KV_INFO, "snapshot received",
         "from=%" PRIu64 " region=%" PRIu64 " index=%" PRIu64 " bytes=%" PRIu64,
         arrival->from_store, file->region_id, file->index, file->bytes);
  const raft_bytes envelope = {raft_buf_data(arrival->envelope), raft_buf_len(arrival->envelope),
                               arrival->envelope};
  kv_store_snapshot_received(arrival->inbound->store, arrival->from_store, envelope, file);
  answer(arrival, KV_ARRIVAL_COMPLETE);
}

static void unlink_arrival(kv_arrival *arrival) {
  if (arrival->previous != NULL) {
    arrival->previous->next = arrival->next;
  } else {
    arrival->inbound->arrivals = arrival->next;
  }
  if (arrival->next != NULL) {
    arrival->next->previous = arrival->previous;
  }
  arrival->inbound->arrival_count--;
}

/* Nothing refers to it any more once the connection and all steps are gone. */
static void free_if_over(kv_arrival *arrival) {
  if (arrival->connection == NULL && arrival->steps == 0) {
    unlink_arrival(arrival);
    raft_buf_release(arrival->envelope);
    free(arrival);
  }
}

static void done_step(kv_task *task) {
  step *s = (step *)task;
  kv_arrival *arrival = s->arrival;
  arrival->steps--;
  if (s->rc != KV_OK) {
    fail(arrival, s->error.text);
  } else if (s->kind == STEP_END) {
    complete(arrival, &s->file);
  } else if (!arrival->failed) {
    arrival->bytes += s->len;
    answer(arrival, KV_ARRIVAL_RUNNING);
  }
  free(s);
  free_if_over(arrival);
}

static void push(kv_arrival *arrival, step_kind kind, raft_slice data) {
  step *s = malloc(sizeof *s + data.len);
  if (s == NULL) {
    fail(arrival, "out of memory");
    return;
  }
  *s = (step){.task = {.run = run_step, .done = done_step},
              .arrival = arrival,
              .kind = kind,
              .len = data.len};
  if (data.len > 0) {
    memcpy(s->data, data.data, data.len);
  }
  if (kv_worker_push(arrival->inbound->snapshot_io, &s->task.job) != KV_OK) {
    free(s);
    fail(arrival, "the snapshot thread is busy");
    return;
  }
  arrival->steps++;
}

static void progress(kv_arrival *arrival) {
  arrival->deadline = uv_now(arrival->connection->set->loop) + arrival->inbound->arrival_timeout_ms;
}

kv_arrival *kv_arrival_begin(kv_inbound *inbound, kv_connection *connection, uint64_t from_store,
                             raft_slice envelope) {
  if (inbound->arrival_count >= inbound->max_arrivals) {
    acknowledge(connection, 0, KV_ARRIVAL_BUSY);
    return NULL;
  }
  kv_arrival *arrival = calloc(1, sizeof *arrival);
  raft_buf *copy = raft_buf_copy(NULL, envelope.data, envelope.len);
  if (arrival == NULL || copy == NULL) {
    free(arrival);
    raft_buf_release(copy);
    acknowledge(connection, 0, KV_ARRIVAL_FAILED);
    return NULL;
  }
  *arrival = (kv_arrival){.inbound = inbound,
                          .next = inbound->arrivals,
                          .connection = connection,
                          .from_store = from_store,
                          .envelope = copy};
  if (inbound->arrivals != NULL) {
    inbound->arrivals->previous = arrival;
  }
  inbound->arrivals = arrival;
  inbound->arrival_count++;
  progress(arrival);
  push(arrival, STEP_BEGIN, (raft_slice){NULL, 0});
  return arrival;
}

static bool is_open(const kv_arrival *arrival) {
  return arrival != NULL && !arrival->failed && !arrival->finished;
}

void kv_arrival_chunk(kv_arrival *arrival, raft_slice data) {
  if (!is_open(arrival)) {
    return;
  }
  if (data.len > KV_SNAPSHOT_FRAME || arrival->steps > MOST_STEPS) {
    fail(arrival, "the sender does not wait for acknowledgements");
    return;
  }
  progress(arrival);
  push(arrival, STEP_CHUNK, data);
}

void kv_arrival_end(kv_arrival *arrival) {
  if (is_open(arrival)) {
    progress(arrival);
    push(arrival, STEP_END, (raft_slice){NULL, 0});
  }
}

void kv_arrival_disconnected(kv_arrival *arrival) {
  if (arrival == NULL) {
    return;
  }
  fail(arrival, "the connection broke");
  arrival->connection = NULL;
  push(arrival, STEP_ABORT, (raft_slice){NULL, 0});
  free_if_over(arrival);
}

void kv_arrivals_check(kv_inbound *inbound, uint64_t now) {
  for (kv_arrival *arrival = inbound->arrivals; arrival != NULL; arrival = arrival->next) {
    if (arrival->connection != NULL && is_open(arrival) && now >= arrival->deadline) {
      fail(arrival, "no progress in time");
      kv_connection_close(arrival->connection, UV_ETIMEDOUT);
    }
  }
}
