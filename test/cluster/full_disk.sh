#!/bin/bash
# full_disk.sh - a follower whose disk is full holds nobody up, and goes on when there is space again.
#
# Its disk is a small tmpfs; where mounting one is not allowed, nothing is tested and the first case
# says so.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

SERVER_OPTIONS=(--log-segment-bytes 1048576 --log-keep-entries 100)
DISK=

stores_are_gone() {
  [ -z "$DISK" ] || umount "$DISK" 2> /dev/null
}

a_small_disk() {
  mkdir "$SCRATCH/data3"
  if mount -t tmpfs -o size=60m kvexample "$SCRATCH/data3" 2> "$SCRATCH/out"; then
    DISK=$SCRATCH/data3
    fallocate -l 48M "$DISK/filler" || fail "no filler: $(df "$DISK" | tail -n 1)"
  else
    echo "skipped, because: $(tail -n 1 "$SCRATCH/out")"
    PASSED=1
    exit 0
  fi
}

# The fullest it gets; the load goes on with the two others.
disk_is_full() {
  [ "$(df --output=avail "$DISK" | tail -n 1)" -lt 64 ] || logged 3 'no space\|could not commit'
}

leader_elsewhere() {
  [ "$LEADER" != 3 ] || ctl_ok transfer-leader 1
  find_leader
}

the_others_go_on() {
  leader_elsewhere
  history_begin 5
  bench_begin 86400 --value-size 4000 --keys 2000
  wait_until 60 'the disk of store 3 full' disk_is_full
  bench_writes_more 100
  bench_stop
  OTHER_PIDS=("$HISTORY_PID")
  echo "  $(bench_says 'verify *ok: \(.*\)')"
  history_end
  is_running 3 || fail 'store 3 ended' 3
  write_works "$LEADER" || fail 'no write with one full disk of three'
}

# Without a restart.
it_goes_on_when_there_is_space() {
  rm "$DISK/filler"
  wait_for_agreement
  ledger_is_there 3 || fail "store 3 lacks acknowledged writes: $(tail -n 3 "$SCRATCH/bench")"
}

cases a_small_disk three_stores the_others_go_on it_goes_on_when_there_is_space
