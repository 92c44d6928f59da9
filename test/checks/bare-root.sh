#!/bin/bash
# bare-root.sh - make demo and make test on fresh Debian 12 machines, each in a root of its own.
#
# Usage: test/checks/bare-root.sh [TARGET…]      default: demo test
#
# A bare machine is what debootstrap makes: the minimal variant with git, make and
# ca-certificates. Needs root and debootstrap. What is tested is the last commit, cloned.
#
# MIRROR  where packages come from (default: where this machine's come from)
# ROOT_TAR  a tar file of a bare root: used if it is there, else written, if set
#
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/../.."

readonly MIRROR=${MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | head -n 1)}
readonly ROOT_TAR=${ROOT_TAR:-}

[ "$(id -u)" = 0 ] || { echo 'bare-root.sh: chroot needs root' >&2 && exit 1; }

# make_root FOLDER
make_root() {
  if [ -n "$ROOT_TAR" ] && [ -f "$ROOT_TAR" ]; then
    tar -C "$1" -xf "$ROOT_TAR"
  else
    command -v debootstrap > /dev/null || { echo 'bare-root.sh: install debootstrap' >&2 && exit 1; }
    debootstrap --variant=minbase --include=git,make,ca-certificates bookworm "$1" "$MIRROR" > /dev/null
    [ -z "$ROOT_TAR" ] || tar -C "$1" --one-file-system -cf "$ROOT_TAR" .
  fi
}

# The mounts live in a namespace of their own and go with it; nothing is left to unmount.
# in_root FOLDER COMMAND…
in_root() {
  unshare --mount --pid --fork --kill-child /bin/bash -eu -c '
    mount --bind /dev "$1/dev"
    mount -t proc proc "$1/proc"
    mount -t tmpfs tmpfs "$1/dev/shm"
    cp /etc/resolv.conf /etc/hosts "$1/etc/"
    root=$1 && shift
    exec chroot "$root" /usr/bin/env -i HOME=/ LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
  ' in_root "$@"
}

passed=0
failed=0
[ $# != 0 ] || set -- demo test
for target in "$@"; do
  root=$(mktemp -d)
  make_root "$root"
  git clone --quiet --no-hardlinks . "$root/libraft"
  if in_root "$root" make -C /libraft "$target"; then
    passed=$((passed + 1))
  else
    echo "make $target failed on a bare machine" && failed=$((failed + 1))
  fi
  rm -rf --one-file-system "$root"
done
echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
