# cases.sh - named cases of a check, counted: for scripts to source.
#
# SPDX-License-Identifier: Apache-2.0
passed=0
failed=0

# check NAME COMMAND…: its output goes to $log, and is shown if it fails.
check() {
  local name=$1
  shift
  if "$@" > "$log" 2>&1; then
    passed=$((passed + 1))
    echo "ok    $name"
  else
    failed=$((failed + 1))
    echo "FAIL  $name: $*"
    tail -n 40 "$log" | sed 's/^/      /'
  fi
}

# The closing line; fails if a case did.
sum_up() {
  echo
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}
