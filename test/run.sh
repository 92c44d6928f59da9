#!/bin/bash
# run.sh - run test suites, one line each, and sum them up.
#
# Usage: test/run.sh GROUP…      groups: unit datadriven sim storesim fuzz checks cluster long
#                                coverage
#
# A suite is one command. What it counted is taken from the last line of its output that
# reads "N passed, N failed" (ours) or "…%: Checks: N, Failures: N, Errors: N" (Check's); a suite
# that counts nothing counts as one. A non-zero exit status is always a failure. Output goes to
# build/test/log/SUITE.log; that of a failed suite is shown.
#
# RUN_WITH is put in front of unit tests (valgrind), UNIT names the ones to run, CLUSTER the scripts
# of test/cluster/ (default: all); TEST_TIMEOUT is seconds a suite may take. SIM_SEEDS: so many
# simulations, counted by the hundred; STORE_SIM_SEEDS: so many of each scenario (default 2), and
# fifty times as many of the swarm.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/.." || exit 1

readonly LOG=build/test/log
readonly UPSTREAM=../shared/etcd-raft
readonly TEST_TIMEOUT=${TEST_TIMEOUT:-300}
passed=0
failed=0

export CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER:-5}
export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/test/tsan.supp:${TSAN_OPTIONS:-}

# counts LOG: "passed failed" as the suite reported, nothing if it did not.
counts() {
  awk '
    /^[0-9]+ passed, [0-9]+ failed$/ { found = $1 " " $3 }
    /^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+$/ {
      bad = $5 + $7
      found = $3 - bad " " bad
    }
    END { if (found != "") print found }' "$1"
}

# execute NAME COMMAND…: leaves NAME.log, and NAME.end with the exit status and the seconds it took.
execute() {
  local log=$LOG/$1.log begin=$SECONDS status=0
  local end=$LOG/$1.end
  shift
  mkdir -p "$(dirname "$log")"
  timeout --kill-after=10 "$TEST_TIMEOUT" "$@" > "$log" 2>&1 < /dev/null || status=$?
  echo "$status $((SECONDS - begin))" > "$end"
}

# report NAME: counts and shows what execute left.
report() {
  local name=$1 log=$LOG/$1.log status seconds good bad
  read -r status seconds < "$LOG/$name.end"
  read -r good bad <<< "$(counts "$log")"
  [ -n "$good" ] || { good=1 && bad=0; }
  if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
    bad=1
    [ "$good" = 0 ] || good=$((good - 1))
  fi
  passed=$((passed + good))
  failed=$((failed + bad))
  if [ "$bad" = 0 ]; then
    printf 'ok    %-36s %4d passed %5d s\n' "$name" "$good" "$seconds"
  else
    printf 'FAIL  %-36s %4d passed, %d failed, status %d\n' "$name" "$good" "$bad" "$status"
    [ "$status" != 124 ] || echo "      stopped after $TEST_TIMEOUT s"
    tail -n 60 "$log" | sed 's/^/      /'
  fi
}

# suite NAME COMMAND…
suite() {
  execute "$@"
  report "$1"
}

skip() {
  printf 'skip  %-36s %s\n' "$1" "$2"
}

# unit_programs: those to run. UNIT names suites; a program without a source is left over from another
# checkout.
unit_programs() {
  local program
  for program in build/test/unit/test_*; do
    if [ -x "$program" ] && [ -f "test/unit/${program##*/}.c" ] &&
      [[ " ${UNIT:-${program##*/test_}} " == *" ${program##*/test_} "* ]]; then
      echo "$program"
    fi
  done
}

# begin NAME COMMAND…: a suite a processor at a time; report_begun tells of them in order.
begun=()
begin() {
  [ "${#begun[@]}" -lt "$(nproc)" ] || wait -n
  begun+=("$1")
  execute "$@" &
}

report_begun() {
  local name
  wait
  for name in "${begun[@]}"; do
    report "$name"
  done
  begun=()
}

unit() {
  local program programs
  mapfile -t programs < <(unit_programs)
  for program in "${programs[@]}"; do
    # shellcheck disable=SC2086 # RUN_WITH is a command with its arguments
    begin "unit/${program##*/test_}" ${RUN_WITH:-} "$program"
  done
  report_begun
}

# interaction_files: etcd-io/raft's scripts, without those that test/interaction/waiting names: lines of
# a file name and what it waits for.
interaction_files() {
  local file
  for file in "$UPSTREAM"/interaction/*.txt; do
    grep -qs "^${file##*/}[[:blank:]]" test/interaction/waiting || echo "$file"
  done
}

waiting() {
  local file reason
  [ -f test/interaction/waiting ] || return 0
  while read -r file reason; do
    case $file in
    *.txt) skip "$file" "waits for $reason" ;;
    esac
  done < test/interaction/waiting
}

datadriven() {
  local kind
  suite datadriven/selftest test/datadriven/selftest.sh
  if compgen -G 'test/interaction/*.txt' > /dev/null; then
    suite datadriven/own build/test/datadriven interaction test/interaction/*.txt
  fi
  [ -d "$UPSTREAM" ] || { skip datadriven/etcd-raft "no $UPSTREAM" && return; }
  for kind in quorum confchange; do
    suite "datadriven/etcd-raft-$kind" build/test/datadriven "$kind" "$UPSTREAM/$kind"/*.txt
  done
  # shellcheck disable=SC2046 # file names without blanks
  suite datadriven/etcd-raft-interaction build/test/datadriven interaction $(interaction_files)
  waiting
}

# Groups under faults, and the seeds that once found something.
sim() {
  suite sim/found build/bin/raft-sim --list test/sim/seeds.txt
  suite sim/seeds build/bin/raft-sim --seeds "1..${SIM_SEEDS:-2000}" --tests
}

# Whole clusters of stores under faults.
storesim() {
  suite storesim/found build/bin/store-sim --list test/storesim/seeds.txt
  local seeds=${STORE_SIM_SEEDS:-2}
  suite storesim/seeds build/bin/store-sim --scenario all --seeds "1..$seeds" --tests
  suite storesim/swarm build/bin/store-sim --scenario swarm --seeds "1..$((seeds * 50))"
}

# What fuzzing once found, and what reaches most of the code.
fuzz() {
  local program target
  for program in build/test/fuzz/fuzz_*; do
    target=${program##*/}
    if [ -x "$program" ] && [ -f "test/fuzz/$target.c" ]; then
      suite "fuzz/${target#fuzz_}" "$program" "test/fuzz/corpus/$target"
    fi
  done
}

checks() {
  local name
  for name in layers freestanding headers names files behaviours store-rules mutants links snippets; do
    suite "checks/$name" "test/checks/$name.sh"
  done
}

# Scripts that take minutes, apart from the others.
readonly LONG=multi_region

long() {
  local script
  for script in $LONG; do
    suite "cluster/$script" "test/cluster/$script.sh"
  done
}

cluster() {
  local script
  for script in test/cluster/*.sh; do
    [ -x "$script" ] || continue # no scripts, or a file that others source
    script=$(basename "$script" .sh)
    [[ " ${CLUSTER:-$script} " == *" $script "* && " $LONG " != *" $script "* ]] || continue
    begin "cluster/$script" "test/cluster/$script.sh"
  done
  report_begun
}

coverage() {
  test/coverage.sh
}

for group in "$@"; do
  case $group in
  unit | datadriven | sim | storesim | fuzz | checks | cluster | long | coverage) "$group" ;;
  *) echo "run.sh: unknown group $group" >&2 && exit 2 ;;
  esac
done

echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
