#!/bin/bash
# install.sh - what `make install` installs can be built against and linked, and can be removed again.
#
# A program outside the tree, in C and in C++, with the shared and with the static library as
# pkg-config says, and by CMake; then `make uninstall` must leave nothing.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

readonly CHECKS=$PWD/test/checks
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
readonly root prefix=$root/a/prefix
log=$root/log
. test/checks/cases.sh

make_quietly() {
  make --no-print-directory "$@"
}

# The program of README.md, made to be C++ too, and a call of the codec, which needs nanopb.
write_program() {
  awk '/^```c$/ { on = 1; next } /^```$/ { if (on) exit } on' README.md > "$root/first.c"
  cp "$CHECKS/install/program.c" "$root/program.c"
  cp "$CHECKS/install/program.c" "$root/program.cc"
}

# run PROGRAM: it works, and needs (or does not need) the shared library.
run_shared() {
  LD_LIBRARY_PATH=$prefix/lib "$1" && objdump -p "$1" | grep -q 'NEEDED.*libraft-core\.so\.[0-9]'
}

run_static() {
  "$1" && ! objdump -p "$1" | grep -q 'NEEDED.*libraft'
}

# build_shared OUT COMPILER…; build_static links everything statically.
build_shared() {
  local out=$1
  shift
  # shellcheck disable=SC2046 # words
  "$@" -o "$out" $(pkg-config --cflags --libs libraft)
}

build_static() {
  local out=$1
  shift
  # shellcheck disable=SC2046 # words
  "$@" -static -o "$out" $(pkg-config --static --cflags --libs libraft)
}

by_cmake() {
  cmake -S "$CHECKS/install" -B "$root/cmake" && cmake --build "$root/cmake" &&
    LD_LIBRARY_PATH=$prefix/lib "$root/cmake/program"
}

# Each public function has a page, and the pages of others lead to it.
manual() {
  local name header
  "$CHECKS/public_functions.sh" | while read -r name header; do
    [ -s "$prefix/share/man/man3/$name.3" ] || { echo "no page for $name ($header)" && exit 1; }
  done || return 1
  [ -s "$prefix/share/man/man7/libraft.7" ] &&
    grep -qx '.so man3/raft_rawnode_step.3' "$prefix/share/man/man3/raft_rawnode_tick.3"
}

# Nothing but folders is left; `foreign`, a file that is not ours, is.
uninstalled() {
  local left
  left=$(cd "$root/a" && find . ! -type d | grep -v '^./prefix/include/libraft/foreign.h$')
  [ -z "$left" ] || { echo "left: $left" && return 1; }
  [ -f "$prefix/include/libraft/foreign.h" ]
}

staged() {
  make_quietly install DESTDIR="$root/stage" PREFIX=/usr libdir=/usr/lib/arch &&
    [ -f "$root/stage/usr/lib/arch/libraft-core.a" ] &&
    [ -f "$root/stage/usr/include/libraft/raft.h" ] &&
    grep -qx 'libdir=${prefix}/lib/arch' "$root/stage/usr/lib/arch/pkgconfig/libraft.pc" &&
    make_quietly uninstall DESTDIR="$root/stage" PREFIX=/usr libdir=/usr/lib/arch &&
    [ -z "$(find "$root/stage" ! -type d)" ]
}

write_program
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
check install make_quietly install PREFIX="$prefix"
cd "$root" || exit 1
for kind in shared static; do
  check "README program, $kind: build" "build_$kind" "$root/first-$kind" gcc -std=c11 "$root/first.c"
  check "README program, $kind: run" "run_$kind" "$root/first-$kind"
  check "C, $kind: build" "build_$kind" "$root/c-$kind" gcc -std=c11 -Wall -Wextra -Werror "$root/program.c"
  check "C, $kind: run" "run_$kind" "$root/c-$kind"
  check "C++, $kind: build" "build_$kind" "$root/cc-$kind" g++ -std=c++11 -Wall -Wextra -Werror "$root/program.cc"
  check "C++, $kind: run" "run_$kind" "$root/cc-$kind"
done
if command -v cmake > /dev/null; then
  check CMake by_cmake
else
  echo 'skip  CMake: there is none'
fi
cd "$CHECKS/../.." || exit 1
check 'manual pages' manual
touch "$prefix/include/libraft/foreign.h"
check uninstall make_quietly uninstall PREFIX="$prefix"
check 'nothing is left' uninstalled
check 'staged for packaging, own libdir' staged

sum_up
