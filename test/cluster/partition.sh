#!/bin/bash
# partition.sh - a leader that is cut off from the others neither acknowledges nor answers stale.
#
# Where network namespaces are allowed each store lives in one of its own, and a link is taken down:
# a true partition. Elsewhere the store is stopped by SIGSTOP, which cuts it off just as well, but
# it cannot be asked meanwhile; the first case says which. PARTITION=stop asks for the latter.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh
# shellcheck source=test/cluster/networks.sh
. test/cluster/networks.sh

stores_are_gone() {
  remove_networks
}

can_be_asked() {
  [ ${#NETWORKS[@]} -gt 0 ]
}

# The clients' place: they reach every store whose link is up.
clients_network() {
  [ ${#NETWORKS[@]} -eq 0 ] || CLIENT_NETWORK=$SWITCH
}

# --- cases ------------------------------------------------------------------------------------------------

the_network_is_made() {
  if networks_work 1 2 3 > "$SCRATCH/networks" 2>&1; then
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
