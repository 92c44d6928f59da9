/* store_world_devices.c - the devices of a simulated store, and its network.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store_world_devices.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "engine/overlay.h"
#include "raftstore/apply.h"
#include "raftstore/read.h"

/* ---- equal applied index, equal data ---- */

static void add_slice(XXH64_state_t *hash, raft_slice slice) {
  uint64_t len = slice.len;
  (void)XXH64_update(hash, &len, sizeof len);
  (void)XXH64_update(hash, slice.data, slice.len);
}

kv_engine *world_engine(world_store *s) {
  return s->overlay != NULL ? s->overlay : &s->engine.base;
}

static uint64_t hash_of_range(kv_txn *txn, const kv_region *region) {
  const kv_engine_ops *ops = txn->engine->ops;
  XXH64_state_t *hash = XXH64_createState();
  kv_cursor *cursor = NULL;
  (void)XXH64_reset(hash, 0);
  int rc = ops->seek(txn, KV_SPACE_DATA, region->start, &cursor);
  for (; rc == KV_OK; rc = ops->next(cursor)) {
    raft_slice key, value;
    ops->item(cursor, &key, &value);
    if (!kv_region_has_key(region, key)) {
      break;
    }
    add_slice(hash, key);
    add_slice(hash, value);
  }
  if (cursor != NULL) {
    ops->cursor_close(cursor);
  }
  uint64_t result = XXH64_digest(hash);
  (void)XXH64_freeState(hash);
  return result;
}

uint64_t world_hash(memory_engine *engine) {
  const kv_region everything = {0};
  kv_txn *txn = NULL;
  ck_assert_int_eq(engine->base.ops->begin(&engine->base, false, &txn), KV_OK);
  const uint64_t hash = hash_of_range(txn, &everything);
  engine->base.ops->abort(txn);
  return hash;
}

static void check_same(world_store *s, world_point point) {
  world *w = s->world;
  for (size_t i = w->point_count; i > 0; i--) {
    const world_point *known = &w->points[i - 1];
    if (known->region_id == point.region_id && known->applied == point.applied) {
      ck_assert_msg(known->hash == point.hash, "store %d differs from another in region %d at %d",
                    (int)s->id, (int)point.region_id, (int)point.applied);
      return;
    }
  }
  w->points = realloc(w->points, (w->point_count + 1) * sizeof *w->points);
  ck_assert_ptr_nonnull(w->points);
  w->points[w->point_count++] = point;
}

typedef struct region_visit {
  world_store *s;
  kv_txn *txn;
} region_visit;

static int check_region(void *ctx, const kv_region_state *state) {
  const region_visit *visit = ctx;
  const uint64_t id = state->region.id;
  kv_apply_state applied = {0};
  if (state->phase == KV_REGION_NORMAL) {
    (void)kv_apply_state_load(visit->txn, id, &applied);
  }
  if (applied.applied_index > 0) {
    const uint64_t hash = hash_of_range(visit->txn, &state->region);
    check_same(visit->s, (world_point){id, applied.applied_index, hash});
  }
  return KV_OK;
}

/* After each transaction: every region that is here. */
static void check_point(world_store *s) {
  region_visit visit = {s, NULL};
  const kv_engine_ops *ops = world_engine(s)->ops;
  (void)ops->begin(world_engine(s), false, &visit.txn);
  (void)kv_region_state_each(visit.txn, check_region, &visit);
  ops->abort(visit.txn);
}

/* ---- engine ---- */

static bool engine_is_busy(void *ctx) {
  const world_store *s = ctx;
  return s->overlay != NULL && kv_overlay_fill_of(s->overlay) >= KV_OVERLAY_BUSY;
}

static int engine_apply(void *ctx, kv_apply_task *task) {
  world_store *s = ctx;
  const bool jammed = s->overlay != NULL && kv_overlay_fill_of(s->overlay) == KV_OVERLAY_JAMMED;
  if (jammed || (s->task_limit > 0 && s->task_count >= s->task_limit)) {
    return KV_EBUSY;
  }
  task->next = NULL;
  if (s->last_task != NULL) {
    s->last_task->next = task;
  } else {
    s->tasks = task;
  }
  s->last_task = task;
  s->task_count++;
  return KV_OK;
}

static int engine_read(void *ctx, kv_read_task *task) {
  world_store *s = ctx;
  task->next = NULL;
  if (s->last_read != NULL) {
    s->last_read->next = task;
  } else {
    s->reads = task;
  }
  s->last_read = task;
  return KV_OK;
}

static kv_apply_task *pop_task(world_store *s) {
  kv_apply_task *task = s->tasks;
  if (task != NULL) {
    s->tasks = task->next;
    s->last_task = task->next != NULL ? s->last_task : NULL;
    s->task_count--;
  }
  return task;
}

/* Up to `count` tasks in one transaction. */
static bool run_tasks(world_store *s, uint64_t count) {
  kv_apply_task *taken[16];
  size_t number = 0;
  kv_txn *txn = NULL;
  const kv_engine_ops *ops = world_engine(s)->ops;
  if (s->tasks == NULL || s->engine_stalls) {
    return false;
  }
  (void)ops->begin(world_engine(s), true, &txn);
  int rc = KV_OK;
  bool barrier = false;
  while (number < count && number < 16 && s->tasks != NULL) {
    taken[number] = pop_task(s);
    rc = rc == KV_OK ? kv_apply_run(taken[number], txn) : rc;
    barrier = barrier || taken[number]->barrier;
    number++;
  }
  if (rc == KV_OK) {
    rc = barrier ? kv_commit_durable(txn) : ops->commit(txn);
  } else {
    ops->abort(txn);
  }
  check_point(s);
  for (size_t i = 0; i < number; i++) {
    taken[i]->rc = rc;
    taken[i]->sequence = s->overlay != NULL && !barrier ? kv_overlay_committed(s->overlay) : 0;
    kv_store_applied(s->store, taken[i]);
  }
  return true;
}

static bool run_read(world_store *s) {
  kv_read_task *task = s->reads;
  kv_txn *txn = NULL;
  if (task == NULL) {
    return false;
  }
  s->reads = task->next;
  s->last_read = task->next != NULL ? s->last_read : NULL;
  kv_engine *engine = world_engine(s);
  (void)engine->ops->begin(engine, false, &txn);
  task->rc = kv_read_run(task, txn);
  engine->ops->abort(txn);
  kv_store_read_done(s->store, task);
  return true;
}

/* ---- snapshots ---- */

static void add_job(world_store *s, world_job job) {
  s->jobs = realloc(s->jobs, (s->job_count + 1) * sizeof *s->jobs);
  ck_assert_ptr_nonnull(s->jobs);
  s->jobs[s->job_count++] = job;
}

static int snapshot_make(void *ctx, uint64_t region_id) {
  add_job(ctx, (world_job){.kind = WORLD_MAKE, .region_id = region_id});
  return KV_OK;
}

static int snapshot_send(void *ctx, uint64_t to_store, const char *address,
                         const kv_snapshot_file *file, raft_buf *envelope, uint64_t region_id,
                         uint64_t to_peer) {
  world_job job = {WORLD_SEND, region_id, to_store, to_peer, raft_buf_retain(envelope), {0}};
  (void)address;
  memcpy(job.name, file->name, sizeof job.name);
  add_job(ctx, job);
  return KV_OK;
}

static int snapshot_install(void *ctx, uint64_t region_id, const kv_snapshot_file *file) {
  world_job job = {.kind = WORLD_INSTALL, .region_id = region_id};
  memcpy(job.name, file->name, sizeof job.name);
  add_job(ctx, job);
  return KV_OK;
}

static world_file *find_file(world_store *s, const char *name) {
  for (size_t i = 0; i < s->file_count; i++) {
    if (strcmp(s->files[i].file.name, name) == 0) {
      return &s->files[i];
    }
  }
  return NULL;
}

static void snapshot_discard(void *ctx, const kv_snapshot_file *file) {
  world_store *s = ctx;
  world_file *found = find_file(s, file->name);
  ck_assert_msg(found != NULL, "a file is discarded twice");
  world_file_free(found);
  *found = s->files[--s->file_count];
}

static void add_file(world_store *s, world_file file) {
  s->files = realloc(s->files, (s->file_count + 1) * sizeof *s->files);
  ck_assert_ptr_nonnull(s->files);
  s->files[s->file_count++] = file;
}

static void name_file(world_store *s, char name[96]) {
  (void)snprintf(name, 96, "snapshot-%u", ++s->file_serial);
}

static void do_make(world_store *s, const world_job *job) {
  char name[96];
  world_file file;
  name_file(s, name);
  bool fails = s->fail_jobs > 0;
  s->fail_jobs -= fails;
  int rc = fails ? KV_EIO : world_file_make(world_engine(s), job->region_id, name, &file);
  if (rc != KV_OK) {
    kv_store_snapshot_made(s->store, job->region_id, rc, NULL, (raft_bytes){0});
    return;
  }
  add_file(s, file);
  raft_bytes meta = {raft_buf_data(file.meta), raft_buf_len(file.meta), file.meta};
  kv_store_snapshot_made(s->store, job->region_id, KV_OK, &file.file, meta);
}

static void do_send(world_store *s, const world_job *job) {
  world *w = s->world;
  world_store *to = world_at(w, job->to_store);
  world_file *file = find_file(s, job->name);
  ck_assert_msg(file != NULL, "a file is discarded while it is sent");
  bool fails = to->store == NULL || w->blocked[s->id][to->id] || world_random(w, 100) < 5;
  if (!fails && s->fail_jobs > 0) {
    s->fail_jobs--;
    fails = true;
  }
  if (!fails) {
    world_file copy = world_file_copy(file);
    name_file(to, copy.file.name);
    add_file(to, copy);
    raft_bytes envelope = {raft_buf_data(job->envelope), raft_buf_len(job->envelope),
                           job->envelope};
    kv_store_snapshot_received(to->store, s->id, envelope, &copy.file);
  }
  kv_store_snapshot_sent(s->store, job->region_id, job->to_peer, fails ? KV_EIO : KV_OK);
}

static void do_install(world_store *s, const world_job *job) {
  while (run_tasks(s, 16)) {
  }
  world_file *file = find_file(s, job->name);
  ck_assert_msg(file != NULL, "a file is discarded before it is installed");
  int rc = s->overlay != NULL ? kv_overlay_flush(s->overlay, NULL) : KV_OK;
  rc = rc == KV_OK ? world_file_install(&s->engine, s->id, file) : rc;
  check_point(s);
  kv_store_snapshot_installed(s->store, job->region_id, rc);
}

static bool run_job(world_store *s) {
  if (s->job_count == 0) {
    return false;
  }
  world_job job = s->jobs[0];
  s->job_count--;
  memmove(s->jobs, s->jobs + 1, s->job_count * sizeof job);
  switch (job.kind) {
  case WORLD_MAKE: do_make(s, &job); break;
  case WORLD_SEND: do_send(s, &job); break;
  case WORLD_INSTALL: do_install(s, &job); break;
  }
  raft_buf_release(job.envelope);
  return true;
}

/* ---- network ---- */

static int transport_send(void *ctx, uint64_t to, const char *address, kv_frame_type type,
                          const raft_bytes *parts, size_t count) {
  world_store *s = ctx;
  world *w = s->world;
  size_t len = 0;
  void *data = NULL;
  (void)address;
  for (size_t i = 0; i < count; i++) {
    len += parts[i].len;
  }
  world_frame frame = {s->id, to, type, raft_buf_create(NULL, len, &data)};
  for (size_t i = 0; i < count; i++) {
    memcpy(data, parts[i].data, parts[i].len);
    data = (char *)data + parts[i].len;
  }
  w->frames = realloc(w->frames, (w->frame_count + 1) * sizeof frame);
  ck_assert_ptr_nonnull(w->frames);
  w->frames[w->frame_count++] = frame;
  ck_assert_uint_lt(type, sizeof w->sent / sizeof *w->sent);
  w->sent[type]++;
  return KV_OK;
}

static world_frame take_frame(world *w, size_t number) {
  world_frame frame = w->frames[number];
  w->frame_count--;
  memmove(w->frames + number, w->frames + number + 1, (w->frame_count - number) * sizeof frame);
  return frame;
}

void world_drop_frame(world *w, size_t number) {
  raft_buf_release(take_frame(w, number).bytes);
}

bool world_deliver(world *w, size_t number) {
  if (number >= w->frame_count) {
    return false;
  }
  const kv_frame_type type = w->frames[number].type;
  bool raft = type == KV_FRAME_RAFT || type == KV_FRAME_BEATS;
  bool repeat = raft && world_random(w, 100) < w->repeat_percent;
  bool drop = raft && world_random(w, 100) < w->drop_percent;
  if (raft && w->lose_frame > 0) {
    drop = drop || --w->lose_frame == 0;
  }
  world_frame frame = w->frames[number];
  if (repeat) {
    (void)raft_buf_retain(frame.bytes);
  } else {
    frame = take_frame(w, number);
  }
  world_store *to = frame.to <= w->store_count ? world_at(w, frame.to) : NULL;
  world_store *from = world_at(w, frame.from);
  if (to != NULL && w->blocked[frame.from][frame.to]) {
    drop = true;
    if (from->store != NULL && !w->frozen[frame.from] && !w->frozen[frame.to] &&
        world_random(w, 4) == 0) {
      kv_store_unreachable(from->store, frame.to);
    }
  } else if (to == NULL || to->store == NULL) {
    drop = true;
    if (from->store != NULL) {
      kv_store_unreachable(from->store, frame.to);
    }
  }
  if (!drop) {
    raft_bytes payload = {raft_buf_data(frame.bytes), raft_buf_len(frame.bytes), frame.bytes};
    kv_store_receive(to->store, frame.from, frame.type, payload);
  }
  raft_buf_release(frame.bytes);
  return true;
}

/* ---- all of them ---- */

static uint64_t clock_now(void *ctx) {
  const world_store *s = ctx;
  return s->world->now;
}

static void log_line(void *ctx, kv_level level, const char *line) {
  const world_store *s = ctx;
  if (s->world->verbose) {
    (void)fprintf(stderr, "%8llu store=%llu level=%s %s\n", (unsigned long long)s->world->now,
                  (unsigned long long)s->id, kv_level_name(level), line);
  }
}

static int scheduler_send(void *ctx, raft_bytes request) {
  const world_store *s = ctx;
  return s->world->scheduler.ask(s->world->scheduler.ctx, s->id, request);
}

kv_devices world_devices(world_store *s) {
  return (kv_devices){
      .log = world_log_device(&s->log),
      .engine = {s, engine_apply, engine_read, engine_is_busy},
      .snapshot = {s, snapshot_make, snapshot_send, snapshot_install, snapshot_discard},
      .transport = {s, transport_send},
      .clock = {s, clock_now},
      .logger = {log_line, s, s->world->verbose ? KV_INFO : KV_ERROR},
      .scheduler = {s, s->world->scheduler.ask != NULL ? scheduler_send : NULL},
  };
}

static bool sync_log(world_store *s) {
  uint64_t token = 0;
  if (!world_log_sync(&s->log, &token)) {
    return false;
  }
  kv_store_log_written(s->store, token, KV_OK);
  return true;
}

/* ---- what was committed in memory ---- */

static int flush_overlay(world_store *s) {
  uint64_t durable = 0;
  if (s->overlay == NULL) {
    return KV_OK;
  }
  const int rc = kv_overlay_flush(s->overlay, &durable);
  kv_store_durable(s->store, durable, rc);
  return rc;
}

int world_flush(world *w, uint64_t store_id) {
  return flush_overlay(world_at(w, store_id));
}

static void flush_in_time(world_store *s) {
  const world *w = s->world;
  if (s->next_flush <= w->now) {
    s->next_flush = w->now + (w->flush_ms > 0 ? w->flush_ms : 150);
    (void)flush_overlay(s);
  }
}

void world_drop_overlay(world_store *s) {
  if (s->overlay != NULL) {
    s->overlay->ops->close(s->overlay);
    s->overlay = NULL;
  }
}

bool world_devices_work(world_store *s) {
  bool moved = false;
  while (sync_log(s) || run_tasks(s, 16) || run_read(s) || run_job(s)) {
    moved = true;
  }
  flush_in_time(s);
  return moved;
}

bool world_devices_step(world_store *s) {
  switch (world_random(s->world, s->overlay != NULL ? 5 : 4)) {
  case 0: return sync_log(s);
  case 1: return run_tasks(s, 1 + world_random(s->world, 4));
  case 2: return run_read(s);
  case 4: return flush_overlay(s) == KV_OK;
  default: return run_job(s);
  }
}

void world_devices_crash(world_store *s) {
  kv_apply_task *task;
  while ((task = pop_task(s)) != NULL) {
    kv_apply_task_free(task);
  }
  while (s->reads != NULL) {
    kv_read_task *read = s->reads;
    s->reads = read->next;
    kv_read_task_free(read);
  }
  s->last_read = NULL;
  for (size_t i = 0; i < s->job_count; i++) {
    raft_buf_release(s->jobs[i].envelope);
  }
  s->job_count = 0;
  for (size_t i = 0; i < s->file_count; i++) {
    world_file_free(&s->files[i]);
  }
  s->file_count = 0;
  world_drop_overlay(s);
  world_log_crash(&s->log);
}

void world_devices_free(world_store *s) {
  world_devices_crash(s);
  free(s->jobs);
  free(s->files);
}
