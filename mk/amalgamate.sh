#!/bin/sh
# amalgamate.sh - make one header and one source file of libraft.
#
# Usage: mk/amalgamate.sh FOLDER     writes FOLDER/raft.h and FOLDER/raft.c
#
# raft.h is every header of include/libraft, raft.c every internal header and source file and the
# generated raftpb code, each where it is needed first. Static names that two files use for different
# things get the file's name behind them (#define in front of the file, #undef behind it); so do
# macros end with their file. What is not static and not public is hidden (visibility).
#
# Needs build/gen/libraft/proto/.
#
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."

out=${1:?the folder to write to}
mkdir -p "$out"

# paste: the files named by stdin, what they include of libraft put in place, once. Other includes
# stay, once; in raft.c (source=1) they stand above, where nothing is hidden.
paste() {
  awk -v source="$source" '
    function path_of(name) {
      if (name ~ /^libraft\//) return "include/" name
      if (name ~ /\.pb\.h$/) return "build/gen/libraft/proto/" name
      return "libraft/" name
    }
    function take(file,   line, part) {
      if (file in taken) return
      taken[file] = 1
      if ((getline line < file) < 0) {
        print file ": cannot be read" > "/dev/stderr"
        exit 1
      }
      print "\n/* ---- " file " ---- */\n"
      do {
        if (line !~ /^#include /) {
          if (line !~ /SPDX-License-Identifier/) print line
          continue
        }
        split(line, part, /[<>"]/)
        if (line !~ /"/ && part[2] !~ /^libraft\//) {
          if (!source && !(part[2] in included)) print line
          included[part[2]] = 1
        } else if (!(source && part[2] ~ /^libraft\//)) {
          take(path_of(part[2]))
        }
      } while ((getline line < file) > 0)
      close(file)
    }
    { take($0) }'
}

# names FILE: what it defines at file scope that no other file can see, one a line.
names() {
  awk '
    { sub(/[ \t]*\/\*.*/, "") }
    /^#define / { sub(/\(.*/, "", $2); print "macro", $2; next }
    /^static / {
      line = $0
      sub(/[=;({[].*/, "", line)
      count = split(line, word, /[ *]+/)
      print "name", word[word[count] == "" ? count - 1 : count]
    }
    /^} [a-z_0-9]+;/ { sub(/;.*/, "", $2); print "name", $2 }
    /^typedef .*;/ && !/\(/ { sub(/;.*/, "", $NF); print "name", $NF }
    /^(typedef )?(struct|union|enum) [a-z_0-9]+ \{/ { print "name", $1 == "typedef" ? $3 : $2 }
    /^enum .*\{/ { constants = 1 }
    constants {
      line = $0
      sub(/^enum [a-z_0-9]* *\{/, "", line)
      gsub(/=[^,}]*/, "", line)
      count = split(line, word, /[^A-Za-z_0-9]+/)
      for (i = 1; i <= count; i++) if (word[i] ~ /^[A-Z]/) print "name", word[i]
    }
    /\}/ { constants = 0 }' "$1" | sort -u
}

banner() {
  echo "/* $1 - $2"
  echo ' *'
  echo ' * Made by `make amalgamation`: change the sources of libraft instead. Put raft.c and raft.h'
  echo ' * into a program and compile them as C11; nanopb (pb.h, libprotobuf-nanopb) is all that they need.'
  echo ' *'
  echo ' * SPDX-License-Identifier: Apache-2.0'
  echo ' */'
}

{
  banner raft.h 'all public headers of libraft in one'
  printf '#ifndef LIBRAFT_AMALGAMATION_H\n#define LIBRAFT_AMALGAMATION_H\n'
  ls include/libraft/*.h | source= paste
  printf '\n#endif\n'
} > "$out/raft.h"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for file in libraft/*.c; do
  names "$file" > "$scratch/$(basename "$file" .c)"
done
cat "$scratch"/* | awk '$1 == "name" { print $2 }' | sort | uniq -d > "$scratch/shared.names"

{
  banner raft.c 'all of libraft in one file'
  grep -hE '^#include <' libraft/*.[ch] | grep -v '<libraft/' | LC_ALL=C sort -u
  printf '\n#if defined(__GNUC__)\n#pragma GCC visibility push(default)\n#endif\n'
  printf '#include "raft.h"\n'
  printf '#if defined(__GNUC__)\n#pragma GCC visibility pop\n#pragma GCC visibility push(hidden)\n#endif\n'
  # Headers first: a file's own names must not change what a header says.
  ls libraft/*.h | grep -v export.h | source=1 paste
  sed '/^#include/d' build/gen/libraft/proto/*.pb.c
  for file in libraft/*.c; do
    noun=$(basename "$file" .c)
    printf '\n/* ---- %s ---- */\n\n' "$file"
    awk '$1 == "name" { print $2 }' "$scratch/$noun" | grep -Fx -f "$scratch/shared.names" > "$scratch/mine" || true
    sed "s/.*/#define & &_in_$noun/" "$scratch/mine"
    sed -E '/^#include /d; /SPDX-License-Identifier/d' "$file"
    sed 's/^/#undef /' "$scratch/mine"
    awk '$1 == "macro" { print "#undef " $2 }' "$scratch/$noun"
  done
  printf '\n#if defined(__GNUC__)\n#pragma GCC visibility pop\n#endif\n'
} > "$out/raft.c"
