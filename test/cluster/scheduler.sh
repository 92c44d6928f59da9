#!/bin/bash
# scheduler.sh - a cluster that looks after itself: it grows, heals, is balanced and drained.
#
# Stores are named 1, 2, … here; their numbers are the scheduler's to give (STORE_ID).
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

# refused STATUS PATTERN PROGRAM OPTION…: it ends like that, and says why.
refused() {
  local wanted=$1 pattern=$2 program=$3 status=0
  shift 3
  timeout 20 "$BIN/$program" "$@" > "$SCRATCH/refused" 2>&1 < /dev/null || status=$?
  expect "exit status of $program $*" "$status" "$wanted"
  expect_like "what $program says" "$(cat "$SCRATCH/refused")" "*$pattern*"
}

what_cannot_be_is_refused() {
  mkdir "$SCRATCH/of_a_store"
  printf 'format 1\ncluster 3\nstore 4\n' > "$SCRATCH/of_a_store/IDENT"
  refused 2 '--listen is missing' kvscheduler --data "$SCRATCH/none"
  refused 2 'between 1 and 15' kvscheduler --max-replicas 99
  refused 1 'refusing to listen' kvscheduler --data "$SCRATCH/none" --listen 0.0.0.0:0
  refused 1 'is that of a store' kvscheduler --data "$SCRATCH/of_a_store" --listen 127.0.0.1:0
  refused 1 'leave out --initial' kvserver --data "$SCRATCH/none2" --scheduler 127.0.0.1:1 \
    --initial 1=127.0.0.1:7001
}

# A store that waits for its number is stopped like any other.
waiting_ends_when_asked() {
  local status=0
  touch "$SCRATCH/waiting.log"
  "$BIN/kvserver" --data "$SCRATCH/waiting" --listen 127.0.0.1:0 --scheduler 127.0.0.1:1 \
    > "$SCRATCH/waiting.log" 2>&1 < /dev/null &
  OTHER_PIDS=("$!")
  wait_until 20 'a store that waits' grep -q 'no connection to the scheduler' "$SCRATCH/waiting.log"
  kill -TERM "${OTHER_PIDS[0]}"
  wait "${OTHER_PIDS[0]}" || status=$?
  OTHER_PIDS=()
  expect 'exit status of a store that was stopped' "$status" 0
}

one_store_serves_alone() {
  start_scheduler
  start_scheduled 1
  wait_until 20 'store 1 serves' write_works 1
}

two_more_make_three_replicas() {
  start_scheduled 2 3
  wait_well 'three replicas of each region'
  expect 'read through a new store' "$(ask 3 set grown yes; ask 2 get grown)" "OK
yes"
}

all_serve_while_the_scheduler_is_dead() {
  writer_begin 1
  wait_until 20 'writes' acknowledged_more_than 20
  kill_scheduler
  local before
  before=$(acknowledged)
  wait_until 20 'writes without the scheduler' acknowledged_more_than $((before + 100))
  kill_store 2
  start_scheduled 2 # its number is in its data
  wait_until 20 'store 2 serves' write_works 2
}

# says NAME LINE…: INFO of the store has it.
says() {
  ask "$1" info replication 2> /dev/null | tr -d '\r' | grep -qx "$2"
}

# It was started on an empty directory: a cluster of its own, which knows nobody.
a_scheduler_of_another_cluster_stops_no_store() {
  local before
  mv "$SCRATCH/scheduler" "$SCRATCH/scheduler.kept"
  start_scheduler
  wait_until 20 'store 3 refuses the scheduler' says 3 scheduler:wrong-cluster
  wait_until 20 'store 1 refuses the scheduler' says 1 scheduler:wrong-cluster
  logged 3 'the scheduler is another cluster' || fail 'store 3 does not say why' 3
  kill_store 2
  start_scheduled 2 # it has joined once, and starts with any scheduler or none
  wait_until 20 'store 2 serves' write_works 2
  before=$(acknowledged)
  wait_until 20 'writes with a wrong scheduler' acknowledged_more_than $((before + 100))
  kill_scheduler
  rm -rf "$SCRATCH/scheduler"
  mv "$SCRATCH/scheduler.kept" "$SCRATCH/scheduler"
}

the_scheduler_comes_back() {
  start_scheduler
  wait_well 'the scheduler knows all regions again'
  wait_until 20 'store 3 listens to the scheduler' says 3 scheduler:ok
  writer_end
  nothing_is_lost
}

has_regions() {
  [ "$(ask "$1" kv.status 2> /dev/null | grep -cx region)" -ge 1 ]
}

a_fourth_store_gets_its_share() {
  local key region
  for key in b d f h k m p s; do
    ask 1 set "$key" "$key" > /dev/null
    region=$(region_of "$key")
    scheduler_ok region split "$region" "$key"
    wait_until 30 "a region begins at $key" begins_at "$key"
  done
  start_scheduled 4
  wait_until 90 'store 4 has regions' has_regions 4
  wait_well 'balanced'
  expect 'read through store 4' "$(ask 4 mget b m s | xargs)" 'b m s'
}

reads_all() {
  [ "$(ask "$1" mget b d f h k m p s 2> /dev/null | xargs)" = 'b d f h k m p s' ]
}

# It has no replica of most regions, and asks the stores that it knows from its own.
a_store_that_starts_without_the_scheduler_serves_all_keys() {
  kill_scheduler
  kill_store 4
  start_scheduled 4
  wait_until 20 'all keys are read through store 4' reads_all 4
  start_scheduler
  wait_well 'the scheduler knows all regions once more'
}

begins_at() {
  scheduler_ctl region list 2> /dev/null | grep -qE "(^|[[:space:]\"])$1([[:space:]\".]|\$)"
}

store_1_is_gone() {
  gone "${STORE_PID[1]}"
}

a_drained_store_becomes_a_tombstone() {
  scheduler_ok store drain "${STORE_ID[1]}"
  wait_until 120 'store 1 is a tombstone' state_is 1 Tombstone
  wait_until 20 'store 1 stops' store_1_is_gone
  logged 1 'tombstone\|Tombstone\|gone' || fail 'store 1 does not say why it stops' 1
  wait "${STORE_PID[1]}" 2> /dev/null
  unset "STORE_PID[1]"
  wait_well 'the others have what it had'
  expect 'read through store 2' "$(ask 2 mget b m s | xargs)" 'b m s'
}

# Its votes and its data are lost: under its old address it would be taken for what it was.
a_wiped_store_is_refused() {
  local status=0
  kill_store 2
  mv "$SCRATCH/data2" "$SCRATCH/data2.kept"
  timeout 30 "$BIN/kvserver" --data "$SCRATCH/data2" --listen "$(address_of 2)" \
    --scheduler "$(scheduler_address)" > "$SCRATCH/refused" 2>&1 < /dev/null || status=$?
  expect 'its exit status' "$status" 1
  expect_like 'what it says' "$(cat "$SCRATCH/refused")" "*store ${STORE_ID[2]}*"
  rm -rf "$SCRATCH/data2"
  mv "$SCRATCH/data2.kept" "$SCRATCH/data2"
  start_scheduled 2
  wait_well 'store 2 is back'
}

all_come_back_after_a_crash_of_all() {
  writer_begin 3
  wait_until 20 'writes' acknowledged_more_than 50
  kill_scheduler
  kill_store 2 3 4
  writer_end
  start_scheduler
  start_scheduled 2 3 4
  wait_well 'all regions have leaders'
  nothing_is_lost
}

cases what_cannot_be_is_refused waiting_ends_when_asked one_store_serves_alone \
  two_more_make_three_replicas all_serve_while_the_scheduler_is_dead \
  a_scheduler_of_another_cluster_stops_no_store the_scheduler_comes_back \
  a_fourth_store_gets_its_share a_store_that_starts_without_the_scheduler_serves_all_keys \
  a_drained_store_becomes_a_tombstone a_wiped_store_is_refused all_come_back_after_a_crash_of_all
