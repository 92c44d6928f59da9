#!/bin/sh
# public_functions.sh - print the functions that include/libraft declares: name and header, one a line.
#
# Inline functions are left out: a library does not export them. It relies on the layout of
# clang-format: a declaration begins in column 1 and has its name on the first line.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

awk '
  /^[a-z]/ && !/^(static|typedef|extern|struct|enum|union)[ (]/ && match($0, /raft_[a-z0-9_]+\(/) {
    name = substr($0, RSTART, RLENGTH - 1)
    header = FILENAME
    sub(/^include\//, "", header)
    print name, header
  }' include/libraft/*.h | LC_ALL=C sort
