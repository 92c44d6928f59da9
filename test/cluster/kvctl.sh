#!/bin/bash
# kvctl.sh - every command of kvctl on a cluster that runs: its table, its JSON, what it refuses.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

ADDRESSES=127.0.0.1:1

# tool OPTION…: kvctl, told of the scheduler and of the stores.
tool() {
  timeout 90 "$BIN/kvctl" --scheduler "$(scheduler_address)" --addr "$ADDRESSES" "$@"
}

# says PATTERN COMMAND…: it succeeds, and a line of its output matches (grep -E).
says() {
  local pattern=$1 status=0
  shift
  tool "$@" > "$SCRATCH/said" 2>&1 < /dev/null || status=$?
  expect "exit status of kvctl $* ($(cat "$SCRATCH/said"))" "$status" 0
  grep -qE -- "$pattern" "$SCRATCH/said" ||
    fail "kvctl $* does not say '$pattern' but: $(cat "$SCRATCH/said")"
}

# silent COMMAND…: it succeeds, and there is nothing to say.
silent() {
  local status=0
  tool "$@" > "$SCRATCH/said" 2>&1 < /dev/null || status=$?
  expect "exit status of kvctl $*" "$status" 0
  expect "output of kvctl $*" "$(cat "$SCRATCH/said")" ''
}

# json EXPRESSION COMMAND…: it succeeds (or ends with status $WANTED) with JSON, of which the expression,
# in Python, is true; `it` is the value as a whole.
json() {
  local expression=$1 status=0
  shift
  tool --json "$@" > "$SCRATCH/said" 2> "$SCRATCH/complained" < /dev/null || status=$?
  expect "exit status of kvctl --json $* ($(cat "$SCRATCH/complained"))" "$status" "${WANTED:-0}"
  python3 -c 'import json, sys
it = json.load(sys.stdin)
sys.exit(0 if eval(sys.argv[1]) else 1)' "$expression" < "$SCRATCH/said" 2> "$SCRATCH/complained" ||
    fail "kvctl --json $*: not so: $expression: $(cat "$SCRATCH/said" "$SCRATCH/complained")"
}

# refuses STATUS PATTERN COMMAND…: it ends like that, and says why.
refuses() {
  local wanted=$1 pattern=$2 status=0
  shift 2
  tool "$@" > "$SCRATCH/complained" 2>&1 < /dev/null || status=$?
  expect "exit status of kvctl $* ($(cat "$SCRATCH/complained"))" "$status" "$wanted"
  grep -qE -- "$pattern" "$SCRATCH/complained" ||
    fail "kvctl $* does not complain '$pattern' but: $(cat "$SCRATCH/complained")"
}

all_is_well() {
  tool region check > "$SCRATCH/check" 2>&1
}

# Leaders are balanced meanwhile, and a new one has not heard of its followers at once.
check_finds_two_regions() {
  tool region check 2> /dev/null |
    grep -q '^2 regions: no holes, all with a leader and 3 voters'
}

check_as_json_finds_nothing() {
  [ "$(tool --json region check 2> /dev/null | tr -d ' \n')" = '{"complaints":[]}' ]
}

# region_of KEY
region_of() {
  tool --json region key "$1" | sed -n 's/.*"region": *\([0-9]*\).*/\1/p'
}

# leader_of REGION, store_without REGION: a store's number.
leader_of() {
  tool --json region show "$1" | sed -n 's/.*"leader_store": *\([0-9]*\).*/\1/p'
}

store_without() {
  local name
  for name in "${!STORE_ID[@]}"; do
    tool region show "$1" | grep -q "@${STORE_ID[$name]}\\b" || { echo "${STORE_ID[$name]}" && return; }
  done
  return 1
}

# --- cases --------------------------------------------------------------------------------------------

# Before anything runs.
without_anybody_it_says_so() {
  choose_port scheduler
  SCHEDULER_PORT=${STORE_PORT[scheduler]}
  unset "STORE_PORT[scheduler]"
  local words
  for words in 'store list' 'region list' 'region check' 'operator list' 'scheduler describe' \
    'scheduler pause' 'store drain 1' 'region split 1'; do
    # shellcheck disable=SC2086 # a word an argument
    refuses 1 'the scheduler: cannot reach 127.0.0.1:' $words
  done
  refuses 1 'not done in time: cannot reach' --timeout 0.2 get key
  refuses 1 'cannot reach 127.0.0.1:1: connection refused' status
  refuses 1 'cannot reach 127.0.0.1:1' checksum
  refuses 1 'cannot reach 127.0.0.1:1' compact-log
  refuses 1 'in vain for "leader"' --timeout 0.2 wait leader
}

wrong_words_are_usage_errors() {
  refuses 2 'no command; --help tells them'
  refuses 2 'there is no command "frobnicate"' frobnicate
  refuses 2 'there is no command "store frobnicate"' store frobnicate
  refuses 2 'Usage: kvctl put KEY VALUE' put key
  refuses 2 'Usage: kvctl region move-peer' region move-peer 1 2
  refuses 2 'store "x" is not a number above 0' store show x
  refuses 2 'region "0" is not a number above 0' region show 0
  refuses 2 'store "-1" is not a number above 0' region transfer-leader 1 -- -1
  refuses 2 'region "99999999999999999999" is not a number' operator cancel 99999999999999999999
  refuses 2 'count "none" is not a number' scan a none
  refuses 2 'takes a name and a value, or nothing' scheduler config max-replicas
  refuses 2 'value "three" is not a number' scheduler config max-replicas three
  refuses 2 'wait for what\?' wait world-peace
  refuses 2 '--timeout wants a number of seconds' --timeout soon status
  refuses 2 'unrecognized option' --nonsense status
  says '^Usage: kvctl \[OPTION\]' --help
  says '^Usage: kvctl region split' region split --help
  says '^kvctl [0-9]' --version
}

a_cluster_of_three() {
  start_scheduler
  start_scheduled 1
  start_scheduled 2 3
  ADDRESSES=$(address_of 1),$(address_of 2),$(address_of 3)
  wait_until 90 'three replicas' all_is_well
}

keys_are_written_read_exchanged_and_deleted() {
  says '^done$' put city Bern
  says '^Bern$' get city
  json 'it == {"values": [{"value": "Bern"}]}' get city
  json 'it == {"ok": True, "reply": "done"}' put town Chur
  refuses 1 'there is no such key' get nowhere
  says '^done$' cas city Bern Thun
  refuses 1 'not changed: another value is there, or none' cas city Bern Genf
  refuses 1 'not changed' cas city Genf
  json 'it["ok"]' cas village Guarda
  says '^city +Thun$' scan
  json '[(p["key"], p["value"]) for p in it["pairs"]] == [("city", "Thun"), ("town", "Chur")]' scan a 2
  json 'it["pairs"][0]["key"] == "village"' scan u
  says '^deleted$' delete village
  json 'it == {"ok": True, "reply": "there was no such key"}' delete village
  refuses 1 'ERR .*(empty|key)' put '' x
  says '^done$' put place Zürich
  says '^Zürich$' get place
  json 'it["values"][0]["value"] == "Z\\xc3\\xbcrich"' get place
}

stores_are_shown() {
  says '^STORE +ADDRESS +STATE +LEADERS +REGIONS' store list
  says "^${STORE_ID[2]} +$(address_of 2) +Up " store list
  json '[s["state"] for s in it["stores"]] == ["Up"] * 3 and all(s["available"] > 0 for s in it["stores"])' store list
  says "^${STORE_ID[3]} +$(address_of 3) +Up" store show "${STORE_ID[3]}"
  json "len(it['stores']) == 1 and it['stores'][0]['store'] == ${STORE_ID[1]}" store show "${STORE_ID[1]}"
  refuses 1 'store 99' store show 99
  refuses 1 'store 99' store drain 99
  refuses 1 'store 99' store undrain 99
  refuses 1 'store 99' store forget 99
  refuses 1 '[Tt]ombstone' store forget "${STORE_ID[1]}"
  refuses 1 '.' store drain "${STORE_ID[1]}" # nowhere to go
}

regions_are_shown_split_and_led() {
  local left right leader other
  left=$(region_of city)
  says '^REGION +START +END +LEADER STORE' region list
  says "^$left +-inf +\\+inf +[1-9]" region list
  json "it['regions'][0]['region'] == $left and it['regions'][0]['start'] == ''" region list
  says "^$left " region show "$left"
  json "it['regions'][0]['peers'].count('@') == 3" region show "$left"
  refuses 1 'no such region is known' region show 999
  says 'split.*: finished' region split "$left" p
  wait_until 30 'the right half is known' right_is_known "$left"
  right=$(region_of town)
  says "^$right +p +\\+inf" region key town
  json "it['regions'][0]['region'] == $left and it['regions'][0]['end'] == 'p'" region key city
  refuses 1 '.' region split "$left" zzz # not inside
  refuses 1 'there is no region 999' region split 999
  wait_until 30 'both are well' all_is_well
  wait_until 30 'region check is content' check_finds_two_regions
  wait_until 30 'region check is content in JSON' check_as_json_finds_nothing
  leader=$(leader_of "$right")
  for other in "${STORE_ID[@]}"; do [ "$other" = "$leader" ] || break; done
  says 'transfer-leader.*: finished' region transfer-leader "$right" "$other"
  refuses 1 '.' region transfer-leader "$right" 99
  refuses 1 '.' region transfer-leader 999 "$other"
  refuses 1 '.' region add-peer "$right" "$other" # it has one
  refuses 1 '.' region move-peer "$right" 99 "$other"
}

right_is_known() {
  [ "$(region_of town)" != "$1" ]
}

replicas_are_moved_by_hand() {
  local region from to
  tool scheduler pause > /dev/null || fail 'the scheduler is not paused'
  start_scheduled 4
  ADDRESSES+=,$(address_of 4)
  region=$(region_of city)
  to=$(store_without "$region")
  says 'add-peer.*: finished' region add-peer "$region" "$to"
  refuses 1 "region $region has 4 voters of 4 peers, not 3" region check
  json "it['regions'][0]['peers'].count('@') == 4" region show "$region"
  for from in "${STORE_ID[@]}"; do
    [ "$from" = "$(leader_of "$region")" ] || [ "$from" = "$to" ] || break
  done
  json 'it["ok"] and "finished" in it["reply"]' region remove-peer "$region" "$from"
  says 'move-peer.*: finished' region move-peer "$region" "$to" "$from"
  json "it['regions'][0]['peers'].count('@') == 3" region show "$region"
}

operators_are_listed_and_cancelled() {
  says '^OPERATOR +REGION +STATE' operator list
  json 'it["operators"] == []' operator list
  says 'finished +move-peer' operator history 3
  json 'len(it["operators"]) == 2 and it["operators"][0]["state"] == "finished"' operator history 2
  json 'len(it["operators"]) >= 5' operator history 0
  refuses 1 '.' operator cancel 999
  refuses 1 '.' operator cancel "$(region_of city)" # it has none
}

the_scheduler_explains_pauses_and_is_configured() {
  says '^SUBJECT +SAYS' scheduler describe
  says '[Pp]ause' scheduler describe
  json 'all(line["subject"] and line["says"] for line in it["lines"])' scheduler describe
  json 'it["ok"]' scheduler pause
  says '.' scheduler resume
  says '^max-replicas +3$' scheduler config
  json '{i["name"]: i["value"] for i in it["config"]}["store-down-ms"] == 1800000' scheduler config
  says '^leader-limit +5$' scheduler config leader-limit 5
  refuses 1 'there is no setting of that name' scheduler config no-such 1
  refuses 1 'max-replicas must be between 1 and 15' scheduler config max-replicas 99
  refuses 1 'store-down-ms must be more than store-disconnect-ms' scheduler config store-down-ms 300
}

the_stores_are_asked() {
  says '^STORE' status
  json 'len(it["stores"]) == 4' status
  json 'it is not None' checksum
  says 'equal: all replicas have the same data' checksum --wait
  json 'len(it["replicas"]) >= 6 and len({r["checksum"] for r in it["replicas"]}) == 2' checksum --wait
  silent wait leader
  json 'it["ok"]' wait leader
  json 'it["ok"]' wait members 3
  json 'it["ok"]' wait regions 2
  silent wait caught-up
  json 'it["reply"] == "done"' wait caught-up
  refuses 1 'in vain for "regions": there are too few regions' --timeout 0.3 wait regions 50
  refuses 1 '.' compact-log 99999999
  refuses 1 '.' transfer-leader 99
}

# One that is empty is a tombstone at once; what leads a region is not.
a_store_is_drained_and_forgotten() {
  local full
  full=$(leader_of "$(region_of city)")
  says '.' store drain "$full"
  says '.' store undrain "$full"
  json 'it["ok"]' store drain "${STORE_ID[4]}"
  wait_until 90 'store 4 is a tombstone' is_tombstone
  wait_until 20 'store 4 has stopped' gone "${STORE_PID[4]}"
  wait "${STORE_PID[4]}" 2> /dev/null
  unset "STORE_PID[4]"
  says '.' store forget "${STORE_ID[4]}"
  json 'len(it["stores"]) == 3' store list
}

is_tombstone() {
  tool store show "${STORE_ID[4]}" 2> /dev/null | grep -q Tombstone
}

what_is_wrong_is_complained_about() {
  kill_store 3
  says '^store-disconnect-ms +500$' scheduler config store-disconnect-ms 500
  wait_until 60 'a complaint' complained
  WANTED=1 json 'all("region" in c["complaint"] for c in it["complaints"])' region check
  wait_until 20 'store 3 is missed' is_disconnected
  says 'connection refused' status
  WANTED=1 json 'it["replicas"]' --timeout 0.3 checksum --wait
}

is_disconnected() {
  tool store show "${STORE_ID[3]}" 2> /dev/null | grep -q Disconnected
}

complained() {
  ! tool region check > "$SCRATCH/said" 2>&1 && grep -qE 'region [0-9]+(: peer [0-9]+ is|: .*down| has no leader)' "$SCRATCH/said"
}

cases without_anybody_it_says_so wrong_words_are_usage_errors a_cluster_of_three \
  keys_are_written_read_exchanged_and_deleted stores_are_shown regions_are_shown_split_and_led \
  replicas_are_moved_by_hand operators_are_listed_and_cancelled \
  the_scheduler_explains_pauses_and_is_configured the_stores_are_asked \
  a_store_is_drained_and_forgotten what_is_wrong_is_complained_about
