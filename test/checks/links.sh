#!/bin/sh
# links.sh - what the documents link to is there, headings too.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1

# anchors FILE: those that its headings have.
anchors() {
  sed -n 's/^#\{1,6\} //p' "$1" | tr '[:upper:]' '[:lower:]' | sed -E "s/[^a-z0-9 _-]//g; s/ /-/g"
}

problems=$(
  find . \( -path ./.git -o -path ./build \) -prune -o -name '*.md' -print | while read -r document; do
    grep -oE '\]\([^)]+\)' "$document" | sed -E 's/^\]\(//; s/\)$//' | while read -r link; do
      case $link in
      http://* | https://* | mailto:*) continue ;;
      esac
      path=${link%%#*}
      target=${document%/*}/$path
      [ -n "$path" ] || target=$document
      [ -e "$target" ] || echo "$document: $link leads nowhere"
      case $link in
      *.md#* | \#*)
        [ ! -f "$target" ] || anchors "$target" | grep -qx -- "${link#*#}" || echo "$document: $link: no such heading"
        ;;
      esac
    done
  done
)
[ -z "$problems" ] && exit 0
echo "$problems"
exit 1
