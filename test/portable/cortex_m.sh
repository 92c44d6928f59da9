#!/bin/bash
# cortex_m.sh - compile libraft for a microcontroller and print how large it is.
#
# A Cortex-M4 without an operating system: no libc, the describe functions and the default
# allocator are left out. Whatever the objects need beyond string.h, nanopb and the compiler's own
# helpers is an error.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

readonly OUT=build/port/cortex-m4
readonly MACHINE='-mcpu=cortex-m4 -mthumb'
readonly FLAGS="-std=c11 -Os -ffreestanding -DRAFT_FREESTANDING -ffunction-sections -fdata-sections -Wall -Wextra -Wpedantic -Werror"
rm -rf "$OUT" && mkdir -p "$OUT/include" "$OUT/core" "$OUT/wire" || exit 1
# nanopb's headers stand among those of the machine's own libc, which must not be seen.
cp /usr/include/pb.h /usr/include/pb_common.h /usr/include/pb_decode.h /usr/include/pb_encode.h "$OUT/include" || exit 1

# compile SOURCE FOLDER FLAG…
compile() {
  local source=$1 folder=$2
  shift 2
  # shellcheck disable=SC2086 # words
  arm-none-eabi-gcc $MACHINE $FLAGS "$@" -Iinclude -Ibuild/gen/libraft/proto -Itest/portable/include \
    -isystem "$OUT/include" -c "$source" -o "$OUT/$folder/$(basename "$source" .c).o"
}

# total FOLDER: bytes of code and constants, of initialized and of zeroed data.
total() {
  arm-none-eabi-size "$OUT/$1"/*.o | awk 'NR > 1 { text += $1; data += $2; bss += $3 } END { print text, data, bss }'
}

status=0
for source in libraft/*.c; do
  case $source in
  libraft/describe* | libraft/default_allocator.c) ;;
  libraft/wire*) compile "$source" wire || status=1 ;;
  *) compile "$source" core || status=1 ;;
  esac
done
for source in build/gen/libraft/proto/*.pb.c; do
  compile "$source" wire -w || status=1
done
[ $status = 0 ] || exit 1

arm-none-eabi-nm -g --defined-only "$OUT"/*/*.o | awk 'NF == 3 { print $3 }' > "$OUT/defined"
arm-none-eabi-nm -u "$OUT"/*/*.o | awk '
  FNR == NR { defined[$1] = 1; next }
  NF == 2 && !($2 in defined) && $2 !~ /^(mem(cpy|move|set|cmp|chr)|str(len|n?cmp|chr)|pb_[a-z_]*|__aeabi_[a-z0-9_]*)$/ {
    print "needs " $2 ", which a microcontroller may not have"
    bad = 1
  }
  END { exit bad }' "$OUT/defined" - || status=1

read -r text data bss <<< "$(total core)"
printf '%-28s %7d bytes of code and constants, %d of data, %d zeroed\n' 'Cortex-M4, the core:' "$text" "$data" "$bss"
read -r text data bss <<< "$(total wire)"
printf '%-28s %7d bytes of code and constants, %d of data, %d zeroed\n' 'the wire codec:' "$text" "$data" "$bss"
exit $status
