#!/bin/sh
# readme.sh - the first C program in README.md compiles, links and runs as printed.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

out=build/checks/readme
rm -rf "$out" && mkdir -p "$out"
awk '/^```c$/ { on = 1; next } /^```$/ { if (on) exit } on' README.md > "$out/first.c"
[ -s "$out/first.c" ] || { echo 'README.md has no C program yet' && exit 0; }

# The archive was built with FLAGS (sanitizers, coverage): so must be what links it.
# shellcheck disable=SC2086 # FLAGS are words
"${CC:-gcc}" -std=c11 -Wall -Wextra -Wpedantic -Werror ${FLAGS:-} -Iinclude "$out/first.c" build/libraft.a \
  -lprotobuf-nanopb -o "$out/first" || { echo "README.md: the first program does not build" && exit 1; }
"$out/first" || { echo "README.md: the first program fails with status $?" && exit 1; }
