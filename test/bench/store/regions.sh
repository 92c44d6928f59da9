#!/bin/bash
# regions.sh - what regions cost in which nothing happens: three stores, three replicas each.
#
# Usage: test/bench/store/regions.sh [--seconds N] [REGIONS…]      (60 s; 100 1000 10000)
#
# Three kvserver processes on loopback begin with so many regions (--initial-regions: the region
# states are written at the first start, no split is made). Measured for each number:
#
#   first       seconds from the first start until every region has a leader
#   again       the same, when all three are killed and start again from their disks
#   B/region    resident memory of a store beyond that of one with a single region, a region
#   asleep      seconds from then until the last region sleeps
#   CPU asleep  processor time of a store a second, in percent, while nothing happens
#   CPU awake   the same with --hibernate-ms 0: all regions tick and send heartbeats
#   woken       microseconds until a write to a sleeping region is answered, by whichever store: the
#               median and the longest of 100 regions
#   used        the same, of a second write to the same regions
#
# Memory and processor time are those of the store that has most of it.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=kvexample/demo/lib.sh
. kvexample/demo/lib.sh

SECONDS_IDLE=60
WRITES=100
BASE_KB=0

# figure ID NAME: a line of INFO.
figure() {
  ask "$1" info 2> /dev/null | tr -d '\r' | awk -F : -v name="$2" '$1 == name { print $2; exit }'
}

# sum NAME: over all stores.
sum() {
  local id total=0 one
  for id in 1 2 3; do
    one=$(figure "$id" "$1") || return 1
    total=$((total + ${one:-0}))
  done
  echo "$total"
}

all_led() {
  [ "$(sum leaders)" = "$1" ]
}

all_asleep() {
  [ "$(sum asleep)" = $((3 * $1)) ]
}

# launch REGIONS OPTION…: all stores, until every region has a leader. Sets TOOK (ms).
launch() {
  local regions=$1 begin id
  shift
  begin=$(now_ms)
  for id in 1 2 3; do
    launch_store "$id" --initial "$INITIAL" --initial-regions "$regions" --log-level warn "$@"
  done
  for id in 1 2 3; do wait_until 120 "store $id answers" ask "$id" ping > /dev/null 2>&1; done
  wait_until 300 "leaders of $regions regions" all_led "$regions"
  TOOK=$(($(now_ms) - begin))
}

# resident: kilobytes of the largest store.
resident() {
  local id
  for id in 1 2 3; do
    awk '$1 == "VmRSS:" { print $2 }' "/proc/${STORE_PID[$id]}/status"
  done | sort -n | tail -n 1
}

# ticks ID: processor time of a store since it began, in the kernel's ticks.
ticks() {
  awk '{ print $14 + $15 }' "/proc/${STORE_PID[$1]}/stat"
}

# busiest: processor time that the busiest store takes while nothing happens, percent.
busiest() {
  local id
  local -A before
  for id in 1 2 3; do before[$id]=$(ticks "$id"); done
  sleep "$SECONDS_IDLE" # nothing to wait for: this is what is measured
  for id in 1 2 3; do echo $(($(ticks "$id") - before[$id])); done | sort -n | tail -n 1 |
    awk -v hz="$(getconf CLK_TCK)" -v seconds="$SECONDS_IDLE" '{ printf "%.2f", 100 * $1 / hz / seconds }'
}

# write_each REGIONS: a write to each of $WRITES regions, through the stores by turns; "median longest".
write_each() {
  local i key begin answer fds=()
  for i in 1 2 3; do exec {fds[i]}<> "/dev/tcp/127.0.0.1/${STORE_PORT[$i]}"; done
  for ((i = 0; i < WRITES; i++)); do
    printf -v key '%08x' $((i * 4294967296 / WRITES + 5))
    begin=${EPOCHREALTIME/[.,]/}
    printf 'SET %s 1\r\n' "$key" >&"${fds[i % 3 + 1]}"
    read -r answer <&"${fds[i % 3 + 1]}"
    [[ $answer == +OK* ]] || fail "a write was answered $answer"
    echo $((${EPOCHREALTIME/[.,]/} - begin))
  done | sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] " " all[NR] }'
  for i in 1 2 3; do exec {fds[i]}>&-; done
}

forget() {
  kill_store 1 2 3
  rm -rf "$SCRATCH"/data*
}

# One line of the table.
measure() {
  local regions=$1 first again begin slept kb cpu awake woken used
  choose_members 1 2 3
  launch "$regions"
  first=$TOOK
  kill_store 1 2 3
  launch "$regions"
  again=$TOOK
  begin=$(now_ms)
  wait_until 120 "$regions regions asleep" all_asleep "$regions"
  slept=$(($(now_ms) - begin))
  kb=$(resident)
  cpu=$(busiest)
  all_asleep "$regions" || fail 'regions woke up while nothing happened'
  woken=$(write_each "$regions")
  used=$(write_each "$regions")
  forget
  launch "$regions" --hibernate-ms 0
  awake=$(busiest)
  forget
  printf '| %d | %s | %s | %d | %s | %s | %s | %s | %s |\n' "$regions" "$(seconds "$first")" \
    "$(seconds "$again")" $(((kb - BASE_KB) * 1024 / regions)) "$(seconds "$slept")" "$cpu" "$awake" \
    "${woken/ / / }" "${used/ / / }"
}

# What a store with one region takes.
measure_base() {
  choose_members 1 2 3
  launch 1
  wait_until 60 'one region asleep' all_asleep 1
  BASE_KB=$(resident)
  forget
}

if [ "${1:-}" = --seconds ]; then
  SECONDS_IDLE=$2
  shift 2
fi
[ $# -gt 0 ] || set -- 100 1000 10000
cluster_begin
measure_base
echo "$(nproc) processors; a store with one region: $BASE_KB KiB; CPU over $SECONDS_IDLE s"
echo '| regions | first, s | again, s | B/region | asleep, s | CPU asleep, % | CPU awake, % | woken, µs | used, µs |'
echo '| --- | --- | --- | --- | --- | --- | --- | --- | --- |'
for regions in "$@"; do measure "$regions"; done
