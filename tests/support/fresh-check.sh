#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Usage: fresh-check.sh [demo|check]...
# Runs `./bootstrap demo` and `./bootstrap check` (or those named) on a bare Debian 12: a tree made by debootstrap,
# with the committed sources in it and nothing else. Packages come from wherever this machine's apt gets them.
# The bare tree is kept as a tarball in $SHMRING_FRESH_CACHE (build/fresh-cache), so that only the first run makes it.
# Exit status 77 where such a tree cannot be made.
set -euo pipefail

# In a mount namespace of its own, where there may be one, whatever happens here leaves no mount behind.
if [[ -z ${SHMRING_FRESH_NAMESPACE-} ]] && unshare --mount true 2>/dev/null; then
	SHMRING_FRESH_NAMESPACE=1 exec unshare --mount "$0" "$@"
fi

top=$(cd "$(dirname "$0")/../.." && pwd)
cache=${SHMRING_FRESH_CACHE:-$top/build/fresh-cache}
suite=bookworm
root=

skip() {
	printf '\n== SKIPPED fresh-check: %s\n\n' "$*"
	exit 77
}

# The sources of this release as apt itself has worked them out: URI, suite, component.
apt_sources() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		grep -E " $suite(-updates|-security)? " | sort -u
}

# What reaches the mirror: sources, the keys it may be signed with, proxies, and what resolves names. This machine's other
# settings belong to its other packages.
copy_apt_configuration() {
	local file
	apt_sources | sed 's/^/deb /' >"$root/etc/apt/sources.list"
	for file in /etc/apt/trusted.gpg.d/*; do
		[[ ! -e $file ]] || cp -L "$file" "$root$file"
	done
	apt-config dump | grep -E '^Acquire::(https?|ftp|socks)::' >"$root/etc/apt/apt.conf.d/90fresh-check" || true
	for file in /etc/resolv.conf /etc/hosts; do
		[[ ! -e $file ]] || cp -L --remove-destination "$file" "$root$file"
	done
}

make_bare_tree() {
	local mirror tarball=$cache/$suite-minbase.tar
	if [[ ! -e $tarball ]]; then
		read -r mirror _ < <(apt_sources | grep " $suite main") || true
		[[ -n ${mirror-} ]] || skip "apt knows no source of $suite main here; does it after apt-get update?"
		mkdir -p "$cache"
		printf '== making a bare %s\n' "$suite"
		root=$cache/tree
		debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$cache/debootstrap.log" 2>&1 ||
			{ tail -n 20 "$cache/debootstrap.log"; skip "debootstrap failed"; }
		tar -C "$root" -cf "$tarball.new" . && mv "$tarball.new" "$tarball"
		remove_tree
	fi
	root=$(mktemp -d "${TMPDIR:-/tmp}/shmring-fresh.XXXXXX")
	tar -C "$root" -xf "$tarball"
	mount_in_tree || skip "mounts or device nodes are not permitted here"
	copy_apt_configuration
}

remove_tree() {
	[[ -n $root ]] || return 0
	# Deepest first; lazily, should something in there still hold a file.
	awk -v root="$root" '$2 == root || index($2, root "/") == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n 1 umount -l
	# Never remove through a mount that would not go.
	grep -qF " $root" /proc/mounts || rm -rf "$root"
	root=
}

# The root is a mount as on any machine: tests that have a mount namespace of their own make it private.
mount_in_tree() {
	mount --bind "$root" "$root" &&
		mount -t proc proc "$root/proc" &&
		mount -t tmpfs -o mode=755 tmpfs "$root/dev" &&
		mkdir "$root/dev/shm" "$root/dev/pts" &&
		mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm" &&
		mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts" &&
		ln -s pts/ptmx "$root/dev/ptmx" &&
		mknod -m 666 "$root/dev/null" c 1 3 && mknod -m 666 "$root/dev/zero" c 1 5 &&
		mknod -m 666 "$root/dev/full" c 1 7 && mknod -m 666 "$root/dev/random" c 1 8 &&
		mknod -m 666 "$root/dev/urandom" c 1 9 && mknod -m 666 "$root/dev/tty" c 5 0 &&
		ln -s /proc/self/fd "$root/dev/fd" && ln -s fd/0 "$root/dev/stdin" &&
		ln -s fd/1 "$root/dev/stdout" && ln -s fd/2 "$root/dev/stderr" &&
		: <"$root/dev/null"
}

in_tree() { # COMMAND...
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb ${CI:+CI="$CI"} \
		${SHMRING_STRESS_SECONDS:+SHMRING_STRESS_SECONDS="$SHMRING_STRESS_SECONDS"} \
		chroot "$root" /bin/sh -c 'cd /root/shmring && exec "$@"' sh "$@" </dev/null
}

[[ $# -gt 0 ]] || set -- demo check
[[ $(id -u) == 0 ]] || skip "only root can make a Debian tree and mount in it"
command -v debootstrap >/dev/null || skip "debootstrap is not installed; on Debian: apt-get install debootstrap"
command -v apt-get >/dev/null || skip "there is no apt here to say where packages come from"
git -C "$top" rev-parse -q --verify HEAD >/dev/null || skip "the sources are taken from git's HEAD, and this is no git tree"
[[ -z $(git -C "$top" status --porcelain) ]] || printf '== note: only what is committed is checked\n'

trap remove_tree EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Each command meets a machine of its own, with the sources as from a clone.
for command in "$@"; do
	make_bare_tree
	printf '== fresh machine: ./bootstrap %s\n' "$command"
	start=$SECONDS
	mkdir "$root/root/shmring"
	git -C "$top" archive HEAD | tar -C "$root/root/shmring" -xf -
	in_tree ./bootstrap "$command"
	printf 'figure fresh_%s_seconds %d\n' "$command" $((SECONDS - start))
	if [[ $command == demo ]]; then
		printf '== the same machine: ./bootstrap demo again\n'
		start=$SECONDS
		in_tree ./bootstrap demo >"$root/again"
		! grep -E 'installing|autoreconf' "$root/again" || { echo "it did again what had been done"; exit 1; }
		printf 'figure second_demo_seconds %d\n' $((SECONDS - start))
	fi
	remove_tree
done
