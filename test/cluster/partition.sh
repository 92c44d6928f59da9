#!/bin/bash
# partition.sh - a leader that is cut off from the others neither acknowledges nor answers stale.
#
# Where network namespaces are allowed each store lives in one of its own, and a link is taken down:
# a true partition. Elsewhere the store is stopped by SIGSTOP, which cuts it off just as well, but
# it cannot be asked meanwhile; the first case says which. PARTITION=stop asks for the latter.
#
# Stores talk on loopback addresses only; 127.77.0.0/24 are such, and the kernel can be told to
# route them (route_localnet).
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

SWITCH=kv$$-switch
NETWORKS=()

# --- namespaces -----------------------------------------------------------------------------------------

# localnet NAMESPACE DEVICE ADDRESS
localnet() {
  ip -n "$1" link set lo up &&
    ip -n "$1" addr del 127.0.0.1/8 dev lo &&
    ip -n "$1" addr add 127.0.0.1/32 dev lo &&
    ip netns exec "$1" sysctl -qw net.ipv4.conf.all.route_localnet=1 "net.ipv4.conf.$2.route_localnet=1" &&
    ip -n "$1" addr add "$3/24" dev "$2" &&
    ip -n "$1" link set "$2" up
}

add_network() {
  ip netns add "$1" && NETWORKS+=("$1")
}

make_switch() {
  add_network "$SWITCH" &&
    ip -n "$SWITCH" link add br0 type bridge &&
    localnet "$SWITCH" br0 127.77.0.254
}

# Store $1 gets a network of its own, plugged into the switch.
plug_in() {
  local network=kv$$-$1
  add_network "$network" &&
    ip link add "port$1" netns "$SWITCH" type veth peer name eth0 netns "$network" &&
    ip -n "$SWITCH" link set "port$1" master br0 up &&
    localnet "$network" eth0 "127.77.0.$1" &&
    STORE_NETWORK[$1]=$network && STORE_HOST[$1]=127.77.0.$1
}

remove_networks() {
  local network
  for network in "${NETWORKS[@]}"; do
    ip netns del "$network" 2> /dev/null
  done
  NETWORKS=()
}

stores_are_gone() {
  remove_networks
}

# A connection through the switch is the proof that this machine can do it.
networks_work() {
  local end=$((SECONDS + 5))
  [ "${PARTITION:-}" != stop ] || { echo 'it was asked for' && return 1; }
  command -v ip > /dev/null && make_switch && plug_in 1 && plug_in 2 && plug_in 3 || return 1
  until switch_forwards; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.1
  done
}

# Refused is as good as accepted: somebody answered.
switch_forwards() {
  [[ $(timeout 1 ip netns exec "${STORE_NETWORK[1]}" bash -c ': 3<> /dev/tcp/127.77.0.2/9' 2>&1) == *refused* ]]
}

# --- cutting off ------------------------------------------------------------------------------------------

cut_off() {
  if [ ${#NETWORKS[@]} -gt 0 ]; then
    ip -n "$SWITCH" link set "port$1" down
  else
    kill -STOP "${STORE_PID[$1]}"
  fi
}

reconnect() {
  if [ ${#NETWORKS[@]} -gt 0 ]; then
    ip -n "$SWITCH" link set "port$1" up
  else
    kill -CONT "${STORE_PID[$1]}"
  fi
}

can_be_asked() {
  [ ${#NETWORKS[@]} -gt 0 ]
}

# The clients' place: they reach every store whose link is up.
clients_network() {
  [ ${#NETWORKS[@]} -eq 0 ] || HISTORY_NETWORK=$SWITCH
}

# --- cases ------------------------------------------------------------------------------------------------

the_network_is_made() {
  if networks_work > "$SCRATCH/networks" 2>&1; then
    echo 'partition by network namespaces'
  else
    remove_networks
    STORE_NETWORK=() STORE_HOST=()
    echo "partition by SIGSTOP, because: $(tail -n 1 "$SCRATCH/networks")"
  fi
}

# leads OTHER_THAN: the others have a leader of their own.
others_have_a_leader() {
  local leader
  leader=$(status_field "$2" leader_store)
  [[ $leader =~ ^[1-9] ]] && [ "$leader" != "$1" ] && LEADER=$leader
}

the_leader_is_cut_off_under_load() {
  local old=$LEADER via answer
  via=$(follower)
  expect 'a write before' "$(ask "$via" set register before)" OK
  writer_begin "$via"
  wait_until 60 'writes' acknowledged_more_than 100
  cut_off "$old"
  wait_until 20 'another leader' others_have_a_leader "$old" "$via"
  wait_until 20 'a write' write_works "$via"
  wait_until 60 'writes without the old leader' acknowledged_more_than $(($(acknowledged) + 100))
  expect 'a write elsewhere' "$(ask "$via" set register after)" OK
  if can_be_asked; then
    answer=$(ASK_SECONDS=2 ask "$old" get register)
    [ "$answer" != before ] || fail 'the old leader answered a stale value'
    answer=$(ASK_SECONDS=2 ask "$old" set other value)
    [ "$answer" != OK ] || fail 'the old leader acknowledged a write'
  fi
  reconnect "$old"
  # It may think for a moment that it still leads: it must find out before it answers.
  answer=$(ask "$old" get register)
  [ "$answer" != before ] || fail 'the old leader answered a stale value after the partition'
  writer_end
  find_leader
  wait_until 20 'a read' eval "ask $old get register | grep -qx after"
  wait_for_agreement
  nothing_is_lost
}

a_follower_that_is_cut_off_disturbs_nobody() {
  local away term leader=$LEADER
  away=$(follower)
  term=$(status_field "$LEADER" term)
  writer_begin "$LEADER"
  cut_off "$away"
  wait_until 60 'writes' acknowledged_more_than 200
  reconnect "$away"
  wait_until 60 'more writes' acknowledged_more_than $(($(acknowledged) + 100))
  writer_end
  find_leader
  expect 'leader' "$LEADER" "$leader"
  expect 'term' "$(status_field "$LEADER" term)" "$term" # PreVote
  wait_for_agreement
  nothing_is_lost
}

# Two of three stores cut off: nobody can write, and all is well when the network is.
no_majority_no_service() {
  local a b answer
  a=$(follower) && b=$(follower "$a")
  cut_off "$a"
  cut_off "$b"
  answer=$(ASK_SECONDS=3 ask "$LEADER" set nobody hears)
  [ "$answer" != OK ] || fail 'a write without a majority was acknowledged'
  reconnect "$a"
  reconnect "$b"
  find_leader
  wait_until 30 'a write' write_works "$LEADER"
  wait_for_agreement
}

# What clients saw together, on both sides of partitions that come and go, has an order.
partitions_come_and_go_under_shared_keys() {
  local away end=$((SECONDS + 8)) count=0
  clients_network
  history_begin 10
  while [ "$SECONDS" -lt "$end" ]; do
    find_leader
    away=$LEADER
    [ $((count % 2)) = 0 ] || away=$(follower)
    cut_off "$away"
    wait_until 20 'another leader' others_have_a_leader "$away" "$(one_other_than "$away")"
    reconnect "$away"
    count=$((count + 1))
  done
  history_end
  echo "  $count partitions"
  find_leader
  wait_for_agreement
}

one_other_than() {
  local id
  for id in 1 2 3; do
    [ "$id" = "$1" ] || { echo "$id" && return; }
  done
}

cases the_network_is_made three_stores the_leader_is_cut_off_under_load \
  a_follower_that_is_cut_off_disturbs_nobody no_majority_no_service \
  partitions_come_and_go_under_shared_keys
