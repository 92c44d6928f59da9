#!/bin/sh
# foreign.sh - unpack Debian packages of another architecture into a folder; nothing is installed.
#
# Usage: mk/foreign.sh ARCHITECTURE FOLDER PACKAGE…     leaves FOLDER/usr/…
#
# apt-get works on package lists of its own below FOLDER, so the system learns of no foreign
# architecture. Silent and quick when it was done before.
#
# SPDX-License-Identifier: Apache-2.0
set -eu

architecture=$1 folder=$2
shift 2
done="$folder/.done"
[ "$(cat "$done" 2> /dev/null)" = "$*" ] && exit 0
command -v apt-get > /dev/null || { echo "foreign.sh: needs Debian's apt-get" >&2 && exit 1; }

rm -rf "$folder"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial"
: > "$folder/apt/status"
cd "$folder"
state=$PWD/apt

apt_get() {
  apt-get -qq -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" \
    -o APT::Sandbox::User="$(id -un)" -o Dir::State::Lists="$state/lists" \
    -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" "$@"
}

echo "Fetching for $architecture: $*"
apt_get update > apt/log 2>&1 || true # lists of third parties may lack the architecture
apt_get download "$@" >> apt/log 2>&1 || {
  echo "foreign.sh: packages of $architecture could not be fetched:" >&2
  tail -n 5 apt/log >&2
  exit 1
}
for package in *.deb; do
  dpkg -x "$package" .
done
rm -rf apt/lists apt/cache ./*.deb
echo "$*" > .done
