/* swarm.c - everything by chance: cluster, faults, clients, administrators.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "scenario.h"
#include "shared.h"

enum { PATIENCE = 120 * SS_SECOND };

void ss_swarm_prepare(const ss_scenario *scenario, ss_options *options, uint64_t seed) {
  (void)scenario;
  ss_options_draw(options, seed);
}

void ss_swarm_play(const ss_scenario *scenario, ss_world *world) {
  (void)scenario;
  ss_shared_start(world);
  ss_nemesis_start(world);
  (void)ss_run(world, world->options.lasts);
  ss_calm(world);
  (void)ss_run(world, 2 * SS_SECOND);
  if (ss_shared_finish(world, PATIENCE)) {
    ss_settle(world);
  }
  ss_shared_judge(world);
}
