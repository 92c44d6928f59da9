#!/bin/sh
# behaviours.sh - every test that docs/behaviours.md cites exists, all rows are there, none is empty.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

readonly TABLE=docs/behaviours.md

# "LINE CITATION" for each `…` of the last column that is a test's name.
citations() {
  awk -F '|' '/^\|/ && !/^\| ---/ && NF > 3 {
    text = $(NF - 1)
    while (match(text, /`[^`]*`/)) {
      print NR, substr(text, RSTART + 1, RLENGTH - 2)
      text = substr(text, RSTART + RLENGTH)
    }
  }' "$TABLE"
}

missing() {
  citations | while read -r line name; do
    case $name in
    *.txt) [ -f "test/interaction/$name" ] || echo "$TABLE:$line: no script test/interaction/$name" ;;
    */*)
      suite=test/unit/test_${name%%/*}.c
      grep -qsF "START_TEST(${name#*/})" "$suite" || echo "$TABLE:$line: no test ${name#*/} in $suite"
      ;;
    *) echo "$TABLE:$line: \`$name\` is neither suite/test nor a script" ;;
    esac
  done
}

empty() {
  awk -F '|' '/^\|/ && !/^\| ---/ {
    for (i = 3; i < NF; i++) if ($i ~ /^ *$/) print FILENAME ":" NR ": an empty cell"
    if ($(NF - 1) !~ /`/ && $(NF - 1) !~ /proven by/) print FILENAME ":" NR ": no test"
  }' "$TABLE"
}

incomplete() {
  for row in $(seq 1 85) a b c d e f g h i j; do
    [ "$(grep -c "^| $row | " "$TABLE")" = 1 ] || echo "$TABLE:1: row $row should be there once"
  done
}

problems=$(missing; empty; incomplete)
[ -z "$problems" ] && exit 0
echo "$problems"
exit 1
