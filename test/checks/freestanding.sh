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

for source in libraft/*.c; do
  case $source in
  libraft/default_allocator.c | libraft/describe*.c | libraft/wire*.c | 'libraft/*.c') continue ;;
  esac
  "${CC:-gcc}" -std=c11 -O2 -ffreestanding -Iinclude -c "$source" \
    -o "$out/$(basename "$source" .c).o" || status=1
done

# A symbol that only the left-out files define is the embedder's to give.
nm -A -u "$out"/*.o 2> /dev/null | awk '
  $NF ~ /^raft_/ { next }
  $NF ~ /^(memcpy|memmove|memset|memcmp|memchr|strlen|strcmp|strncmp|strchr)$/ { next }
  $NF ~ /^(__(u?div|u?mod|mul|ashl|ashr|lshr|clz|ctz|popcount|bswap)[a-z]*[0-9]|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_)$/ { next }
  $NF ~ /^__atomic_/ { next }
  {
    file = $1
    sub(/.*\//, "libraft/", file)
    sub(/\.o:.*/, ".c", file)
    print file ": needs " $NF ": the core may use string.h and nothing else of libc"
    bad = 1
  }
  END { exit bad }' || status=1
exit $status
