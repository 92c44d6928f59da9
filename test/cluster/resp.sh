#!/bin/bash
# resp.sh - the Redis protocol end to end: redis-cli, redis-benchmark, raw bytes, three stores.
#
# KVSERVER names another program to test (a sanitizer's build).
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

readonly SERVER=${KVSERVER:-build/bin/kvserver}
dir=$(mktemp -d "${TMPDIR:-/tmp}/kv-resp.XXXXXX")
pids=()
passed=0
failed=0

finish() {
  [ ${#pids[@]} = 0 ] || kill -9 "${pids[@]}" 2> /dev/null
  wait 2> /dev/null
  rm -rf "$dir"
}
trap finish EXIT

check() { # check NAME EXPECTED ACTUAL
  if [ "$2" = "$3" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'not ok: %s\n  expected: %q\n  got:      %q\n' "$1" "$2" "$3"
  fi
}

# start BASE: three stores on ports BASE+1 to BASE+3; fails if one of them is taken.
start() {
  local base=$1 list='' id waited=0
  for id in 1 2 3; do
    list=$list${list:+,}$id=127.0.0.1:$((base + id))
  done
  pids=()
  for id in 1 2 3; do
    "$SERVER" --id "$id" --data "$dir/$base-$id" --initial "$list" 2> "$dir/$base-$id.log" &
    pids+=($!)
  done
  until [ "$(grep -ls 'msg="ready"' "$dir/$base"-?.log | wc -l)" = 3 ]; do
    kill -0 "${pids[@]}" 2> /dev/null && [ $((waited += 1)) -lt 200 ] || return 1
    sleep 0.05
  done
}

for _ in 1 2 3 4 5; do
  base=$((20000 + RANDOM % 10000))
  start "$base" && break
  kill -9 "${pids[@]}" 2> /dev/null
  wait 2> /dev/null
done
[ -n "$base" ] && kill -0 "${pids[@]}" 2> /dev/null || {
  echo 'the stores did not start:'
  tail -n 5 "$dir"/*.log
  echo '0 passed, 1 failed'
  exit 1
}

cli() { # cli STORE ARG…
  local port=$((base + $1))
  shift
  redis-cli -p "$port" "$@" 2>&1
}

# raw STORE BYTES: sends the bytes, half-closes, prints what comes until the store closes.
raw() {
  printf '%b' "$2" | timeout 20 python3 -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.settimeout(15)
try:
    s.sendall(sys.stdin.buffer.read())
    s.shutdown(socket.SHUT_WR)
except OSError:
    pass
out = b""
try:
    while True:
        part = s.recv(65536)
        if not part: break
        out += part
except OSError as e:
    out += b"" if isinstance(e, ConnectionResetError) else str(e).encode()
sys.stdout.write(out.decode("latin-1").replace("\r\n", "~"))' $((base + $1))
}

waited=0
until [ "$(cli 1 set first 1)" = OK ] || [ $((waited += 1)) -gt 100 ]; do
  sleep 0.1
done

# --- any store answers any command ---
for id in 1 2 3; do
  check "PING $id" PONG "$(cli "$id" ping)"
  check "SET $id" OK "$(cli "$id" set "key$id" "value $id")"
done
for id in 1 2 3; do
  check "GET $id" "value 1 value 2 value 3 " "$(cli "$id" mget key1 key2 key3 | tr '\n' ' ')"
  check "INCR $id" "$id" "$(cli "$id" incr counter)"
done
check 'SET NX of a key that is there' '' "$(cli 2 set key1 x nx)"
check 'SET XX GET' 'value 1' "$(cli 2 set key1 other xx get)"
check GETDEL other "$(cli 3 getdel key1)"
check 'GET of nothing' '' "$(cli 1 get key1)"
check 'GET of nothing, RESP3' '(nil)' "$(redis-cli -3 --no-raw -p $((base + 1)) get key1)"
check APPEND 9 "$(cli 1 append key2 ++)"
check STRLEN 9 "$(cli 2 strlen key2)"
check MSET OK "$(cli 3 mset m:1 a m:2 b m:3 c)"
check EXISTS 3 "$(cli 1 exists m:1 m:2 m:1 m:9)"
check DEL 2 "$(cli 1 unlink m:1 m:2 m:9)"
check TYPE string "$(cli 1 type m:3)"
check TTL -1 "$(cli 1 ttl m:3)"
check PTTL -2 "$(cli 1 pttl m:9)"
check DECRBY -4 "$(cli 2 decrby counter 7)"
check 'an empty value' 0 "$(cli 2 set empty '' > /dev/null; cli 3 strlen empty)"
check 'KV.CAS' '0 1 ' "$(cli 2 kv.cas counter 3 9 | tr '\n' ' ')$(cli 2 kv.cas counter -4 9 | tr '\n' ' ')"

# --- errors ---
check 'no integer' 'ERR value is not an integer or out of range' "$(cli 1 incr key2 | head -1)"
check 'unknown command' "ERR unknown command 'NOPE', with args beginning with: 'a' " \
  "$(cli 1 NOPE a | head -1)"
check arity "ERR wrong number of arguments for 'get' command" "$(cli 1 get | head -1)"
check expiry 'ERR keys do not expire here: SET takes NX, XX, GET and KEEPTTL' \
  "$(cli 1 set a b ex 5 | head -1)"
check 'long key' 'ERR key is longer than 480 bytes' "$(cli 1 get "$(printf '%0481d' 0)" | head -1)"
check 'longest key' OK "$(cli 1 set "$(printf '%0480d' 0)" x)"
head -c 4194305 /dev/zero > "$dir/big"
check 'long value' 'ERR value is longer than 4194304 bytes' "$(cli 1 -x set big < "$dir/big" | head -1)"
truncate -s 4194304 "$dir/big"
check 'longest value' OK "$(cli 2 -x set big < "$dir/big")"
check 'its length' 4194304 "$(cli 3 strlen big)"

# --- bytes on the wire ---
check 'inline, pipelined, half-closed' '+PONG~+OK~$1~v~$-1~' \
  "$(raw 1 'PING\r\nset k v\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nget missing\r\n')"
check 'order of mixed commands' '+OK~$1~1~:2~$1~2~+OK~$1~3~' \
  "$(raw 2 'set o 1\r\nget o\r\nincr o\r\nget o\r\nset o 3\r\nget o\r\n')"
check 'QUIT' '+PONG~+OK~' "$(raw 1 'PING\r\nQUIT\r\nPING\r\n')"
check 'bad length' '-ERR Protocol error: invalid bulk length~' "$(raw 1 '*1\r\n$x\r\n')"
check 'bad type' "+PONG~-ERR Protocol error: expected '\$', got ':'~" "$(raw 1 'PING\r\n*1\r\n:1\r\n')"
check 'bad quotes' '-ERR Protocol error: unbalanced quotes in request~' "$(raw 1 'get "a\r\n')"
check 'bad frame' '' "$(raw 1 '\xc5garbage that is no frame at all')"
check 'long line' '-ERR Protocol error: too big inline request~' \
  "$(raw 1 "$(head -c 70000 /dev/zero | tr '\0' a)")"
check 'RESP3 null' '_~' "$(raw 1 'hello 3\r\nget missing\r\n' | sed 's/.*~_/_/')"
check 'alive' PONG "$(cli 1 ping)"

# --- what tools do ---
check '--scan' "$(cli 1 dbsize)" "$(cli 2 --scan | wc -l)"
check '--scan with a pattern' m:3 "$(cli 3 --scan --pattern 'm:*')"
check 'an invalid cursor' 'ERR invalid cursor' "$(cli 1 scan 12345 | head -1)"
for i in $(seq 1 3000); do
  printf 'SET bulk:%d %d\r\n' "$i" "$i"
done > "$dir/bulk"
check '--pipe' 'errors: 0, replies: 3000' "$(cli 2 --pipe < "$dir/bulk" | tail -1)"
check 'all of it' 3000 "$(cli 3 --scan --pattern 'bulk:*' | wc -l)"
check 'CONFIG GET' 'appendonly yes ' "$(cli 1 config get appendonly | tr '\n' ' ')"
check 'COMMAND COUNT' "$(cli 1 command list | wc -l)" "$(cli 1 command count)"
check 'INFO' 'redis_version:7.0.0' "$(cli 1 info server | tr -d '\r' | grep redis_version)"
check 'CLIENT LIST' 1 "$(cli 1 client list | grep -c 'cmd=client')"
for id in 1 2 3; do
  for protocol in '' -3; do
    # shellcheck disable=SC2086 # an option or nothing
    redis-benchmark -p $((base + id)) $protocol -t ping,set,get,incr,mset -n 1000 -c 20 -d 256 -P 4 \
      -q > "$dir/bench" 2>&1
    check "redis-benchmark $protocol on store $id" '0 6' \
      "$? $(tr '\r' '\n' < "$dir/bench" | grep -c 'requests per second')"
  done
done
sums=$(for id in 1 2 3; do
  for _ in $(seq 50); do
    cli "$id" kv.checksum > "$dir/sum$id"
    [ "$(sed -n 6p "$dir/sum$id")" = "$(cli 1 kv.checksum | sed -n 6p)" ] && break
    sleep 0.1
  done
  sed -n 10p "$dir/sum$id"
done | sort -u | wc -l)
check 'all stores have the same data' 1 "$sums"

# --- a graceful stop ---
kill -TERM "${pids[@]}"
for pid in "${pids[@]}"; do
  wait "$pid"
  check 'exit status' 0 $?
done
pids=()
check 'the address file is gone' '' "$(ls "$dir"/*-1/address 2> /dev/null)"
grep -hE 'level=error|Sanitizer|runtime error' "$dir"/*.log |
  grep -v 'connection of a store refused' > "$dir/errors"
check 'no error in the logs' '' "$(cat "$dir/errors")"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
