#!/bin/sh
# coverage.sh - lines and branches of libraft/ and kvexample/ that the last run in coverage mode met.
#
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.." || exit 1

objects=${OBJECTS:-build/obj/gcc-coverage}
case ${CC:-gcc} in
*clang*) gcov='llvm-cov gcov' ;;
*) gcov=gcov ;;
esac

[ -n "$(find "$objects" -name '*.gcda' -print -quit 2> /dev/null)" ] || {
  echo 'No counts: run make COVERAGE=1 test first.'
  exit 1
}
gcovr --root . --gcov-executable "$gcov" --gcov-ignore-parse-errors \
  --json build/coverage.json "$objects" 2> build/coverage.err || { cat build/coverage.err && exit 1; }

echo
for part in libraft kvexample; do
  gcovr --root . -a build/coverage.json --filter "$part/" --print-summary 2> /dev/null \
    --output "build/coverage-$part.txt" |
    awk -v part="$part" '
      /^lines:/ || /^branches:/ { printf "coverage  %-10s %-9s %6s %s %s %s %s\n", part, $1, $2, $3, $4, $5, $6 }'
done
echo 'coverage  a file a line: build/coverage-libraft.txt build/coverage-kvexample.txt'
