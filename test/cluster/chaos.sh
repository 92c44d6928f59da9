#!/bin/bash
# chaos.sh - everything that happens to stores, in an order that a seed decides, under a verified load.
#
#   SEED=n             the order of events; printed
#   CHAOS_SECONDS=n    how long (10); minutes find more
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

SEED=${SEED:-$((RANDOM * 32768 + RANDOM))}
CHAOS_SECONDS=${CHAOS_SECONDS:-10}
# Short logs: who is away for a moment needs a snapshot.
SERVER_OPTIONS=(--log-segment-bytes 1048576 --log-keep-entries 50)
MEMBERS='1 2 3' # store 4 comes and goes

one_of() {
  local all=("$@")
  ONE=${all[RANDOM % $#]}
}

kill_one() {
  one_of 1 2 3
  kill_store "$ONE"
  pause_shortly
  launch_store "$ONE"
  wait_ready "$ONE"
}

kill_the_leader() {
  find_leader
  kill_store "$LEADER"
  launch_store "$LEADER"
  wait_ready "$LEADER"
}

kill_all() {
  local id
  kill_store 1 2 3
  for id in 1 2 3; do launch_store "$id"; done
  for id in 1 2 3; do wait_ready "$id"; done
}

stop_one() {
  one_of 1 2 3
  stop_store "$ONE" || fail "store $ONE ended with status $?" "$ONE"
  launch_store "$ONE"
  wait_ready "$ONE"
}

freeze_one() {
  one_of 1 2 3
  kill -STOP "${STORE_PID[$ONE]}"
  pause_shortly
  kill -CONT "${STORE_PID[$ONE]}"
}

# These may be refused, because there is no leader now: that is not what is tested here.
hand_over() {
  one_of 1 2 3
  ctl --timeout 5 transfer-leader "$ONE" > "$SCRATCH/out" 2>&1
}

compact() {
  ctl --timeout 5 compact-log > "$SCRATCH/out" 2>&1
}

come_and_go() {
  ctl --timeout 10 add-peer 4 "$(address_of 4)" > "$SCRATCH/out" 2>&1
  pause_shortly
  ctl --timeout 10 remove-peer 4 > "$SCRATCH/out" 2>&1
}

# The point is that time passes: no event says that it was long enough.
pause_shortly() {
  sleep "$((RANDOM % 2)).$((RANDOM % 10))"
}

events_under_load() {
  local end event count=0
  echo "  SEED=$SEED CHAOS_SECONDS=$CHAOS_SECONDS"
  RANDOM=$SEED
  start_joining 4 1
  # The load goes on for a while after the last event: then, at the latest, writes must succeed.
  bench_begin "$((CHAOS_SECONDS + 8))" --verify-timeout 60000
  end=$((SECONDS + CHAOS_SECONDS))
  while [ "$SECONDS" -lt "$end" ]; do
    one_of kill_one kill_one kill_the_leader kill_all stop_one freeze_one hand_over compact come_and_go
    event=$ONE
    echo "$(now_ms) $event" >> "$SCRATCH/events"
    "$event"
    count=$((count + 1))
  done
  bench_end
  echo "  $count events; $(bench_says 'verify *ok: \(.*\)')"
}

# Store 4 may be a member or not, just now; it must not be in the way.
all_is_well_afterwards() {
  find_leader
  ctl --timeout 20 remove-peer 4 > "$SCRATCH/out" 2>&1
  kill_store 4
  find_leader
  wait_until 20 'a write' write_works "$LEADER"
  wait_for_agreement
}

cases three_stores events_under_load all_is_well_afterwards
