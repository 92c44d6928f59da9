#!/bin/sh
# libraft_tests.sh - print the unit tests and their support that need libraft alone, not the store.
#
# They are the files that can be preprocessed where there is no kvexample/; a file that includes
# none of libraft's headers is none of them.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

for file in test/unit/test_*.c test/unit/support/*.c; do
  gcc -MM -D_GNU_SOURCE -Iinclude -iquote . -iquote test/unit/support "$file" 2> /dev/null |
    grep -q libraft/ && echo "$file"
done
