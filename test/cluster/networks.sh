# networks.sh - stores in network namespaces of their own, whose links can be cut. Sourced.
#
#   networks_work 1 2 3 || remove_networks
#   cut_off 2; …; reconnect 2
#
# Where it is not allowed, a store is cut off by SIGSTOP.
#
# Stores talk on loopback addresses only; 127.77.0.0/24 are such, and the kernel can be told to
# route them (route_localnet). The switch itself has an address, too: for clients and the scheduler.
#
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash

SWITCH=kv$$-switch
NETWORKS=()

# --- made and removed -------------------------------------------------------------------------------------

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

# networks_work ID…: each of these stores has one. A connection through the switch is the proof that
# this machine can do it.
networks_work() {
  local id end=$((SECONDS + 5))
  [ "${PARTITION:-}" != stop ] || { echo 'it was asked for' && return 1; }
  command -v ip > /dev/null && make_switch || return 1
  for id in "$@"; do plug_in "$id" || return 1; done
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

# part A B, join A B: these two do not hear each other; everybody else hears both.
part() {
  ip -n "$SWITCH" link set "port$1" type bridge_slave isolated on &&
    ip -n "$SWITCH" link set "port$2" type bridge_slave isolated on
}

join() {
  ip -n "$SWITCH" link set "port$1" type bridge_slave isolated off &&
    ip -n "$SWITCH" link set "port$2" type bridge_slave isolated off
}
