#!/bin/sh
# man_aliases.sh - print the further names of the man pages of section 3: "ALIAS.3 PAGE.3", one a line.
#
# A page names what it documents in its NAME section by .Nm; each but its own is an alias.
#
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/.." || exit 1

for page in docs/man/*.3; do
  [ -f "$page" ] || continue
  awk -v page="$(basename "$page")" '
    /^\.Sh / { on = ($2 == "NAME") }
    on && $1 == ".Nm" && $2 ".3" != page { print $2 ".3", page }' "$page"
done
