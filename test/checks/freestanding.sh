#!/bin/sh
# freestanding.sh - libraft without an operating system.
#
# Compiles the core, that is libraft without its default allocator, its describe functions and
# its codec, with -ffreestanding, and shows that it then needs only itself and string.h.
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
  "${CC:-gcc}" -std=c11 -O2 "$@" -Iinclude -c "$source" -o "$object" || status=1
}

for source in libraft/*.c; do
  case $source in
  'libraft/*.c') exit 0 ;; # no sources yet
  libraft/default_allocator.c) compile "$source" "$out/allocator.obj" ;;
  libraft/describe*.c | libraft/wire*.c) ;;
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
  {
    file = $1
    sub(/.*\//, "libraft/", file)
    sub(/\.o:.*/, ".c", file)
    if ($NF ~ /^raft_/)
      print file ": needs " $NF " of a part that a freestanding build leaves out (describe, wire)"
    else
      print file ": needs " $NF ": the core may use string.h and nothing else of libc"
    bad = 1
  }
  END { exit bad }' "$out/defined" - || status=1
exit $status
