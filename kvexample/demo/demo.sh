#!/bin/bash
# demo.sh - a tour of the store on real data; every step is verified: `make demo`.
#
# Ends with status 0 only if everything was as it should be; at the first surprise it says what
# was wrong, with the last lines of the logs. Leaves nothing running and nothing behind.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=kvexample/demo/lib.sh
. kvexample/demo/lib.sh

readonly UNICODE=${UNICODE:-/usr/share/unicode/UnicodeData.txt}
# 64 MiB of log and regions of 96 MiB would be more than all of the data.
SERVER_OPTIONS=(--log-segment-bytes 4194304 --region-max-bytes 196608)
readonly REGIONS=12 # or more
BEGIN_STEP=0

# --- telling ------------------------------------------------------------------------------------------

# step NUMBER TEXT, then note TEXT …, then passed TEXT.
step() {
  printf '\n%s  %s\n' "$1" "$2"
  BEGIN_STEP=$(now_ms)
}

note() {
  printf '   %s\n' "$1"
}

passed() {
  printf '   OK    %s  (%s s)\n' "$1" "$(seconds $(($(now_ms) - BEGIN_STEP)))"
}

# A table of kvctl's, its columns cut to those named by number.
show_table() {
  local columns=$1
  shift
  scheduler_ok "$@"
  awk -F '  +' -v wanted="$columns" '
    BEGIN { n = split(wanted, column, ",") }
    { for (i = 1; i <= n; i++) { cell[NR, i] = $column[i]; w = length(cell[NR, i]); if (w > width[i]) width[i] = w } }
    END { for (r = 1; r <= NR; r++) { line = "   | "
      for (i = 1; i <= n; i++) line = line sprintf("%-" width[i] + 2 "s", cell[r, i])
      sub(/ +$/, "", line); print line } }' <<< "$SAID"
}

show_stores() {
  show_table 1,2,3,4,5,6 store list
}

show_regions() {
  show_table 1,2,3,4,8,9 region list
}

# --- the cluster ----------------------------------------------------------------------------------------

all_is_well() {
  scheduler_ctl region check > "$SCRATCH/check" 2>&1
}

# Every key has a region, every region a leader and its replicas.
wait_well() {
  until_well=$((SECONDS + 120))
  until all_is_well; do
    [ "$SECONDS" -lt "$until_well" ] || fail "$1: $(cat "$SCRATCH/check")"
    sleep 0.1
  done
}

# regions: how many there are.
regions() {
  scheduler_ctl region list | awk '$1 ~ /^[0-9]+$/' | wc -l
}

# agreed: each region's data is the same on all of its stores.
agreed() {
  local applied keys sum
  wait_for_agreement
  read -r applied keys sum <<< "$CHECKSUM"
  note "all replicas of each region agree: $keys keys in $(regions) regions"
}

# --- the Unicode data -----------------------------------------------------------------------------------

# Code point to its whole record, as Redis protocol.
as_commands() {
  LC_ALL=C awk -F ';' '{
    key = "U+" $1
    printf "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", length(key), key, length($0), $0
  }' "$UNICODE"
}

# Reads every record back through store $1, in the order of the file.
read_back() {
  cut -d ';' -f 1 "$UNICODE" | xargs -n 200 | sed 's/[0-9A-F][0-9A-F]*/U+&/g; s/^/MGET /' | ask "$1"
}

sum_of() {
  sha256sum | cut -c 1-16
}

unicode_must_be_there() {
  read_back "$1" > "$SCRATCH/read"
  cmp -s "$SCRATCH/read" "$UNICODE" ||
    fail "UnicodeData.txt ('>') read through store $1 ('<') differs:
$(diff "$SCRATCH/read" "$UNICODE" | head -n 10 | cut -c 1-100)"
}

everything_is_there() {
  unicode_must_be_there "$1"
  ledger_is_there "$1" || fail "store $1 lacks acknowledged writes: $(tail -n 3 "$SCRATCH/bench")"
}

# --- steps ----------------------------------------------------------------------------------------------

one_store_becomes_three() {
  step 1 'One store starts with one region; two more join, and it has three replicas'
  start_scheduler
  start_scheduled 1
  wait_until 30 'store 1 takes a write' takes_a_write 1
  note "store 1 serves alone"
  start_scheduled 2 3
  wait_well 'three replicas'
  show_regions
  passed "$(tail -n 1 "$SCRATCH/check")"
}

takes_a_write() {
  [ "$(ask "$1" set first write 2> /dev/null)" = OK ]
}

# Tells of the regions while their number grows.
watch_regions() {
  local count=0 now
  while [ "$count" -lt "$REGIONS" ]; do
    now=$(regions 2> /dev/null)
    if [ "${now:-0}" -gt "$count" ]; then
      count=$now
      note "$(seconds $(($(now_ms) - BEGIN_STEP))) s: $count regions; leaders: $(leaders_by_store)"
    fi
    [ $(($(now_ms) - BEGIN_STEP)) -lt 120000 ] || fail "only $count regions after two minutes"
    sleep 0.2
  done
}

leaders_by_store() {
  scheduler_ctl store list |
    awk '$1 ~ /^[0-9]+$/ { printf "%sstore %s %s", n++ ? ", " : "", $1, $4 }'
}

load_unicode() {
  local records begin ms
  step 2 'UnicodeData.txt goes in through the Redis protocol, and regions split as they grow'
  [ -f "$UNICODE" ] || fail "$UNICODE is missing: install the package unicode-data"
  records=$(wc -l < "$UNICODE")
  begin=$(now_ms)
  as_commands | timeout 120 redis-cli -p "${STORE_PORT[2]}" --pipe > "$SCRATCH/pipe" 2>&1
  grep -q "errors: 0, replies: $records" "$SCRATCH/pipe" ||
    fail "loading: $(tail -n 3 "$SCRATCH/pipe")"
  ms=$(($(now_ms) - begin + 1))
  note "$records records written through store 2 in $(seconds "$ms") s: $((records * 1000 / ms)) a second"
  watch_regions
  wait_well 'after the splits'
  show_regions
  unicode_must_be_there 3
  note "U+1F600 is '$(ask 3 get U+1F600 | cut -d ';' -f 2)'"
  agreed
  passed "$records records in $(regions) regions, read back through store 3; sha256 $(sum_of < "$UNICODE")… as the file's"
}

# The store, by our name, that leads most regions.
busiest() {
  local name best=0 leaders most=-1
  for name in $(running); do
    leaders=$(scheduler_ctl store show "${STORE_ID[$name]}" | awk '$1 ~ /^[0-9]+$/ { print $4 }')
    [ "${leaders:-0}" -le "$most" ] || { most=$leaders && best=$name; }
  done
  echo "$best $most"
}

kill_the_busiest() {
  local victim leaders
  step 3 'The store with most leaders is killed (kill -9) in the middle of a verified write load'
  show_stores
  read -r victim leaders <<< "$(busiest)"
  bench_begin 6
  bench_writes_more 100
  kill_store "$victim"
  note "store $victim killed, the leader of $leaders regions"
  bench_end
  note "kvbench: $(bench_says 'writes *\([0-9].*\)')"
  note "longest gap without service: $(bench_says 'gap *\([0-9.]*\).*') s"
  everything_is_there "$(running | head -n 1)"
  start_scheduled "$victim"
  wait_well "store $victim is back"
  agreed
  passed "$(bench_says 'verify *ok: \(.*\)')"
}

share_of() {
  scheduler_ctl store show "${STORE_ID[$1]}" 2> /dev/null | awk '$1 ~ /^[0-9]+$/ { print $5 }'
}

has_its_share() {
  local share
  share=$(share_of "$1")
  [ "${share:-0}" -ge "$2" ]
}

join_a_fourth() {
  local total share
  step 4 'A fourth store joins and is given its share'
  total=$(regions)
  share=$((total * 3 / 4 * 6 / 10)) # of a fourth of all replicas, most
  start_scheduled 4
  wait_until 120 "store 4 has $share replicas" has_its_share 4 "$share"
  wait_well 'balanced'
  show_stores
  unicode_must_be_there 4
  passed "store 4 has $(share_of 4) replicas of $((total * 3))"
}

is_tombstone() {
  scheduler_ctl store show "${STORE_ID[$1]}" 2> /dev/null | grep -q Tombstone
}

drain_a_store() {
  step 5 'Store 1 is drained: its leaders and replicas move away until it is a tombstone'
  scheduler_ok store drain "${STORE_ID[1]}"
  note "$SAID"
  wait_until 120 'store 1 is a tombstone' is_tombstone 1
  stop_drained 1
  wait_well 'after draining'
  show_stores
  unicode_must_be_there 2
  agreed
  passed 'store 1 is empty and gone, everything is served by the others'
}

# A store that was told that it is a tombstone ends by itself.
stop_drained() {
  local pid=${STORE_PID[$1]}
  wait_until 30 "store $1 ends" gone "$pid"
  wait "$pid" 2> /dev/null
  unset "STORE_PID[$1]"
}

without_the_scheduler() {
  step 6 'The scheduler is killed; the stores serve on; it comes back'
  kill_scheduler
  writer_begin 2
  wait_until 30 'writes without the scheduler' acknowledged_more_than 200
  note "$(acknowledged) writes acknowledged while it is away"
  start_scheduler
  wait_well 'the scheduler knows all regions again'
  writer_end
  written_is_there 3 || fail 'acknowledged writes are missing'
  passed "$(tail -n 1 "$SCRATCH/check")"
}

by_hand() {
  local region leader target begin
  step 7 'A region is split, and a leader moved, by hand'
  region=$(scheduler_ctl region key U+2603 | awk '$1 ~ /^[0-9]+$/ { print $1 }')
  scheduler_ok region split "$region" U+2603
  note "$SAID"
  wait_well 'after the split'
  begin=$(scheduler_ctl region key U+2603 | awk '$1 ~ /^[0-9]+$/ { print $1, $2, $4 }')
  read -r region begin leader <<< "$begin"
  [ "$begin" = U+2603 ] || fail "the region of U+2603 begins at $begin"
  target=$(scheduler_ctl region show "$region" | grep -oE '[0-9]+@[0-9]+' | cut -d @ -f 2 |
    grep -vx "$leader" | head -n 1)
  scheduler_ok region transfer-leader "$region" "$target"
  note "$SAID"
  [ "$(ask 3 get U+2603 | cut -d ';' -f 2)" = SNOWMAN ] || fail 'U+2603 is no snowman'
  passed "region $region begins at U+2603 and is led by store $target"
}

kill_all() {
  local names
  step 8 'All stores are killed at once (kill -9) under load and start again'
  read -r -a names <<< "$(running | xargs)"
  bench_begin 8
  bench_writes_more 100
  kill_store "${names[@]}"
  start_scheduled "${names[@]}"
  bench_end
  wait_well 'all are back'
  note "longest gap without service: $(bench_says 'gap *\([0-9.]*\).*') s"
  everything_is_there "${names[0]}"
  agreed
  passed "$(bench_says 'verify *ok: \(.*\)')"
}

compare_all() {
  local name
  step 9 'Every record is compared with the file, through every store'
  for name in $(running); do
    unicode_must_be_there "$name"
  done
  show_regions
  passed "$(wc -l < "$UNICODE") records in $(regions) regions, as in the file"
}

main() {
  local begin
  begin=$(now_ms)
  cluster_begin
  echo 'kvexample: a replicated store of many regions, on libraft'
  one_store_becomes_three
  load_unicode
  kill_the_busiest
  join_a_fourth
  drain_a_store
  without_the_scheduler
  by_hand
  kill_all
  compare_all
  printf '\nAll 9 steps passed in %s s.\n' "$(seconds $(($(now_ms) - begin)))"
}

main
