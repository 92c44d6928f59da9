/* raft.h - all of libraft's core interface. wire.h, describe.h and memory_storage.h stand apart.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIBRAFT_RAFT_H
#define LIBRAFT_RAFT_H

#include <libraft/allocator.h>
#include <libraft/bytes.h>
#include <libraft/config.h>
#include <libraft/error.h>
#include <libraft/event.h>
#include <libraft/rawnode.h>
#include <libraft/status.h>
#include <libraft/storage.h>
#include <libraft/types.h>
#include <libraft/version.h>

#endif
