# lib.sh - cases of tests with real processes. Sourced; see kvexample/demo/lib.sh for the stores.
#
#   cd "$(dirname "$0")/../.." || exit 1
#   . test/cluster/lib.sh
#   …functions…
#   cases what_this_proves what_that_proves …
#
# Each case is a function, run in order on the cluster as the case before left it. The first that
# fails ends the script.
#
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash

# shellcheck source=kvexample/demo/lib.sh
. kvexample/demo/lib.sh

# A test needs no large files.
SERVER_OPTIONS=(--log-segment-bytes 1048576)
PASSED=0
CASE=

# Whatever ends the script, its last line is what was counted.
count_and_end() {
  local status=$?
  cluster_end || status=1
  [ "$status" = 0 ] || echo "not ok - $CASE"
  echo "$PASSED passed, $((status != 0)) failed"
  exit "$status"
}

cases() {
  local begin
  cluster_begin "${KEEP_IN:-}" # a folder: logs and data stay there
  trap count_and_end EXIT
  for CASE in "$@"; do
    begin=$(now_ms)
    "$CASE"
    PASSED=$((PASSED + 1))
    echo "ok - $CASE ($(seconds $(($(now_ms) - begin))) s)"
  done
}

three_stores() {
  choose_members 1 2 3
  start_member 1 2 3
  find_leader
}

# expect WHAT FOUND EXPECTED
expect() {
  [ "$2" = "$3" ] || fail "$1: '$2' instead of '$3'"
}

# expect_like WHAT FOUND PATTERN: a bash pattern.
expect_like() {
  # shellcheck disable=SC2053 # it is meant as a pattern
  [[ $2 == $3 ]] || fail "$1: '$2' does not look like '$3'"
}

# What was acknowledged is there once, seen from every store that runs.
nothing_is_lost() {
  local id
  for id in $(running); do
    written_is_there "$id" || fail "store $id: acknowledged and read differ:
$(diff "$SCRATCH/acknowledged" "$SCRATCH/read" | head -n 10)" "$id"
  done
}

write_works() {
  [ "$(ask "$1" set probe "$(now_ms)" 2>&1)" = OK ]
}

# --- with a scheduler -----------------------------------------------------------------------------------

all_is_well() {
  scheduler_ctl region check > "$SCRATCH/check" 2>&1
}

# Every region has its replicas and a leader.
wait_well() {
  wait_until 120 "$1" all_is_well
}

# state_is NAME STATE
state_is() {
  scheduler_ctl store show "${STORE_ID[$1]}" 2> /dev/null | grep -q -- "$2"
}

# region_of KEY
region_of() {
  scheduler_ctl --json region key "$1" 2> /dev/null | grep -oE '"(region|id)": *[0-9]+' | head -n 1 |
    grep -oE '[0-9]+$'
}

# --- clients on shared keys -----------------------------------------------------------------------------

HISTORY_PID=

# history_begin SECONDS OPTION…: clients that share keys, on all stores that run; what they see is
# proven or convicted at the end. A small timeout: who waits for a dead store learns nothing.
history_begin() {
  local duration=$1
  shift
  on_network "$CLIENT_NETWORK" setsid "$BIN/kvbench" --addr "$(client_addresses)" --check-history \
    --seconds "$duration" --connections 12 --rate 1500 --timeout 1000 --verify-timeout 60000 "$@" \
    > "$SCRATCH/history" 2>&1 < /dev/null &
  HISTORY_PID=$!
  OTHER_PIDS+=("$HISTORY_PID")
}

history_goes_on() {
  ! gone "$HISTORY_PID"
}

# Waits for the judgement; prints it, and the longest gaps.
history_end() {
  wait "$HISTORY_PID" || fail "the clients on shared keys: $(tail -n 40 "$SCRATCH/history")"
  OTHER_PIDS=()
  grep -q '^history *ok' "$SCRATCH/history" || fail "the clients on shared keys: $(tail -n 40 "$SCRATCH/history")"
  echo "  $(history_says 'history *ok: \(.*\)')"
  echo "  longest gap $(history_says 'gap *\([0-9.]*\) *s, the longest time without an answer') s," \
    "without a write $(history_says 'gap *\([0-9.]*\) *s, the longest time without an ack.*') s," \
    "errors $(history_says 'errors *\([0-9]*\)')"
}

# history_says PATTERN: that part of the report, for sed.
history_says() {
  sed -n "s/$1/\\1/p" "$SCRATCH/history" | head -n 1
}
