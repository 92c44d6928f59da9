/* jobs.c - snapshots: made, sent chunk by chunk, installed; the files are real ones.
 *
 * Making and installing take a while and are then done at once; an installation can be cut off by
 * a loss of power behind any of its transactions. What is on its way lives in the sender's job: the
 * receiver's half ends with the connection, which each of the two may lose at any time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cluster.h"
#include "raftstore/envelope.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_dir.h"

typedef enum job_kind { JOB_MAKE, JOB_SEND, JOB_INSTALL } job_kind;

enum { ARRIVALS = 2 };

struct ss_job {
  ss_job *next;
  ss_store *store;
  bool dead; /* its store crashed: freed by its event */
  job_kind kind;
  uint64_t region_id;
  kv_snapshot_file file;
  /* JOB_SEND: */
  unsigned to;
  uint64_t to_peer;
  uint64_t to_generation;
  raft_buf *envelope;
  unsigned char *bytes;
  size_t sent;
  kv_snapshot_receiver *receiver; /* of the other store; NULL: not begun */
};

static void plan(ss_job *job) {
  ss_plan(job->store->world, 1 + ss_below(job->store->world, job->store->world->options.job_most),
          SS_JOB, job->store->id, 0, job);
}

static ss_job *add(ss_store *store, job_kind kind, uint64_t region_id,
                   const kv_snapshot_file *file) {
  ss_job *job = sim_zeroed(1, sizeof *job);
  *job = (ss_job){.next = store->jobs, .store = store, .kind = kind, .region_id = region_id};
  if (file != NULL) {
    job->file = *file;
  }
  store->jobs = job;
  plan(job);
  return job;
}

/* The receiver's half, if there is one, comes to nothing. */
static void hang_up(ss_job *job) {
  if (job->receiver != NULL) {
    ss_store *to = &job->store->world->stores[job->to];
    kv_snapshot_receive_abort(job->receiver);
    job->receiver = NULL;
    to->arriving -= to->generation == job->to_generation;
  }
}

void ss_job_free(ss_job *job) {
  raft_buf_release(job->envelope);
  free(job->bytes);
  free(job);
}

static void remove_job(ss_job *job) {
  ss_job **at = &job->store->jobs;
  while (*at != job) {
    at = &(*at)->next;
  }
  *at = job->next;
  ss_job_free(job);
}

/* ---- making ---- */

static void run_make(ss_job *job) {
  ss_store *store = job->store;
  kv_snapshot_file file;
  raft_buf *meta = NULL;
  kv_error error;
  int rc = kv_snapshot_make(store->engine, store->directory, job->region_id, &file, &meta, &error);
  raft_bytes bytes = {0};
  if (rc == KV_OK) {
    bytes = (raft_bytes){raft_buf_data(meta), raft_buf_len(meta), meta};
  }
  kv_store_snapshot_made(store->store, job->region_id, rc, rc == KV_OK ? &file : NULL, bytes);
  raft_buf_release(meta);
  remove_job(job);
  ss_touch(store);
}

/* ---- installing ---- */

static void run_install(ss_job *job) {
  enum { COMMITS = 6 };
  ss_store *store = job->store;
  ss_world *world = store->world;
  kv_error error = {0};
  uint64_t region_id = job->region_id;
  kv_snapshot_file file = job->file;
  remove_job(job);
  ss_apply_all(store);
  if (!ss_is_up(store)) {
    return;
  }
  uint32_t chance = world->options.crash_between;
  store->model.fused = ss_fault(world, chance < SIM_CERTAIN / 100 ? chance * 100 : chance);
  store->model.fuse = (unsigned)ss_below(world, COMMITS);
  int rc = ss_engine_flush(store);
  rc = rc == KV_OK ? kv_snapshot_install(store->below, store->directory, &file, &error) : rc;
  if (store->model.off) {
    world->counts[SS_CUT_SHORT]++;
    ss_tell(world, store->id, "is cut off while it installs a snapshot");
    ss_crash(store, 1 + ss_below(world, world->options.down_most));
    return;
  }
  store->model.fused = false;
  if (rc == KV_OK) {
    world->counts[SS_SNAPSHOTS]++;
    ss_check_region(store, region_id, true);
  } else {
    ss_tell(world, store->id, "cannot install a snapshot: %s", error.text);
  }
  kv_store_snapshot_installed(store->store, region_id, rc);
  ss_touch(store);
  (void)ss_may_crash(store);
}

/* ---- sending ---- */

static void finish_send(ss_job *job, int rc) {
  ss_store *store = job->store;
  hang_up(job);
  kv_store_snapshot_sent(store->store, job->region_id, job->to_peer, rc);
  remove_job(job);
  ss_touch(store);
}

static bool load_file(ss_job *job) {
  char *path = kv_snapshot_path(job->store->directory, job->file.name, 0);
  int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  free(path);
  job->bytes = sim_resize(NULL, (size_t)job->file.bytes + 1, 1);
  bool ok = fd >= 0 && read(fd, job->bytes, (size_t)job->file.bytes) == (ssize_t)job->file.bytes;
  if (fd >= 0) {
    (void)close(fd);
  }
  return ok;
}

static bool is_connected(const ss_job *job) {
  const ss_world *world = job->store->world;
  const ss_store *to = &world->stores[job->to];
  return ss_is_up(to) && to->paused_until <= world->now &&
         (job->receiver == NULL || to->generation == job->to_generation) &&
         !sim_network_is_cut(&world->network, job->store->id, job->to) &&
         !sim_network_is_cut(&world->network, job->to, job->store->id);
}

static int begin_arrival(ss_job *job) {
  ss_store *to = &job->store->world->stores[job->to];
  kv_envelope envelope;
  raft_message message;
  kv_error error;
  raft_bytes frame = {raft_buf_data(job->envelope), raft_buf_len(job->envelope), job->envelope};
  if (to->arriving >= ARRIVALS) {
    return KV_EBUSY;
  }
  if (kv_envelope_decode(frame, &envelope, &message) != KV_OK || message.snapshot == NULL) {
    ss_violation(job->store->world, "s%u sends a snapshot without one", job->store->id);
    return KV_ECORRUPT;
  }
  raft_slice meta = {message.snapshot->data.data, message.snapshot->data.len};
  int rc = kv_snapshot_receive_begin(to->directory, meta, &job->receiver, &error);
  raft_message_release(&message);
  if (rc == KV_OK) {
    job->to_generation = to->generation;
    to->arriving++;
  }
  return rc;
}

static int send_chunk(ss_job *job) {
  ss_world *world = job->store->world;
  kv_error error;
  size_t total = (size_t)job->file.bytes, left = total - job->sent;
  size_t some = total / world->options.chunks + 1;
  some = some < left ? some : left;
  if (ss_fault(world, world->options.lose_chunk)) {
    world->counts[SS_BAD_CHUNKS]++;
    return KV_EIO;
  }
  if (some > 0 && ss_fault(world, world->options.corrupt_chunk)) {
    world->counts[SS_BAD_CHUNKS]++;
    job->bytes[job->sent + ss_below(world, some)] ^= (unsigned char)(1u << ss_below(world, 8));
  }
  int rc = kv_snapshot_receive_chunk(job->receiver, job->bytes + job->sent, some, &error);
  job->sent += some;
  return rc;
}

/* The last chunk is there. */
static int end_arrival(ss_job *job) {
  ss_world *world = job->store->world;
  ss_store *to = &world->stores[job->to];
  kv_snapshot_file file;
  kv_error error;
  int rc = kv_snapshot_receive_end(job->receiver, &file, &error);
  job->receiver = NULL;
  to->arriving--;
  if (rc != KV_OK) {
    return rc;
  }
  raft_bytes frame = {raft_buf_data(job->envelope), raft_buf_len(job->envelope), job->envelope};
  kv_store_snapshot_received(to->store, job->store->kv_id, frame, &file);
  ss_touch(to);
  return ss_fault(world, world->options.lose_receipt) ? KV_EIO : KV_OK;
}

static void run_send(ss_job *job) {
  if (!is_connected(job) || (job->bytes == NULL && !load_file(job))) {
    finish_send(job, KV_EIO);
    return;
  }
  if (job->receiver == NULL) {
    int rc = begin_arrival(job);
    if (rc != KV_OK) {
      finish_send(job, rc);
      return;
    }
  } else if (job->sent < job->file.bytes) {
    int rc = send_chunk(job);
    if (rc != KV_OK) {
      finish_send(job, rc);
      return;
    }
  } else {
    finish_send(job, end_arrival(job));
    return;
  }
  plan(job);
}

/* ---- all kinds ---- */

void ss_job_event(ss_store *store, ss_job *job) {
  if (job->dead) {
    ss_job_free(job);
    return;
  }
  if (store->paused_until > store->world->now) {
    ss_plan(store->world, store->paused_until - store->world->now, SS_JOB, store->id, 0, job);
    return;
  }
  switch (job->kind) {
  case JOB_MAKE: run_make(job); break;
  case JOB_SEND: run_send(job); break;
  case JOB_INSTALL: run_install(job); break;
  }
}

void ss_jobs_crash(ss_store *store) {
  while (store->jobs != NULL) {
    ss_job *job = store->jobs;
    store->jobs = job->next;
    hang_up(job);
    job->dead = true;
  }
  store->arriving = 0;
}

int ss_jobs_recover(ss_store *store, kv_error *error) {
  size_t reset = 0;
  if (!store->has_directory) {
    (void)snprintf(store->directory, sizeof store->directory, "%s/s%u", store->world->scratch,
                   store->id);
    if (mkdir(store->directory, 0700) != 0) {
      return kv_fail(error, KV_EIO, "%s cannot be made", store->directory);
    }
    store->has_directory = true;
    return KV_OK;
  }
  int rc = kv_snapshot_recover(store->engine, store->directory, &reset, error);
  if (rc == KV_OK && reset > 0) {
    ss_violation(store->world, "s%u has lost the file of a snapshot that it was installing",
                 store->id);
  }
  return rc == KV_OK ? kv_snapshot_collect(store->directory, NULL, 0, error) : rc;
}

static int snapshot_make(void *ctx, uint64_t region_id) {
  ss_store *store = ctx;
  if (ss_spend(store)) {
    (void)add(store, JOB_MAKE, region_id, NULL);
  }
  return KV_OK;
}

static int snapshot_send(void *ctx, uint64_t to_store, const char *address,
                         const kv_snapshot_file *file, raft_buf *envelope, uint64_t region_id,
                         uint64_t to_peer) {
  ss_store *store = ctx;
  (void)address;
  if (ss_spend(store)) {
    ss_job *job = add(store, JOB_SEND, region_id, file);
    const ss_store *to = ss_by_kv_id(store->world, to_store);
    job->to = to != NULL ? to->id : store->id;
    job->to_peer = to_peer;
    job->envelope = raft_buf_retain(envelope);
  }
  return KV_OK;
}

static int snapshot_install(void *ctx, uint64_t region_id, const kv_snapshot_file *file) {
  ss_store *store = ctx;
  if (ss_spend(store)) {
    (void)add(store, JOB_INSTALL, region_id, file);
  }
  return KV_OK;
}

static void snapshot_discard(void *ctx, const kv_snapshot_file *file) {
  ss_store *store = ctx;
  if (!store->closing && ss_spend(store)) {
    kv_snapshot_remove(store->directory, file->name);
  }
}

kv_snapshot_device ss_snapshot_device(ss_store *store) {
  return (kv_snapshot_device){store, snapshot_make, snapshot_send, snapshot_install,
                              snapshot_discard};
}
