#!/bin/bash
# three.sh - a group of three: members 2 and 3 in the background, member 1 at your keyboard.
#
# Usage: three.sh [PROGRAM]      PORT=7300 in the environment chooses other ports
#
# Everything is kept in the current directory: notebook-1 to -3, and what the two in the background print in
# notebook-2.log and notebook-3.log. Ctrl-C ends all three; the next start goes on from there.
#
# SPDX-License-Identifier: Apache-2.0
set -u

program=${1:-$(dirname "$0")/notebook}
port=${PORT:-7300}
others=()
trap 'kill "${others[@]}" 2> /dev/null' EXIT

for id in 2 3; do
  "$program" "notebook-$id" "$port" "$id" 1 2 3 < /dev/null > "notebook-$id.log" 2>&1 &
  others+=($!)
done
"$program" notebook-1 "$port" 1 1 2 3
