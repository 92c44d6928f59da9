#!/bin/bash
# replay.sh - stores whose databases are far behind: after a kill the raft log brings everything back.
#
# Generations are gathered for a minute here, and no log may be cut meanwhile.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

SERVER_OPTIONS+=(--generation-ms 60000 --log-keep-entries 50)

# engine_says STORE NAME: a figure of INFO.
engine_says() {
  ask "$1" info persistence | tr -d '\r' | sed -n "s/^engine_$2://p"
}

more_writes() {
  wait_until 60 'more acknowledged writes' acknowledged_more_than $(($(acknowledged) + $1))
}

nothing_is_written_to_the_database() {
  local id
  expect 'the engine' "$(ask 1 info persistence | tr -d '\r' | sed -n 's/^engine://p')" overlay
  writer_begin "$LEADER"
  more_writes 500
  for id in 1 2 3; do
    [ "$(engine_says "$id" commits_not_durable)" -gt 0 ] || fail "store $id has flushed" "$id"
  done
}

# Under load, so that some entries are in one log only.
all_are_killed_and_come_back() {
  kill_store 1 2 3
  writer_end
  start_member 1 2 3
  find_leader
  wait_for_agreement
  nothing_is_lost
}

one_is_killed_again_and_again() {
  local id
  writer_begin "$LEADER"
  for id in 1 2 3; do
    [ "$id" != "$LEADER" ] || continue
    more_writes 100
    kill_store "$id"
    start_member "$id"
  done
  more_writes 100
  writer_end
  find_leader
  wait_for_agreement
  nothing_is_lost
}

# What a graceful stop writes need not be repeated: little is in memory afterwards.
a_graceful_stop_leaves_nothing_in_memory() {
  local id
  for id in 1 2 3; do
    stop_store "$id" || fail "store $id ended with status $?" "$id"
    if logged "$id" 'was not written to its end'; then
      fail "store $id could not write what it had" "$id"
    fi
  done
  start_member 1 2 3
  find_leader
  wait_for_agreement
  nothing_is_lost
}

# The same directories under the engine that waits for its disk.
the_engine_may_be_changed() {
  kill_store 1 2 3
  SERVER_OPTIONS+=(--engine sync)
  start_member 1 2 3
  find_leader
  expect 'the engine' "$(ask 1 info persistence | tr -d '\r' | sed -n 's/^engine://p')" sync
  wait_for_agreement
  nothing_is_lost
}

cases three_stores nothing_is_written_to_the_database all_are_killed_and_come_back \
  one_is_killed_again_and_again a_graceful_stop_leaves_nothing_in_memory the_engine_may_be_changed
