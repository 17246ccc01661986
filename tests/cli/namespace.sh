#!/bin/sh
# SPDX-License-Identifier: MIT
# A full /dev/shm, and a system without /proc, in mount namespaces of their own.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

unshare -m true 2>/dev/null || tap_skip_all "no permission for a mount namespace"
unshare -m mount -t tmpfs none /dev/shm 2>/dev/null || tap_skip_all "no permission to mount a tmpfs"

inside() { # SCRIPT: in a namespace with a /dev/shm of 2 MiB; $1 is shmtool, $2 the ring
	unshare -m sh -c "mount -t tmpfs -o size=2m none /dev/shm || exit 9
$1" sh "$shmtool" "$ring"
}

run inside '"$1" create "$2" --capacity 2M; status=$?; ls -A /dev/shm; exit $status'
check "a ring that does not fit is refused" failed_with 1 "$ring: /dev/shm is full; .*--capacity"
check "with nothing left behind" test ! -s out
run inside 'head -c 2031616 /dev/zero >/dev/shm/litter; "$1" create "$2" --capacity 64K; status=$?
	find /dev/shm ! -name litter -type f; exit $status'
check "nor one whose control object does not fit" failed_with 1 "$ring: /dev/shm is full"
check "with nothing left behind" test ! -s out
run inside '"$1" create "$2" && "$1" create "$2-b" --capacity 512K && seq 100000 | "$1" pub "$2" &&
	"$1" create "$2-c"; status=$?; "$1" rm "$2" "$2-b"; ls -A /dev/shm; exit $status'
check "the third does not fit" failed_with 1 "$ring-c: /dev/shm is full"
check "and the first two can be used and removed" test ! -s out

# Whether making a ring takes /proc depends on the kernel; what must not happen is half of one.
seq 10 >ten
without_proc() { # SCRIPT
	unshare -m sh -c "mount -t tmpfs none /dev/shm && mount -t tmpfs none /proc || exit 9
$1" sh "$shmtool" "$ring"
}
run without_proc '"$1" --version'
if [ "$status" -ne 0 ] || [ -s err ]; then
	tap_skip "a ring without /proc" "this build needs /proc itself, for its sanitizers"
else
	run without_proc '"$1" create "$2"; status=$?; ls -A /dev/shm >made
		[ "$status" -ne 0 ] || { "$1" pub "$2" ten && "$1" sub "$2" && "$1" rm "$2"; } || status=$?
		ls -A /dev/shm >left; exit "$status"'
	if [ "$status" -eq 0 ]; then
		check "a ring without /proc is made whole" test "$(wc -l <made)" -eq 2
		check "and works" cmp ten out
		check "silently" succeeded
	else
		check "no ring without /proc: says so" failed_with 1 "$ring: .*/proc"
		check "no ring without /proc: nothing is made" test ! -s made
	fi
	check "without /proc nothing is left behind" test ! -s left
fi

run unshare -m sh -c 'mount -t tmpfs none /dev && "$1" create "$2"' sh "$shmtool" "$ring"
check "create without /dev/shm" failed_with 1 "$ring: the system lacks something needed"

finish
