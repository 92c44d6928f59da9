# lib.sh - starts, asks, kills and removes stores; for the demo, `make cluster` and test/cluster/.
#
# Sourced by bash scripts that stand in the root of the repository. A script calls cluster_begin
# first: it makes the scratch directory and sees to it that, however the script ends, every process
# that was started is stopped and the directory is gone.
#
# A store is named by its id. What it prints goes to $SCRATCH/store<ID>.log, its data is in
# $SCRATCH/data<ID>. Everything that is waited for is an event with a deadline.
#
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash

set -u -o pipefail

BIN=${BIN:-build/bin}
SCRATCH=
INITIAL=              # the list that a first start of the cluster is given
SERVER_OPTIONS=()     # for every store
declare -A STORE_PID=() STORE_PORT=() STORE_START=()
declare -A STORE_HOST=()      # where a store listens, 127.0.0.1 if it says nothing
declare -A STORE_NETWORK=()   # the network namespace that it lives in, if it is not ours
OTHER_PIDS=()         # processes that are not stores
CLIENT_NETWORK=       # the network namespace of clients, kvctl and the scheduler, if it is not ours
SCHEDULER_PID= SCHEDULER_HOST=127.0.0.1 SCHEDULER_PORT= SCHEDULER_START=1
declare -A STORE_ID=()        # of stores that the scheduler gave a number: what it is

# --- the end ----------------------------------------------------------------------------------------

# cluster_begin [KEEP_DIRECTORY]: data goes to a scratch directory that is removed at the end, or to
# the one given, which stays.
cluster_begin() {
  KEEP=${1:-}
  if [ -n "$KEEP" ]; then
    mkdir -p "$KEEP" || exit 1
    SCRATCH=$(cd "$KEEP" && pwd)
  else
    SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/kvexample.XXXXXX") || exit 1
  fi
  trap end_with_cluster EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP PIPE
}

# One that is stopped by SIGSTOP hears nothing else.
stop_pid() {
  kill -TERM "$1" 2> /dev/null && kill -CONT "$1" 2> /dev/null
}

gone() {
  ! kill -0 "$1" 2> /dev/null
}

# Not 0 if a store ended in any other way than being stopped or killed by us.
cluster_end() {
  local pid status bad=0 end=$((SECONDS + 10))
  trap '' INT TERM HUP PIPE
  for pid in "${STORE_PID[@]}" "${OTHER_PIDS[@]}" ${SCHEDULER_PID:+"$SCHEDULER_PID"}; do
    stop_pid "$pid"
  done
  for pid in "${STORE_PID[@]}" "${OTHER_PIDS[@]}" ${SCHEDULER_PID:+"$SCHEDULER_PID"}; do
    until gone "$pid" || [ "$SECONDS" -ge "$end" ]; do sleep 0.02; done
    kill -KILL "$pid" 2> /dev/null
    status=0
    wait "$pid" 2> /dev/null || status=$?
    case $status in
    0 | 137 | 143) ;;
    *) bad=$status ;;
    esac
  done
  if [ "$bad" != 0 ]; then
    echo "FAILED: a store that was stopped ended with status $bad" >&2
    tail -n 40 "$SCRATCH"/store*.log >&2
  fi
  type -t stores_are_gone > /dev/null && stores_are_gone # a script may have something to put away
  [ -n "$KEEP" ] || [ -z "$SCRATCH" ] || rm -rf "$SCRATCH"
  return "$bad"
}

end_with_cluster() {
  local status=$?
  cluster_end || status=1
  exit "$status"
}

# fail TEXT [ID…]: says what was not as it should be, shows the last lines of these stores' logs (of
# all if none is named) and ends the script.
fail() {
  local id text=$1
  shift
  printf '\nFAILED: %s\n' "$text" >&2
  [ $# -gt 0 ] || set -- "${!STORE_PORT[@]}"
  for id in "$@"; do
    [ -f "$SCRATCH/store$id.log" ] || continue
    echo "--- the last lines of store $id:" >&2
    tail -n 15 "$SCRATCH/store$id.log" >&2
  done
  exit 1
}

# --- time -------------------------------------------------------------------------------------------

now_ms() {
  local now=$EPOCHREALTIME
  echo $((${now/[.,]/} / 1000))
}

# seconds MS: 1234 becomes 1.23
seconds() {
  printf '%d.%02d' $(($1 / 1000)) $(($1 % 1000 / 10))
}

# wait_until SECONDS WHAT COMMAND…: until the command succeeds.
wait_until() {
  local limit=$1 what=$2 end=$((SECONDS + $1 + 1))
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "$what: not within $limit seconds"
    sleep 0.03
  done
}

# --- stores -----------------------------------------------------------------------------------------

port_is_free() {
  ! (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null
}

# choose_port ID: a port that nobody listens on, below those that the kernel gives to clients.
choose_port() {
  local port taken
  while :; do
    port=$((20000 + RANDOM % 12000))
    taken=" ${STORE_PORT[*]:-} "
    if [[ $taken != *" $port "* ]] && port_is_free "$port"; then
      STORE_PORT[$1]=$port
      return
    fi
  done
}

address_of() {
  echo "${STORE_HOST[$1]:-127.0.0.1}:${STORE_PORT[$1]}"
}

# on_network NETWORK COMMAND…: in that network namespace. The process is that of the command.
on_network() {
  local network=$1
  shift
  if [ -n "$network" ]; then
    exec ip netns exec "$network" "$@"
  fi
  exec "$@"
}

# on_network_of ID COMMAND…: where this store lives.
on_network_of() {
  local network=${STORE_NETWORK[$1]:-}
  shift
  on_network "$network" "$@"
}

# choose_members ID…: ports for the stores that begin the cluster. Those in $PORTS, if there are any.
choose_members() {
  local id list= ports
  read -r -a ports <<< "${PORTS:-}"
  for id in "$@"; do
    if [ ${#ports[@]} -gt 0 ]; then
      STORE_PORT[$id]=${ports[0]}
      ports=("${ports[@]:1}")
    else
      choose_port "$id"
    fi
    list+=",$id=$(address_of "$id")"
  done
  INITIAL=${list#,}
}

# launch_store ID OPTION…: without waiting. In a session of its own, so that Ctrl-C reaches only us.
launch_store() {
  local id=$1 log=$SCRATCH/store$1.log
  shift
  touch "$log"
  STORE_START[$id]=$(($(wc -l < "$log") + 1))
  on_network_of "$id" setsid "$BIN/kvserver" --data "$SCRATCH/data$id" --id "$id" \
    --listen "$(address_of "$id")" ${SERVER_OPTIONS[@]+"${SERVER_OPTIONS[@]}"} "$@" \
    < /dev/null >> "$log" 2>&1 &
  STORE_PID[$id]=$!
}

# start_member ID…: stores of the first start, again or for the first time. Each cluster has a name of
# its own: another script's store may get the port of one that is dead just now.
start_member() {
  local id
  for id in "$@"; do launch_store "$id" --initial "$INITIAL" --cluster "${SCRATCH##*/}"; done
  for id in "$@"; do wait_ready "$id"; done
}

# start_joining ID VIA: a store that is going to be added, told of store VIA.
start_joining() {
  [ -n "${STORE_PORT[$1]:-}" ] || choose_port "$1"
  launch_store "$1" --join "$(address_of "$2")" --cluster "${SCRATCH##*/}"
  wait_ready "$1"
}

# --- scheduler --------------------------------------------------------------------------------------

scheduler_address() {
  echo "$SCHEDULER_HOST:$SCHEDULER_PORT"
}

scheduler_is_ready() {
  gone "$SCHEDULER_PID" && fail "the scheduler ended while it started:
$(tail -n 20 "$SCRATCH/scheduler.log")"
  grep -q 'msg="\?ready' <(tail -n "+$SCHEDULER_START" "$SCRATCH/scheduler.log")
}

# start_scheduler OPTION…: for the first time, or again on the same data and port.
start_scheduler() {
  if [ -z "$SCHEDULER_PORT" ]; then
    choose_port scheduler
    SCHEDULER_PORT=${STORE_PORT[scheduler]}
    unset "STORE_PORT[scheduler]"
  fi
  touch "$SCRATCH/scheduler.log"
  SCHEDULER_START=$(($(wc -l < "$SCRATCH/scheduler.log") + 1))
  on_network "$CLIENT_NETWORK" setsid "$BIN/kvscheduler" --data "$SCRATCH/scheduler" \
    --listen "$(scheduler_address)" "$@" < /dev/null >> "$SCRATCH/scheduler.log" 2>&1 &
  SCHEDULER_PID=$!
  wait_until 30 'the scheduler ready' scheduler_is_ready
}

# As a crash would.
kill_scheduler() {
  kill -KILL "$SCHEDULER_PID"
  wait "$SCHEDULER_PID" 2> /dev/null
  SCHEDULER_PID=
}

# start_scheduled NAME…: stores of the scheduler's cluster, one after the other. A store is named by
# the script; its number is the scheduler's to give: STORE_ID.
start_scheduled() {
  local name log
  for name in "$@"; do
    log=$SCRATCH/store$name.log
    [ -n "${STORE_PORT[$name]:-}" ] || choose_port "$name"
    touch "$log"
    STORE_START[$name]=$(($(wc -l < "$log") + 1))
    on_network_of "$name" setsid "$BIN/kvserver" --data "$SCRATCH/data$name" \
      --listen "$(address_of "$name")" --scheduler "$(scheduler_address)" \
      ${SERVER_OPTIONS[@]+"${SERVER_OPTIONS[@]}"} < /dev/null >> "$log" 2>&1 &
    STORE_PID[$name]=$!
    wait_ready "$name"
    STORE_ID[$name]=$(awk '$1 == "store" { print $2 }' "$SCRATCH/data$name/IDENT")
  done
}

# scheduler_ctl COMMAND…: kvctl, of the scheduler. scheduler_ok: what must not fail; sets SAID.
scheduler_ctl() {
  (on_network "$CLIENT_NETWORK" "$BIN/kvctl" --scheduler "$(scheduler_address)" "$@")
}

scheduler_ok() {
  SAID=$(scheduler_ctl "$@" 2>&1) || fail "kvctl $*: $SAID"
}

# The log of this run of a store.
log_of() {
  tail -n "+${STORE_START[$1]}" "$SCRATCH/store$1.log"
}

# logged ID PATTERN: this run of the store has said so. (Not a pipe: grep may be done before tail.)
logged() {
  grep -q -- "$2" <(log_of "$1")
}

is_ready() {
  gone "${STORE_PID[$1]}" && fail "store $1 ended while it started" "$1"
  logged "$1" 'msg="\?ready'
}

wait_ready() {
  wait_until 30 "store $1 ready" is_ready "$1"
}

is_running() {
  [ -n "${STORE_PID[$1]:-}" ] && ! gone "${STORE_PID[$1]}"
}

running() {
  local id
  for id in "${!STORE_PID[@]}"; do
    is_running "$id" && echo "$id"
  done | sort -n
}

# kill_store ID…: as a crash of the process would, all at the same time.
kill_store() {
  local id pids=()
  for id in "$@"; do pids+=("${STORE_PID[$id]}"); done
  kill -KILL "${pids[@]}"
  for id in "$@"; do
    wait "${STORE_PID[$id]}" 2> /dev/null
    unset "STORE_PID[$id]"
  done
}

# stop_store ID: as an operator would. Its exit status.
stop_store() {
  local pid=${STORE_PID[$1]} status=0
  kill -TERM "$pid"
  wait_until 20 "store $1 stopped" gone "$pid"
  wait "$pid" || status=$?
  unset "STORE_PID[$1]"
  return "$status"
}

# --- questions --------------------------------------------------------------------------------------

# ask ID COMMAND…: by redis-cli, raw.
ask() {
  local id=$1
  shift
  (on_network_of "$id" timeout "${ASK_SECONDS:-30}" redis-cli -h "${STORE_HOST[$id]:-127.0.0.1}" \
    -p "${STORE_PORT[$id]}" "$@")
}

# status_field ID FIELD: the first of that name in what a store says of itself.
status_field() {
  ask "$1" kv.status 2> /dev/null | awk -v field="$2" '
    found == 1 { print; found = 2 }
    $0 == field && !found { found = 1 }'
}

# The leader as the running stores agree on, or those of them in $MEMBERS; fails while they do not.
leader_now() {
  local id leader agreed=
  for id in $(running); do
    [ -z "${MEMBERS:-}" ] || [[ " $MEMBERS " == *" $id "* ]] || continue
    leader=$(status_field "$id" leader_store) || return 1
    [[ $leader =~ ^[1-9][0-9]*$ ]] || return 1
    [ -z "$agreed" ] || [ "$agreed" = "$leader" ] || return 1
    agreed=$leader
  done
  [ -n "$agreed" ] && is_running "$agreed" && echo "$agreed"
}

has_leader() {
  LEADER=$(leader_now)
}

# Sets LEADER.
find_leader() {
  wait_until 30 'a leader that all agree on' has_leader
}

# A running store that is not the leader, or $1.
follower() {
  local id
  for id in $(running); do
    [ "$id" = "$LEADER" ] || [ "$id" = "${1:-}" ] || { echo "$id" && return; }
  done
  return 1
}

# caught_up ID: has applied what its leader had applied before.
caught_up() {
  local target applied
  target=$(status_field "$LEADER" applied)
  applied=$(status_field "$1" applied)
  [[ $target =~ ^[0-9]+$ && $applied =~ ^[0-9]+$ ]] && [ "$applied" -ge "$target" ]
}

# ctl COMMAND…: kvctl, told of all stores that run.
ctl() {
  local id ids addresses=
  read -r -a ids <<< "$(running | xargs)"
  for id in "${ids[@]}"; do addresses+=",$(address_of "$id")"; done
  (on_network_of "${ids[0]}" "$BIN/kvctl" --addr "${addresses#,}" "$@")
}

# ctl_ok COMMAND…: what must not fail. Sets SAID.
ctl_ok() {
  SAID=$(ctl "$@" 2>&1) || fail "kvctl $*: $SAID"
}

# Waits until all replicas of a region have the same data at the same index, in every region. Sets
# CHECKSUM to "applied keys checksum", of the first region; of several keys are summed up.
wait_for_agreement() {
  ctl_ok --timeout 60 checksum --wait
  CHECKSUM=$(awk '
    $1 ~ /^[0-9]+$/ && !seen[$1]++ { keys += $5; if (!n++) { applied = $4; sum = $6 } }
    END { if (n) print applied, keys, sum }' <<< "$SAID")
  [ -n "$CHECKSUM" ] || fail "kvctl checksum: $SAID"
}

# --- kvbench ------------------------------------------------------------------------------------------

BENCH_PID=

# addresses_of ID…: as lists of addresses are written.
addresses_of() {
  local id addresses=
  for id in "$@"; do addresses+=",$(address_of "$id")"; done
  echo "${addresses#,}"
}

# Those that clients are told of: all that run, or those in $CLIENT_STORES.
client_addresses() {
  # shellcheck disable=SC2046,SC2086 # one argument an id
  addresses_of ${CLIENT_STORES:-$(running)}
}

# bench_begin SECONDS OPTION…: a load on all stores that run, which remembers what was acknowledged.
bench_begin() {
  local duration=$1
  shift
  rm -f "$SCRATCH/ledger"
  on_network "$CLIENT_NETWORK" setsid "$BIN/kvbench" --addr "$(client_addresses)" \
    --seconds "$duration" --connections 16 --keys 5000 --read-share 10 \
    --verify --state "$SCRATCH/ledger" --gap --quiet "$@" \
    > "$SCRATCH/bench" 2>&1 < /dev/null &
  BENCH_PID=$!
  OTHER_PIDS+=("$BENCH_PID")
}

# bench_writes_more N: waits until the stores have taken N commands more.
bench_writes_more() {
  local from
  from=$(commands_taken)
  wait_until 30 'writes' taken_beyond $((from + $1))
}

# commands_taken: by all running stores together.
commands_taken() {
  local id total=0 taken
  for id in $(running); do
    taken=$(ask "$id" info stats 2> /dev/null | tr -d '\r' | sed -n 's/^store_commands://p')
    total=$((total + ${taken:-0}))
  done
  echo "$total"
}

taken_beyond() {
  [ "$(commands_taken)" -gt "$1" ]
}

# Waits until the load is over and everything acknowledged has been read.
bench_end() {
  wait "$BENCH_PID" || fail "kvbench: $(tail -n 5 "$SCRATCH/bench")"
  OTHER_PIDS=()
  grep -q '^verify *ok' "$SCRATCH/bench" || fail "kvbench: $(tail -n 5 "$SCRATCH/bench")"
}

# Ends the load, however long it was begun for.
bench_stop() {
  kill -TERM "$BENCH_PID"
  bench_end
}

# bench_says PATTERN: that part of its report, for sed.
bench_says() {
  sed -n "s/$1/\\1/p" "$SCRATCH/bench" | head -n 1
}

# Everything that the last load was told is done, read through store $1.
ledger_is_there() {
  (on_network "$CLIENT_NETWORK" "$BIN/kvbench" --addr "$(address_of "$1")" --verify-only \
    --state "$SCRATCH/ledger") > "$SCRATCH/bench" 2>&1 < /dev/null
}

# --- a load that remembers ----------------------------------------------------------------------------

# A writer sends INCRBY loadR:N N for N = 1, 2, …, one after the other on one connection; R is the
# number of the run. The answer to each is N: so what was answered is what was acknowledged, and a
# key that later holds anything else was lost or applied twice. Errors are passed over: their
# outcome is open.

WRITER_PID=
WRITER_RUN=0

# writer_begin ID: through that store, which must live as long as the writer.
writer_begin() {
  : > "$SCRATCH/answers"
  WRITER_RUN=$((WRITER_RUN + 1))
  awk -v run="$WRITER_RUN" 'BEGIN { for (n = 1; ; n++) print "INCRBY load" run ":" n, n }' 2> /dev/null |
    on_network_of "$1" setsid redis-cli -h "${STORE_HOST[$1]:-127.0.0.1}" -p "${STORE_PORT[$1]}" \
      > "$SCRATCH/answers" 2>&1 &
  WRITER_PID=$!
  OTHER_PIDS=("$WRITER_PID")
}

acknowledged() {
  grep -cE '^[0-9]+$' "$SCRATCH/answers"
}

acknowledged_more_than() {
  [ "$(acknowledged)" -gt "$1" ]
}

writer_end() {
  stop_pid "$WRITER_PID"
  wait "$WRITER_PID" 2> /dev/null
  OTHER_PIDS=()
}

# written_is_there ID: everything that the last writer was told is done, read through that store.
written_is_there() {
  grep -E '^[0-9]+$' "$SCRATCH/answers" > "$SCRATCH/acknowledged"
  xargs -n 200 < "$SCRATCH/acknowledged" | sed "s/[0-9][0-9]*/load$WRITER_RUN:&/g; s/^/MGET /" |
    ask "$1" > "$SCRATCH/read" && cmp -s "$SCRATCH/acknowledged" "$SCRATCH/read"
}
