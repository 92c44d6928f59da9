#!/bin/bash
# history.sh - clients share keys while stores are killed, stopped and lose their leadership: what all
# of them saw together must have an order (linearizability), on every key.
#
#   HISTORY_SECONDS=n   of load in each case (8); more finds more
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

HISTORY_SECONDS=${HISTORY_SECONDS:-8}

# Once more and once more while the load lasts: each time it does something to the cluster.
while_clients_share_keys() {
  local count=0
  history_begin "$HISTORY_SECONDS"
  bench_writes_more 50
  while history_goes_on && [ "$count" -lt 40 ]; do
    "$1"
    count=$((count + 1))
    bench_writes_more_or_end 100
  done
  history_end
  find_leader
  wait_for_agreement
  echo "  $count times"
}

# The load may be over before.
bench_writes_more_or_end() {
  local from
  find_leader
  from=$(status_field "$LEADER" applied)
  wait_until 30 'writes' moved_on $((${from:-0} + $1))
}

moved_on() {
  gone "$HISTORY_PID" || applied_beyond "$1"
}

kill_leader() {
  local killed=$LEADER
  kill_store "$killed"
  find_leader
  bench_writes_more_or_end 50
  start_member "$killed"
}

kill_all_at_once() {
  kill_store 1 2 3
  start_member 1 2 3
}

# The stopped one thinks that it still leads when it wakes up.
freeze_leader() {
  local frozen=$LEADER
  kill -STOP "${STORE_PID[$frozen]}"
  wait_until 20 'another leader' others_lead "$frozen"
  kill -CONT "${STORE_PID[$frozen]}"
}

others_lead() {
  local id leader
  for id in $(running); do
    [ "$id" != "$1" ] || continue
    leader=$(status_field "$id" leader_store)
    [[ $leader =~ ^[1-9] ]] && [ "$leader" != "$1" ] || return 1
  done
}

# May be refused, because there is no leader now.
transfer() {
  ctl --timeout 5 transfer-leader "$(follower)" > "$SCRATCH/out" 2>&1
}

leaders_are_killed() {
  while_clients_share_keys kill_leader
}

all_are_killed_at_once() {
  while_clients_share_keys kill_all_at_once
}

leaders_are_frozen() {
  while_clients_share_keys freeze_leader
}

leaders_are_transferred() {
  while_clients_share_keys transfer
}

cases three_stores leaders_are_killed all_are_killed_at_once leaders_are_frozen leaders_are_transferred
