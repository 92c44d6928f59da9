#!/bin/bash
# cluster.sh - runs a scheduler and stores on loopback in the foreground until Ctrl-C: `make cluster`.
#
#   STORES=5              how many (3)
#   PORTS="7000 7001 …"   where they listen, the scheduler first (ports that are free)
#   DATA=folder           keeps the data there, and goes on with it the next time (a scratch directory)
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=kvexample/demo/lib.sh
. kvexample/demo/lib.sh

read -r -a names <<< "$(seq -s ' ' "${STORES:-3}")"

# The ports are part of what the stores know about each other: later runs on the same data use them.
recall_ports() {
  if [ -n "${DATA:-}" ] && [ -f "$DATA/ports" ]; then
    PORTS=$(cat "$DATA/ports")
  fi
}

take_ports() {
  local ports name
  read -r -a ports <<< "${PORTS:-}"
  SCHEDULER_PORT=${ports[0]:-}
  for name in "${names[@]}"; do
    [ -z "${ports[$name]:-}" ] || STORE_PORT[$name]=${ports[$name]}
  done
}

tell() {
  local name port=${STORE_PORT[1]} last=${STORE_PORT[${names[-1]}]}
  echo
  echo "scheduler  $(scheduler_address)   log $SCRATCH/scheduler.log"
  for name in "${names[@]}"; do
    echo "store ${STORE_ID[$name]}    127.0.0.1:${STORE_PORT[$name]}   log $SCRATCH/store$name.log"
  done
  echo
  echo 'Try, in another terminal:'
  echo "  redis-cli -p $port set greeting hello"
  echo "  redis-cli -p $last get greeting"
  echo "  redis-cli -p $last --scan"
  echo "  $BIN/kvctl --scheduler $(scheduler_address) store list"
  echo "  $BIN/kvctl --scheduler $(scheduler_address) region list"
  echo "  $BIN/kvctl --scheduler $(scheduler_address) scheduler describe"
  echo "  $BIN/kvctl --addr 127.0.0.1:$port status"
  echo
  echo 'Ctrl-C stops all of them.'
}

main() {
  local name
  recall_ports
  cluster_begin "${DATA:-}"
  take_ports
  start_scheduler
  start_scheduled "${names[@]}"
  [ -z "${DATA:-}" ] || echo "$SCHEDULER_PORT ${STORE_PORT[*]}" > "$SCRATCH/ports"
  tell
  trap 'echo; echo "stopping"; exit 0' INT
  wait -n "${STORE_PID[@]}" "$SCHEDULER_PID"
  for name in "${names[@]}"; do
    is_running "$name" || fail "store ${STORE_ID[$name]} ended" "$name"
  done
  fail "the scheduler ended: $(tail -n 3 "$SCRATCH/scheduler.log")"
}

main
