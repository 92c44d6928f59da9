#!/bin/sh
# coverage.sh - lines and branches of libraft/ and kvexample/ that the last run in coverage mode met.
#
# build/coverage-PART.txt lists the lines that were missed, build/coverage-PART.md is a table of the files, and
# build/coverage-PART-branches.txt lists the branches that were missed.
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
# table PART: one row a file.
table() {
  gcovr --root . -a build/coverage.json --filter "$1/" --csv 2> /dev/null |
    awk -F , '
      NR == 1 { print "| file | lines | met | branches | met |"; print "| --- | --: | --: | --: | --: |"; next }
      { printf "| %s | %d | %.1f %% | %d | %s |\n", $1, $2, $4 * 100, $5, $5 ? sprintf("%.1f %%", $7 * 100) : "" }'
}

# missed PART: each line with branches that nothing took, and how many of them.
missed() {
  PART=$1 python3 - << 'PROGRAM'
import json, os
for file in json.load(open('build/coverage.json'))['files']:
    if not file['file'].startswith(os.environ['PART'] + '/'):
        continue
    source = open(file['file']).read().split('\n')
    for line in file['lines']:
        count = sum(branch['count'] == 0 for branch in line.get('branches', []))
        if count:
            print('%s:%d: %d: %s' % (file['file'], line['line_number'], count, source[line['line_number'] - 1].strip()))
PROGRAM
}

for part in libraft kvexample; do
  table "$part" > "build/coverage-$part.md"
  missed "$part" > "build/coverage-$part-branches.txt"
done
echo 'coverage  a file a line: build/coverage-libraft.txt build/coverage-kvexample.txt'
