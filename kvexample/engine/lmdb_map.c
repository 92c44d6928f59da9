/* lmdb_map.c - how much address space the LMDB engine has, and how it gets more.
 *
 * Normally a map is reserved that no data will fill, and nothing here happens. Where the address
 * space is limited the map is smaller and is doubled when it is nearly full. LMDB can do that only
 * while no transaction is open, so there is a gate that new transactions wait at.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <sys/mman.h>
#include <time.h>

#include "engine/lmdb_engine.h"

/* How long growing waits for open readers. They are short, except for one whose thread is stuck;
 * then the map stays as it is and the write is refused. */
enum { WAIT_SECONDS = 5 };

bool kv_lmdb_can_map(uint64_t bytes) {
  if (bytes > SIZE_MAX / 2) {
    return false;
  }
  void *probe =
      mmap(NULL, (size_t)bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED) {
    return false;
  }
  (void)munmap(probe, (size_t)bytes);
  return true;
}

void kv_lmdb_map_wanted(kv_lmdb *engine) {
  pthread_mutex_lock(&engine->mutex);
  engine->grow_wanted = engine->map_size < engine->map_limit;
  pthread_mutex_unlock(&engine->mutex);
}

/* Reads the map, which must not move meanwhile: called with the mutex. */
static uint64_t used_bytes(const kv_lmdb *engine) {
  MDB_envinfo info = {0};
  MDB_stat stat = {0};
  mdb_env_info(engine->env, &info);
  mdb_env_stat(engine->env, &stat);
  return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

void kv_lmdb_usage_of(kv_engine *base, kv_lmdb_usage *usage) {
  kv_lmdb *engine = (kv_lmdb *)base;
  pthread_mutex_lock(&engine->mutex);
  usage->map_bytes = engine->map_size;
  usage->used_bytes = used_bytes(engine);
  pthread_mutex_unlock(&engine->mutex);
}

/* Asking in time spares the transaction that would run into the end of the map. */
static bool nearly_full(const kv_lmdb *engine) {
  return engine->map_size < engine->map_limit && used_bytes(engine) > engine->map_size / 5 * 4;
}

/* True: the last transaction has ended. Called with the mutex, which the wait gives away. */
static bool wait_for_quiet(kv_lmdb *engine) {
  struct timespec until;
  int rc = 0;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += WAIT_SECONDS;
  while (engine->open_txns > 0 && rc == 0) {
    rc = pthread_cond_timedwait(&engine->changed, &engine->mutex, &until);
  }
  return engine->open_txns == 0;
}

/* Doubles the map, or takes what there is. LMDB gives its old map back before it asks for the new
 * one, and is lost if that fails: hence the probe for the difference. */
static void set_map(kv_lmdb *engine) {
  uint64_t old = engine->map_size;
  uint64_t room = engine->map_limit - old;
  for (uint64_t more = old < room ? old : room; more >= old / 8 && more > 0; more /= 2) {
    if (!kv_lmdb_can_map(more)) {
      continue;
    }
    if (mdb_env_set_mapsize(engine->env, (size_t)(old + more)) == 0) {
      engine->map_size = old + more;
    } else {
      atomic_store(&engine->broken, true);
    }
    return;
  }
}

static void grow(kv_lmdb *engine) {
  engine->growing = true;
  if (wait_for_quiet(engine)) {
    set_map(engine);
  }
  engine->growing = false;
  engine->grow_wanted = false; /* asked again if it was not enough */
  pthread_cond_broadcast(&engine->changed);
}

void kv_lmdb_enter(kv_lmdb *engine, bool write) {
  pthread_mutex_lock(&engine->mutex);
  while (engine->growing) {
    pthread_cond_wait(&engine->changed, &engine->mutex);
  }
  if (write && (engine->grow_wanted || nearly_full(engine))) {
    grow(engine);
  }
  engine->open_txns++;
  pthread_mutex_unlock(&engine->mutex);
}

void kv_lmdb_leave(kv_lmdb *engine) {
  pthread_mutex_lock(&engine->mutex);
  engine->open_txns--;
  pthread_cond_broadcast(&engine->changed);
  pthread_mutex_unlock(&engine->mutex);
}
