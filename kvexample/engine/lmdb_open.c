/* lmdb_open.c - opening the LMDB engine: directory, map, format, and what errors mean.
 *
 * The directory is locked first, so two processes never share it. The record `format` in the main
 * database tells our environments from those of other programs; it is written together with the
 * two named databases when an environment is new. LMDB writes the first pages of a file without a
 * sync, and power loss may leave a part of them, which it would refuse ever after: so a new
 * environment is made in a file of another name, and gets its own when it is durable.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "engine/lmdb_engine.h"

#define FORMAT_KEY   "format"
#define FORMAT_VALUE "kvexample state machine 1"

static const uint64_t default_map = (uint64_t)1 << 40;
static const uint64_t smallest_map = (uint64_t)1 << 24;
/* A failed write with less room than this left is a full disk, whatever its error says. */
static const uint64_t full_below = (uint64_t)64 << 20;

/* --- error codes -------------------------------------------------------------------------------
 */

/* LMDB reports a write that was cut short by a full disk as EIO. */
static bool is_nearly_full(const kv_lmdb *engine) {
  struct statvfs disk;
  struct stat file;
  struct rlimit limit;
  int fd = -1;
  if (mdb_env_get_fd(engine->env, &fd) != 0 || fstat(fd, &file) != 0 || fstatvfs(fd, &disk) != 0) {
    return false;
  }
  bool limited = getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
                 (uint64_t)file.st_size + full_below > (uint64_t)limit.rlim_cur;
  return limited || (uint64_t)disk.f_bavail * disk.f_frsize < full_below;
}

int kv_lmdb_code(const kv_lmdb *engine, int rc) {
  switch (rc) {
  case 0: return KV_OK;
  case MDB_NOTFOUND: return KV_ENOTFOUND;
  case MDB_MAP_FULL:
  case MDB_TXN_FULL:
  case ENOSPC:
  case EDQUOT:
  case EFBIG: return KV_EFULL;
  case ENOMEM: return KV_ENOMEM;
  case MDB_READERS_FULL: return KV_EBUSY;
  case MDB_BAD_VALSIZE:
  case MDB_BAD_TXN:
  case EINVAL:
  case EACCES: return KV_EINVAL;
  case MDB_CORRUPTED:
  case MDB_PAGE_NOTFOUND:
  case MDB_CURSOR_FULL: return KV_ECORRUPT;
  case EIO: return is_nearly_full(engine) ? KV_EFULL : KV_EIO;
  default: return KV_EIO;
  }
}

/* For opening, where everything that is not LMDB's file is somebody else's. */
static int fail_open(const kv_lmdb_options *options, int rc, kv_error *error) {
  const char *directory = options->directory;
  switch (rc) {
  case MDB_INVALID:
  case MDB_VERSION_MISMATCH:
  case MDB_INCOMPATIBLE:
    return kv_fail(error, KV_EFOREIGN,
                   "%s/data.mdb was not written by this program: give the store an empty directory",
                   directory);
  case MDB_CORRUPTED:
  case MDB_PAGE_NOTFOUND:
    return kv_fail(error, KV_ECORRUPT,
                   "%s/data.mdb is damaged: remove this store from its region and start it anew in "
                   "an empty directory",
                   directory);
  case ENOSPC:
  case EDQUOT:
  case MDB_MAP_FULL:
    return kv_fail(error, KV_EFULL, "%s: no space left for the state machine", directory);
  case ENOMEM:
    return kv_fail(error, KV_ENOMEM, "%s: no memory or address space for the state machine",
                   directory);
  default:
    return kv_fail(error, KV_EIO, "%s: cannot open the state machine: %s", directory,
                   mdb_strerror(rc));
  }
}

/* --- the environment ---------------------------------------------------------------------------
 */

static int lock_directory(const kv_lmdb_options *options, int *lock, kv_error *error) {
  *lock = open(options->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*lock < 0) {
    return kv_fail(error, KV_EIO, "%s: cannot open the directory: %s", options->directory,
                   strerror(errno));
  }
  if (flock(*lock, LOCK_EX | LOCK_NB) != 0) {
    close(*lock);
    return kv_fail(error, KV_EBUSY, "%s is in use by another process", options->directory);
  }
  return KV_OK;
}

static int try_map(kv_lmdb *engine, const kv_lmdb_options *options, uint64_t size) {
  unsigned readers = options->max_readers > 0 ? options->max_readers : 64;
  int rc = mdb_env_create(&engine->env);
  if (rc != 0) {
    return rc;
  }
  rc = mdb_env_set_maxdbs(engine->env, 2);
  if (rc == 0) {
    rc = mdb_env_set_maxreaders(engine->env, readers);
  }
  if (rc == 0) {
    rc = mdb_env_set_mapsize(engine->env, (size_t)size);
  }
  if (rc == 0) {
    rc = mdb_env_open(engine->env, options->directory, MDB_NOTLS, 0600);
  }
  if (rc != 0) {
    mdb_env_close(engine->env);
    engine->env = NULL;
  }
  return rc;
}

/* Reserves what was asked for, or the largest part of the default that there is room for. */
static int open_environment(kv_lmdb *engine, const kv_lmdb_options *options) {
  uint64_t size = options->map_size > 0 ? options->map_size : default_map;
  int rc = ENOMEM;
  while (rc == ENOMEM) {
    if (options->map_size > 0 || kv_lmdb_can_map(size)) {
      rc = try_map(engine, options, size);
    }
    if (rc == ENOMEM && (options->map_size > 0 || size <= smallest_map)) {
      return rc;
    }
    size /= 2;
  }
  return rc;
}

/* The map of a larger file is larger than what was asked for. */
static void note_map(kv_lmdb *engine, const kv_lmdb_options *options) {
  MDB_envinfo info = {0};
  mdb_env_info(engine->env, &info);
  uint64_t asked = options->map_size > 0 ? options->map_size : default_map;
  engine->map_size = info.me_mapsize;
  engine->map_limit = options->map_limit > 0 ? options->map_limit : asked;
}

/* Reading behind the end of a file that lost its tail would be a signal. With zeros there, it is an
 * error of LMDB's. */
static int restore_length(kv_lmdb *engine) {
  struct stat file;
  int fd = -1;
  kv_lmdb_usage usage;
  kv_lmdb_usage_of(&engine->base, &usage);
  int rc = mdb_env_get_fd(engine->env, &fd);
  if (rc != 0) {
    return rc;
  }
  if (fstat(fd, &file) != 0) {
    return errno;
  }
  bool shorter = (uint64_t)file.st_size < usage.used_bytes;
  return shorter && ftruncate(fd, (off_t)usage.used_bytes) != 0 ? errno : 0;
}

/* --- the format --------------------------------------------------------------------------------
 */

static MDB_val text_val(char *text) {
  return (MDB_val){strlen(text), text};
}

static int write_format(MDB_txn *txn, MDB_dbi dbi) {
  char key_text[] = FORMAT_KEY, value_text[] = FORMAT_VALUE;
  MDB_val key = text_val(key_text), value = text_val(value_text);
  return mdb_put(txn, dbi, &key, &value, 0);
}

/* MDB_INVALID: something else than ours stands there. */
static int check_format(MDB_txn *txn, MDB_dbi dbi) {
  char key_text[] = FORMAT_KEY;
  MDB_val key = text_val(key_text), value = {0};
  int rc = mdb_get(txn, dbi, &key, &value);
  if (rc == MDB_NOTFOUND) {
    return MDB_INVALID;
  }
  bool ours = rc == 0 && value.mv_size == strlen(FORMAT_VALUE) &&
              memcmp(value.mv_data, FORMAT_VALUE, value.mv_size) == 0;
  return rc != 0 || ours ? rc : MDB_INVALID;
}

static int open_databases(kv_lmdb *engine, MDB_txn *txn) {
  MDB_dbi main_dbi;
  MDB_stat stat;
  int rc = mdb_dbi_open(txn, NULL, 0, &main_dbi);
  if (rc == 0) {
    rc = mdb_stat(txn, main_dbi, &stat);
  }
  if (rc == 0) {
    rc = stat.ms_entries == 0 ? write_format(txn, main_dbi) : check_format(txn, main_dbi);
  }
  if (rc == 0) {
    rc = mdb_dbi_open(txn, "data", MDB_CREATE, &engine->spaces[KV_SPACE_DATA]);
  }
  if (rc == 0) {
    rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &engine->spaces[KV_SPACE_META]);
  }
  return rc;
}

/* Commits nothing if nothing was missing. */
static int settle_format(kv_lmdb *engine) {
  MDB_txn *txn;
  int rc = mdb_txn_begin(engine->env, NULL, 0, &txn);
  if (rc != 0) {
    return rc;
  }
  rc = open_databases(engine, txn);
  if (rc != 0) {
    mdb_txn_abort(txn);
    return rc;
  }
  return mdb_txn_commit(txn);
}

/* --- a new environment -------------------------------------------------------------------------
 */

#define DATA_FILE "data.mdb"
#define NEW_FILE  "new.mdb"

/* An empty file is what power loss may leave of one that was never used. */
static bool is_missing(const kv_lmdb *engine) {
  struct stat file;
  int rc = fstatat(engine->lock, DATA_FILE, &file, 0);
  return rc != 0 ? errno == ENOENT : S_ISREG(file.st_mode) && file.st_size == 0;
}

/* No lock file: the directory is locked. The environment that is written is closed again. */
static int write_new(kv_lmdb *engine, const char *path) {
  int rc = mdb_env_create(&engine->env);
  if (rc != 0) {
    return rc;
  }
  rc = mdb_env_set_maxdbs(engine->env, 2);
  if (rc == 0) {
    rc = mdb_env_open(engine->env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600);
  }
  if (rc == 0) {
    rc = settle_format(engine);
  }
  mdb_env_close(engine->env);
  engine->env = NULL;
  return rc;
}

/* The synchronous commit of its format has made the file durable before it is renamed. What an
 * interrupted start has left goes first. */
static int make_new(kv_lmdb *engine, const kv_lmdb_options *options) {
  char *path = NULL;
  if (unlinkat(engine->lock, NEW_FILE, 0) != 0 && errno != ENOENT) {
    return errno;
  }
  if (asprintf(&path, "%s/" NEW_FILE, options->directory) < 0) {
    return ENOMEM;
  }
  int rc = write_new(engine, path);
  free(path);
  if (rc == 0 && renameat(engine->lock, NEW_FILE, engine->lock, DATA_FILE) != 0) {
    rc = errno;
  }
  return rc;
}

/* --- opening -----------------------------------------------------------------------------------
 */

static int init_gate(kv_lmdb *engine) {
  pthread_condattr_t attributes;
  if (pthread_mutex_init(&engine->mutex, NULL) != 0) {
    return KV_ENOMEM;
  }
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  int rc = pthread_cond_init(&engine->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  if (rc != 0) {
    pthread_mutex_destroy(&engine->mutex);
    return KV_ENOMEM;
  }
  return KV_OK;
}

/* Everything behind the lock and the gate; an errno or one of LMDB's codes. */
static int open_all(kv_lmdb *engine, const kv_lmdb_options *options) {
  int dead_readers = 0;
  int rc = is_missing(engine) ? make_new(engine, options) : 0;
  if (rc == 0) {
    rc = open_environment(engine, options);
  }
  if (rc != 0) {
    return rc;
  }
  note_map(engine, options);
  rc = restore_length(engine);
  if (rc == 0) {
    rc = mdb_reader_check(engine->env, &dead_readers);
  }
  if (rc == 0) {
    rc = settle_format(engine);
  }
  if (rc == 0 && fsync(engine->lock) != 0) { /* the names of new files */
    rc = errno;
  }
  if (rc != 0) {
    mdb_env_close(engine->env);
  }
  return rc;
}

static int make_engine(const kv_lmdb_options *options, int lock, kv_engine **out, kv_error *error) {
  kv_lmdb *engine = calloc(1, sizeof *engine);
  if (engine == NULL || init_gate(engine) != KV_OK) {
    free(engine);
    return fail_open(options, ENOMEM, error);
  }
  engine->base.ops = &kv_lmdb_ops;
  engine->lock = lock;
  int rc = open_all(engine, options);
  if (rc != 0) {
    pthread_cond_destroy(&engine->changed);
    pthread_mutex_destroy(&engine->mutex);
    free(engine);
    return fail_open(options, rc, error);
  }
  *out = &engine->base;
  return KV_OK;
}

int kv_lmdb_open(const kv_lmdb_options *options, kv_engine **engine, kv_error *error) {
  int lock = -1;
  if (options->directory == NULL || options->directory[0] == '\0') {
    return kv_fail(error, KV_EINVAL, "no directory for the state machine was given");
  }
  int rc = lock_directory(options, &lock, error);
  if (rc != KV_OK) {
    return rc;
  }
  rc = make_engine(options, lock, engine, error);
  if (rc != KV_OK) {
    close(lock);
  }
  return rc;
}
