#!/bin/bash
# run.sh - run the programs of a port: its unit tests, and the datadriven runner on all scripts.
#
# Usage: test/portable/run.sh build/port/NAME     RUN is put in front of each program (qemu-…)
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

readonly PORT=$1 UPSTREAM=../shared/etcd-raft
export CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER:-20} # emulated, it is slow
passed=0
failed=0

# suite NAME PROGRAM ARGUMENT…
suite() {
  local name=$1 log=$PORT/log
  shift
  # shellcheck disable=SC2086 # RUN is a command with its arguments, or nothing
  if ${RUN:-} "$@" > "$log" 2>&1 < /dev/null; then
    passed=$((passed + 1))
    printf 'ok    %-36s %s\n' "$name" "$(grep -E '^(100%|[0-9]+ passed)' "$log" | tail -n 1)"
  else
    failed=$((failed + 1))
    printf 'FAIL  %s\n' "$name"
    tail -n 40 "$log" | sed 's/^/      /'
  fi
}

for program in "$PORT"/unit/test_*; do
  [ -f "test/unit/${program##*/}.c" ] && suite "unit/${program##*/test_}" "$program"
done
suite datadriven/own "$PORT/datadriven" interaction test/interaction/*.txt
if [ -d "$UPSTREAM" ]; then
  for kind in quorum confchange interaction; do
    suite "datadriven/etcd-raft-$kind" "$PORT/datadriven" "$kind" "$UPSTREAM/$kind"/*.txt
  done
else
  printf 'skip  %-36s %s\n' datadriven/etcd-raft "no $UPSTREAM"
fi

echo
echo "${PORT##*/}: $passed suites passed, $failed failed"
[ "$failed" = 0 ]
