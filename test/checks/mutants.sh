#!/bin/sh
# mutants.sh - every planted bug of test/mutants/ still fits what it is planted in, and says what it is.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

command -v patch > /dev/null || { echo 'mutants.sh: there is no patch program; make deps installs it' && exit 1; }

fits() {
  for patch in test/mutants/*.patch test/mutants/store/*.patch; do
    patch --dry-run --force --silent --fuzz=1 -p1 < "$patch" > /dev/null 2>&1 ||
      echo "$patch:1: does not fit any more: plant the bug again"
  done
}

introduced() {
  for patch in test/mutants/*.patch test/mutants/store/*.patch; do
    sed '/^--- /,$d' "$patch" | grep -cq 'thesis\|liveness\|History\|Upstream\|Breaks' ||
      echo "$patch:1: say which bug it is, who had it, what it breaks"
  done
}

problems=$(fits; introduced)
[ -z "$problems" ] && exit 0
echo "$problems"
exit 1
