#!/bin/bash
# failover.sh - stores are killed and started again under load: nothing acknowledged is lost.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

more_writes() {
  wait_until 60 'more acknowledged writes' acknowledged_more_than $(($(acknowledged) + $1))
}

# The writer speaks to a store that lives on.
the_leader_is_killed_under_load() {
  local killed=$LEADER
  writer_begin "$(follower)"
  more_writes 100
  kill_store "$killed"
  more_writes 100
  start_member "$killed"
  more_writes 100
  writer_end
  find_leader
  wait_for_agreement
  nothing_is_lost
}

a_follower_is_killed_under_load() {
  local killed
  killed=$(follower)
  writer_begin "$LEADER"
  more_writes 100
  kill_store "$killed"
  more_writes 100
  start_member "$killed"
  more_writes 100
  writer_end
  wait_for_agreement
  nothing_is_lost
}

# The one that remains has no majority: it must not say that anything was done.
alone_nothing_is_acknowledged() {
  local alone=$LEADER a b answer
  a=$(follower) && b=$(follower "$a")
  kill_store "$a" "$b"
  answer=$(ASK_SECONDS=3 ask "$alone" set alone 1)
  [ "$answer" != OK ] || fail "a write without a majority was acknowledged"
  start_member "$a" "$b"
  find_leader
  wait_until 20 'a write' write_works "$alone"
  wait_for_agreement
}

all_are_killed_under_load() {
  writer_begin "$LEADER"
  more_writes 200
  kill_store 1 2 3
  writer_end
  start_member 1 2 3
  find_leader
  wait_for_agreement
  nothing_is_lost
}

# Sixteen connections on all stores, while the leader, then a follower is killed and comes back.
kvbench_finds_nothing_lost() {
  local killed
  bench_begin 86400
  bench_writes_more 50
  killed=$LEADER
  kill_store "$killed"
  find_leader
  bench_writes_more 50
  start_member "$killed"
  killed=$(follower "$killed")
  kill_store "$killed"
  bench_writes_more 50
  start_member "$killed"
  bench_writes_more 50
  bench_stop
  echo "  $(bench_says 'verify *ok: \(.*\)')"
  find_leader
  wait_for_agreement
}

# A graceful stop answers what was asked, and ends with status 0.
stopping_is_graceful() {
  local id
  for id in 1 2 3; do
    stop_store "$id" || fail "store $id ended with status $?" "$id"
  done
  start_member 1 2 3
  find_leader
  nothing_is_lost
}

cases three_stores the_leader_is_killed_under_load a_follower_is_killed_under_load \
  alone_nothing_is_acknowledged all_are_killed_under_load kvbench_finds_nothing_lost \
  stopping_is_graceful
