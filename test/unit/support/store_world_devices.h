/* store_world_devices.h - the devices of a simulated store, and its network; part of store_world.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_STORE_WORLD_DEVICES_H
#define TEST_STORE_WORLD_DEVICES_H

#include "store_world.h"

/* Of a generation in memory. */
enum { WORLD_GENERATION = 32 << 10 };

kv_devices world_devices(world_store *s);
/* What the store works on. */
kv_engine *world_engine(world_store *s);
void world_drop_overlay(world_store *s);
/* Everything that the devices of a store that is up have to do; false: nothing. */
bool world_devices_work(world_store *s);
/* One thing, by chance. */
bool world_devices_step(world_store *s);
/* After the store was closed: what was not durable is gone. */
void world_devices_crash(world_store *s);
void world_devices_free(world_store *s);

/* Delivers a frame, or drops or repeats it; false: there is none. */
bool world_deliver(world *w, size_t number);
void world_drop_frame(world *w, size_t number);

/* Of all data and records but the store's identity and its own peer id. */
uint64_t world_hash(memory_engine *engine);

#endif
