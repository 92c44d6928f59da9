#!/bin/bash
# run.sh - plants each bug of a folder of patches in a library, and shows what finds it.
#
# Usage: make mutants [NAMES='name …'] [MUTANT_SEEDS=N] [STORE_MUTANT_SEEDS=N]
#
# For each: copy the sources, patch, compile what changed, link the library, and run with it the
# scripts, the unit suites (until one fails) and the simulator (until a seed fails). A mutant that
# nothing finds, that does not apply, or does not compile without warnings, is a failure; so is the
# library without a patch if anything finds something in it. What was said is left in ROOT/NAME/.
#
# mk/mutants.mk says what is planted where, once for libraft and once for the store:
#   TREE PATCHES ROOT     the sources, the folder of the patches, where results and programs are
#   LIBRARY MORE_OBJECTS  what is linked, and objects of other trees that belong to it
#   CC CFLAGS LIBS        how
#   SCRIPTS               the program that runs the scripts; empty: there are none
#   SUITES SIMULATOR SEEDS JOBS
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

readonly UPSTREAM=../shared/etcd-raft/interaction
readonly TEST_TIMEOUT=${TEST_TIMEOUT:-60} SIM_TIMEOUT=${SIM_TIMEOUT:-300}

export CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER:-5}

# run NAME SECONDS LOG COMMAND…: with the mutant's library in the place of libraft's.
run() {
  local name=$1 seconds=$2 log=$ROOT/$1/$3
  shift 3
  LD_LIBRARY_PATH=$ROOT/$name timeout --kill-after=5 "$seconds" "$@" > "$log" 2>&1 < /dev/null
}

# plant NAME: the library with the bug.
plant() {
  local dir=$ROOT/$1 patch=$PATCHES/$1.patch source objects
  rm -rf "$dir"
  mkdir -p "$dir/obj"
  cp -r "$TREE" "$dir/$TREE"
  cp -r "$ROOT/obj/$TREE" "$dir/obj/$TREE"
  if [ -f "$patch" ]; then
    patch -s -p1 -d "$dir" < "$patch" > "$dir/plant.log" 2>&1 || return 1
    for source in $(sed -n 's/^+++ b\///p' "$patch"); do
      # shellcheck disable=SC2086 # several words
      $CC $CFLAGS -c "$dir/$source" -o "$dir/obj/${source%.c}.o" >> "$dir/plant.log" 2>&1 || return 1
    done
  fi
  objects=$(find "$dir/obj" "$ROOT/obj/gen" -name '*.o' | LC_ALL=C sort)
  # shellcheck disable=SC2086
  $CC -shared -Wl,-Bsymbolic $objects ${MORE_OBJECTS:-} $LIBS -o "$dir/$LIBRARY" >> "$dir/plant.log" 2>&1
}

# Each prints what it found, or nothing.
by_script() {
  [ -n "${SCRIPTS:-}" ] || return 0
  local scripts=(test/interaction/*.txt)
  [ ! -d "$UPSTREAM" ] || scripts+=("$UPSTREAM"/*.txt)
  run "$1" "$TEST_TIMEOUT" scripts.log "$ROOT/bin/$SCRIPTS" interaction "${scripts[@]}" && return
  local first
  first=$(sed -nE 's/^FAIL +([^ ]+).*/\1/p' "$ROOT/$1/scripts.log" | head -n 1)
  basename "${first:-scripts stopped}"
}

by_test() {
  local suite first
  for suite in $SUITES; do
    run "$1" "$TEST_TIMEOUT" "$suite.log" "$ROOT/bin/$suite" && continue
    first=$(sed -nE 's/^[^:]+:[0-9]+:[FE]:[^:]+:([^:]+):.*/\1/p' "$ROOT/$1/$suite.log" | head -n 1)
    echo "${suite#test_}/${first:-stopped}"
    return
  done
}

# The first seed, and the invariant that it broke. In portions, so that a bug that shows soon costs
# little.
by_seed() {
  local first=1 last=25
  while [ "$first" -le "$SEEDS" ]; do
    [ "$last" -le "$SEEDS" ] || last=$SEEDS
    # shellcheck disable=SC2086 # the program and its options
    if ! run "$1" "$SIM_TIMEOUT" sim.log "$ROOT/bin/"$SIMULATOR --seeds "$first..$last" -j 1; then
      sed -nE 's/^(.*, )?seed ([0-9]+): VIOLATION at [^:]*: ([^:]*).*/\2: \3/p' "$ROOT/$1/sim.log" |
        head -n 1 | grep . || echo "stopped in $first..$last"
      return
    fi
    first=$((last + 1))
    last=$((last * 4))
  done
}

# judge NAME: one line of the table, in NAME/result: name|script|test|seed|seconds
judge() {
  local begin=$SECONDS script test seed
  if plant "$1"; then
    script=$(by_script "$1")
    test=$(by_test "$1")
    seed=$(by_seed "$1")
  else
    seed='BROKEN: does not apply, or does not compile'
  fi
  echo "$1|${script:--}|${test:--}|${seed:--}|$((SECONDS - begin))" > "$ROOT/$1/result"
  rm -rf "${ROOT:?}/$1/obj" "${ROOT:?}/$1/${TREE:?}"
  show < "$ROOT/$1/result"
}

show() {
  awk -F '|' '{ printf "%-32s %-28s %-60s %s  (%d s)\n", $1, $2, $3, $4, $5 }'
}

# Told by itself: judge one mutant.
if [ "${1:-}" = --judge ]; then
  judge "$2"
  exit
fi

if [ $# -gt 0 ]; then
  names=("$@")
else
  mapfile -t names < <(basename -s .patch "$PATCHES"/*.patch)
fi

echo "mutant|found by script|test|seed|0" | show
"$0" --judge unpatched
printf '%s\n' "${names[@]}" | xargs -P "$JOBS" -n 1 "$0" --judge

survived=$(cd "$ROOT" && for name in "${names[@]}"; do cat "$name/result"; done |
  awk -F '|' '/BROKEN/ || ($2 == "-" && $3 == "-" && $4 == "-") { print "  " $1 }')
sound=$(awk -F '|' '$2 $3 $4 == "---"' "$ROOT/unpatched/result")
by_seeds=$(cd "$ROOT" && for name in "${names[@]}"; do cat "$name/result"; done |
  awk -F '|' '$4 != "-" && !/BROKEN/' | wc -l)
echo
[ -n "$sound" ] || { echo "something is found in $TREE as it is"; survived="$survived unpatched"; }
[ -z "$survived" ] || printf 'not found, or broken:\n%s\n' "$survived"
echo "${#names[@]} mutants of $TREE, $by_seeds found by the simulator, $(printf '%s' "$survived" | grep -c .) survived"
[ -z "$survived" ]
