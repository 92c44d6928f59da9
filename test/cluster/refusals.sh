#!/bin/bash
# refusals.sh - a store that must not run says why, in a sentence, and ends with status 1 or 2.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

# refused STATUS PATTERN ARGUMENT…: the server ends by itself and says something like the pattern.
refused() {
  local status=0 expected=$1 pattern=$2
  shift 2
  timeout 20 "$BIN/kvserver" "$@" > "$SCRATCH/refused" 2>&1 < /dev/null || status=$?
  expect "status of kvserver $*" "$status" "$expected"
  grep -q -- "$pattern" "$SCRATCH/refused" ||
    fail "kvserver $* does not say '$pattern' but: $(tail -n 3 "$SCRATCH/refused")"
}

arguments() {
  refused 0 'Usage: kvserver' --help
  refused 0 'kvserver' --version
  refused 2 'Try kvserver --help'
  refused 2 'Try kvserver --help' --data "$SCRATCH/x" --nonsense
  refused 2 'id takes a number' --data "$SCRATCH/x" --id zero
  refused 1 'is empty: give the store its number' --data "$SCRATCH/x"
  refused 1 'give --initial to start a new cluster' --data "$SCRATCH/x" --id 1
  refused 1 'loopback' --data "$SCRATCH/x" --id 1 --listen 0.0.0.0:0 --join 127.0.0.1:1
}

a_directory_in_use() {
  refused 1 "used by another process" --data "$SCRATCH/data1"
}

an_address_in_use() {
  refused 1 'address is in use' --data "$SCRATCH/y" --id 9 --join "$(address_of 1)" \
    --listen "$(address_of 2)"
}

the_directory_of_another_store() {
  stop_store 3 || fail "store 3 ended with status $?" 3
  refused 1 'belongs to store 3, this is store 2' --data "$SCRATCH/data3" --id 2
  refused 1 'belongs to cluster' --data "$SCRATCH/data3" --cluster other
}

what_is_not_a_store() {
  mkdir "$SCRATCH/foreign"
  echo hello > "$SCRATCH/foreign/IDENT"
  refused 1 'foreign' --data "$SCRATCH/foreign" --id 1 --join "$(address_of 1)" --listen 127.0.0.1:0
  echo hello > "$SCRATCH/file"
  refused 1 'file' --data "$SCRATCH/file" --id 1 --join "$(address_of 1)" --listen 127.0.0.1:0
}

# Corruption in front of the tail is no torn write: nobody may guess.
a_damaged_log() {
  local segment
  segment=$(find "$SCRATCH/data3/log" -type f -size +8k | sort | head -n 1)
  [ -n "$segment" ] || fail 'no segment of the raft log found'
  cp "$segment" "$SCRATCH/segment"
  printf 'damage' | dd of="$segment" bs=1 seek=4200 conv=notrunc status=none
  if timeout 5 "$BIN/kvserver" --data "$SCRATCH/data3" --listen "$(address_of 3)" \
    > "$SCRATCH/refused" 2>&1; then
    fail 'a store with a damaged log ended with status 0'
  fi
  grep -q 'cannot go on' "$SCRATCH/refused" || fail "a damaged log is not refused: $(tail -n 3 "$SCRATCH/refused")"
  grep -q "${segment##*/}" "$SCRATCH/refused" || fail "the damaged file is not named: $(tail -n 1 "$SCRATCH/refused")"
  cp "$SCRATCH/segment" "$segment"
  start_member 3
  wait_for_agreement
}

with_data() {
  local i
  for i in $(seq 300); do echo "SET key:$i $(printf '%0100d' "$i")"; done | ask "$LEADER" > /dev/null
  wait_for_agreement
}

cases three_stores arguments with_data a_directory_in_use an_address_in_use \
  the_directory_of_another_store what_is_not_a_store a_damaged_log
