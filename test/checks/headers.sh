#!/bin/sh
# headers.sh - every public header compiles alone, in C11 and in C++, and is safe to link from C++.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

status=0
for header in include/libraft/*.h; do
  [ -f "$header" ] || continue
  name=${header#include/}
  for compiler in "${CC:-gcc} -std=c11 -x c -Wstrict-prototypes" "${CXX:-g++} -std=c++11 -x c++"; do
    # Twice, so that a missing include guard shows.
    # shellcheck disable=SC2086 # a compiler and its arguments
    printf '#include <%s>\n#include <%s>\n' "$name" "$name" |
      $compiler -Wall -Wextra -Wpedantic -Wundef -Werror -Iinclude -fsyntax-only - || {
      echo "$header: does not compile alone with $compiler"
      status=1
    }
  done
  if grep -q '(' "$header" && ! grep -q 'extern "C"' "$header"; then
    echo "$header:1: declares functions without extern \"C\": wrap them for __cplusplus"
    status=1
  fi
done
exit $status
