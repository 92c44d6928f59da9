#!/bin/bash
# run.sh - three stores, three members of etcd, three Redis servers under the same load, one after the
# other; `make bench-etcd`.
#
# Usage: test/bench/store/run.sh [--quick] [--rounds N] [--only "kvexample etcd redis"]
#
# Each round starts every system anew, in another order: three members on loopback, data on this
# disk under build/. Values of 256 bytes, keys of 16, uniform over the key space, which is filled
# first. All connections go to the leader. Redis is no consensus: a primary and two replicas,
# appendfsync always, SET and WAIT 1; its GET is what the primary has. Medians of the rounds.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=kvexample/demo/lib.sh
. kvexample/demo/lib.sh

ROUNDS=3 POINT_SECONDS=5 KEYS=1000000 SYSTEMS='kvexample etcd redis' CONNECTIONS='1 64 256 1000'
WORK=build/bench/store
RESULTS=$WORK/results.tsv
TABLE=$WORK/table.md
declare -A PID=() PORT=()

# --- arguments --------------------------------------------------------------------------------------

while [ $# -gt 0 ]; do
  case $1 in
  --quick) ROUNDS=1 POINT_SECONDS=2 KEYS=20000 ;;
  --rounds) ROUNDS=$2 && shift ;;
  --only) SYSTEMS=$2 && shift ;;
  --connections) CONNECTIONS=$2 && shift ;;
  *) echo "run.sh: what is $1?" >&2 && exit 2 ;;
  esac
  shift
done

is_there() {
  case $1 in
  kvexample) [ -x build/bin/kvserver ] ;;
  etcd) [ -x build/bench/peer_load ] && command -v etcd > /dev/null ;;
  redis) [ -x build/bench/peer_load ] && command -v redis-server > /dev/null ;;
  esac
}

# --- etcd -------------------------------------------------------------------------------------------

# port NAME: a free one, which no other has.
port() {
  choose_port "$1"
  PORT[$1]=${STORE_PORT[$1]}
}

etcd_launch() {
  local id members=
  for id in 1 2 3; do
    port "etcd-client-$id" && port "etcd-peer-$id"
    members+=",m$id=http://127.0.0.1:${PORT[etcd-peer-$id]}"
  done
  for id in 1 2 3; do
    setsid etcd --name "m$id" --data-dir "$SCRATCH/etcd$id" --log-level error --logger zap \
      --listen-client-urls "http://127.0.0.1:${PORT[etcd-client-$id]}" \
      --advertise-client-urls "http://127.0.0.1:${PORT[etcd-client-$id]}" \
      --listen-peer-urls "http://127.0.0.1:${PORT[etcd-peer-$id]}" \
      --initial-advertise-peer-urls "http://127.0.0.1:${PORT[etcd-peer-$id]}" \
      --initial-cluster "${members#,}" --initial-cluster-token bench --quota-backend-bytes 8589934592 \
      < /dev/null > "$SCRATCH/etcd$id.log" 2>&1 &
    PID[$id]=$!
  done
  wait_until 60 'a leader of etcd' etcd_leader
}

# etcd_status ID: JSON, from the gateway of its client port.
etcd_status() {

  exec 3<> "/dev/tcp/127.0.0.1/${PORT[etcd-client-$1]}" || return 1
  printf 'POST /v3/maintenance/status HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}' >&3
  timeout 2 cat <&3
  exec 3<&-
}

# Sets TARGET.
etcd_leader() {
  local id said member
  for id in 1 2 3; do
    said=$(etcd_status "$id" 2> /dev/null) || continue
    member=$(sed -n 's/.*"member_id":"\([0-9]*\)".*/\1/p' <<< "$said")
    if [ -n "$member" ] && [[ $said == *"\"leader\":\"$member\""* ]]; then
      TARGET=127.0.0.1:${PORT[etcd-client-$id]}
      return 0
    fi
  done
  return 1
}

# --- Redis ------------------------------------------------------------------------------------------

redis_launch() {
  local id
  for id in 1 2 3; do
    port "redis-$id"
    mkdir -p "$SCRATCH/redis$id"
    setsid redis-server --port "${PORT[redis-$id]}" --bind 127.0.0.1 --dir "$SCRATCH/redis$id" --save '' \
      --appendonly yes --appendfsync always --daemonize no --maxclients 4000 \
      $([ "$id" = 1 ] || echo "--replicaof 127.0.0.1 ${PORT[redis-1]}") \
      < /dev/null > "$SCRATCH/redis$id.log" 2>&1 &
    PID[$id]=$!
  done
  wait_until 60 'two replicas of Redis' redis_ready
  TARGET=127.0.0.1:${PORT[redis-1]}
}

redis_ready() {
  [ "$(timeout 2 redis-cli -p "${PORT[redis-1]}" info replication 2> /dev/null | grep -c 'state=online')" = 2 ]
}

# --- ours -------------------------------------------------------------------------------------------

kvexample_launch() {
  local id
  rm -rf "$SCRATCH"/data[123]
  STORE_PORT=() STORE_PID=()
  choose_members 1 2 3
  start_member 1 2 3
  find_leader
  for id in 1 2 3; do PID[$id]=${STORE_PID[$id]}; done
  TARGET=$(address_of "$LEADER")
}

# --- one point ----------------------------------------------------------------------------------------

# Processor time of the three servers, in hundredths of a second.
server_ticks() {
  cat "/proc/${PID[1]}/stat" "/proc/${PID[2]}/stat" "/proc/${PID[3]}/stat" |
    awk '{ sub(/.*\) /, ""); sum += $12 + $13 } END { print sum }'
}

# load SYSTEM OP CONNECTIONS [REQUESTS]: a line "rate p50 p99 errors".
load() {
  local share=0
  [ "$2" = put ] || share=100
  if [ "$1" != kvexample ]; then
    build/bench/peer_load "$1" "$TARGET" "$2" "$3" "$POINT_SECONDS" "$KEYS" ${4:+"$4"}
    return
  fi
  # shellcheck disable=SC2046 # two words
  build/bin/kvbench --addr "$TARGET" --connections "$3" --keys "$KEYS" --read-share "$share" --quiet --json \
    --prefix kvbench $([ -n "${4:-}" ] && echo "--distribution sequential --requests $4" ||
      echo "--seconds $POINT_SECONDS") > "$SCRATCH/kvbench.json" || return 1
  awk -v kind="$([ "$2" = put ] && echo writes || echo reads)" '
    { gsub(/[",]/, "") }
    $1 ~ /:$/ && /\{/ { inside = $1 == kind ":" }
    $1 == "error_count:" { errors = $2 }
    inside && $1 == "per_second:" { rate = $2 }
    inside && $1 == "p50_ms:" { p50 = $2 }
    inside && $1 == "p99_ms:" { p99 = $2 }
    END { printf "%.0f %.3f %.3f %d\n", rate, p50, p99, errors }' "$SCRATCH/kvbench.json"
}

# point ROUND SYSTEM OP CONNECTIONS
point() {
  local before after rate p50 p99 errors cpu begin elapsed
  before=$(server_ticks)
  begin=$(now_ms)
  read -r rate p50 p99 errors < <(load "$2" "$3" "$4")
  elapsed=$(($(now_ms) - begin))
  after=$(server_ticks)
  [ -n "${rate:-}" ] || fail "$2: no load of $4 connections"
  cpu=$(awk -v ticks=$((after - before)) -v rate="$rate" -v ms="$elapsed" \
    'BEGIN { printf("%.1f\t%.2f", ticks * 1e4 / (rate * ms / 1000 + 1e-9), ticks * 10 / ms) }')
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$rate" "$p50" "$p99" "$cpu" "$errors" |
    tee -a "$RESULTS" | awk -F '\t' '{ printf "  round %s %-10s %s %5s connections: %8s/s  p50 %8s  p99 %8s ms  %6s us CPU  %s errors\n", $1, $2, $3, $4, $5, $6, $7, $8, $10 }'
}

# --- a system, a round ---------------------------------------------------------------------------------

stop_servers() {
  local id
  for id in 1 2 3; do stop_pid "${PID[$id]}"; done
  for id in 1 2 3; do
    wait_until 30 'a server stopped' gone "${PID[$id]}"
    wait "${PID[$id]}" 2> /dev/null
  done
  PID=() STORE_PID=()
  OTHER_PIDS=()
}

measure() {
  local connections
  "$2_launch"
  [ "$2" = kvexample ] || OTHER_PIDS=("${PID[@]}")
  load "$2" put 256 "$KEYS" > "$SCRATCH/fill" || fail "$2: cannot be filled"
  for connections in $CONNECTIONS; do point "$1" "$2" put "$connections"; done
  for connections in $CONNECTIONS; do point "$1" "$2" get "$connections"; done
  stop_servers
  rm -rf "$SCRATCH"/{etcd,redis,data}[123]
}

systems=()
for system in $SYSTEMS; do
  if is_there "$system"; then systems+=("$system"); else echo "bench-etcd: $system is left out: it is not installed"; fi
done
mkdir -p "$WORK"
rm -rf "${WORK:?}/data" "$RESULTS"
cluster_begin "$WORK/data"
for ((round = 1; round <= ROUNDS; round++)); do
  for ((i = 0; i < ${#systems[@]}; i++)); do
    measure "$round" "${systems[(i + round - 1) % ${#systems[@]}]}"
  done
done
{
  echo "Medians of $ROUNDS rounds of $POINT_SECONDS seconds, $KEYS keys, values of 256 bytes; $(date -u +%F), $(nproc) processors."
  echo
  awk -F '\t' -f test/bench/store/table.awk "$RESULTS"
} | tee "$TABLE"
echo "Also in $TABLE; every point in $RESULTS."
