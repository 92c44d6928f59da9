#!/bin/bash
# run.sh - run the benchmarks in turn and make a table of them.
#
# Usage: test/bench/run.sh [--quick] [PART_OF_A_NAME…]
#
# libraft's program and, where there is Go, the one with the same points on etcd-io/raft take turns:
# what disturbs the machine disturbs both. A point's figure is the median of its runs; the least is
# beside it. kvexample's benchmarks follow when no names are given.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

readonly WORK=build/bench
rounds=7
[ "${1:-}" != --quick ] || rounds=3

etcd=
if command -v go > /dev/null; then
  if (cd test/bench/go && go build -o ../../../$WORK/etcd .); then
    etcd=$WORK/etcd
  else
    echo 'bench: test/bench/go does not build here (it fetches its modules at first)'
  fi
fi
[ -n "$etcd" ] || echo 'bench: there is no Go toolchain: libraft alone, without ratios'

rm -f $WORK/ours.txt $WORK/etcd.txt
touch $WORK/etcd.txt
for ((i = 1; i <= rounds; i++)); do
  $WORK/raft "$@" >> $WORK/ours.txt || exit 1
  [ -z "$etcd" ] || $etcd "$@" >> $WORK/etcd.txt || exit 1
done

echo "Medians (and least) of $rounds runs; ratio: etcd-io/raft to libraft, of the medians."
awk -F '\t' -f test/bench/table.awk $WORK/ours.txt $WORK/etcd.txt

[ $# -gt 0 ] || $WORK/bench_raftlog
