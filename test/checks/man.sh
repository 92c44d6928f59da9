#!/bin/bash
# man.sh - the manual pages are clean, and say what the headers say.
#
# Each public function is in the NAME section of exactly one page, and its prototype there is the
# header's; each option of raft_config and each error code is described, and so is each option of
# a program.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

readonly TREE=$PWD PAGES=docs/man
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
status=0

# problem TEXT…
problem() {
  echo "$*"
  status=1
}

# mandoc looks for the pages that others refer to in its own folder; aliases are pages too.
lint() {
  cp "$PAGES"/*.[1-9] "$out" || exit 1
  mk/man_aliases.sh | while read -r alias page; do echo ".so $page" > "$out/$alias"; done
  (cd "$TREE/$PAGES" && ls ./*.[1-9]) > "$out/pages"
  (cd "$out" && xargs mandoc -T lint -W style < pages) > "$out/lint" 2>&1 || true
  [ ! -s "$out/lint" ] || problem "$(sed "s|^mandoc: \./|$PAGES/|" "$out/lint")"
}

# uncommented FILE…: without what stands in comments.
uncommented() {
  awk '{
    line = $0
    text = ""
    while (line != "") {
      at = index(line, comment ? "*/" : "/*")
      if (!comment) text = text (at ? substr(line, 1, at - 1) : line)
      line = at ? substr(line, at + 2) : ""
      if (at) comment = !comment
    }
    print text
  }' "$@"
}

# names: "NAME PAGE" of all NAME sections.
names() {
  awk 'FNR == 1 { on = 0 }
    /^\.Sh / { on = ($2 == "NAME") }
    on && $1 == ".Nm" { print $2, FILENAME }' "$PAGES"/*.3
}

documented_once() {
  local name header count
  names > "$out/names"
  while read -r name header; do
    count=$(grep -c "^$name " "$out/names")
    [ "$count" = 1 ] || problem "$name ($header): is in the NAME section of $count pages, not of one"
  done < "$out/functions"
  # A page may also be named after a thing, and name inline functions.
  awk '{ print $1 }' "$out/functions" > "$out/known"
  while read -r name header; do
    grep -qx "$name" "$out/known" || [ "$PAGES/$name.3" = "$header" ] ||
      grep -qE "^static inline .*\b$name\(" include/libraft/*.h || problem "$header: names $name, which no header declares"
  done < "$out/names"
}

# Prototypes of the headers, one a line, without comments and line breaks.
declared() {
  uncommented include/libraft/*.h | awk '
    /^[a-z]/ && !/^(static|typedef|extern|struct|enum|union)[ (]/ && /raft_[a-z0-9_]+\(/ { on = 1; text = "" }
    on { sub(/^ +/, ""); text = text (text == "" ? "" : " ") $0 }
    on && /;/ { sub(/;.*/, "", text); print text; on = 0 }' | LC_ALL=C sort
}

# The same of the SYNOPSIS sections, from .Ft and .Fn, or .Fo, .Fa and .Fc.
described() {
  awk '
    function joined(name, arguments) { return type (type ~ /\*$/ ? "" : " ") name "(" arguments ")" }
    FNR == 1 { on = 0 }
    /^\.Sh / { on = ($2 == "SYNOPSIS"); next }
    !on { next }
    $1 == ".Ft" { type = $0; sub(/^\.Ft "?/, "", type); sub(/"$/, "", type) }
    $1 == ".Fn" {
      count = split($0, part, "\"")
      arguments = part[2]
      for (i = 4; i <= count; i += 2) arguments = arguments ", " part[i]
      print joined($2, arguments)
    }
    $1 == ".Fo" { name = $2; arguments = "" }
    $1 == ".Fa" { split($0, part, "\""); arguments = arguments (arguments == "" ? "" : ", ") part[2] }
    $1 == ".Fc" { print joined(name, arguments) }' "$PAGES"/*.3 | LC_ALL=C sort
}

prototypes() {
  declared > "$out/declared"
  described | grep -vE 'raft_is_(fatal|dropped)\(' > "$out/described"
  [ "$(wc -l < "$out/declared")" = "$(wc -l < "$out/functions")" ] || problem 'man.sh: does not understand a header'
  diff "$out/declared" "$out/described" > "$out/diff" ||
    problem "prototypes, headers (<) against pages (>):
$(cat "$out/diff")"
}

options_and_codes() {
  local name
  for name in $(uncommented include/libraft/config.h |
    awk '/^typedef struct raft_config/ { on = 1; next } /^}/ { on = 0 } on' | grep -oE '[a-z_]+;' | tr -d ';'); do
    grep -qE "^\.It Va (.* )?$name( |$)" "$PAGES/raft_config_init.3" || problem "$PAGES/raft_config_init.3: lacks option $name"
  done
  for name in $(grep -oE '^  RAFT_[A-Z_]+ =' include/libraft/error.h | tr -d ' =' | grep -vx RAFT_FATAL); do
    grep -qx ".It Dv $name" "$PAGES/raft_error_string.3" || problem "$PAGES/raft_error_string.3: lacks $name"
  done
}

# programs: pages of section 1 have each option that --help shows; those that are not built are skipped.
programs() {
  local page program option
  for page in "$PAGES"/*.1; do
    program=build/bin/$(basename "$page" .1)
    [ -x "$program" ] || continue
    for option in $("$program" --help | grep -oE '(^|[ ,[])--[a-z][a-z-]*' | grep -oE '[a-z][a-z-]*' | sort -u); do
      grep -qE "Fl -$option( |\$)" "$page" || problem "$page: lacks --$option"
    done
  done
}

command -v mandoc > /dev/null || { echo 'man.sh: needs mandoc' && exit 1; }
test/checks/public_functions.sh > "$out/functions"
lint
documented_once
prototypes
options_and_codes
programs
[ $status != 0 ] || echo "$(wc -l < "$out/functions") functions in $(wc -l < "$out/pages") pages"
exit $status
