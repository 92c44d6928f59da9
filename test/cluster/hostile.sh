#!/bin/bash
# hostile.sh - nothing that reaches a store's port crashes it, stops it or makes it grow.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

# field ID NAME: of INFO.
field() {
  ask "$1" info | tr -d '\r' | sed -n "s/^$2://p"
}

attack() {
  local id=$1 host=${STORE_HOST[$1]:-127.0.0.1}
  timeout 120 python3 test/cluster/hostile.py "$host" "${STORE_PORT[$id]}" "$id" \
    "$(field "$id" cluster_id)" "$id" > "$SCRATCH/attack" 2>&1 ||
    fail "store $id: $(tail -n 3 "$SCRATCH/attack")" "$id"
  expect "scenarios survived by store $id" "$(grep -c '^survived' "$SCRATCH/attack")" 7
}

the_leader_survives() {
  attack "$LEADER"
}

a_follower_survives() {
  attack "$(follower)"
}

service_goes_on() {
  local id
  find_leader
  for id in 1 2 3; do
    expect "writing at store $id" "$(ask "$id" set "after:$id" "$id")" OK
  done
  wait_for_agreement
}

# A sanitizer's shadow memory is not ours.
memory_is_bounded() {
  local id resident
  for id in 1 2 3; do
    resident=$(field "$id" used_memory_peak)
    [ "$resident" -lt $((600 << 20)) ] || grep -q Sanitizer "$BIN/kvserver" ||
      fail "store $id used $resident bytes" "$id"
  done
}

cases three_stores the_leader_survives a_follower_survives service_goes_on memory_is_bounded
