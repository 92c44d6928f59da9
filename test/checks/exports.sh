#!/bin/sh
# exports.sh - the shared library exports the functions that the headers declare, and nothing else.
#
# SHARED names the library.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

shared=${SHARED:?names the shared library}
[ -f "$shared" ] || { echo "$shared: not built; run make shared" && exit 1; }
out=build/checks/exports
mkdir -p "$out"

test/checks/public_functions.sh | awk '{ print $1 }' > "$out/declared"
[ -s "$out/declared" ] || { echo 'no public function found' && exit 1; }
# The version node itself is an absolute symbol.
nm -D --defined-only "$shared" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort > "$out/exported"

status=0
for name in $(LC_ALL=C comm -23 "$out/declared" "$out/exported"); do
  echo "$name: is declared in include/libraft, but not exported: add it to libraft/libraft.map"
  status=1
done
for name in $(LC_ALL=C comm -13 "$out/declared" "$out/exported"); do
  echo "$name: is exported, but no header declares it: remove it from libraft/libraft.map"
  status=1
done
[ $status != 0 ] || echo "$(wc -l < "$out/exported") functions exported"
exit $status
