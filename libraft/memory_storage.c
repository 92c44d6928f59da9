/* memory_storage.c - a Storage in memory.
 *
 * Position 0 of the log is a dummy: the place where the log was cut, with the term that is
 * still known for it. Entry `index` stands at position index - dummy index, so an empty storage
 * (dummy {0, 0}) has first index 1 and last index 0.
 *
 * Every change prepares what it needs first and then cannot fail, so an allocation that fails
 * leaves the storage as it was. Every payload has an owner.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/memory_storage.h>

#include <string.h>

#include "allocate.h"
#include "buf.h"

struct raft_memory_storage {
  raft_storage interface;
  const raft_allocator *allocator;
  raft_hard_state hard_state;
  raft_snapshot snapshot;
  uint64_t *ids; /* behind the lists of the snapshot's conf_state */
  raft_entry *log;
  size_t count; /* the dummy included: at least 1 */
  size_t capacity;
};

static uint64_t dummy_index(const raft_memory_storage *storage) {
  return storage->log[0].index;
}

static uint64_t last_index(const raft_memory_storage *storage) {
  return dummy_index(storage) + storage->count - 1;
}

static bool grow_log(raft_memory_storage *storage, size_t need) {
  void *log = storage->log;
  bool grown = raft_grow(storage->allocator, &log, &storage->capacity, need, sizeof(raft_entry));
  storage->log = log;
  return grown;
}

/* --- what libraft asks --------------------------------------------------------------------- */

static int give_initial_state(void *ctx, raft_hard_state *hard_state, raft_conf_state *conf_state) {
  const raft_memory_storage *storage = ctx;
  *hard_state = storage->hard_state;
  *conf_state = storage->snapshot.conf_state;
  return RAFT_OK;
}

/* How many of `room` entries from `first` on fit into max_bytes; one always does. */
static size_t count_within(const raft_entry *first, size_t room, uint64_t max_bytes) {
  uint64_t bytes = 0;
  size_t count = 0;
  while (count < room) {
    uint64_t size = raft_entry_size(&first[count]);
    if (count > 0 && (size > max_bytes || bytes > max_bytes - size)) {
      break;
    }
    bytes += size;
    count++;
  }
  return count;
}

static int give_entries(void *ctx, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_entry *out,
                        size_t *count) {
  const raft_memory_storage *storage = ctx;
  if (lo <= dummy_index(storage)) {
    return RAFT_ECOMPACTED;
  }
  if (hi < lo) {
    return RAFT_EINVAL;
  }
  if (hi > last_index(storage) + 1) {
    return RAFT_EUNAVAILABLE;
  }
  const raft_entry *first = &storage->log[lo - dummy_index(storage)];
  uint64_t wanted = hi - lo;
  size_t room = wanted < *count ? (size_t)wanted : *count;
  *count = count_within(first, room, max_bytes);
  memcpy(out, first, *count * sizeof *out);
  raft_entries_retain(out, *count);
  return RAFT_OK;
}

static int give_term(void *ctx, uint64_t index, uint64_t *term) {
  const raft_memory_storage *storage = ctx;
  if (index < dummy_index(storage)) {
    return RAFT_ECOMPACTED;
  }
  if (index > last_index(storage)) {
    return RAFT_EUNAVAILABLE;
  }
  *term = storage->log[index - dummy_index(storage)].term;
  return RAFT_OK;
}

static int give_first_index(void *ctx, uint64_t *index) {
  const raft_memory_storage *storage = ctx;
  *index = dummy_index(storage) + 1;
  return RAFT_OK;
}

static int give_last_index(void *ctx, uint64_t *index) {
  const raft_memory_storage *storage = ctx;
  *index = last_index(storage);
  return RAFT_OK;
}

static int give_snapshot(void *ctx, raft_snapshot *snapshot) {
  const raft_memory_storage *storage = ctx;
  *snapshot = storage->snapshot;
  return RAFT_OK;
}

static const raft_storage interface_functions = {
    .size = sizeof(raft_storage),
    .initial_state = give_initial_state,
    .entries = give_entries,
    .term = give_term,
    .first_index = give_first_index,
    .last_index = give_last_index,
    .snapshot = give_snapshot,
};

/* --- life ---------------------------------------------------------------------------------- */

int raft_memory_storage_open(const raft_allocator *allocator, raft_memory_storage **storage) {
  allocator = raft_allocator_or_default(allocator);
  if (allocator == NULL) {
    return RAFT_EINVAL;
  }
  raft_memory_storage *made = raft_allocate(allocator, sizeof(*made));
  if (made == NULL) {
    return RAFT_ENOMEM;
  }
  memset(made, 0, sizeof(*made));
  made->allocator = allocator;
  made->interface = interface_functions;
  made->interface.ctx = made;
  if (!grow_log(made, 1)) {
    raft_deallocate(allocator, made);
    return RAFT_ENOMEM;
  }
  memset(made->log, 0, sizeof(made->log[0]));
  made->count = 1;
  *storage = made;
  return RAFT_OK;
}

void raft_memory_storage_close(raft_memory_storage *storage) {
  if (storage == NULL) {
    return;
  }
  raft_entries_release(storage->log, storage->count);
  raft_buf_release(storage->snapshot.data.owner);
  raft_deallocate(storage->allocator, storage->ids);
  raft_deallocate(storage->allocator, storage->log);
  raft_deallocate(storage->allocator, storage);
}

const raft_storage *raft_memory_storage_interface(raft_memory_storage *storage) {
  return &storage->interface;
}

/* --- membership and snapshots -------------------------------------------------------------- */

/* *room is NULL if all lists are empty. */
static raft_ids copy_list(raft_ids from, uint64_t **room) {
  raft_ids to = {NULL, from.count};
  if (from.count > 0 && *room != NULL) {
    memcpy(*room, from.ids, from.count * sizeof(uint64_t));
    to.ids = *room;
    *room += from.count;
  }
  return to;
}

/* Deep copy; *ids is what holds the lists (NULL when all are empty). False: out of memory. */
static bool copy_conf_state(const raft_allocator *allocator, const raft_conf_state *from,
                            raft_conf_state *to, uint64_t **ids) {
  size_t total = from->voters.count + from->learners.count + from->voters_outgoing.count +
                 from->learners_next.count;
  *ids = NULL;
  if (total > 0) {
    *ids = raft_allocate_array(allocator, total, sizeof(uint64_t));
    if (*ids == NULL) {
      return false;
    }
  }
  uint64_t *room = *ids;
  to->voters = copy_list(from->voters, &room);
  to->learners = copy_list(from->learners, &room);
  to->voters_outgoing = copy_list(from->voters_outgoing, &room);
  to->learners_next = copy_list(from->learners_next, &room);
  to->auto_leave = from->auto_leave;
  return true;
}

/* The same bytes with an owner and one reference of it. False: out of memory. */
static bool keep_bytes(const raft_allocator *allocator, raft_bytes from, raft_bytes *to) {
  *to = from;
  if (from.owner != NULL) {
    (void)raft_buf_retain(from.owner);
    return true;
  }
  if (from.data == NULL) {
    return true;
  }
  to->owner = raft_buf_copy(allocator, from.data, from.len);
  if (to->owner == NULL) {
    return false;
  }
  to->data = raft_buf_data(to->owner);
  return true;
}

/* Puts a deep copy of `snapshot` in place of the one that is there, or changes nothing. */
static int replace_snapshot(raft_memory_storage *storage, const raft_snapshot *snapshot) {
  raft_snapshot kept = *snapshot;
  uint64_t *ids;
  if (!keep_bytes(storage->allocator, snapshot->data, &kept.data)) {
    return RAFT_ENOMEM;
  }
  if (!copy_conf_state(storage->allocator, &snapshot->conf_state, &kept.conf_state, &ids)) {
    raft_buf_release(kept.data.owner);
    return RAFT_ENOMEM;
  }
  raft_buf_release(storage->snapshot.data.owner);
  raft_deallocate(storage->allocator, storage->ids);
  storage->snapshot = kept;
  storage->ids = ids;
  return RAFT_OK;
}

int raft_memory_storage_set_hard_state(raft_memory_storage *storage, const raft_hard_state *state) {
  storage->hard_state = *state;
  return RAFT_OK;
}

int raft_memory_storage_set_conf_state(raft_memory_storage *storage, const raft_conf_state *state) {
  raft_snapshot changed = storage->snapshot;
  changed.conf_state = *state;
  return replace_snapshot(storage, &changed);
}

/* One of the same index is news where nothing stands behind it: a follower may have asked for it.
 */
static bool is_out_of_date(const raft_memory_storage *storage, const raft_snapshot *snapshot) {
  bool renews = snapshot->index != 0 && snapshot->index == storage->snapshot.index &&
                snapshot->index == last_index(storage);
  return snapshot->index <= storage->snapshot.index && !renews;
}

int raft_memory_storage_apply_snapshot(raft_memory_storage *storage,
                                       const raft_snapshot *snapshot) {
  if (is_out_of_date(storage, snapshot)) {
    return RAFT_ESNAPSHOT_OUT_OF_DATE;
  }
  int rc = replace_snapshot(storage, snapshot);
  if (rc == RAFT_OK) {
    raft_entries_release(storage->log, storage->count);
    storage->log[0] = (raft_entry){.term = snapshot->term, .index = snapshot->index};
    storage->count = 1;
  }
  return rc;
}

int raft_memory_storage_create_snapshot(raft_memory_storage *storage, uint64_t index,
                                        const raft_conf_state *conf_state, raft_bytes data) {
  if (index <= storage->snapshot.index) {
    return RAFT_ESNAPSHOT_OUT_OF_DATE;
  }
  raft_snapshot made = {.data = data, .index = index};
  made.conf_state = conf_state != NULL ? *conf_state : storage->snapshot.conf_state;
  int rc = give_term(storage, index, &made.term);
  return rc == RAFT_OK ? replace_snapshot(storage, &made) : rc;
}

/* --- log ----------------------------------------------------------------------------------- */

static bool is_consecutive(const raft_entry *entries, size_t count) {
  for (size_t i = 1; i < count; i++) {
    if (entries[i].index != entries[0].index + i) {
      return false;
    }
  }
  return entries[0].index != 0 && entries[0].index <= UINT64_MAX - count;
}

static bool is_borrowed(const raft_entry *entry) {
  return entry->data.data != NULL && entry->data.owner == NULL;
}

/* One buffer for all borrowed payloads of a batch; *copy stays NULL when there are none. */
static int copy_borrowed(const raft_allocator *allocator, const raft_entry *entries, size_t count,
                         raft_buf **copy, unsigned char **room) {
  size_t bytes = 0;
  bool any = false;
  for (size_t i = 0; i < count; i++) {
    if (!is_borrowed(&entries[i])) {
      continue;
    }
    if (entries[i].data.len > SIZE_MAX - bytes) {
      return RAFT_ENOMEM;
    }
    bytes += entries[i].data.len;
    any = true;
  }
  void *data = NULL;
  *copy = any ? raft_buf_create(allocator, bytes, &data) : NULL;
  *room = data;
  return any && *copy == NULL ? RAFT_ENOMEM : RAFT_OK;
}

/* Copies entries to `to`, each with a reference of its payload's owner, which for a borrowed
 * payload is `copy`, where its bytes go to `room` (NULL if none is borrowed). */
static void keep_entries(const raft_entry *entries, size_t count, raft_buf *copy,
                         unsigned char *room, raft_entry *to) {
  memcpy(to, entries, count * sizeof *to);
  for (size_t i = 0; i < count && room != NULL; i++) {
    if (is_borrowed(&entries[i])) {
      memcpy(room, entries[i].data.data, entries[i].data.len);
      to[i].data.data = room;
      to[i].data.owner = copy;
      room += entries[i].data.len;
    }
  }
  raft_entries_retain(to, count);
}

/* Puts entries at `position` in place of what stands there and behind. */
static int replace_suffix(raft_memory_storage *storage, size_t position, const raft_entry *entries,
                          size_t count) {
  raft_buf *copy;
  unsigned char *room;
  int rc = copy_borrowed(storage->allocator, entries, count, &copy, &room);
  if (rc != RAFT_OK) {
    return rc;
  }
  if (count > SIZE_MAX - position || !grow_log(storage, position + count)) {
    raft_buf_release(copy);
    return RAFT_ENOMEM;
  }
  raft_entries_release(storage->log + position, storage->count - position);
  keep_entries(entries, count, copy, room, storage->log + position);
  storage->count = position + count;
  raft_buf_release(copy);
  return RAFT_OK;
}

int raft_memory_storage_append(raft_memory_storage *storage, const raft_entry *entries,
                               size_t count) {
  if (count == 0) {
    return RAFT_OK;
  }
  if (!is_consecutive(entries, count)) {
    return RAFT_EINVAL;
  }
  uint64_t dummy = dummy_index(storage);
  if (entries[0].index + count - 1 <= dummy) {
    return RAFT_OK;
  }
  if (entries[0].index > last_index(storage) + 1) {
    return RAFT_EUNAVAILABLE;
  }
  size_t skipped = entries[0].index > dummy ? 0 : (size_t)(dummy + 1 - entries[0].index);
  size_t position = (size_t)(entries[skipped].index - dummy);
  return replace_suffix(storage, position, entries + skipped, count - skipped);
}

int raft_memory_storage_compact(raft_memory_storage *storage, uint64_t index) {
  if (index <= dummy_index(storage)) {
    return RAFT_ECOMPACTED;
  }
  if (index > last_index(storage)) {
    return RAFT_EUNAVAILABLE;
  }
  size_t position = (size_t)(index - dummy_index(storage));
  raft_entries_release(storage->log, position + 1);
  memmove(storage->log, storage->log + position, (storage->count - position) * sizeof(raft_entry));
  storage->log[0].data = (raft_bytes){NULL, 0, NULL};
  storage->log[0].type = RAFT_ENTRY_NORMAL;
  storage->count -= position;
  return RAFT_OK;
}
