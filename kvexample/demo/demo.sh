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
SERVER_OPTIONS=(--log-segment-bytes 4194304) # 64 MiB would be more than all of the data
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

# agreed: the data of the running stores, which must be the same everywhere.
agreed() {
  local applied keys sum
  wait_for_agreement
  read -r applied keys sum <<< "$CHECKSUM"
  note "stores $(running | xargs): $keys keys, checksum $sum, at index $applied"
}

show_status() {
  ctl_ok status
  tail -n +2 <<< "$SAID" | sed 's/^/   | /'
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

unicode_is_there() {
  [ "$(read_back "$1" | sum_of)" = "$(sum_of < "$UNICODE")" ]
}

everything_is_there() {
  unicode_is_there "$1" || fail "UnicodeData.txt read through store $1 differs from the file"
  ledger_is_there "$1" || fail "store $1 lacks acknowledged writes: $(tail -n 3 "$SCRATCH/bench")"
}

# --- steps ----------------------------------------------------------------------------------------------

three_stores() {
  step 1 'Three stores start and elect a leader'
  choose_members 1 2 3
  start_member 1 2 3
  find_leader
  show_status
  passed "leader is store $LEADER"
}

load_unicode() {
  local records begin ms to from
  step 2 "UnicodeData.txt goes in through the Redis protocol and comes back"
  [ -f "$UNICODE" ] || fail "$UNICODE is missing: install the package unicode-data"
  records=$(wc -l < "$UNICODE")
  to=$(follower) && from=$(follower "$to")
  begin=$(now_ms)
  as_commands | timeout 120 redis-cli -p "${STORE_PORT[$to]}" --pipe > "$SCRATCH/pipe" 2>&1
  grep -q "errors: 0, replies: $records" "$SCRATCH/pipe" ||
    fail "loading: $(tail -n 3 "$SCRATCH/pipe")"
  ms=$(($(now_ms) - begin + 1))
  note "$records records written through store $to, a follower, in $(seconds "$ms") s: $((records * 1000 / ms)) a second"
  [ "$(ask "$from" dbsize)" = "$records" ] || fail "DBSIZE is not $records"
  unicode_is_there "$from" || fail "UnicodeData.txt read through store $from differs from the file"
  note "U+1F600 is '$(ask "$from" get U+1F600 | cut -d ';' -f 2)'"
  agreed
  passed "all $records records read back through store $from; sha256 $(sum_of < "$UNICODE")… as the file's"
}

kill_the_leader() {
  KILLED=$LEADER
  step 3 'The leader is killed (kill -9) in the middle of a verified write load'
  bench_begin 5
  bench_writes_more 100
  kill_store "$KILLED"
  bench_end
  find_leader
  note "store $KILLED killed; store $LEADER leads now"
  note "kvbench: $(bench_says 'writes *\([0-9].*\)')"
  note "without service for $(bench_says 'gap *\([0-9.]*\).*') s"
  everything_is_there "$LEADER"
  passed "$(bench_says 'verify *ok: \(.*\)')"
}

catch_up_by_log() {
  local behind
  step 4 "Store $KILLED starts again and catches up from the log"
  behind=$(status_field "$LEADER" applied)
  start_member "$KILLED"
  find_leader
  wait_until 30 "store $KILLED caught up" caught_up "$KILLED"
  ! logged "$KILLED" 'snapshot installed' || fail "store $KILLED took a snapshot" "$KILLED"
  agreed
  passed "store $KILLED is at index $(status_field "$KILLED" applied), the leader was at $behind"
}

catch_up_by_snapshot() {
  local away bytes
  step 5 'A store misses writes that the log no longer has, and catches up by snapshot'
  away=$(follower)
  kill_store "$away"
  ask "$LEADER" set while-away "store $away" > "$SCRATCH/out" || fail 'no write with two of three stores'
  ctl_ok compact-log
  note "store $away killed, the log cut up to index $SAID"
  start_member "$away"
  find_leader
  wait_until 60 "store $away caught up" caught_up "$away"
  logged "$away" 'snapshot installed' || fail "store $away did not take a snapshot" "$away"
  agreed
  everything_is_there "$away"
  bytes=$(grep -o 'snapshot received.*bytes=[0-9]*' <(log_of "$away") | grep -o '[0-9]*$' | tail -n 1)
  passed "store $away installed a snapshot of ${bytes:-?} bytes and has everything"
}

hand_over() {
  local to
  step 6 'Leadership goes to the store that is named'
  to=$(follower)
  note "from store $LEADER to store $to"
  ctl_ok transfer-leader "$to"
  find_leader
  [ "$LEADER" = "$to" ] || fail "store $LEADER leads, not store $to"
  ask "$to" set after-transfer 1 > "$SCRATCH/out"
  grep -q '^OK' "$SCRATCH/out" || fail "a write after the transfer: $(cat "$SCRATCH/out")"
  passed "store $to leads and takes writes"
}

replace_a_member() {
  local old
  step 7 'A fourth store joins, an old one leaves'
  start_joining 4 "$LEADER"
  ctl_ok add-peer 4 "$(address_of 4)"
  note "store 4 is a voter"
  old=$(follower 4)
  ctl_ok remove-peer "$old"
  stop_store "$old" || fail "store $old ended with status $?" "$old"
  note "store $old is removed and stopped"
  find_leader
  wait_until 60 'store 4 caught up' caught_up 4
  agreed
  everything_is_there 4
  show_status
  passed "store 4 has everything; members are stores $(running | xargs)"
}

kill_all() {
  local id ids
  step 8 'All stores are killed at once (kill -9) under load and start again'
  read -r -a ids <<< "$(running | xargs)"
  bench_begin 6
  bench_writes_more 100
  kill_store "${ids[@]}"
  for id in "${ids[@]}"; do launch_store "$id"; done
  for id in "${ids[@]}"; do wait_ready "$id"; done
  find_leader
  note "stores ${ids[*]} are back; store $LEADER leads"
  bench_end
  note "without service for $(bench_says 'gap *\([0-9.]*\).*') s"
  everything_is_there "$(follower)"
  agreed
  passed "$(bench_says 'verify *ok: \(.*\)')"
}

main() {
  local begin
  begin=$(now_ms)
  cluster_begin
  echo 'kvexample: a replicated store on libraft'
  three_stores
  load_unicode
  kill_the_leader
  catch_up_by_log
  catch_up_by_snapshot
  hand_over
  replace_a_member
  kill_all
  printf '\nAll 8 steps passed in %s s.\n' "$(seconds $(($(now_ms) - begin)))"
}

main
