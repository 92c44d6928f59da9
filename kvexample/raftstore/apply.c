/* apply.c - committed entries on their way through the engine and back.
 *
 * Everything here is a function of the entries and of what the transaction shows, so that all
 * replicas do the same. An entry that is refused because the region changed has no effect but that
 * applied_index moves past it. One that this program does not understand, perhaps because a newer
 * one proposed it, is an error: a replica that passed over it would silently differ.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "raftstore/apply.h"

#include <libraft/wire.h>
#include <stdlib.h>
#include <string.h>

#include "raftstore/command.h"
#include "raftstore/entry.h"
#include "raftstore/region_change.h"
#include "raftstore/region_state.h"
#include "raftstore/split.h"

/* Keys of a destroyed region that one run deletes. */
enum { CLEAR_KEYS = 10000 };

/* One run: the region as the transaction shows it, moved along entry by entry. */
typedef struct apply_run {
  kv_apply_task *task;
  kv_txn *txn;
  kv_region_state state;
  kv_apply_state applied;
  kv_reply scratch; /* answers that nobody waits for */
  raft_slice *args; /* of the command being decoded; grows */
  size_t arg_room;
  kv_size_change change; /* since the last entry */
} apply_run;

static void forget_splits(kv_apply_task *task) {
  for (size_t i = 0; i < task->split_count; i++) {
    kv_region_clear(&task->splits[i].region);
  }
  free(task->splits);
  task->splits = NULL;
  task->split_count = 0;
}

void kv_apply_task_free(kv_apply_task *task) {
  if (task != NULL) {
    raft_message_release(&task->message);
    kv_region_clear(&task->region);
    kv_region_clear(&task->clear);
    forget_splits(task);
    kv_reply_free(&task->replies);
    free(task->reply_ends);
    free(task->results);
    free(task->held);
    free(task);
  }
}

/* A run may follow one whose transaction was given up. */
static void reset(kv_apply_task *task) {
  for (size_t i = 0; i < task->message.entry_count; i++) {
    task->results[i].outcome = KV_APPLY_NOTHING;
    task->results[i].first_reply = task->results[i].reply_count = 0;
  }
  task->replies.len = 0;
  task->replies.failed = false;
  task->reply_count = 0;
  kv_region_clear(&task->region);
  forget_splits(task);
  task->barrier = task->kind != KV_APPLY_ENTRIES;
  task->region_changed = task->tombstone = task->truncated = task->more = false;
  task->truncated_index = 0;
  task->written = (kv_written){0};
}

static int end_reply(kv_apply_task *task) {
  if (task->reply_count == task->reply_room) {
    size_t room = task->reply_room > 0 ? task->reply_room * 2 : 16;
    size_t *ends = realloc(task->reply_ends, room * sizeof *ends);
    if (ends == NULL) {
      return KV_ENOMEM;
    }
    task->reply_ends = ends;
    task->reply_room = room;
  }
  task->reply_ends[task->reply_count++] = task->replies.len;
  return KV_OK;
}

static int decode_command(apply_run *run, raft_slice *input, kv_command *command) {
  size_t room = run->arg_room;
  int rc = kv_command_decode(input, command, run->args, &room);
  if (rc == KV_EFULL) {
    raft_slice *args = realloc(run->args, room * sizeof *args);
    if (args == NULL) {
      return KV_ENOMEM;
    }
    run->args = args;
    run->arg_room = room;
    rc = kv_command_decode(input, command, run->args, &room);
  }
  return rc;
}

static int execute_one(apply_run *run, const kv_command *command, bool answer) {
  const kv_region *region = &run->state.region;
  kv_reply *reply = answer ? &run->task->replies : &run->scratch;
  int rc = KV_OK;
  run->scratch.len = 0;
  if (kv_command_keys_inside(command, region)) {
    rc = kv_command_execute(command, run->txn, region->start, region->end, reply, &run->change);
  } else {
    kv_reply_moved(reply);
  }
  return rc == KV_OK && answer ? end_reply(run->task) : rc;
}

static int execute_commands(apply_run *run, const kv_entry *entry, kv_apply_result *result) {
  raft_slice input = entry->commands;
  kv_command command;
  int rc = KV_OK;
  result->first_reply = run->task->reply_count;
  for (uint32_t i = 0; i < entry->command_count && rc == KV_OK; i++) {
    rc = decode_command(run, &input, &command);
    if (rc == KV_OK) {
      rc = execute_one(run, &command, result->answer);
    }
  }
  result->outcome = KV_APPLY_DONE;
  result->reply_count = run->task->reply_count - result->first_reply;
  run->task->written.bytes += entry->commands.len;
  run->task->written.keys += entry->command_count;
  return rc;
}

/* Only ever forward, and never past what is applied. */
static int compact_log(apply_run *run, const kv_entry *entry, const raft_entry *at,
                       kv_apply_result *result) {
  kv_apply_task *task = run->task;
  if (entry->compact_index > run->applied.truncated_index && entry->compact_index < at->index) {
    run->applied.truncated_index = entry->compact_index;
    run->applied.truncated_term = entry->compact_term;
    task->truncated = true;
    task->truncated_index = entry->compact_index;
  }
  result->outcome = KV_APPLY_DONE;
  if (!result->answer) {
    return KV_OK;
  }
  result->first_reply = task->reply_count;
  result->reply_count = 1;
  kv_reply_integer(&task->replies, (int64_t)run->applied.truncated_index);
  return end_reply(task);
}

/* ---- splits ---- */

/* May this store's peer of the new region begin? Not if a later one was here, or is. */
static int look_for_child(apply_run *run, const kv_apply_split *split, bool *free_place) {
  kv_region_state state;
  int rc = kv_region_state_load(run->txn, split->region.id, &state);
  *free_place = rc == KV_ENOTFOUND || (rc == KV_OK && state.phase == KV_REGION_TOMBSTONE &&
                                       state.peer_id < split->peer_id);
  /* The same peer with data, or an earlier one: both halves cannot have come from one split. */
  bool impossible =
      rc == KV_OK && state.phase != KV_REGION_TOMBSTONE && state.peer_id <= split->peer_id;
  kv_region_state_clear(&state);
  return rc == KV_ENOTFOUND ? KV_OK : impossible ? KV_ECORRUPT : rc;
}

/* The proposer may have counted; otherwise each half is half. */
static kv_region_size divide(kv_region_size *size, const kv_split *split) {
  kv_region_size left = {split->left_bytes, split->left_keys};
  if (left.keys == 0) {
    left = (kv_region_size){size->bytes / 2, size->keys / 2};
  }
  kv_region_size right = {size->bytes > left.bytes ? size->bytes - left.bytes : 0,
                          size->keys > left.keys ? size->keys - left.keys : 0};
  *size = left;
  return right;
}

static int save_child(apply_run *run, kv_apply_split *split) {
  kv_region_state state = {.phase = KV_REGION_NORMAL, .peer_id = split->peer_id};
  kv_apply_state applied = {KV_INITIAL_LOG_INDEX, KV_INITIAL_LOG_TERM, KV_INITIAL_LOG_INDEX,
                            KV_INITIAL_LOG_TERM, split->size};
  state.region = split->region; /* lent */
  int rc = kv_region_state_save(run->txn, &state);
  return rc == KV_OK ? kv_apply_state_save(run->txn, split->region.id, &applied) : rc;
}

/* The peer that lives on this store in the other half. */
static uint64_t counterpart(const apply_run *run, const kv_region *right) {
  const kv_region_peer *own = kv_region_find_peer(&run->state.region, run->task->peer_id);
  const kv_region_peer *peer = own != NULL ? kv_region_find_store(right, own->store_id) : NULL;
  return peer != NULL ? peer->id : 0;
}

static int answer_split(kv_apply_task *task, const kv_region *right, kv_apply_result *result) {
  if (!result->answer) {
    return KV_OK;
  }
  result->first_reply = task->reply_count;
  result->reply_count = 1;
  kv_split_reply(&task->replies, task->region_id, right->id, right->start);
  return end_reply(task);
}

static int add_split(apply_run *run, const kv_split *from, kv_region *right,
                     kv_apply_result *result) {
  kv_apply_task *task = run->task;
  kv_apply_split *splits = realloc(task->splits, (task->split_count + 1) * sizeof *splits);
  if (splits == NULL) {
    return KV_ENOMEM;
  }
  task->splits = splits;
  kv_apply_split *split = &splits[task->split_count++];
  *split = (kv_apply_split){.peer_id = counterpart(run, right)};
  split->size = divide(&run->applied.size, from);
  kv_region_move(&split->region, right);
  int rc = look_for_child(run, split, &split->created);
  split->created =
      split->created && split->peer_id != 0 && split->peer_id >= result->lowest_peer_id;
  if (rc == KV_OK && split->created) {
    rc = save_child(run, split);
  }
  return rc == KV_OK ? answer_split(task, &split->region, result) : rc;
}

/* Both counters of the epoch count: the proposer gave one id to each peer that it knew. */
static int split_region(apply_run *run, const kv_entry *entry, kv_apply_result *result) {
  kv_split split;
  kv_region right = {0};
  if (kv_split_decode(entry->commands, &split) != KV_OK) {
    return KV_ECORRUPT;
  }
  result->outcome = KV_APPLY_STALE;
  if (!kv_epoch_equal(entry->epoch, run->state.region.epoch)) {
    return KV_OK;
  }
  int rc = kv_region_split(&run->state.region, split.key, split.new_region_id, split.new_peer_ids,
                           split.new_peer_count, &right);
  if (rc != KV_OK) {
    return rc == KV_EINVAL ? KV_OK : rc;
  }
  result->outcome = KV_APPLY_DONE;
  run->task->region_changed = true;
  rc = add_split(run, &split, &right, result);
  kv_region_clear(&right);
  return rc;
}

static int apply_normal(apply_run *run, const raft_entry *at, kv_apply_result *result) {
  kv_entry entry;
  raft_slice payload = {at->data.data, at->data.len};
  if (payload.len == 0) {
    return KV_OK; /* a new leader's first entry */
  }
  if (kv_entry_decode(payload, &entry) != KV_OK || entry.region_id != run->task->region_id) {
    return KV_ECORRUPT;
  }
  if (entry.kind == KV_ENTRY_COMPACT_LOG) {
    return compact_log(run, &entry, at, result);
  }
  if (entry.kind == KV_ENTRY_SPLIT) {
    return split_region(run, &entry, result);
  }
  if (entry.epoch.version != run->state.region.epoch.version) {
    result->outcome = KV_APPLY_STALE;
    return KV_OK;
  }
  return execute_commands(run, &entry, result);
}

static int apply_conf_change(apply_run *run, const raft_entry *at, kv_apply_result *result) {
  kv_apply_task *task = run->task;
  kv_region *region = &run->state.region;
  const bool member = kv_region_find_peer(region, task->peer_id) != NULL;
  const int rc = kv_region_apply_change(region, at, &result->outcome);
  if (rc != KV_OK || result->outcome != KV_APPLY_DONE) {
    return rc;
  }
  task->region_changed = true;
  if (member && kv_region_find_peer(region, task->peer_id) == NULL) {
    run->state.phase = KV_REGION_TOMBSTONE;
    task->tombstone = true;
  }
  return KV_OK;
}

static int apply_entry(apply_run *run, const raft_entry *entry, kv_apply_result *result) {
  if (entry->index <= run->applied.applied_index || run->state.phase != KV_REGION_NORMAL) {
    return KV_OK;
  }
  if (entry->index != run->applied.applied_index + 1) {
    return KV_EINVAL; /* an earlier task's transaction was given up: this one's turn comes later */
  }
  int rc = KV_OK;
  switch (entry->type) {
  case RAFT_ENTRY_NORMAL: rc = apply_normal(run, entry, result); break;
  case RAFT_ENTRY_CONF_CHANGE:
  case RAFT_ENTRY_CONF_CHANGE_V2: rc = apply_conf_change(run, entry, result); break;
  }
  kv_size_add(&run->applied.size, &run->change);
  run->change = (kv_size_change){0};
  run->applied.applied_index = entry->index;
  run->applied.applied_term = entry->term;
  return rc;
}

static int save(apply_run *run) {
  kv_apply_task *task = run->task;
  int rc = kv_apply_state_save(run->txn, task->region_id, &run->applied);
  if (rc == KV_OK && task->region_changed) {
    rc = kv_region_state_save(run->txn, &run->state);
  }
  task->applied = run->applied.applied_index;
  task->size = run->applied.size;
  task->barrier = task->region_changed;
  if (rc == KV_OK && task->region_changed) {
    kv_region_move(&task->region, &run->state.region);
  }
  return rc == KV_OK && task->replies.failed ? KV_ENOMEM : rc;
}

static int apply_entries(apply_run *run) {
  kv_apply_task *task = run->task;
  int rc = kv_region_state_load(run->txn, task->region_id, &run->state);
  if (rc == KV_OK) {
    rc = kv_apply_state_load(run->txn, task->region_id, &run->applied);
    kv_size_add(&run->applied.size, &task->correction);
  }
  for (size_t i = 0; i < task->message.entry_count && rc == KV_OK; i++) {
    rc = apply_entry(run, &task->message.entries[i], &task->results[i]);
  }
  return rc == KV_OK ? save(run) : rc;
}

/* A peer that never had data has no record yet. The region remains as the peer knew it: members and
 * epoch belong together (receive.c, answer_the_past). */
static int bury(apply_run *run) {
  kv_apply_task *task = run->task;
  kv_region_state *state = &run->state;
  int rc = kv_region_state_load(run->txn, task->region_id, state);
  if (rc != KV_OK && rc != KV_ENOTFOUND) {
    return rc;
  }
  state->phase = KV_REGION_TOMBSTONE;
  state->peer_id = task->peer_id;
  state->region.id = task->region_id;
  return kv_region_state_save(run->txn, state);
}

/* ---- data that nobody owns ---- */

/* Ranges of the regions that live on this store, as far as they meet the one to be cleared. */
typedef struct owners {
  const kv_region *range;
  kv_region *regions;
  size_t count, room;
} owners;

static int note_owner(void *ctx, const kv_region_state *state) {
  owners *all = ctx;
  const kv_region *region = &state->region;
  if (state->phase == KV_REGION_TOMBSTONE || !kv_region_initialised(region) ||
      !kv_region_overlaps(region, all->range)) {
    return KV_OK;
  }
  if (all->count == all->room) {
    size_t room = all->room > 0 ? all->room * 2 : 16;
    kv_region *regions = realloc(all->regions, room * sizeof *regions);
    if (regions == NULL) {
      return KV_ENOMEM;
    }
    all->regions = regions;
    all->room = room;
  }
  all->regions[all->count] = (kv_region){0};
  return kv_region_set_range(&all->regions[all->count++], region->start, region->end);
}

static int by_start(const void *a, const void *b) {
  const kv_region *one = a, *other = b;
  return kv_key_compare(one->start, other->start);
}

/* One gap is enough for one run, if there was anything in it. */
static int clear_gap(apply_run *run, raft_slice start, raft_slice end) {
  bool any = false;
  int rc = kv_data_clear(run->txn, start, end, 0, &any);
  if (rc == KV_OK && any) {
    rc = kv_data_clear(run->txn, start, end, CLEAR_KEYS, &any);
    run->task->more = true;
  }
  return rc;
}

/* What lies between the owners, in key order. */
static int clear_gaps(apply_run *run, const owners *all) {
  const kv_region *range = all->range;
  raft_slice from = range->start;
  int rc = KV_OK;
  for (size_t i = 0; i < all->count && rc == KV_OK && !run->task->more; i++) {
    const kv_region *owner = &all->regions[i];
    if (kv_key_compare(from, owner->start) < 0) {
      rc = clear_gap(run, from, owner->start);
    }
    if (owner->end.len == 0) {
      return rc;
    }
    from = owner->end;
  }
  bool left = rc == KV_OK && !run->task->more && !kv_key_past_end(from, range->end);
  return left ? clear_gap(run, from, range->end) : rc;
}

/* What another region of this store has taken over is left alone: looked up each time, because
 * regions come and go between two runs. */
static int clear(apply_run *run) {
  owners all = {.range = &run->task->clear};
  int rc = kv_region_state_each(run->txn, note_owner, &all);
  if (rc == KV_OK) {
    if (all.count > 0) {
      qsort(all.regions, all.count, sizeof *all.regions, by_start);
    }
    rc = clear_gaps(run, &all);
  }
  for (size_t i = 0; i < all.count; i++) {
    kv_region_clear(&all.regions[i]);
  }
  free(all.regions);
  return rc;
}

int kv_apply_run(kv_apply_task *task, kv_txn *txn) {
  apply_run run = {.task = task, .txn = txn};
  reset(task);
  int rc = task->kind == KV_APPLY_CLEAR  ? clear(&run)
           : task->kind == KV_APPLY_BURY ? bury(&run)
                                         : apply_entries(&run);
  kv_region_state_clear(&run.state);
  kv_reply_free(&run.scratch);
  free(run.args);
  return rc;
}
