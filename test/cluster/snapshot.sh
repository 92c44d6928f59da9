#!/bin/bash
# snapshot.sh - a store that the log no longer serves catches up by snapshot.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

# load_records FROM TO ID: keys with values of 200 bytes, pipelined.
load_records() {
  local value
  value=$(printf '%0200d' 0)
  seq "$1" "$2" | sed "s/.*/SET record:& $value/" | ask "$3" --pipe > "$SCRATCH/pipe" 2>&1
  grep -q 'errors: 0' "$SCRATCH/pipe" || fail "loading: $(tail -n 2 "$SCRATCH/pipe")"
}

installed_snapshot() {
  logged "$1" 'msg="snapshot installed'
}

# The entries are gone once the database has what they did, which is some moments later.
compact() {
  ctl_ok compact-log
  wait_until 30 "the log cut up to $SAID" log_begins_behind "$SAID"
}

log_begins_behind() {
  [ "$(status_field "$LEADER" first)" -gt "$1" ]
}

a_store_that_was_away_gets_a_snapshot() {
  local away
  load_records 1 5000 "$LEADER"
  away=$(follower)
  kill_store "$away"
  load_records 5001 10000 "$LEADER"
  ask "$LEADER" del record:1 record:2 > /dev/null
  compact
  start_member "$away"
  wait_until 30 "store $away caught up" caught_up "$away"
  wait_until 30 'a snapshot' installed_snapshot "$away"
  wait_for_agreement
  expect 'a deleted key' "$(ask "$away" exists record:1 record:2 record:3)" 1
  expect 'snapshot files left' "$(find "$SCRATCH/data$away/snap" -name '*.tmp' | wc -l)" 0
}

# Or there: it may have been quick.
on_its_way() {
  logged "$1" snapshot || caught_up "$1"
}

# Killed while it receives or installs, it begins again.
a_store_that_is_killed_meanwhile_gets_there() {
  local away i
  away=$(follower)
  kill_store "$away"
  load_records 10001 15000 "$LEADER"
  compact
  for i in 1 2 3; do
    launch_store "$away"
    wait_until 30 'a snapshot on its way' on_its_way "$away"
    kill_store "$away"
  done
  start_member "$away"
  wait_until 60 "store $away caught up" caught_up "$away"
  wait_for_agreement
}

# The leader's files do not pile up either.
snapshot_files_go_away() {
  local id
  for id in 1 2 3; do
    stop_store "$id" || fail "store $id ended with status $?" "$id"
  done
  start_member 1 2 3
  find_leader
  wait_for_agreement
  expect 'snapshot files after a restart' "$(find "$SCRATCH"/data*/snap -type f | wc -l)" 0
}

cases three_stores a_store_that_was_away_gets_a_snapshot a_store_that_is_killed_meanwhile_gets_there \
  snapshot_files_go_away
