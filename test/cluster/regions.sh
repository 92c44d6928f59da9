#!/bin/bash
# regions.sh - keys in many regions: every store serves all of them, with or without replicas.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

KEYS=600
BORDERS=$(seq -f 'k%04g' 50 50 550)

has_all_regions() {
  [ "$(scheduler_ctl --json region list | grep -c '"leader_store"')" -ge 12 ] ||
    [ "$(scheduler_ctl region list | tail -n +2 | wc -l)" -ge 12 ]
}

keys_are_written() {
  start_scheduler
  start_scheduled 1
  wait_until 20 'store 1 serves' write_works 1
  start_scheduled 2 3
  wait_until 90 'three replicas' all_is_well
  ask 1 del probe > /dev/null
  seq -f 'k%04g' 0 $((KEYS - 1)) > "$SCRATCH/keys"
  sed 's/.*/set & v&/' "$SCRATCH/keys" | ask 2 > "$SCRATCH/answers"
  expect 'every write is acknowledged' "$(grep -c '^OK$' "$SCRATCH/answers")" "$KEYS"
}

# Refused while the region has another operator.
splits_at() {
  scheduler_ctl region split "$(region_of "$1")" "$1" > "$SCRATCH/split" 2>&1
}

there_are_twelve_regions() {
  local key
  for key in $BORDERS; do
    wait_until 30 "a border at $key" splits_at "$key"
  done
  wait_until 60 'twelve regions' has_all_regions
  wait_until 60 'all of them well' all_is_well
}

# raw_bench OPTION…: what kvbench says by raw calls on a hundred keys.
raw_bench() {
  (on_network "$CLIENT_NETWORK" "$BIN/kvbench" --protocol raw --scheduler "$(scheduler_address)" \
    --prefix z --keys 100 --distribution sequential --value-size 64 --json "$@")
}

# raw_says NAME: writes or reads that were answered, or error_count.
raw_says() {
  grep -A 1 "\"$1\":" "$SCRATCH/raw" | grep -oE '"(count|error_count)": *[0-9]+' | head -n 1 |
    grep -oE '[0-9]+$'
}

# Clients that find the leaders themselves, over borders that are drawn between their keys.
a_load_by_raw_calls_reaches_every_region() {
  local key keys
  keys=$(seq -f 'z:%08.0f' 0 99)
  for key in z:00000025 z:00000050 z:00000075; do
    wait_until 30 "a border at $key" splits_at "$key"
  done
  raw_bench --requests 500 --connections 20 > "$SCRATCH/raw" 2>&1 ||
    fail "kvbench: $(tail -n 5 "$SCRATCH/raw")"
  expect 'errors' "$(raw_says error_count)" 0
  expect 'writes' "$(raw_says writes)" 500
  # shellcheck disable=SC2086 # one argument a key
  expect 'keys that are there' "$(ask 3 exists $keys)" 100
  expect 'bytes of a value' "$(ask 2 strlen z:00000077)" 64
  raw_bench --requests 203 --connections 20 --read-share 100 > "$SCRATCH/raw" 2>&1 ||
    fail "kvbench: $(tail -n 5 "$SCRATCH/raw")"
  expect 'errors of reads' "$(raw_says error_count)" 0
  expect 'reads' "$(raw_says reads)" 203
  # shellcheck disable=SC2086
  expect 'del' "$(ask 1 del $keys)" 100
}

a_load_by_raw_calls_says_what_it_cannot_do() {
  local status=0
  raw_bench --verify > "$SCRATCH/raw" 2>&1 || status=$?
  expect 'exit status of --verify' "$status" 2
  expect_like 'what it says' "$(cat "$SCRATCH/raw")" '*--protocol raw goes without --verify*'
  status=0
  raw_bench --requests 5 --timeout 300 --scheduler "127.0.0.1:1" > "$SCRATCH/raw" 2>&1 || status=$?
  expect 'exit status without a scheduler' "$status" 1
  expect_like 'what it says' "$(cat "$SCRATCH/raw")" '*127.0.0.1:1*'
}

a_store_joins_and_gets_nothing() {
  scheduler_ok scheduler pause
  start_scheduled 4
  wait_until 20 'store 4 serves' write_works 4
  ask 4 del probe > /dev/null
}

# Scanned in small steps, so that cursors stand within regions and on their borders.
a_scan_through_any_store_finds_every_key_once_and_in_order() {
  local id cursor step
  for id in 1 2 3 4; do
    for step in 33 50 1000; do
      cursor=0
      : > "$SCRATCH/scanned"
      while :; do
        ask "$id" scan "$cursor" count "$step" > "$SCRATCH/step"
        cursor=$(head -n 1 "$SCRATCH/step")
        tail -n +2 "$SCRATCH/step" | grep . >> "$SCRATCH/scanned"
        [ "$cursor" != 0 ] || break
      done
      cmp -s "$SCRATCH/keys" "$SCRATCH/scanned" ||
        fail "store $id, step $step: $(diff "$SCRATCH/keys" "$SCRATCH/scanned" | head -n 5)" "$id"
    done
  done
}

commands_on_many_regions_are_answered_as_one() {
  local id all
  all=$(xargs < "$SCRATCH/keys")
  for id in 1 2 3 4; do
    expect "dbsize of store $id" "$(ask "$id" dbsize)" "$KEYS"
    # shellcheck disable=SC2086 # one argument a key
    expect "exists of store $id" "$(ask "$id" exists $all none)" "$KEYS"
    # shellcheck disable=SC2086
    ask "$id" mget $all > "$SCRATCH/values"
    sed 's/^/v/' "$SCRATCH/keys" | cmp -s - "$SCRATCH/values" || fail "mget of store $id" "$id"
  done
  expect 'mset through a store without replicas' "$(ask 4 mset k0001 x k0300 y k0599 z)" OK
  expect 'and read' "$(ask 1 mget k0599 k0300 k0001 | xargs)" 'z y x'
  expect 'del' "$(ask 4 del k0001 k0300 k0599 none)" 3
  expect 'dbsize afterwards' "$(ask 2 dbsize)" $((KEYS - 3))
}

a_dead_store_is_gone_round() {
  kill_store 2
  wait_until 30 'store 4 writes everywhere' writes_everywhere 4
  expect 'dbsize' "$(ask 4 dbsize)" $((KEYS - 2)) # one of the deleted keys was a border
}

# writes_everywhere ID
writes_everywhere() {
  local key
  for key in k0000 $BORDERS; do
    [ "$(ask "$1" set "$key" "v$key" 2>&1)" = OK ] || return 1
  done
}

cases keys_are_written there_are_twelve_regions a_load_by_raw_calls_reaches_every_region \
  a_load_by_raw_calls_says_what_it_cannot_do a_store_joins_and_gets_nothing \
  a_scan_through_any_store_finds_every_key_once_and_in_order \
  commands_on_many_regions_are_answered_as_one a_dead_store_is_gone_round
