#!/bin/bash
# amalgamation.sh - raft.c and raft.h build alone and behave as the library does.
#
# In a folder that has nothing but the two files: gcc and clang, C11 and strict; raft.h in C++. Then
# the datadriven runner is built on them and runs the scripts.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

readonly TREE=$PWD UPSTREAM=../shared/etcd-raft
readonly STRICT='-std=c11 -Wall -Wextra -Wpedantic -Werror'
out=build/checks/amalgamation
rm -rf "$out" && mkdir -p "$out/alone" "$out/include/libraft" || exit 1
cp build/amalgamation/raft.c build/amalgamation/raft.h "$out/alone" || exit 1
log=$out/log
. test/checks/cases.sh

# in_alone COMMAND…
in_alone() {
  (cd "$out/alone" && "$@")
}

# Only what is public may be seen outside; global names are ours.
exports() {
  objdump -t "$out/alone/raft.o" | awk '$2 == "g" && $(NF - 1) != ".hidden" { print $NF }' | LC_ALL=C sort > "$out/exported"
  test/checks/public_functions.sh | awk '{ print $1 }' | LC_ALL=C sort | diff - "$out/exported"
}

# Each public header is raft.h, so that the runner uses nothing else of libraft's.
runner() {
  local header
  for header in include/libraft/*.h; do
    echo '#include "../../alone/raft.h"' > "$out/include/libraft/${header##*/}"
  done
  # shellcheck disable=SC2086 # words
  ${CC:-gcc} ${FLAGS:--std=c11 -O2} -D_GNU_SOURCE -I"$out/include" -iquote "$TREE" test/datadriven/*.c \
    "$out/alone/raft.c" -lprotobuf-nanopb -o "$out/datadriven"
}

# shellcheck disable=SC2086 # words
for compiler in gcc clang; do
  check "raft.c alone, $compiler" in_alone $compiler $STRICT -O2 -c raft.c -o "$compiler.o"
done
check 'raft.h in C' in_alone gcc $STRICT -fsyntax-only -x c raft.h
check 'raft.h in C++' in_alone g++ -std=c++11 -Wall -Wextra -Werror -fsyntax-only -x c++ raft.h
check 'raft.c, freestanding types only in raft.h' in_alone gcc $STRICT -ffreestanding -fsyntax-only -x c raft.h
cp "$out/alone/gcc.o" "$out/alone/raft.o"
check 'visible are the public functions' exports
check 'the runner builds on it' runner
check 'own scripts' "$out/datadriven" interaction test/interaction/*.txt
if [ -d "$UPSTREAM" ]; then
  for kind in quorum confchange interaction; do
    check "scripts of etcd-io/raft: $kind" "$out/datadriven" "$kind" "$UPSTREAM/$kind"/*.txt
  done
else
  echo "skip  scripts of etcd-io/raft: no $UPSTREAM"
fi

sum_up
