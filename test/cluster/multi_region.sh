#!/bin/bash
# multi_region.sh - five stores, a scheduler and many regions under every fault that we can make, while
# clients share keys: what they saw has an order, and nothing that was acknowledged is lost.
#
#   SOAK_SECONDS=n     rounds of all faults until so much time has passed (0: one round)
#   PARTITION=stop     without network namespaces
#   KEEP_IN=folder     logs and data stay there
#
# Two loads run from the first minute to the last: one whose histories are judged, and one that
# remembers what was acknowledged, whose values are so large that regions split all the time. Each
# fault lasts until something has been seen (another leader, a store that is missed), never for a time.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh
# shellcheck source=test/cluster/networks.sh
. test/cluster/networks.sh

SOAK_SECONDS=${SOAK_SECONDS:-0}
STORES='1 2 3 4 5'
SMALL_DISK=5 # this store's disk is one that can be filled
# Short logs: who was away needs a snapshot. Small regions: they split.
SERVER_OPTIONS=(--log-segment-bytes 1048576 --log-keep-entries 200 --region-max-bytes 131072
  --command-ms 3000)
# A store is missed soon, and one that stays away is soon replaced.
SCHEDULER_OPTIONS=(--set store-disconnect-ms=2000 --set store-down-ms=6000)
DISK=
NETWORKS_WORK=
TURN=0
SPLITS=0
declare -A FAULTS=()

# One key between those of each load, in many regions.
PROBES=(h:{00..15}:probe d:0000{00..19}50:probe)

stores_are_gone() {
  remove_networks
  [ -z "$DISK" ] || umount "$DISK" 2> /dev/null
}

# --- what is looked at ----------------------------------------------------------------------------------

# happened KIND
happened() {
  FAULTS[$1]=$((${FAULTS[$1]:-0} + 1))
}

# serves_everywhere NAME: a write in every region, through that store.
serves_everywhere() {
  printf 'set %s x\n' "${PROBES[@]}" | ASK_SECONDS=20 ask "$1" > "$SCRATCH/probes" 2>&1
  [ "$(grep -cx OK "$SCRATCH/probes")" = ${#PROBES[@]} ]
}

# wait_served NAME…: service in every region, through each of them.
wait_served() {
  local name end
  for name in "$@"; do
    end=$((SECONDS + 90))
    until serves_everywhere "$name"; do
      [ "$SECONDS" -lt "$end" ] || fail "no service in every region through store $name: $(refused_probes)
$(scheduler_ctl region list 2>&1)"
      sleep 0.05
    done
  done
}

# The first answer that was not OK, and to what.
refused_probes() {
  grep . "$SCRATCH/probes" | paste -d ' ' <(printf '%s\n' "${PROBES[@]}") - | grep -v 'OK$' | head -n 3
}

# one_but NAME…: the next in turn of the others that run. Sets ONE.
one_but() {
  local name names=()
  for name in $(running); do
    [[ " $* " == *" $name "* ]] || names+=("$name")
  done
  TURN=$((TURN + 1))
  ONE=${names[TURN % ${#names[@]}]}
}

# The store that leads most regions, as far as the scheduler knows. Sets BUSIEST.
find_busiest() {
  local name leaders most=-1
  for name in $(running); do
    leaders=$(scheduler_ctl store show "${STORE_ID[$name]}" 2> /dev/null | awk '$1 ~ /^[0-9]+$/ { print $4 }')
    [[ ${leaders:-} =~ ^[0-9]+$ ]] && [ "$leaders" -gt "$most" ] && most=$leaders && BUSIEST=$name
  done
  [ "$most" -ge 0 ]
}

busiest() {
  wait_until 60 'the scheduler tells of stores' find_busiest
}

# Nobody ended whom nobody ended.
nobody_is_missing() {
  local name
  for name in "${!STORE_PID[@]}"; do
    is_running "$name" || fail "store $name ended" "$name"
  done
  ! gone "$SCHEDULER_PID" || fail "the scheduler ended: $(tail -n 20 "$SCRATCH/scheduler.log")"
  history_goes_on || fail "the clients on shared keys ended: $(tail -n 40 "$SCRATCH/history")"
  ! gone "$BENCH_PID" || fail "the clients that remember ended: $(tail -n 10 "$SCRATCH/bench")"
}

# --- the faults -----------------------------------------------------------------------------------------

# A border that was not there before. Sets BORDER.
new_border() {
  SPLITS=$((SPLITS + 1))
  BORDER=$(printf 'h:%02d:~%05d' $((SPLITS * 5 % 16)) "$SPLITS")
}

# Refused while the region has another operator.
splits_at() {
  scheduler_ctl --timeout 10 region split "$(region_of "$1")" "$1" > "$SCRATCH/out" 2>&1
}

# Asked for in the middle of something worse: whether it comes to that is open.
split_meanwhile() {
  new_border
  splits_at "$BORDER" &
}

split_by_hand() {
  local n
  for n in 1 2 3; do
    new_border
    wait_until 60 "a border at $BORDER" splits_at "$BORDER"
    happened 'split by hand'
  done
}

# Its row, and the peers behind it.
moves_the_leader_of() {
  local region leader target
  read -r region leader <<< "$(scheduler_ctl region key "$1" 2> /dev/null |
    awk '$1 ~ /^[0-9]+$/ { print $1, $4 }')"
  target=$(scheduler_ctl region show "$region" 2> /dev/null | grep -oE '[0-9]+@[0-9]+' |
    cut -d @ -f 2 | grep -vx "$leader" | head -n 1)
  scheduler_ctl --timeout 10 region transfer-leader "$region" "$target" > "$SCRATCH/out" 2>&1
}

move_leaders() {
  local key
  for key in h:00: h:05: h:10: d:00000500; do
    wait_until 60 "the leader of $key moved" moves_the_leader_of "$key"
    happened 'leader moved by hand'
  done
}

# join_store NAME: it joins, and is given work.
join_store() {
  start_scheduled "$1"
  wait_until 90 "store $1 has regions" has_regions "$1"
  happened 'store joined'
}

has_regions() {
  [ "$(ask "$1" kv.status 2> /dev/null | grep -cx region)" -ge 1 ]
}

join_a_fourth() {
  join_store 4
}

join_a_fifth() {
  join_store 5
}

kill_the_busiest() {
  busiest
  split_meanwhile
  kill_store "$BUSIEST"
  happened 'kill -9 of a store'
  one_but
  wait_served "$ONE"
  start_scheduled "$BUSIEST"
  wait_served "$BUSIEST"
}

kill_two() {
  local first second
  one_but && first=$ONE
  one_but "$first" && second=$ONE
  kill_store "$first" "$second"
  happened 'kill -9 of two stores'
  start_scheduled "$second" "$first"
  wait_served "$first"
}

# Not seen again in time: its replicas are made up for. Then it comes back, with what is out of date.
lose_a_store() {
  local lost
  one_but && lost=$ONE
  kill_store "$lost"
  happened 'store away until replaced'
  wait_until 90 "store $lost is missed" state_is "$lost" Down
  wait_until 120 "replicas of store $lost are made up for" all_is_well
  one_but
  wait_served "$ONE"
  start_scheduled "$lost"
  wait_served "$lost"
}

kill_all() {
  local names
  read -r -a names <<< "$(running | xargs)"
  split_meanwhile
  kill_scheduler
  kill_store "${names[@]}"
  happened 'kill -9 of all at once'
  start_scheduler "${SCHEDULER_OPTIONS[@]}"
  start_scheduled "${names[@]}"
  wait_served "${names[@]}"
}

# The stores serve on, and one can die and come back without it; but then it cannot know of regions
# of which it has no replica.
kill_the_scheduler() {
  split_meanwhile
  kill_scheduler
  happened 'kill -9 of the scheduler'
  one_but
  kill_store "$ONE"
  happened 'kill -9 of a store'
  start_scheduled "$ONE"
  bench_writes_more 300
  start_scheduler "${SCHEDULER_OPTIONS[@]}"
  wait_served "$ONE"
}

freeze_the_scheduler() {
  kill -STOP "$SCHEDULER_PID"
  happened 'SIGSTOP of the scheduler'
  bench_writes_more 300
  kill -CONT "$SCHEDULER_PID"
  one_but
  wait_served "$ONE"
}

is_missed() {
  state_is "$1" 'Disconnected\|Down'
}

# It thinks that it still leads when it wakes up.
freeze_the_busiest() {
  busiest
  split_meanwhile
  kill -STOP "${STORE_PID[$BUSIEST]}"
  happened 'SIGSTOP of a store'
  wait_until 60 "store $BUSIEST is missed" is_missed "$BUSIEST"
  one_but "$BUSIEST"
  wait_served "$ONE"
  kill -CONT "${STORE_PID[$BUSIEST]}"
  wait_served "$BUSIEST"
}

# needs_networks: with a word where there are none.
needs_networks() {
  [ -n "$NETWORKS_WORK" ] || { echo '    (skipped: no network namespaces)' && return 1; }
}

cut_off_the_busiest() {
  needs_networks || return 0
  busiest
  cut_off "$BUSIEST"
  happened 'partition of a store'
  wait_until 60 "store $BUSIEST is missed" is_missed "$BUSIEST"
  one_but "$BUSIEST"
  wait_served "$ONE"
  reconnect "$BUSIEST"
  wait_served "$BUSIEST"
}

# Regions with two of their replicas there can do nothing until it is over.
cut_off_two() {
  local first second
  needs_networks || return 0
  one_but && first=$ONE
  one_but "$first" && second=$ONE
  cut_off "$first"
  cut_off "$second"
  happened 'partition of two stores'
  wait_until 60 "store $first is missed" is_missed "$first"
  wait_until 60 "store $second is missed" is_missed "$second"
  reconnect "$second"
  reconnect "$first"
  wait_served "$first" "$second"
}

# Leaders are moved meanwhile, over the gap too.
part_two() {
  local first second
  needs_networks || return 0
  one_but && first=$ONE
  one_but "$first" && second=$ONE
  part "$first" "$second" || fail "cannot part ports of the switch"
  happened 'link between two stores cut'
  one_but "$first" "$second"
  wait_served "$ONE"
  split_meanwhile
  join "$first" "$second"
  wait_served "$first" "$second"
}

disk_is_full() {
  ask "$SMALL_DISK" info persistence 2> /dev/null | tr -d '\r' | grep -qx 'disk_full:1' ||
    logged "$SMALL_DISK" 'no space\|could not commit'
}

# Segments of the log are used again: it takes more writes than usual until one more is needed. The
# store dies of something else while its disk is full.
fill_the_disk() {
  local free filler
  [ -n "$DISK" ] || { echo '    (skipped: no disk that could be filled)' && return 0; }
  free=$(df --output=avail "$DISK" | tail -n 1)
  fallocate -l "${free}K" "$DISK/filler" || fail "no filler: $(df "$DISK" | tail -n 1)"
  happened 'full disk'
  on_network "$CLIENT_NETWORK" setsid "$BIN/kvbench" --addr "$(client_addresses)" --seconds 86400 \
    --prefix h:f --keys 300 --value-size 4000 --connections 16 --quiet > "$SCRATCH/out" 2>&1 < /dev/null &
  filler=$!
  OTHER_PIDS+=("$filler")
  wait_until 90 "the disk of store $SMALL_DISK is full" disk_is_full
  kill -TERM "$filler"
  wait "$filler"
  OTHER_PIDS=("$HISTORY_PID" "$BENCH_PID")
  kill_store "$SMALL_DISK"
  happened 'kill -9 of a store'
  rm "$DISK/filler"
  start_scheduled "$SMALL_DISK"
  wait_served "$SMALL_DISK"
}

accepts_to_drain() {
  scheduler_ctl store drain "${STORE_ID[$1]}" > "$SCRATCH/out" 2>&1
}

# While another one dies and comes back. A new one takes its place, under a number of its own.
drain_a_store() {
  local drained pid
  one_but "$SMALL_DISK" && drained=$ONE
  wait_until 60 "store $drained is drained" accepts_to_drain "$drained"
  happened 'store drained'
  one_but "$drained"
  kill_store "$ONE"
  happened 'kill -9 of a store'
  start_scheduled "$ONE"
  wait_until 180 "store $drained is a tombstone" state_is "$drained" Tombstone
  pid=${STORE_PID[$drained]}
  wait_until 60 "store $drained ends" gone "$pid"
  wait "$pid" 2> /dev/null
  unset "STORE_PID[$drained]"
  rm -rf "$SCRATCH/data$drained"
  join_store "$drained"
}

# --- cases ----------------------------------------------------------------------------------------------

the_network_and_the_disk_are_made() {
  # shellcheck disable=SC2086 # names
  if networks_work $STORES > "$SCRATCH/networks" 2>&1; then
    NETWORKS_WORK=yes
    CLIENT_NETWORK=$SWITCH
    SCHEDULER_HOST=127.77.0.254
  else
    remove_networks
    STORE_NETWORK=() STORE_HOST=()
    echo "  no partitions, because: $(tail -n 1 "$SCRATCH/networks")"
  fi
  mkdir "$SCRATCH/data$SMALL_DISK"
  if mount -t tmpfs -o size=64m kvexample "$SCRATCH/data$SMALL_DISK" 2> "$SCRATCH/out"; then
    DISK=$SCRATCH/data$SMALL_DISK
  else
    echo "  no full disk, because: $(tail -n 1 "$SCRATCH/out")"
  fi
}

three_stores_begin() {
  local name
  for name in $STORES; do choose_port "$name"; done
  start_scheduler "${SCHEDULER_OPTIONS[@]}"
  start_scheduled 1 2 3
  wait_served 1
}

the_clients_begin() {
  # Those that are not there yet, too.
  CLIENT_STORES=$STORES
  history_begin 86400 --prefix h --keys 16 --rate 500
  bench_begin 86400 --prefix d --keys 2000 --value-size 600 --rate 250 --timeout 2000 --verify-timeout 60000
  bench_writes_more 500
}

# fault NAME: while every region has its replicas, so that one store less is no reason not to serve.
fault() {
  local begin
  wait_well "before $1"
  begin=$(now_ms)
  "$1"
  nobody_is_missing
  echo "  $(seconds $(($(now_ms) - begin))) s  $1"
}

every_fault_happens() {
  local name end=$((SECONDS + SOAK_SECONDS)) rounds=0
  for name in split_by_hand join_a_fourth kill_the_busiest join_a_fifth; do fault "$name"; done
  while [ "$rounds" = 0 ] || [ "$SECONDS" -lt "$end" ]; do
    for name in freeze_the_busiest fill_the_disk kill_the_scheduler cut_off_the_busiest move_leaders \
      part_two kill_two drain_a_store cut_off_two freeze_the_scheduler lose_a_store kill_all \
      split_by_hand kill_the_busiest; do
      fault "$name"
    done
    rounds=$((rounds + 1))
  done
  wait_well 'every region well'
}

what_the_clients_saw_has_an_order() {
  kill -TERM "$HISTORY_PID"
  kill -TERM "$BENCH_PID"
  history_end
}

what_was_acknowledged_is_there() {
  local name
  bench_end
  echo "  $(bench_says 'verify *ok: \(.*\)')"
  for name in $(running); do
    ledger_is_there "$name" || fail "store $name lacks acknowledged writes: $(tail -n 3 "$SCRATCH/bench")"
  done
}

all_replicas_agree() {
  wait_well 'every region well'
  wait_for_agreement
  echo "  $(tail -n 1 "$SCRATCH/check")"
}

faults_are_told() {
  local kind total=0
  for kind in "${!FAULTS[@]}"; do
    echo "  ${FAULTS[$kind]} $kind"
    total=$((total + FAULTS[$kind]))
  done | sort -k 2
  for kind in "${!FAULTS[@]}"; do total=$((total + FAULTS[$kind])); done
  echo "  $total faults, $(scheduler_ctl region list | grep -c '^[0-9]') regions at the end"
}

cases the_network_and_the_disk_are_made three_stores_begin the_clients_begin every_fault_happens \
  what_the_clients_saw_has_an_order what_was_acknowledged_is_there all_replicas_agree faults_are_told
