#!/bin/sh
# names.sh - global symbols of libraft.a start with raft_ and are nobody else's.
#
# foreign-symbols.txt lists what other Raft libraries in C define (Debian's libraft, willemt's
# raft and its relatives): a program may have to link one of them beside ours.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

archive=build/libraft.a
[ -f "$archive" ] || { echo "$archive: not built; run make libraft" && exit 1; }

nm -A -g --defined-only "$archive" | awk '
  FNR == NR { if ($1 !~ /^#/) foreign[$1] = 1; next }
  $NF ~ /^(__odr_asan|__asan_|__gcov_|__llvm_)/ { next }
  {
    split($1, part, ":")
    where = part[2]
    sub(/\.o$/, ".c", where)
    if ($NF !~ /^raft_/) {
      print where ": defines " $NF ": global names start with raft_; make it static or rename it"
      bad = 1
    } else if ($NF in foreign) {
      print where ": defines " $NF ": another Raft library has that name (foreign-symbols.txt)"
      bad = 1
    }
  }
  END { exit bad }' test/checks/foreign-symbols.txt -
