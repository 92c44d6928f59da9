/* raft_log.c - the loop side that writes: changes to index and queue, work to the writer and back.
 *
 * A write is checked and all its memory is taken first; what follows cannot fail, so index and
 * queue never disagree. Groups get their places in the files here, in the order of the calls, which
 * is why a read knows where an entry will be before it is there; until it is durable its
 * payload comes from the cache.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftlog/raft_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libraft/error.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "raftlog/log_state.h"

static const uint64_t default_segment = UINT64_C(64) << 20;
static const size_t default_cache = (size_t)32 << 20;
static const size_t default_queue = (size_t)64 << 20;
static const uint64_t smallest_segment = 64 << 10;
static const uint64_t largest_segment = UINT64_C(1) << 31;
static const uint64_t largest_reserve = 1 << 20;

void kv_log_groups_push(kv_log_groups *list, kv_log_group *group) {
  group->next = NULL;
  if (list->first == NULL) {
    list->first = group;
  } else {
    list->last->next = group;
  }
  list->last = group;
}

kv_log_group *kv_log_groups_pop(kv_log_groups *list) {
  kv_log_group *group = list->first;
  if (group != NULL) {
    list->first = group->next;
    group->next = NULL;
  }
  return group;
}

/* ---- open and close ---- */

static uint64_t round_up(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

static int complete_options(kv_raft_log_options *options, kv_error *error) {
  if (options->directory == NULL || options->directory[0] == '\0') {
    return kv_fail(error, KV_EINVAL, "the raft log needs a directory");
  }
  options->segment_bytes =
      round_up(options->segment_bytes == 0 ? default_segment : options->segment_bytes,
               KV_LOG_SEGMENT_HEADER);
  options->cache_bytes = options->cache_bytes == 0 ? default_cache : options->cache_bytes;
  options->queue_bytes = options->queue_bytes == 0 ? default_queue : options->queue_bytes;
  if (options->segment_bytes < smallest_segment || options->segment_bytes > largest_segment) {
    return kv_fail(error, KV_EINVAL, "segments of %" PRIu64 " bytes: they can be 64 KiB to 2 GiB",
                   options->segment_bytes);
  }
  return KV_OK;
}

static int lock_directory(kv_raft_log *log, kv_error *error) {
  log->lock = openat(log->writer.directory, "LOCK", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (log->lock < 0) {
    return kv_fail(error, kv_log_error_of_errno(errno), "cannot open %s/LOCK: %s", log->writer.path,
                   strerror(errno));
  }
  if (flock(log->lock, LOCK_EX | LOCK_NB) != 0) {
    return kv_fail(error, KV_EBUSY,
                   "%s is in use by another process: stop it, or give this store another directory",
                   log->writer.path);
  }
  return KV_OK;
}

int kv_raft_log_open(const kv_raft_log_options *given, kv_raft_log **out, kv_error *error) {
  *out = NULL;
  kv_raft_log_options options = *given;
  int rc = complete_options(&options, error);
  if (rc != KV_OK) {
    return rc;
  }
  kv_raft_log *log = calloc(1, sizeof(*log));
  if (log == NULL) {
    return kv_fail(error, KV_ENOMEM, "out of memory");
  }
  log->logger = options.logger;
  log->lock = -1;
  log->queue_bytes = options.queue_bytes;
  log->work.writer = &log->writer;
  kv_log_index_init(&log->index, options.cache_bytes);
  rc = kv_log_writer_open(&log->writer, &options, error);
  rc = rc == KV_OK ? lock_directory(log, error) : rc;
  rc = rc == KV_OK ? kv_log_recover(log, error) : rc;
  if (rc != KV_OK) {
    kv_raft_log_close(log);
    return rc;
  }
  *out = log;
  return KV_OK;
}

static void free_groups(kv_log_groups *list) {
  for (kv_log_group *group; (group = kv_log_groups_pop(list)) != NULL;) {
    kv_log_group_free(group);
  }
}

static void free_segments(kv_log_segment *segment) {
  while (segment != NULL) {
    kv_log_segment *next = segment->next;
    kv_log_segment_free(segment);
    segment = next;
  }
}

void kv_raft_log_close(kv_raft_log *log) {
  if (log == NULL) {
    return;
  }
  kv_log_index_free(&log->index);
  free_groups(&log->queue);
  free_groups(&log->work.todo);
  free_groups(&log->work.performed);
  free_segments(log->work.retired);
  free_segments(log->oldest);
  kv_log_segment_free(log->reserved);
  kv_log_writer_close(&log->writer);
  if (log->lock >= 0) {
    kv_log_close(log->lock);
  }
  free(log);
}

/* ---- places ---- */

static uint64_t room_left(const kv_raft_log *log) {
  return log->active->bytes - log->tail;
}

/* Kept for hard states and compaction while the disk is full: votes go on, and what frees space. */
static uint64_t reserve_of(const kv_log_segment *segment) {
  const uint64_t part = segment->bytes / 16;
  return part < largest_reserve ? part : largest_reserve;
}

int kv_log_admit(const kv_raft_log *log, uint64_t frame_bytes, bool weighty) {
  if (log->full && weighty) {
    return KV_EFULL;
  }
  if (frame_bytes > room_left(log)) {
    return log->next == KV_LOG_NEXT_FULL ? KV_EFULL : KV_OK;
  }
  if (log->next == KV_LOG_NEXT_FULL && weighty &&
      room_left(log) - frame_bytes < reserve_of(log->active)) {
    return KV_EFULL;
  }
  return KV_OK;
}

int kv_log_ready_place(kv_raft_log *log, uint64_t frame_bytes) {
  if (frame_bytes <= room_left(log)) {
    return KV_OK;
  }
  const uint64_t needed = round_up(KV_LOG_SEGMENT_HEADER + frame_bytes, KV_LOG_SEGMENT_HEADER);
  const uint64_t usual = log->writer.segment_bytes;
  kv_log_segment_free(log->reserved);
  log->reserved = kv_log_segment_create(log->active->epoch + 1, needed > usual ? needed : usual);
  return log->reserved == NULL ? KV_ENOMEM : KV_OK;
}

static void roll(kv_raft_log *log) {
  log->active->next = log->reserved;
  log->active = log->reserved;
  log->reserved = NULL;
  log->tail = KV_LOG_SEGMENT_HEADER;
  log->segments++;
  log->file_bytes += log->active->bytes;
  log->next = KV_LOG_NEXT_MAKING;
}

void kv_log_enqueue(kv_raft_log *log, kv_log_group *group) {
  if (group->bytes > room_left(log)) {
    roll(log);
  }
  group->segment = log->active;
  group->offset = log->tail;
  group->header.epoch = log->active->epoch;
  group->header.sequence = log->next_sequence++;
  group->header.oldest = log->oldest_needed;
  if (log->active->first_sequence == 0) {
    log->active->first_sequence = group->header.sequence;
  }
  log->tail += group->bytes;
  log->queued_bytes += group->bytes;
  kv_log_groups_push(&log->queue, group);
}

/* ---- write: checks and memory ---- */

typedef struct totals {
  size_t entries;
  uint64_t payload;
} totals;

static bool has_hard_state(const kv_log_change *change) {
  return change->hard_state.term != 0 || change->hard_state.vote != 0 ||
         change->hard_state.commit != 0;
}

/* What earlier changes of this write make of the region. */
static void begin_plan(const kv_raft_log *log, kv_log_region *region) {
  if (region->plan != log->writes) {
    region->plan = log->writes;
    region->plan_truncated = region->truncated_index;
    region->plan_last = kv_log_region_last(region);
    region->plan_entries = 0;
  }
}

static bool consecutive(const kv_log_change *change) {
  for (size_t i = 0; i < change->entry_count; i++) {
    const raft_entry *entry = &change->entries[i];
    if (entry->index != change->entries[0].index + i || entry->data.len > UINT32_MAX ||
        (entry->data.data == NULL && entry->data.len > 0)) {
      return false;
    }
  }
  return true;
}

static int check_change(kv_log_region *region, const kv_log_change *change) {
  if (change->destroy || change->reset) {
    region->plan_truncated = change->reset ? change->reset_index : 0;
    region->plan_last = region->plan_truncated;
  }
  if (change->entry_count > 0) {
    const uint64_t first = change->entries[0].index;
    if (first <= region->plan_truncated || first > region->plan_last + 1 || !consecutive(change)) {
      return KV_EINVAL;
    }
    region->plan_last = first + change->entry_count - 1;
    region->plan_entries += change->entry_count;
  }
  const uint64_t to =
      change->compact_to < region->plan_last ? change->compact_to : region->plan_last;
  region->plan_truncated = to > region->plan_truncated ? to : region->plan_truncated;
  return kv_log_region_reserve(region, region->plan_entries);
}

static int check_changes(kv_raft_log *log, const kv_log_change *changes, size_t count,
                         totals *sum) {
  log->writes++;
  for (size_t i = 0; i < count; i++) {
    const kv_log_change *change = &changes[i];
    if (change->region_id == 0) {
      return KV_EINVAL;
    }
    kv_log_region *region = kv_log_index_obtain(&log->index, change->region_id);
    if (region == NULL) {
      return KV_ENOMEM;
    }
    begin_plan(log, region);
    const int rc = check_change(region, change);
    if (rc != KV_OK) {
      return rc;
    }
    sum->entries += change->entry_count;
    for (size_t j = 0; j < change->entry_count; j++) {
      sum->payload += change->entries[j].data.len;
    }
  }
  return KV_OK;
}

static void free_nodes(kv_log_cached *nodes) {
  while (nodes != NULL) {
    kv_log_cached *next = nodes->next;
    raft_buf_release(nodes->owner);
    free(nodes);
    nodes = next;
  }
}

/* A cache node that has a reference of the payload, or of a copy of it. */
static kv_log_cached *make_node(const raft_entry *entry) {
  kv_log_cached *node = calloc(1, sizeof(*node));
  if (node == NULL) {
    return NULL;
  }
  const bool copy = entry->data.owner == NULL;
  node->owner = copy ? raft_buf_copy(NULL, entry->data.data, entry->data.len)
                     : raft_buf_retain(entry->data.owner);
  if (node->owner == NULL) {
    free(node);
    return NULL;
  }
  node->data = copy ? raft_buf_data(node->owner) : entry->data.data;
  node->len = entry->data.len;
  node->index = entry->index;
  return node;
}

/* One node for each entry with data, in order. */
static int make_nodes(const kv_log_change *changes, size_t count, kv_log_cached **nodes) {
  kv_log_cached **end = nodes;
  *nodes = NULL;
  for (size_t i = 0; i < count; i++) {
    for (size_t j = 0; j < changes[i].entry_count; j++) {
      if (changes[i].entries[j].data.data == NULL) {
        continue;
      }
      *end = make_node(&changes[i].entries[j]);
      if (*end == NULL) {
        free_nodes(*nodes);
        *nodes = NULL;
        return KV_ENOMEM;
      }
      end = &(*end)->next;
    }
  }
  return KV_OK;
}

/* ---- write: what cannot fail ---- */

static void apply_entry(kv_raft_log *log, kv_log_region *region, kv_log_group *group,
                        const raft_entry *entry, kv_log_cached *node) {
  kv_log_entry record = {.segment = group->segment, .cached = node};
  record.header = (kv_log_entry_header){.term = entry->term,
                                        .type = (uint8_t)entry->type,
                                        .has_data = node != NULL,
                                        .len = node == NULL ? 0 : (uint32_t)node->len};
  record.header.crc = node == NULL ? 0 : kv_crc32c(0, node->data, node->len);
  record.offset =
      (uint32_t)(group->offset + kv_log_group_add_entry(group, &record.header,
                                                        node == NULL ? NULL : node->data,
                                                        node == NULL ? NULL : node->owner));
  kv_log_region_append(&log->index, region, entry->index, &record);
  if (node != NULL) {
    node->region = region;
    node->sequence = group->header.sequence;
    kv_log_cache_append(&log->index.cache, node);
  }
}

/* The state that the change leaves, its entries not counted. */
static kv_log_piece plan_piece(const kv_log_region *region, const kv_log_change *change) {
  kv_log_piece piece = {.region_id = region->id,
                        .entry_count = (uint32_t)change->entry_count,
                        .hard_state = region->hard_state,
                        .truncated_index = region->truncated_index,
                        .truncated_term = region->truncated_term};
  if (change->destroy || change->reset) {
    piece.flags |= KV_LOG_PIECE_RESET;
    piece.truncated_index = change->reset ? change->reset_index : 0;
    piece.truncated_term = change->reset ? change->reset_term : 0;
  }
  if (change->destroy) {
    piece.hard_state = (raft_hard_state){0};
  }
  if (has_hard_state(change)) {
    piece.hard_state = change->hard_state;
  }
  if (change->destroy && !change->reset && !has_hard_state(change) && change->entry_count == 0) {
    piece.flags |= KV_LOG_PIECE_GONE;
  }
  piece.first_index = change->entry_count > 0 ? change->entries[0].index : 0;
  return piece;
}

/* The term at the point of compaction, before the entries of the change are in. */
static void plan_compaction(const kv_log_region *region, const kv_log_change *change,
                            kv_log_piece *piece) {
  const uint64_t last = change->entry_count > 0 ? change->entries[change->entry_count - 1].index
                                                : ((piece->flags & KV_LOG_PIECE_RESET) != 0
                                                       ? piece->truncated_index
                                                       : kv_log_region_last(region));
  const uint64_t to = change->compact_to < last ? change->compact_to : last;
  if (to <= piece->truncated_index) {
    return;
  }
  piece->truncated_term = change->entry_count > 0 && to >= change->entries[0].index
                              ? change->entries[to - change->entries[0].index].term
                              : kv_log_region_entry(region, to)->header.term;
  piece->truncated_index = to;
}

static void apply_change(kv_raft_log *log, kv_log_group *group, const kv_log_change *change,
                         kv_log_cached **nodes) {
  kv_log_region *region = kv_log_index_find(&log->index, change->region_id);
  kv_log_piece piece = plan_piece(region, change);
  plan_compaction(region, change, &piece);
  kv_log_group_add_piece(group, &piece);
  if ((piece.flags & KV_LOG_PIECE_RESET) != 0) {
    kv_log_region_truncate(&log->index, region, 0);
  }
  if (change->entry_count > 0) {
    kv_log_region_truncate(&log->index, region, piece.first_index);
  }
  for (size_t i = 0; i < change->entry_count; i++) {
    kv_log_cached *node = NULL;
    if (change->entries[i].data.data != NULL) {
      node = *nodes;
      *nodes = node->next;
    }
    apply_entry(log, region, group, &change->entries[i], node);
  }
  kv_log_region_compact(&log->index, region, piece.truncated_index);
  kv_log_region_set_state(region, &piece, group->segment);
}

int kv_raft_log_write(kv_raft_log *log, const kv_log_change *changes, size_t count,
                      uint64_t token) {
  if (log->failed) {
    return KV_EIO;
  }
  if (log->queued_bytes >= log->queue_bytes) {
    return KV_EBUSY;
  }
  totals sum = {0};
  int rc = check_changes(log, changes, count, &sum);
  const uint64_t meta = count * KV_LOG_PIECE + sum.entries * (uint64_t)KV_LOG_ENTRY_HEADER;
  const uint64_t bytes = kv_log_frame_bytes(meta, sum.payload);
  if (rc == KV_OK && bytes > largest_segment - KV_LOG_SEGMENT_HEADER) {
    rc = KV_EINVAL;
  }
  rc = rc == KV_OK ? kv_log_admit(log, bytes, sum.entries > 0) : rc;
  rc = rc == KV_OK ? kv_log_ready_place(log, bytes) : rc;
  kv_log_cached *nodes = NULL;
  rc = rc == KV_OK ? make_nodes(changes, count, &nodes) : rc;
  if (rc != KV_OK) {
    return rc;
  }
  kv_log_group *group = kv_log_group_create(count, sum.entries, (size_t)sum.payload);
  if (group == NULL) {
    free_nodes(nodes);
    return KV_ENOMEM;
  }
  group->token = token;
  group->has_token = true;
  kv_log_enqueue(log, group);
  for (size_t i = 0; i < count; i++) {
    apply_change(log, group, &changes[i], &nodes);
  }
  for (size_t i = 0; i < count; i++) {
    kv_log_region_shrink(kv_log_index_find(&log->index, changes[i].region_id));
  }
  kv_log_index_evict(&log->index, log->durable);
  return KV_OK;
}

/* ---- work ---- */

kv_log_work *kv_raft_log_take(kv_raft_log *log) {
  kv_log_work *work = &log->work;
  if (work->under_way || log->failed || (log->full && !log->retry)) {
    return NULL;
  }
  kv_log_retire(log, work);
  const bool try_again = log->retry && log->next == KV_LOG_NEXT_FULL;
  if (log->queue.first == NULL && work->retired == NULL && !try_again) {
    return NULL;
  }
  log->retry = false;
  work->todo = log->queue;
  log->queue = (kv_log_groups){NULL, NULL};
  work->active = log->active;
  work->under_way = true;
  work->rc = KV_OK;
  work->next = log->next;
  return work;
}

void kv_raft_log_tick(kv_raft_log *log) {
  log->retry = log->full || log->next == KV_LOG_NEXT_FULL;
}

/* What could not be written goes back in front of what was queued meanwhile. */
static void queue_again(kv_raft_log *log, kv_log_groups *rest) {
  if (rest->first != NULL) {
    rest->last->next = log->queue.first;
    rest->last = log->queue.first == NULL ? rest->last : log->queue.last;
    log->queue = *rest;
    *rest = (kv_log_groups){NULL, NULL};
  }
}

/* Tells of every group of a list and frees it. */
static void report_groups(kv_log_groups *list, int rc,
                          void (*report)(void *ctx, uint64_t token, int rc), void *ctx) {
  for (kv_log_group *group; (group = kv_log_groups_pop(list)) != NULL;) {
    const bool has_token = group->has_token;
    const uint64_t token = group->token;
    kv_log_group_free(group);
    if (has_token && report != NULL) {
      report(ctx, token, rc);
    }
  }
}

static void count_performed(kv_raft_log *log, const kv_log_groups *performed) {
  for (const kv_log_group *group = performed->first; group != NULL; group = group->next) {
    log->durable = group->header.sequence;
    log->queued_bytes -= group->bytes;
    log->allowance += group->has_token ? (int64_t)group->bytes : 0;
  }
}

static void note_outcome(kv_raft_log *log, const kv_log_work *work) {
  if (work->rc != KV_OK && work->rc != KV_EFULL) {
    log->failed = true;
    kv_log(log->logger, KV_ERROR, "raft log failed", "error=\"%s\"", work->error.text);
    return;
  }
  const bool was_full = log->full || log->next == KV_LOG_NEXT_FULL;
  log->full = work->rc == KV_EFULL;
  /* Unless the log has rolled on since, in which case the writer's word is out of date. */
  if (work->active == log->active || work->next == KV_LOG_NEXT_FULL) {
    log->next = work->next;
  }
  const bool is_full = log->full || log->next == KV_LOG_NEXT_FULL;
  if (is_full && !was_full) {
    kv_log(log->logger, KV_WARN, "no space for the raft log", "error=\"%s\"", work->error.text);
  } else if (was_full && !is_full) {
    kv_log(log->logger, KV_INFO, "space for the raft log again", NULL);
  }
}

int kv_raft_log_done(kv_raft_log *log, kv_log_work *work,
                     void (*report)(void *ctx, uint64_t token, int rc), void *ctx,
                     kv_error *error) {
  const int rc = work->rc;
  if (error != NULL && rc != KV_OK) {
    *error = work->error;
  }
  kv_log_groups performed = work->performed;
  kv_log_groups lost = {NULL, NULL};
  work->performed = (kv_log_groups){NULL, NULL};
  work->under_way = false;
  free_segments(work->retired);
  work->retired = NULL;
  log->syncs = log->writer.syncs;
  count_performed(log, &performed);
  note_outcome(log, work);
  queue_again(log, &work->todo);
  if (log->failed) {
    lost = log->queue;
    log->queue = (kv_log_groups){NULL, NULL};
  } else {
    kv_log_index_evict(&log->index, log->durable);
    kv_log_collect(log);
  }
  report_groups(&performed, KV_OK, report, ctx);
  report_groups(&lost, KV_EIO, report, ctx);
  return rc;
}

void kv_raft_log_get_stats(const kv_raft_log *log, kv_raft_log_stats *stats) {
  *stats = (kv_raft_log_stats){.segments = log->segments,
                               .file_bytes = log->file_bytes,
                               .live_bytes = log->index.bytes,
                               .cached_bytes = log->index.cache.bytes,
                               .queued_bytes = log->queued_bytes,
                               .groups = log->durable,
                               .syncs = log->syncs,
                               .disk_full = log->full || log->next == KV_LOG_NEXT_FULL};
}
