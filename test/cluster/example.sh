#!/bin/bash
# example.sh - docs/examples/notebook: three processes, killed and started again, keep one notebook.
#
# A member is typed into through a FIFO. What it prints goes to $SCRATCH/out<ID>.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

declare -A MEMBER=() KEYBOARD=()
BASE=

# choose_base: so that BASE + 1 to 4 are free.
choose_base() {
  local base id
  while :; do
    base=$((20000 + RANDOM % 12000))
    for id in 1 2 3 4; do
      port_is_free $((base + id)) || continue 2
    done
    BASE=$base
    return
  done
}

# start ID MEMBER…: its output of earlier runs is forgotten.
start() {
  local id=$1 fd
  shift
  rm -f "$SCRATCH/keys$id"
  mkfifo "$SCRATCH/keys$id"
  : > "$SCRATCH/out$id"
  build/docs/notebook "$SCRATCH/dir$id" "$BASE" "$id" "$@" < "$SCRATCH/keys$id" > "$SCRATCH/out$id" 2>&1 &
  MEMBER[$id]=$!
  OTHER_PIDS+=($!)
  exec {fd}> "$SCRATCH/keys$id"
  KEYBOARD[$id]=$fd
}

end_member() {
  kill -KILL "${MEMBER[$1]}"
  wait "${MEMBER[$1]}" 2> /dev/null
  exec {KEYBOARD[$1]}>&-
  unset "MEMBER[$1]" "KEYBOARD[$1]"
}

type_into() {
  printf '%s\n' "${@:2}" >&"${KEYBOARD[$1]}"
}

# leader_of ID: as it sees it, 0 if there is none.
leader_of() {
  sed -n 's/^-- leader: //p' "$SCRATCH/out$1" | tail -n 1
}

agree_on_a_leader() {
  local id found=
  for id in "${!MEMBER[@]}"; do
    found+="$(leader_of "$id") "
  done
  read -r LEADER _ <<< "$found"
  [ "${LEADER:-0}" != 0 ] && [ -n "${MEMBER[$LEADER]:-}" ] && [ -z "${found//"$LEADER "/}" ]
}

find_writer() {
  wait_until 30 'a leader' agree_on_a_leader
}

# A member that does not lead.
other() {
  local id
  for id in "${!MEMBER[@]}"; do
    [ "$id" = "$LEADER" ] || { echo "$id" && return; }
  done
}

shows() {
  grep -qxF -- "$2" "$SCRATCH/out$1"
}

all_show() {
  local id
  for id in "${!MEMBER[@]}"; do
    shows "$id" "$1" || return 1
  done
}

# The notebook as the last read printed it.
last_read() {
  awk '/^-- begin$/ { text = ""; next } /^-- end$/ { last = text; next } { text = text $0 "\n" }
    END { printf "%s", last }' "$SCRATCH/out$1"
}

answers_since() {
  [ "$(grep -c -e '^-- end$' "$SCRATCH/out$1")" -gt "$2" ]
}

# read_notebook ID: a linearizable read, left in $SCRATCH/read<ID>. One that is given up is asked again.
read_notebook() {
  local before tries=0
  before=$(grep -c -e '^-- end$' "$SCRATCH/out$1")
  until answers_since "$1" "$before"; do
    [ $((tries++ % 100)) != 0 ] || type_into "$1" '?'
    [ "$tries" -lt 1000 ] || fail "member $1 does not answer a read"
    sleep 0.02
  done
  last_read "$1" > "$SCRATCH/read$1"
}

# all_have_written: every member's notebook is what was written, in the order of writing.
all_have_written() {
  local id
  for id in "${!MEMBER[@]}"; do
    read_notebook "$id"
    diff "$SCRATCH/written" "$SCRATCH/read$id" > "$SCRATCH/diff" ||
      fail "member $id: '<' written, '>' read: $(head -n 10 "$SCRATCH/diff")"
  done
}

# write_lines ID TEXT…: and wait until each member has printed the last one.
write_lines() {
  type_into "$@"
  printf '%s\n' "${@:2}" >> "$SCRATCH/written"
  wait_until 30 "'${*: -1}' everywhere" all_show "${*: -1}"
}

three_members_keep_one_notebook() {
  choose_base
  : > "$SCRATCH/written"
  for id in 1 2 3; do
    start "$id" 1 2 3
  done
  find_writer
  write_lines "$LEADER" 'written at the leader' 'and one more'
  write_lines "$(other)" 'written elsewhere'
  all_have_written
}

the_leader_is_killed_and_the_others_go_on() {
  KILLED=$LEADER
  end_member "$KILLED"
  find_writer
  write_lines "$LEADER" 'without the first leader'
  all_have_written
}

what_was_killed_comes_back_and_catches_up() {
  start "$KILLED" 1 2 3
  wait_until 30 'the line that it missed' shows "$KILLED" 'without the first leader'
  find_writer
  all_have_written
}

all_are_killed_and_nothing_is_lost() {
  for id in 1 2 3; do
    end_member "$id"
  done
  for id in 1 2 3; do
    start "$id" 1 2 3
  done
  find_writer
  write_lines "$LEADER" 'after the power cut'
  all_have_written
}

a_torn_end_of_the_journal_is_cut_off() {
  local victim
  victim=$(other)
  end_member "$victim"
  printf '\100\0\0\0torn' >> "$SCRATCH/dir$victim/journal"
  start "$victim" 1 2 3
  wait_until 30 'its lines' shows "$victim" 'after the power cut'
  find_writer
  write_lines "$LEADER" 'behind the torn end'
  end_member "$victim"
  start "$victim" 1 2 3
  wait_until 30 'its lines' shows "$victim" 'behind the torn end'
  find_writer
  all_have_written
}

a_damaged_journal_is_refused() {
  local victim
  victim=$(other)
  end_member "$victim"
  cp "$SCRATCH/dir$victim/journal" "$SCRATCH/sound"
  printf 'X' | dd of="$SCRATCH/dir$victim/journal" bs=1 seek=20 conv=notrunc 2> /dev/null
  build/docs/notebook "$SCRATCH/dir$victim" "$BASE" "$victim" 1 2 3 < /dev/null > "$SCRATCH/refusal" 2>&1
  expect 'its status' $? 1
  expect_like 'what it says' "$(cat "$SCRATCH/refusal")" '*damaged at byte 0, before its end*'
  cp "$SCRATCH/sound" "$SCRATCH/dir$victim/journal"
  start "$victim" 1 2 3
  find_writer
}

# 2500 lines are more than two snapshots; who was away finds the log compacted.
a_member_that_missed_a_snapshot_gets_it() {
  local away lines
  away=$(other)
  end_member "$away"
  mapfile -t lines < <(seq -f 'line %.0f' 2500)
  write_lines "$LEADER" "${lines[@]}"
  start "$away" 1 2 3
  wait_until 30 'the last line' shows "$away" 'line 2500'
  grep -q '^-- the notebook as it was' "$SCRATCH/out$away" || fail "member $away was sent no snapshot"
  find_writer
  all_have_written
}

members_come_and_go() {
  start 4
  type_into "$LEADER" '+4'
  wait_until 30 'the notebook of the new member' shows 4 'line 2500'
  wait_until 30 'the news of it' shows "$LEADER" '-- add member 4'
  write_lines 4 'from the fourth'
  FOUNDER=$LEADER
  type_into "$LEADER" '>4'
  wait_until 30 'member 4 leads' test_leader 4
  end_member "$FOUNDER"
  type_into 4 "-$FOUNDER"
  wait_until 30 'the news of it' all_show "-- remove member $FOUNDER"
  find_writer
  write_lines 4 'without a founder'
  all_have_written
}

test_leader() {
  agree_on_a_leader && [ "$LEADER" = "$1" ]
}

its_own_makefile_builds_it() {
  cp -r docs/examples/notebook "$SCRATCH/"
  make -s -C "$SCRATCH/notebook" TREE="$PWD" CC="${CC:-gcc} ${FLAGS:-}" || fail 'its own Makefile'
  "$SCRATCH/notebook/notebook" 2> "$SCRATCH/usage"
  expect_like 'its usage' "$(cat "$SCRATCH/usage")" 'usage: notebook *'
}

cases three_members_keep_one_notebook the_leader_is_killed_and_the_others_go_on \
  what_was_killed_comes_back_and_catches_up all_are_killed_and_nothing_is_lost \
  a_torn_end_of_the_journal_is_cut_off a_damaged_journal_is_refused \
  a_member_that_missed_a_snapshot_gets_it members_come_and_go its_own_makefile_builds_it
