#!/bin/sh
# files.sh - every file introduces itself, is of a size that can be read, and names no machine.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

sources() {
  find include libraft kvexample test docs -name '*.[ch]' 2> /dev/null | LC_ALL=C sort
}

# Comments and strings that clang-format cannot break.
long_lines() {
  sources | LC_ALL=C.UTF-8 xargs -r grep -HnE '^.{101,}' | sed -E 's/^([^:]*:[0-9]+):.*/\1: over 100 columns: break the line/'
}

introductions() {
  sources | while read -r file; do
    name=${file##*/}
    case $(head -n 1 "$file") in
    "/* $name - "*) ;;
    *) echo "$file:1: open with \"/* $name - one sentence.\"" ;;
    esac
    head -n 60 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' ||
      echo "$file:1: the opening comment lacks SPDX-License-Identifier: Apache-2.0"
  done
}

# clang-format puts the braces of a function's body in reach of a line-based look: the body opens
# at the end of a line that does not begin a type, a table or a C++ block, and closes in column 1.
sizes() {
  sources | xargs -r awk '
    function close_file() {
      if (file != "" && lines > 800) print file ":801: " lines " lines in a file, 800 are the limit: split it by noun"
    }
    FNR == 1 { close_file(); file = FILENAME; body = 0; begin = 0 }
    { lines = FNR }
    /^[A-Za-z_]/ { begin = FNR }
    /{$/ && !body && !/=.*{$/ && !/^(struct|union|enum|typedef struct|typedef union|typedef enum|extern "C")[^(]*{$/ {
      if (begin) body = begin
    }
    /^}/ {
      if (body && FNR - body + 1 > 70)
        print FILENAME ":" body ": " FNR - body + 1 " lines in a function, 70 are the limit: split it"
      body = 0
      begin = 0
    }
    END { close_file() }'
}

# Paths of one machine mean nothing on another.
machine_paths() {
  find . \( -path ./.git -o -path ./build -o -name files.sh \) -prune -o -type f -print |
    xargs grep -InE '(^|[^A-Za-z0-9_.$})/])/(work|home|root|mnt|srv|Users|tmp/wt)/' 2> /dev/null |
    sed -E 's/^\.\///; s/^([^:]*:[0-9]+):.*/\1: names a path of one machine: make it relative or a parameter/'
}

problems=$(introductions; long_lines; sizes; machine_paths)
[ -z "$problems" ] && exit 0
echo "$problems"
exit 1
