#!/bin/sh
# store-rules.sh - docs/store-rules.md has a row a rule, and every file and test that it names exists.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

readonly TABLE=docs/store-rules.md

# "LINE WORD" for each name of a file, suite or test in column $1, in their order. The name of a test is
# a sentence: it has two underscores at least.
names() {
  awk -F '|' -v column="$1" '/^\| P[0-9]/ {
    text = $column
    gsub(/`store-sim`/, "", text)
    while (match(text, /[A-Za-z0-9_]+(\.c|\.h)?/)) {
      word = substr(text, RSTART, RLENGTH)
      if (word ~ /\.[ch]$/ || word ~ /^test_/ || word ~ /^[a-z0-9]+_[a-z0-9]+_[a-z0-9_]+$/) print NR, word
      text = substr(text, RSTART + RLENGTH)
    }
  }' "$TABLE"
}

missing_tests() {
  suite=
  names 4 | while read -r line word; do
    case $word in
    test_*)
      suite=test/unit/$word.c
      [ -f "$suite" ] || echo "$TABLE:$line: there is no suite $suite"
      ;;
    *)
      grep -qsF "START_TEST($word)" "${suite:-none}" || echo "$TABLE:$line: there is no test $word in ${suite:-a suite that is named}"
      ;;
    esac
  done
}

missing_files() {
  names 3 | while read -r line word; do
    case $word in
    *.c | *.h) find kvexample -name "$word" | grep -q . || echo "$TABLE:$line: there is no file $word" ;;
    kv_* | is_* | has_*) grep -rqw -- "$word" kvexample || echo "$TABLE:$line: there is no $word in kvexample/" ;;
    esac
  done
}

# P77 to P79 and P81 are of features that do not exist.
rows() {
  for number in $(seq 1 76) 80 $(seq 82 87); do
    [ "$(grep -c "^| P$number | " "$TABLE")" = 1 ] || echo "$TABLE:1: P$number should be there once"
  done
  awk -F '|' '/^\| P[0-9]/ && (NF != 5 || $3 ~ /^ *$/ || $4 !~ /`test_/) { print FILENAME ":" NR ": no place or no test" }' "$TABLE"
}

problems=$(missing_tests; missing_files; rows)
[ -z "$problems" ] && exit 0
echo "$problems"
exit 1
