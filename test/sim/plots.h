/* plots.h - what the nemesis does in several steps, and what of the nemesis that takes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_PLOTS_H
#define SIM_PLOTS_H

#include "world.h"

/* ---- nemesis.c ---- */
/* Announces a partition that lasts `time`. */
void sim_nemesis_begin(sim_world *world, const char *what, uint32_t set, uint64_t time);
void sim_nemesis_split(sim_world *world, uint32_t set, uint64_t time);
void sim_nemesis_isolate(sim_world *world, sim_node *node);
void sim_nemesis_crash(sim_world *world, sim_node *node);
void sim_nemesis_transfer(sim_world *world, sim_node *leader, unsigned to);

/* ---- plots.c ---- */
void sim_plot_isolate_soon(sim_world *world, sim_node *node);
void sim_plot_crash_soon(sim_world *world, sim_node *node);
/* A leader is cut off just when it has called another one; then it is asked for reads. */
void sim_plot_hand_over(sim_world *world, sim_node *leader);
/* Some voters hear nothing of their leader, and call for another one; others that stand by it are
 * started again just then. Then the leader is cut off and asked for reads. */
void sim_plot_unheard(sim_world *world, sim_node *leader);
/* The next step of a plot: event->target is its node. */
void sim_plot_go_on(sim_world *world, const sim_event *event);

#endif
