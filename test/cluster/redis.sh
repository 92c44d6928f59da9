#!/bin/bash
# redis.sh - Debian's redis-cli and redis-benchmark, against the leader and against a follower.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

# says EXPECTED COMMAND…: redis-cli's raw answer of the store $AT.
says() {
  local expected=$1 found
  shift
  found=$(ask "$AT" "$@" 2>&1)
  expect "$*" "$found" "$expected"
}

lines() {
  printf '%s\n' "$@"
}

strings() {
  says PONG ping
  says hello echo hello
  says OK set s "a value with spaces"
  says 'a value with spaces' get s
  says 19 strlen s
  says '' set s other nx
  says OK set s other xx
  says other set s third get
  says third getset s fourth
  says fourth getdel s
  says '' get s
  says 1 setnx s 1
  says 0 setnx s 2
  says 3 append s 23
  says 123 get s
  says OK mset a 1 b 2 c 3
  says "$(lines 1 '' 3)" mget a nothing c
  says 2 exists a b nothing
  says 3 del a b c nothing
  says 0 unlink a
  says string type s
  says none type nothing
  says -1 ttl s
  says -2 ttl nothing
}

numbers() {
  says OK set n 10
  says 11 incr n
  says 10 decr n
  says 110 incrby n 100
  says 60 decrby n 50
  says OK set n text
  says 'ERR value is not an integer or out of range' incr n
  says OK set n 9223372036854775807
  says 'ERR increment or decrement would overflow' incr n
}

errors() {
  expect_like 'an unknown command' "$(ask "$AT" frobnicate 2>&1)" "ERR unknown command 'frobnicate'*"
  expect_like 'too few arguments' "$(ask "$AT" get 2>&1)" "ERR wrong number of arguments for 'get' command*"
  expect_like 'an unknown option' "$(ask "$AT" set k v nonsense 2>&1)" 'ERR syntax error*'
  expect_like 'a long key' "$(ask "$AT" set "$(printf '%0481d' 0)" v 2>&1)" 'ERR*480*'
  expect_like 'select 1' "$(ask "$AT" select 1 2>&1)" 'ERR*'
}

protocol_3() {
  expect 'a missing key in RESP3' "$(ask "$AT" -3 get nothing)" ''
  expect_like 'hello 3' "$(ask "$AT" -3 hello 3 | tr '\n' ' ')" '*server*proto*3*'
}

# Bytes of any value, through --pipe and back.
binary_values() {
  head -c 100000 /dev/urandom > "$SCRATCH/random"
  ask "$AT" -x set random < "$SCRATCH/random" > /dev/null
  ask "$AT" get random | head -c 100000 | cmp -s - "$SCRATCH/random" || fail 'a value came back changed'
}

scanning() {
  local id
  ask "$AT" del random > /dev/null
  for id in $(seq 2500); do echo "SET scan:$id $id"; done | ask "$AT" --pipe > "$SCRATCH/pipe" 2>&1
  grep -q 'errors: 0, replies: 2500' "$SCRATCH/pipe" || fail "--pipe: $(tail -n 1 "$SCRATCH/pipe")"
  expect '--scan' "$(ask "$AT" --scan --pattern 'scan:*' | sort -u | wc -l)" 2500
  expect '--scan of a part' "$(ask "$AT" --scan --pattern 'scan:[12]?' | wc -l)" 20
  seq 2500 | sed 's/^/scan:/' | xargs -n 500 | sed 's/^/DEL /' | ask "$AT" > /dev/null
  expect '--scan after DEL' "$(ask "$AT" --scan --pattern 'scan:*' | wc -l)" 0
}

tools_look_around() {
  expect_like 'info' "$(ask "$AT" info server)" '*redis_version:*'
  expect_like 'command count' "$(ask "$AT" command count)" '[0-9]*'
  expect_like 'config get' "$(ask "$AT" config get save)" 'save*'
  expect_like 'client list' "$(ask "$AT" client list)" '*addr=*'
  ask "$AT" --bigkeys > "$SCRATCH/bigkeys" 2>&1 || fail "--bigkeys: $(tail -n 3 "$SCRATCH/bigkeys")"
}

benchmark() {
  timeout 60 redis-benchmark -h 127.0.0.1 -p "${STORE_PORT[$AT]}" -q "$@" > "$SCRATCH/benchmark" 2>&1 ||
    fail "redis-benchmark $*: $(tail -n 3 "$SCRATCH/benchmark")"
  grep -qi 'error' "$SCRATCH/benchmark" && fail "redis-benchmark $*: $(grep -i error "$SCRATCH/benchmark" | head -n 3)"
  tr '\r' '\n' < "$SCRATCH/benchmark" | grep 'requests per second' | sed 's/^/  /'
}

benchmarks() {
  benchmark -t ping,set,get,incr,mset -n 2000 -c 50 -d 256
  benchmark -t set,get -n 5000 -c 20 -P 16 -r 1000
  benchmark -3 -t set,get -n 1000 -c 10
}

# Garbage closes the connection it came on, and nothing else.
garbage() {
  head -c 20000 /dev/urandom | timeout 5 bash -c "cat > /dev/tcp/127.0.0.1/${STORE_PORT[$AT]}" 2> /dev/null
  printf '*1000000000\r\n' | timeout 5 bash -c "cat > /dev/tcp/127.0.0.1/${STORE_PORT[$AT]}" 2> /dev/null
  says PONG ping
  is_running "$AT" || fail "store $AT ended" "$AT"
}

everything() {
  strings
  numbers
  errors
  protocol_3
  binary_values
  scanning
  tools_look_around
  benchmarks
  garbage
}

at_the_leader() {
  AT=$LEADER
  everything
}

at_a_follower() {
  AT=$(follower)
  everything
}

cases three_stores at_the_leader at_a_follower wait_for_agreement
