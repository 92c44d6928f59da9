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
  ctl_ok add-peer 4 "$(address_of 4)"
  wait_until 60 'writes with four' acknowledged_more_than $(($(acknowledged) + 100))
  writer_end
  wait_until 30 'store 4 caught up' caught_up 4
  wait_for_agreement
  nothing_is_lost
}

adding_it_again_is_harmless() {
  ctl_ok add-peer 4 "$(address_of 4)"
}

a_follower_is_removed() {
  local old
  old=$(follower 4)
  ctl_ok remove-peer "$old"
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
  ctl_ok transfer-leader "$to"
  find_leader
  expect 'leader' "$LEADER" "$to"
  ctl transfer-leader 99 > "$SCRATCH/out" 2>&1 && fail 'leadership went to a store that is no member'
  grep -q 'no replica' "$SCRATCH/out" || fail "transfer to nobody: $(cat "$SCRATCH/out")"
  ctl remove-peer 99 > "$SCRATCH/out" 2>&1 && fail 'a store that is no member was removed'
  grep -q 'no replica' "$SCRATCH/out" || fail "removing nobody: $(cat "$SCRATCH/out")"
}

cases three_stores a_store_is_added_under_load adding_it_again_is_harmless a_follower_is_removed \
  the_leader_is_removed leadership_goes_where_it_is_told
