#!/bin/bash
# cluster.sh - runs stores on loopback in the foreground until Ctrl-C: `make cluster`.
#
#   STORES=5              how many (3)
#   PORTS="7001 7002 …"   where they listen (ports that are free)
#   DATA=folder           keeps the data there, and goes on with it the next time (a scratch directory)
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=kvexample/demo/lib.sh
. kvexample/demo/lib.sh

read -r -a ids <<< "$(seq -s ' ' "${STORES:-3}")"

# The ports are part of what the stores know about each other: later runs on the same data use them.
recall_ports() {
  if [ -n "${DATA:-}" ] && [ -f "$DATA/ports" ]; then
    PORTS=$(cat "$DATA/ports")
  fi
}

tell() {
  local id port=${STORE_PORT[$LEADER]} other
  other=${STORE_PORT[$(follower)]:-$port}
  echo
  for id in "${ids[@]}"; do
    echo "store $id   127.0.0.1:${STORE_PORT[$id]}   log $SCRATCH/store$id.log"
  done
  echo "leader    store $LEADER"
  echo
  echo 'Try, in another terminal:'
  echo "  redis-cli -p $port set greeting hello"
  echo "  redis-cli -p $other get greeting"
  echo "  redis-cli -p $other --scan"
  if [ -x "$BIN/kvctl" ]; then
    echo "  $BIN/kvctl --addr 127.0.0.1:$port status"
  fi
  echo
  echo 'Ctrl-C stops all of them.'
}

main() {
  local id
  recall_ports
  cluster_begin "${DATA:-}"
  choose_members "${ids[@]}"
  [ -z "${DATA:-}" ] || echo "${STORE_PORT[@]}" > "$SCRATCH/ports"
  start_member "${ids[@]}"
  find_leader
  tell
  trap 'echo; echo "stopping"; exit 0' INT
  wait -n "${STORE_PID[@]}"
  for id in "${ids[@]}"; do
    is_running "$id" || fail "store $id ended" "$id"
  done
}

main
