/* scenario.c - everything that can be played, by name.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scenario.h"

#include <string.h>

#define MATRIX(name, clients, unreliable, crash, partitions, max_log, changes, split) \
  {                                                                                   \
    name, "a row of the matrix", ss_matrix_prepare, ss_matrix_play, {                 \
      clients, unreliable, crash, partitions, max_log, changes, split                 \
    }                                                                                 \
  }
#define DIRECTED(name, about, play)           \
  {                                           \
    name, about, ss_directed_prepare, play, { \
      0                                       \
    }                                         \
  }

enum { o = 0, x = 1 };

static const ss_scenario scenarios[] = {
    /*     name                              clients unreliable crash partitions log changes split
     */
    MATRIX("basic", 1, o, o, o, 0, o, o),
    MATRIX("concurrent", 5, o, o, o, 0, o, o),
    MATRIX("unreliable", 5, x, o, o, 0, o, o),
    MATRIX("many-partitions-one-client", 1, o, o, x, 0, o, o),
    MATRIX("many-partitions-many-clients", 5, o, o, x, 0, o, o),
    MATRIX("persist-one-client", 1, o, x, o, 0, o, o),
    MATRIX("persist-concurrent", 5, o, x, o, 0, o, o),
    MATRIX("persist-concurrent-unreliable", 5, x, x, o, 0, o, o),
    MATRIX("persist-partition", 5, o, x, x, 0, o, o),
    MATRIX("persist-partition-unreliable", 5, x, x, x, 0, o, o),
    MATRIX("snapshot-recover", 1, o, x, o, 100, o, o),
    MATRIX("snapshot-recover-many-clients", 20, o, x, o, 100, o, o),
    MATRIX("snapshot-unreliable", 5, x, o, o, 100, o, o),
    MATRIX("snapshot-unreliable-recover", 5, x, x, o, 100, o, o),
    MATRIX("snapshot-unreliable-recover-partition", 5, x, x, x, 100, o, o),
    MATRIX("change-recover", 1, o, x, o, 0, x, o),
    MATRIX("change-recover-many-clients", 20, o, x, o, 0, x, o),
    MATRIX("change-unreliable", 5, x, o, o, 0, x, o),
    MATRIX("change-unreliable-recover", 5, x, x, o, 0, x, o),
    MATRIX("change-snapshot-unreliable-recover", 5, x, x, o, 100, x, o),
    MATRIX("change-snapshot-unreliable-recover-partition", 5, x, x, x, 100, x, o),
    MATRIX("split-recover", 1, o, x, o, 0, o, x),
    MATRIX("split-recover-many-clients", 20, o, x, o, 0, o, x),
    MATRIX("split-unreliable", 5, x, o, o, 0, o, x),
    MATRIX("split-unreliable-recover", 5, x, x, o, 0, o, x),
    MATRIX("split-change-snapshot-unreliable-recover", 5, x, x, o, 100, x, x),
    MATRIX("split-change-snapshot-unreliable-recover-partition", 5, x, x, x, 100, x, x),
    DIRECTED("one-partition", "a minority cannot write, and learns what it missed",
             ss_play_partition),
    DIRECTED("one-snapshot", "who missed a cut log gets a snapshot; deleted keys are gone",
             ss_play_snapshot),
    DIRECTED("one-split", "who is cut off while a region splits catches up", ss_play_split),
    DIRECTED("transfer-leader", "leadership goes round", ss_play_transfer),
    DIRECTED("basic-change", "members are removed and added, data with them", ss_play_changes),
    DIRECTED("remove-leader", "leaders are removed, of two as well", ss_play_remove_leader),
    {"swarm", "everything by chance", ss_swarm_prepare, ss_swarm_play, {0}},
};

const ss_scenario *ss_scenario_at(size_t position) {
  return position < sizeof scenarios / sizeof *scenarios ? &scenarios[position] : NULL;
}

void ss_play(const ss_scenario *scenario, uint64_t seed, sim_listener listener, void *ctx,
             ss_result *result) {
  ss_options options;
  ss_world *world = sim_zeroed(1, sizeof *world);
  scenario->prepare(scenario, &options, seed);
  ss_open(world, &options, listener, ctx);
  scenario->play(scenario, world);
  *result = (ss_result){.violated = world->violated,
                        .now = world->now,
                        .steps = world->steps,
                        .hash = world->trace.hash};
  memcpy(result->what, world->what, sizeof result->what);
  ss_close(world);
  memcpy(result->counts, world->counts, sizeof result->counts);
  free(world);
}
