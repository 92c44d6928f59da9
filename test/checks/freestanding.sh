#!/bin/sh
# freestanding.sh - libraft without an operating system.
#
# Compiles libraft without its default allocator and its describe functions with -ffreestanding,
# and shows that it then needs only itself, string.h, and in the codec nanopb.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

out=build/checks/freestanding
rm -rf "$out" && mkdir -p "$out"
status=0

# compile SOURCE OBJECT FLAGS…
compile() {
  source=$1 object=$2
  shift 2
  "${CC:-gcc}" -std=c11 -O2 "$@" -Iinclude -Ibuild/gen/libraft/proto -c "$source" -o "$object" || status=1
}

for source in libraft/*.c build/gen/libraft/proto/*.pb.c; do
  case $source in
  *'*'*) ;; # no such file yet
  libraft/default_allocator.c) compile "$source" "$out/allocator.obj" ;;
  libraft/describe*.c) ;;
  *) compile "$source" "$out/$(basename "$source" .c).o" -ffreestanding ;;
  esac
done

# What the core defines, and the default allocator, which an embedder may replace by its own.
nm -g --defined-only "$out"/*.o "$out"/*.obj 2> /dev/null | awk 'NF == 3 { print $3 }' > "$out/defined"

nm -A -u "$out"/*.o | awk '
  FNR == NR { defined[$1] = 1; next }
  $NF in defined { next }
  $NF ~ /^(memcpy|memmove|memset|memcmp|memchr|strlen|strcmp|strncmp|strchr)$/ { next }
  $NF ~ /^(__(u?div|u?mod|mul|ashl|ashr|lshr|clz|ctz|popcount|bswap)[a-z]*[0-9]|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_)$/ { next }
  $NF ~ /^__atomic_/ { next }
  $NF ~ /^pb_/ && $1 ~ /\/(wire[a-z0-9_]*|raftpb\.pb)\.o/ { next }
  {
    file = $1
    sub(/.*\//, "libraft/", file)
    sub(/\.o:.*/, ".c", file)
    if ($NF ~ /^raft_/)
      print file ": needs " $NF ": a freestanding build leaves the describe functions out"
    else
      print file ": needs " $NF ": the core may use string.h and nothing else of libc"
    bad = 1
  }
  END { exit bad }' "$out/defined" - || status=1
exit $status
