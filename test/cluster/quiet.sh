#!/bin/bash
# quiet.sh - regions that sleep, with real processes: they are woken by use, by a kill, by a start.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

readonly REGIONS=60

figure() {
  ask "$1" info 2> /dev/null | tr -d '\r' | awk -F : -v name="$2" '$1 == name { print $2; exit }'
}

sum() {
  local id total=0
  for id in $(running); do total=$((total + $(figure "$id" "$1"))); done
  echo "$total"
}

all_asleep() {
  [ "$(sum asleep)" = "$(sum regions)" ]
}

all_led() {
  [ "$(sum leaders)" = "$REGIONS" ]
}

regions_fall_asleep() {
  SERVER_OPTIONS+=(--initial-regions "$REGIONS" --hibernate-ms 500)
  choose_members 1 2 3
  start_member 1 2 3
  wait_until 60 'all regions asleep' all_asleep
  all_led || fail 'some region has no leader'
}

they_are_woken_by_use_through_any_store() {
  local id key
  for id in 1 2 3; do
    for key in 0 3 6 9 c f; do
      expect 'a write' "$(ask "$id" set "$key$id" "$id")" OK
      expect 'a read' "$(ask $((id % 3 + 1)) get "$key$id")" "$id"
    done
  done
  wait_until 60 'all regions asleep' all_asleep
}

a_kill_wakes_those_that_have_lost_their_leader() {
  kill_store 2
  wait_until 60 'leaders without store 2' all_led
  expect 'a read' "$(ask 3 get 62)" 2
}

a_start_brings_them_together_again() {
  start_member 2
  wait_until 60 'all regions asleep' all_asleep
  expect 'a read' "$(ask 2 get c1)" 1
  all_led || fail 'some region has no leader'
}

all_may_be_killed_in_their_sleep() {
  wait_until 60 'all regions asleep' all_asleep
  kill_store 1 2 3
  start_member 1 2 3
  wait_until 60 'leaders of all regions' all_led
  expect 'a read' "$(ask 1 get f3)" 3
}

cases regions_fall_asleep they_are_woken_by_use_through_any_store \
  a_kill_wakes_those_that_have_lost_their_leader a_start_brings_them_together_again \
  all_may_be_killed_in_their_sleep
