#!/bin/sh
# snippets.sh - every piece of C in README.md and docs/ is the code of a program that was just run.
#
# Usage: snippets.sh [--update]      --update writes the code into the documents
#
# In a document, a line `<!-- snippet: FILE NAME -->` stands above a ```c block, which is what stands in
# docs/snippets/FILE between `/* snippet: NAME */` and `/* end */`, moved to the left margin.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

out=build/checks/snippets
mkdir -p "$out"

# filled DOCUMENT: with the code that its blocks should have.
filled() {
  awk '
    function region(path, name,   line, on, indent) {
      while ((getline line < path) > 0) {
        if (on && line ~ /^ *\/\* end \*\/$/) { close(path); return }
        if (on) { if (substr(line, 1, indent) ~ /^ *$/) line = substr(line, indent + 1); print line }
        if (line ~ "^ */\\* snippet: " name " \\*/$") { on = 1; indent = index(line, "/") - 1 }
      }
      close(path)
      print "there is no region " name " in " path
    }
    /^<!-- snippet: [a-z_]+\.[ch] [a-z_]+ -->$/ {
      file = $3
      name = $4
      print
      if ((getline) <= 0 || $0 != "```c") { print "a ```c block has to follow"; next }
      print
      region("docs/snippets/" file, name)
      while ((getline) > 0 && $0 != "```") { }
    }
    /^```c$/ { print "line " NR ": a ```c block without <!-- snippet: FILE NAME --> above it"; }
    { print }
    ' "$1"
}

problems=0
problem() {
  echo "$1"
  problems=1
}

for document in README.md docs/*.md; do
  grep -q '^```c$' "$document" || continue
  filled "$document" > "$out/document"
  if [ "${1:-}" = --update ]; then
    cmp -s "$out/document" "$document" || cp "$out/document" "$document"
  elif ! diff "$document" "$out/document" > "$out/diff"; then
    problem "$document is not what docs/snippets/ says (< is, > should be); test/checks/snippets.sh --update"
    cat "$out/diff"
  fi
done

# A region that no document shows is a mistake, too.
while read -r file name; do
  grep -q "^<!-- snippet: $file $name -->$" README.md docs/*.md || problem "docs/snippets/$file: $name is shown nowhere"
done << END
$(grep -o 'snippet: [a-z_]* \*/$' docs/snippets/*.[ch] | sed -E 's|^docs/snippets/([^:]*):snippet: ([a-z_]*) .*|\1 \2|')
END

for source in docs/snippets/*.c; do
  program=build/${source%.c}
  [ "$source" != docs/snippets/host.c ] || continue
  timeout 60 "$program" > "$out/output" 2>&1 || problem "$source fails with status $?: $(cat "$out/output")"
done
exit "$problems"
