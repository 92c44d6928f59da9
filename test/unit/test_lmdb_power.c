/* test_lmdb_power.c - power loss at every system call of a commit, for LMDB's own pages.
 *
 * liblmdb is a shared library, so the calls by which it writes are caught here, by functions of the
 * same names. Those for the data file are noted and passed on; syncs are only noted. Afterwards
 * power fails at every one of them: the file as it was at the last sync gets a random part, in
 * random order, of what was written since, the call in progress included, cut at sectors, pages or
 * whole writes, so that pages are lost, torn and reordered. The engine must open the result, with
 * exactly the state before or after that transaction; once the commit has returned, only the one
 * after.
 *
 * What LMDB does (0.9.24, without WRITEMAP, NOSYNC and NOMETASYNC): pages by pwrite and writev,
 * fdatasync, then 120 bytes of one of the two meta pages (bytes 32 to 151 of the page) by one
 * pwrite through a descriptor that was opened with O_DSYNC. Meta pages have no checksum. So that a
 * torn one is survived rests on this: those bytes are in one sector, which a disk writes as a
 * whole; a test watches that. A write through such a descriptor is durable when it returns; others
 * written before it need not be.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine_calls.h"
#include "scratch.h"

enum { SECTOR = 512, PAGE = 4096, KEYS = 1500, IMAGES = 5, MAX_FD = 4096 };

static uint64_t random_state;

static size_t below(size_t limit) {
  random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (size_t)(random_state >> 33) % limit;
}

/* --- the calls ---------------------------------------------------------------------------------
 */

typedef enum call_kind { WRITTEN, WRITTEN_DURABLY, SYNCED } call_kind;

typedef struct call {
  call_kind kind;
  size_t offset, len;
  unsigned char *data;
} call;

static struct {
  bool on;
  char path[512]; /* of the file that is watched */
  call *calls;
  size_t count, capacity;
  size_t renamed_at; /* number of calls before it got its name */
} journal;

static bool durable_fds[MAX_FD];

static bool is_watched(int fd) {
  struct stat file, watched;
  return journal.on && fstat(fd, &file) == 0 && stat(journal.path, &watched) == 0 &&
         file.st_ino == watched.st_ino && file.st_dev == watched.st_dev;
}

static call *note(call_kind kind) {
  if (journal.count == journal.capacity) {
    journal.capacity = journal.capacity > 0 ? 2 * journal.capacity : 64;
    journal.calls = realloc(journal.calls, journal.capacity * sizeof *journal.calls);
    ck_assert_ptr_nonnull(journal.calls);
  }
  call *noted = &journal.calls[journal.count++];
  *noted = (call){.kind = kind};
  return noted;
}

/* What `written`, the result of the call, says was taken of `parts`. */
static ssize_t note_write(int fd, const struct iovec *parts, int count, ssize_t written,
                          off_t offset) {
  if (written <= 0 || !is_watched(fd)) {
    return written;
  }
  const bool durable = fd < MAX_FD && durable_fds[fd];
  call *noted = note(durable ? WRITTEN_DURABLY : WRITTEN);
  noted->offset = (size_t)offset;
  noted->data = malloc((size_t)written);
  ck_assert_ptr_nonnull(noted->data);
  for (int i = 0; i < count && noted->len < (size_t)written; i++) {
    const size_t rest = (size_t)written - noted->len;
    const size_t len = parts[i].iov_len < rest ? parts[i].iov_len : rest;
    memcpy(noted->data + noted->len, parts[i].iov_base, len);
    noted->len += len;
  }
  return written;
}

/* The disk is never asked to sync: what it would do is simulated. */
static int note_sync(int fd) {
  if (is_watched(fd)) {
    note(SYNCED);
  }
  return 0;
}

/* Nor by a flag of the descriptor, which is only noted. */
int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const unsigned mode = (flags & O_CREAT) != 0 ? va_arg(more, unsigned) : 0;
  va_end(more);
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags & ~O_SYNC, mode);
  if (fd >= 0) {
    ck_assert_int_lt(fd, MAX_FD);
    durable_fds[fd] = (flags & O_DSYNC) != 0;
  }
  return fd;
}

static off_t position(int fd) {
  return (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
}

/* Through system calls, which no sanitizer's functions of the same names come between. */
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  ssize_t written = syscall(SYS_pwritev, fd, parts, count, offset, 0);
  return note_write(fd, parts, count, written, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  const off_t offset = position(fd);
  ssize_t written = syscall(SYS_writev, fd, parts, count);
  return note_write(fd, parts, count, written, offset);
}

static struct iovec whole(const void *data, size_t len) {
  const union {
    const void *in;
    void *out;
  } base = {data};
  return (struct iovec){base.out, len};
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset) {
  const struct iovec part = whole(data, len);
  return pwritev(fd, &part, 1, offset);
}

ssize_t write(int fd, const void *data, size_t len) {
  const struct iovec part = whole(data, len);
  return writev(fd, &part, 1);
}

/* The names that a library uses which was built for large files. */
ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset) {
  return pwrite(fd, data, len, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  return pwritev(fd, parts, count, offset);
}

int fdatasync(int fd) {
  return note_sync(fd);
}

int fsync(int fd) {
  return note_sync(fd);
}

/* These two the engine does not do to a file in use; if it begins to, the tests must learn of it.
 */
int msync(void *data, size_t len, int flags) {
  ck_assert_msg(!journal.on, "the map is written to, which this test does not simulate");
  return (int)syscall(SYS_msync, data, len, flags);
}

int ftruncate(int fd, off_t len) {
  ck_assert_msg(!is_watched(fd), "the length is set, which this test does not simulate");
  return (int)syscall(SYS_ftruncate, fd, len);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to) {
  journal.renamed_at = journal.count;
  return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

static void forget_calls(void) {
  for (size_t i = 0; i < journal.count; i++) {
    free(journal.calls[i].data);
  }
  journal.count = 0;
}

/* --- the disk ----------------------------------------------------------------------------------
 */

typedef struct image {
  unsigned char *data;
  size_t len;
} image;

static void apply(image *disk, size_t offset, const unsigned char *data, size_t len) {
  if (offset + len > disk->len) {
    disk->data = realloc(disk->data, offset + len);
    ck_assert_ptr_nonnull(disk->data);
    memset(disk->data + disk->len, 0, offset + len - disk->len);
    disk->len = offset + len;
  }
  memcpy(disk->data + offset, data, len);
}

static image copy_of(const image *disk) {
  image copy = {malloc(disk->len > 0 ? disk->len : 1), disk->len};
  ck_assert_ptr_nonnull(copy.data);
  if (disk->len > 0) {
    memcpy(copy.data, disk->data, disk->len);
  }
  return copy;
}

/* Call `at` has returned. `since`: the first call behind the last sync; LMDB writes nothing twice
 * between two of them. */
static void complete(image *disk, size_t at, size_t *since) {
  const call *done = &journal.calls[at];
  if (done->kind == WRITTEN_DURABLY) {
    apply(disk, done->offset, done->data, done->len);
  }
  if (done->kind == SYNCED) {
    for (; *since < at; ++*since) {
      const call *synced = &journal.calls[*since];
      apply(disk, synced->offset, synced->data, synced->len);
    }
    *since = at + 1;
  }
}

typedef struct chunks {
  call *items; /* `data` is the call's own */
  size_t count, capacity;
} chunks;

static void add_chunk(chunks *all, call chunk) {
  if (all->count == all->capacity) {
    all->capacity = all->capacity > 0 ? 2 * all->capacity : 256;
    all->items = realloc(all->items, all->capacity * sizeof *all->items);
    ck_assert_ptr_nonnull(all->items);
  }
  all->items[all->count++] = chunk;
}

/* Cuts a write where the file has a multiple of `unit`; 0: not at all. */
static void cut(chunks *all, const call *from, size_t unit) {
  for (size_t done = 0; done < from->len;) {
    const size_t rest = from->len - done;
    const size_t room = unit > 0 ? unit - (from->offset + done) % unit : rest;
    const size_t len = room < rest ? room : rest;
    add_chunk(all, (call){WRITTEN, from->offset + done, len, from->data + done});
    done += len;
  }
}

/* Everything that may or may not be on the disk while call `at` is in progress. */
static chunks uncertain(size_t since, size_t at) {
  static const size_t units[] = {SECTOR, PAGE, 0};
  chunks all = {0};
  const size_t unit = units[below(3)];
  for (size_t i = since; i < at; i++) {
    if (journal.calls[i].kind == WRITTEN) {
      cut(&all, &journal.calls[i], unit);
    }
  }
  if (at < journal.count && journal.calls[at].kind != SYNCED) {
    cut(&all, &journal.calls[at], SECTOR);
  }
  return all;
}

/* Keeps nothing, everything, everything but one chunk, or any part. */
static void lose_power(image *disk, size_t since, size_t at, unsigned how) {
  chunks all = uncertain(since, at);
  const size_t part = how == 0 ? 0 : how <= 2 ? 100 : below(101);
  for (size_t left = all.count; left > (how == 2 ? 1 : 0); left--) {
    const size_t pick = below(left);
    const call chunk = all.items[pick];
    all.items[pick] = all.items[left - 1];
    if (below(100) < part) {
      apply(disk, chunk.offset, chunk.data, chunk.len);
    }
  }
  free(all.items);
}

/* --- what an engine holds ----------------------------------------------------------------------
 */

typedef struct digest {
  uint64_t spaces[2];
} digest;

static uint64_t hash(uint64_t from, raft_slice bytes) {
  const unsigned char *data = bytes.data;
  from = (from ^ bytes.len) * UINT64_C(1099511628211);
  for (size_t i = 0; i < bytes.len; i++) {
    from = (from ^ data[i]) * UINT64_C(1099511628211);
  }
  return from;
}

static uint64_t hash_space(kv_txn *txn, kv_space space) {
  const kv_engine_ops *ops = txn->engine->ops;
  uint64_t sum = UINT64_C(14695981039346656037), keys = 0, seen = 0;
  kv_cursor *cursor = NULL;
  int rc = ops->seek(txn, space, (raft_slice){0}, &cursor);
  for (; rc == KV_OK; rc = ops->next(cursor), seen++) {
    raft_slice key, value;
    ops->item(cursor, &key, &value);
    sum = hash(hash(sum, key), value);
  }
  ck_assert_int_eq(rc, KV_ENOTFOUND);
  if (cursor != NULL) {
    ops->cursor_close(cursor);
  }
  ck_assert_int_eq(ops->count(txn, space, &keys), KV_OK);
  ck_assert_uint_eq(keys, seen);
  return sum;
}

static digest digest_of(kv_engine *engine) {
  kv_txn *txn = begin(engine, false);
  const digest found = {{hash_space(txn, KV_SPACE_DATA), hash_space(txn, KV_SPACE_META)}};
  engine->ops->abort(txn);
  return found;
}

static bool same(digest a, digest b) {
  return a.spaces[0] == b.spaces[0] && a.spaces[1] == b.spaces[1];
}

/* --- power loss --------------------------------------------------------------------------------
 */

static scratch live_dir, copy_dir;
static kv_engine *live;
static image disk; /* what is on it for certain, as of the last transaction */
static size_t opened;

static kv_engine *open_in(const scratch *dir, uint64_t map_size, uint64_t map_limit) {
  kv_engine *engine = NULL;
  kv_error error = {0};
  const kv_lmdb_options options = {dir->path, map_size, map_limit, 4};
  ck_assert_msg(kv_lmdb_open(&options, &engine, &error) == KV_OK, "%s", error.text);
  return engine;
}

static kv_engine *open_image(const image *left) {
  char path[512];
  remove(scratch_path(&copy_dir, "data.mdb", path)); /* cheaper than writing over it */
  scratch_write(&copy_dir, "data.mdb", left->data, left->len);
  opened++;
  return open_in(&copy_dir, 1 << 26, 0);
}

/* Free pages that are in use all the same would show when they are written. */
static void expect_writable(kv_engine *engine, digest had) {
  kv_txn *txn = begin(engine, true);
  for (unsigned i = 0; i < 20; i++) {
    char key[16], value[3000];
    memset(value, 'w', sizeof value);
    snprintf(key, sizeof key, "again%u", i);
    ck_assert_int_eq(
        engine->ops->put(txn, KV_SPACE_META, str(key), (raft_slice){value, sizeof value}), KV_OK);
  }
  ck_assert_int_eq(engine->ops->commit(txn), KV_OK);
  ck_assert_uint_eq(digest_of(engine).spaces[KV_SPACE_DATA], had.spaces[KV_SPACE_DATA]);
}

static digest state_after_loss(size_t since, size_t at, unsigned how) {
  image left = copy_of(&disk);
  lose_power(&left, since, at, how);
  kv_engine *engine = open_image(&left);
  const digest found = digest_of(engine);
  if (how == 0 || how == 3) {
    expect_writable(engine, found);
  }
  engine->ops->close(engine);
  free(left.data);
  return found;
}

/* Fails power at every call noted since the last time. */
static void fail_at_every_call(digest before, digest after) {
  size_t since = 0;
  for (size_t at = 0; at <= journal.count; at++) {
    for (unsigned how = 0; how < IMAGES; how++) {
      const digest found = state_after_loss(since, at, how);
      ck_assert_msg(same(found, after) || (at < journal.count && same(found, before)),
                    "call %zu of %zu, image %u: %s", at, journal.count, how,
                    same(found, before) ? "a committed transaction is lost"
                                        : "neither the state before nor the one after");
    }
    if (at < journal.count) {
      complete(&disk, at, &since);
    }
  }
  ck_assert_msg(since == journal.count || journal.calls[journal.count - 1].kind == WRITTEN_DURABLY,
                "a commit returned before all of it was durable");
  forget_calls();
}

/* What is in the file counts as durable. */
static void watch(uint64_t map_size, uint64_t map_limit) {
  live = open_in(&live_dir, map_size, map_limit);
  disk.data = scratch_read(&live_dir, "data.mdb", &disk.len);
  scratch_path(&live_dir, "data.mdb", journal.path);
  journal.on = true;
}

static void setup(void) {
  scratch_open(&live_dir);
  scratch_open(&copy_dir);
}

static void teardown(void) {
  journal.on = false;
  if (live != NULL) {
    live->ops->close(live);
  }
  live = NULL;
  forget_calls();
  free(journal.calls);
  journal.calls = NULL;
  journal.capacity = 0;
  free(disk.data);
  disk = (image){0};
  scratch_close(&copy_dir);
  scratch_close(&live_dir);
}

/* --- transactions ------------------------------------------------------------------------------
 */

static char value_bytes[1 << 16];

/* Most are small; some have a page, or several, of their own. */
static raft_slice random_value(void) {
  static const size_t limits[] = {20, 20, 200, 200, 200, 1500, 5000, 40000};
  const size_t len = below(limits[below(8)]);
  memset(value_bytes, 'a' + (int)below(26), len);
  return (raft_slice){value_bytes, len};
}

static int change(kv_txn *txn, kv_space space, unsigned number, bool remove) {
  char key[16];
  snprintf(key, sizeof key, "k%05u", number);
  if (!remove) {
    return txn->engine->ops->put(txn, space, str(key), random_value());
  }
  const int rc = txn->engine->ops->del(txn, space, str(key));
  return rc == KV_ENOTFOUND ? KV_OK : rc;
}

/* `changes` single keys, and a range that is deleted now and then. */
static int fill(kv_txn *txn, size_t changes) {
  int rc = change(txn, KV_SPACE_META, (unsigned)below(50), false);
  for (size_t i = 0; i < changes && rc == KV_OK; i++) {
    rc = change(txn, KV_SPACE_DATA, (unsigned)below(KEYS), below(3) == 0);
  }
  const unsigned first = (unsigned)below(KEYS), end = below(3) == 0 ? first + 300 : first;
  for (unsigned i = first; i < end && rc == KV_OK; i++) {
    rc = change(txn, KV_SPACE_DATA, i, true);
  }
  return rc;
}

/* Tries again when the map was full, which grows it. */
static void transact(size_t changes) {
  int rc = KV_EFULL;
  while (rc == KV_EFULL) {
    kv_txn *txn = begin(live, true);
    rc = fill(txn, changes);
    if (rc == KV_OK) {
      rc = live->ops->commit(txn);
    } else {
      live->ops->abort(txn);
    }
  }
  ck_assert_int_eq(rc, KV_OK);
}

static void transact_and_fail(size_t changes) {
  const digest before = digest_of(live);
  transact(changes);
  ck_assert_uint_gt(journal.count, 0);
  fail_at_every_call(before, digest_of(live));
}

START_TEST(power_loss_at_any_call_leaves_the_state_before_or_after_the_commit) {
  static const size_t sizes[] = {1, 400, 3, 40, 1, 120, 10, 2, 200, 1};
  random_state = (uint64_t)_i;
  watch(0, 0);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    transact_and_fail(sizes[i]);
  }
  ck_assert_uint_gt(opened, 200);
}
END_TEST

START_TEST(power_loss_while_the_map_grows_loses_nothing) {
  kv_lmdb_usage usage;
  random_state = 100 + (uint64_t)_i;
  watch(1 << 18, 1 << 26);
  for (size_t i = 0; i < 4; i++) {
    transact_and_fail(200);
  }
  kv_lmdb_usage_of(live, &usage);
  ck_assert_uint_ge(usage.map_bytes, 1 << 20);
}
END_TEST

START_TEST(a_meta_page_is_written_in_one_sector_and_after_a_sync) {
  random_state = 7;
  watch(0, 0);
  for (unsigned i = 0; i < 20; i++) {
    transact(30);
    ck_assert_uint_ge(journal.count, 3);
    const call *meta = &journal.calls[journal.count - 1];
    ck_assert_int_eq(meta->kind, WRITTEN_DURABLY);
    ck_assert_uint_eq(meta->offset / SECTOR, (meta->offset + meta->len - 1) / SECTOR);
    ck_assert_int_eq(meta[-1].kind, SYNCED);
    forget_calls();
  }
}
END_TEST

/* That these tests can fail: the same calls on a disk that forgets all of them. */
START_TEST(a_disk_that_loses_what_was_synced_would_be_noticed) {
  random_state = 8;
  watch(0, 0);
  const digest before = digest_of(live);
  transact(30);
  ck_assert_uint_gt(journal.count, 0);
  const digest found = state_after_loss(0, 0, 0);
  ck_assert(same(found, before));
  ck_assert(!same(found, digest_of(live)));
}
END_TEST

static void expect_opens_empty(void) {
  uint64_t keys = 1;
  kv_engine *engine = open_in(&copy_dir, 0, 0);
  expect_writable(engine, digest_of(engine));
  kv_txn *txn = begin(engine, false);
  ck_assert_int_eq(engine->ops->count(txn, KV_SPACE_DATA, &keys), KV_OK);
  ck_assert_uint_eq(keys, 0);
  engine->ops->abort(txn);
  engine->ops->close(engine);
}

/* The file gets its name when all of it is durable; before, what is left of it is in the way of
 * nobody. */
START_TEST(power_loss_while_it_is_made_leaves_a_directory_that_opens) {
  random_state = (uint64_t)_i;
  scratch_path(&live_dir, "new.mdb", journal.path);
  journal.on = true;
  live = open_in(&live_dir, 0, 0);
  ck_assert_uint_gt(journal.count, 0);
  ck_assert_uint_eq(journal.renamed_at, journal.count);
  size_t since = 0;
  for (size_t at = 0; at < journal.count; complete(&disk, at++, &since)) {
    for (unsigned how = 0; how < IMAGES; how++) {
      image left = copy_of(&disk);
      lose_power(&left, since, at, how);
      scratch_write(&copy_dir, "new.mdb", left.data, left.len);
      expect_opens_empty();
      scratch_close(&copy_dir);
      scratch_open(&copy_dir);
      free(left.data);
    }
  }
  ck_assert_int_eq(journal.calls[journal.count - 1].kind, WRITTEN_DURABLY);
  kv_engine *engine = open_image(&disk);
  ck_assert(same(digest_of(engine), digest_of(live)));
  engine->ops->close(engine);
}
END_TEST

START_TEST(a_file_whose_name_outlived_its_bytes_is_made_anew) {
  scratch_write(&copy_dir, "data.mdb", "", 0);
  expect_opens_empty();
}
END_TEST

int main(void) {
  Suite *suite = suite_create("lmdb_power");
  TCase *tcase = tcase_create("lmdb_power");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_set_timeout(tcase, 120);
  tcase_add_loop_test(tcase, power_loss_at_any_call_leaves_the_state_before_or_after_the_commit, 1,
                      4);
  tcase_add_loop_test(tcase, power_loss_while_the_map_grows_loses_nothing, 1, 3);
  tcase_add_test(tcase, a_meta_page_is_written_in_one_sector_and_after_a_sync);
  tcase_add_test(tcase, a_disk_that_loses_what_was_synced_would_be_noticed);
  tcase_add_loop_test(tcase, power_loss_while_it_is_made_leaves_a_directory_that_opens, 1, 4);
  tcase_add_test(tcase, a_file_whose_name_outlived_its_bytes_is_made_anew);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
