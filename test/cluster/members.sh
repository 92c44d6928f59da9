#!/bin/bash
# members.sh - stores are added and removed while the region serves.
#
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/cluster/lib.sh
. test/cluster/lib.sh

a_store_is_added_under_load() {
  writer_begin "$LEADER"
  wait_until 60 'writes' acknowledged_more_than 100
  start_joining 4 "$LEADER"
  expect 'adding store 4' "$(ask "$LEADER" kv.addpeer 4 "$(address_of 4)")" OK
  wait_until 60 'writes with four' acknowledged_more_than $(($(acknowledged) + 100))
  writer_end
  wait_until 30 'store 4 caught up' caught_up 4
  wait_for_agreement
  nothing_is_lost
}

adding_it_again_is_harmless() {
  expect 'adding store 4 again' "$(ask "$LEADER" kv.addpeer 4 "$(address_of 4)")" OK
}

a_follower_is_removed() {
  local old
  old=$(follower 4)
  expect "removing store $old" "$(ask "$LEADER" kv.removepeer "$old")" OK
  stop_store "$old" || fail "store $old ended with status $?" "$old"
  wait_until 20 'a write' write_works "$LEADER"
  wait_for_agreement
}

# It hands over first.
the_leader_is_removed() {
  local old=$LEADER
  expect "removing the leader, store $old" "$(ask "$(follower)" kv.removepeer "$old")" OK
  stop_store "$old" || fail "store $old ended with status $?" "$old"
  find_leader
  [ "$LEADER" != "$old" ] || fail "store $old still leads"
  wait_until 20 'a write' write_works "$LEADER"
  wait_for_agreement
  nothing_is_lost
}

# Two are left: neither is needed for the other to be removed.
leadership_goes_where_it_is_told() {
  local to
  to=$(follower)
  expect "transfer to store $to" "$(ask "$LEADER" kv.transfer "$to")" OK
  find_leader
  expect 'leader' "$LEADER" "$to"
  expect_like 'transfer to a store that is no member' "$(ask "$LEADER" kv.transfer 99)" 'ERR*'
  expect_like 'removing a store that is no member' "$(ask "$LEADER" kv.removepeer 99)" '*'
}

cases three_stores a_store_is_added_under_load adding_it_again_is_harmless a_follower_is_removed \
  the_leader_is_removed leadership_goes_where_it_is_told
