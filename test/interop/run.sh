#!/bin/bash
# run.sh - run the three comparisons with etcd-io/raft, one after the other, and sum them up.
#
# Usage: test/interop/run.sh SEED SCRIPTS MIXED ENCODINGS      from the root of the repository
#
# Each runs whatever the others find. Exit status 1 if any found a difference.
#
# SPDX-License-Identifier: Apache-2.0
set -u
readonly BUILD=build/interop
readonly SEED=$1
failed=0

# compare PROGRAM COUNT: its last line, which counts, goes into the summary.
compare() {
  nice "$BUILD/$1" -first "$SEED" -count "$2" | tee "$BUILD/$1.log"
  [ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
}

compare scripts "$2"
compare mixed "$3"
compare encodings "$4"
echo
echo 'interop: summary'
for name in scripts mixed encodings; do
  grep -h "^$name:" "$BUILD/$name.log" | tail -n 1 || echo "$name: came to no end"
done
exit "$failed"
