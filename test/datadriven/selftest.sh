#!/bin/bash
# selftest.sh - what the datadriven runner itself promises: exit status, differences, rewriting.
#
# Usage: test/datadriven/selftest.sh      (build/test/datadriven must have been built)
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

readonly RUNNER=build/test/datadriven
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
readonly dir
passed=0
failed=0

# expect NAME STATUS PATTERN… : the last run had this exit status, and its output these lines (-x: as grep
# -E patterns of whole lines).
expect() {
  local name=$1 status=$2 pattern
  shift 2
  if [ "$last_status" != "$status" ]; then
    echo "FAIL $name: exit status $last_status, not $status" && cat "$dir/output"
    failed=$((failed + 1))
    return
  fi
  for pattern in "$@"; do
    if ! grep -Exq -e "$pattern" "$dir/output"; then
      echo "FAIL $name: no line '$pattern' in:" && cat "$dir/output"
      failed=$((failed + 1))
      return
    fi
  done
  echo "ok   $name"
  passed=$((passed + 1))
}

run() {
  last_status=0
  "$RUNNER" "$@" > "$dir/output" 2>&1 || last_status=$?
}

same() {
  last_status=0
  cmp "$1" "$2" > "$dir/output" 2>&1 || last_status=$?
}

cat > "$dir/good.txt" << 'END'
# A single voter elects itself.
add-nodes 1 voters=(1) index=2
----

campaign 1
----
ok

stabilize log-level=none
----
ok

raft-state
----
1: StateLeader (Voter) Term:1 Lead:1
END

cat > "$dir/bad.txt" << 'END'
add-nodes 1 voters=(1) index=2
----
ok

raft-state
----
1: StateLeader (Voter) Term:1 Lead:1
this line is not printed

raft-state
----
never compared
END

cat > "$dir/unknown.txt" << 'END'
# An error is an output like others.
frobnicate 1
----
unknown command
END

printf 'raft-state\n1: StateLeader\n' > "$dir/endless.txt"

run interaction "$dir/good.txt"
expect 'a script that matches passes; log lines do not count' 0 'ok .*good\.txt.*' '1 passed, 0 failed'

run --logs interaction "$dir/good.txt"
expect 'with --logs they do' 1 '.*good\.txt:2:.*' '0 passed, 1 failed'

run interaction "$dir/bad.txt"
expect 'a mismatch fails and shows the difference with file and line' 1 '.*bad\.txt:5: .*' \
  '-this line is not printed' '\+1: StateFollower \(Voter\) Term:0 Lead:0' '0 passed, 1 failed'

run interaction "$dir/unknown.txt"
expect 'an unknown command is an error that a script can expect' 0 '1 passed, 0 failed'

run interaction "$dir/bad.txt" "$dir/good.txt" "$dir/unknown.txt"
expect 'one bad script does not stop the others' 1 '2 passed, 1 failed'

run interaction "$dir/endless.txt"
expect 'a script that is none fails with its line' 1 '.*endless\.txt:1: .*' '0 passed, 1 failed'

run interaction "$dir/absent.txt"
expect 'a script that is not there fails' 1 '.*absent\.txt.*' '0 passed, 1 failed'

cp "$dir/good.txt" "$dir/untouched.txt"
run --rewrite interaction "$dir/untouched.txt"
expect 'rewriting what matches succeeds' 0 '1 passed, 0 failed'
same "$dir/good.txt" "$dir/untouched.txt"
expect 'and leaves the file as it is' 0

cp "$dir/bad.txt" "$dir/rewritten.txt"
run --rewrite interaction "$dir/rewritten.txt"
expect 'rewriting what does not match succeeds' 0 '1 passed, 0 failed'
run interaction "$dir/rewritten.txt"
expect 'then it matches' 0 '1 passed, 0 failed'
cp "$dir/rewritten.txt" "$dir/again.txt"
run --rewrite interaction "$dir/again.txt"
same "$dir/rewritten.txt" "$dir/again.txt"
expect 'and rewriting again changes nothing' 0

run interaction
expect 'without a script: usage' 2 'usage: .*'
run nonsense "$dir/good.txt"
expect 'an unknown kind: usage' 2 '.*unknown kind "nonsense".*'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
