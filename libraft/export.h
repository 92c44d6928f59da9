/* export.h - the public interface as the shared library is compiled: visible, where all else is
 * hidden.
 *
 * mk/install.mk includes it in front of every file (-include) and compiles with
 * -fvisibility=hidden. So the headers need no mark on each function.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_EXPORT_H
#define RAFT_EXPORT_H

#pragma GCC visibility push(default)
#include <libraft/describe.h>
#include <libraft/memory_storage.h>
#include <libraft/raft.h>
#include <libraft/wire.h>
#pragma GCC visibility pop

#endif
