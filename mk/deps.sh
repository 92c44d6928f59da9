#!/bin/sh
# deps.sh - install the Debian packages named on the command line that are missing.
#
# Silent and quick when nothing is missing. Without the right to install it prints the exact
# command to run and fails.
#
# SPDX-License-Identifier: Apache-2.0
set -eu

command -v dpkg-query > /dev/null || exit 0 # not Debian: the compiler will say what is missing

installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2> /dev/null |
  awk '$2 == "installed" { printf " %s ", $1 }')
missing=
for package in "$@"; do
  case $installed in
  *" $package "*) ;;
  *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  sudo=
elif sudo -n true 2> /dev/null; then
  sudo='sudo -n'
else
  echo 'Debian packages are missing and there is no right to install them. Run:' >&2
  echo "  sudo apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

apt_get() {
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" > /dev/null
}

# Package lists may be absent (a bare machine) or older than the archive (a download fails).
echo "Installing:$missing"
# shellcheck disable=SC2086 # one word a package
apt_get install -y --no-install-recommends $missing 2> /dev/null || {
  apt_get update
  apt_get install -y --no-install-recommends $missing
} || {
  echo 'Packages could not be installed. Run and read:' >&2
  echo "  apt-get update && apt-get install --no-install-recommends$missing" >&2
  exit 1
}
