/* log_storage.h - the raft_storage of a simulated log.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_LOG_STORAGE_H
#define SIM_LOG_STORAGE_H

#include "log.h"

raft_storage sim_log_storage(sim_log *log);

#endif
