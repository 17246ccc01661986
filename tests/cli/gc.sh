#!/bin/sh
# SPDX-License-Identifier: MIT
# gc: removes what creations that died left behind, and nothing else.
tests=$(cd "$(dirname "$0")/.." && pwd) || exit 1

# It looks at all of /dev/shm, so it gets one of its own: other tests run at the same time, and have orphans too.
if [ -z "${SHMRING_CLI_OWN_SHM-}" ]; then
	for unshare in "unshare -m" "unshare -rm"; do
		$unshare mount -t tmpfs none /dev/shm 2>/dev/null &&
			exec env SHMRING_CLI_OWN_SHM=1 $unshare sh -c 'mount -t tmpfs none /dev/shm && exec sh "$@"' sh "$0"
	done
	# shellcheck source=tests/support/tap.sh
	. "$tests/support/tap.sh"
	tap_skip_all "no permission to mount a /dev/shm of its own"
fi
# shellcheck source=tests/cli/lib.sh
. "$tests/cli/lib.sh"

half_create=$built/half_create
[ -x "$half_create" ] || {
	echo "Bail out! there is no $half_create; make it, or set top_builddir"
	exit 1
}

files() { # all that there are, but for those of $ring
	find /dev/shm -type f | grep -v "$ring" | sort
}

removes_nothing() { # NAME OPTION...
	removes_name=$1
	shift
	files >before
	accepted "$removes_name" "$shmtool" gc "$@"
	check "$removes_name: says that there is nothing" test "$(cat out)" = "nothing to remove"
	files >after
	check "$removes_name: removes nothing" cmp before after
}

refused "an argument for gc" 2 "gc: 'x' is one argument too many" "$shmtool" gc x
removes_nothing "without any file"
fresh
seq 10 | "$shmtool" pub "$ring"
removes_nothing "with a ring that nobody uses"
removes_nothing "--dry-run with it" --dry-run
seq 10 >expected
accepted "the ring is whole" "$shmtool" sub "$ring"
check "with all its records" cmp expected out

# ---- one that is being made ----

mkfifo hold
start half hold "$half_create" "$prefix-half"
half=$pid
exec 3>hold
said_half() {
	grep -q half half.out || ! kill -0 "$half"
}
await said_half
if ! grep -q half half.out; then
	exec 3>&-
	ended "$half"
	[ "$status" -eq 77 ] && {
		tap_skip "what a killed creation leaves" "processes may not be traced here"
		finish
	}
	check "a creation stops half-way" false
	finish
fi
orphan=$(files)
check "half-way, there is only a control object" test "$(basename "$orphan" | grep -c "^\.$prefix-half\.[0-9a-f]*\$")" -eq 1
accepted "ls" "$shmtool" ls
check "ls lists it" says 'only a control object is left; see shmtool gc$' "^$orphan\$"
removes_nothing "while its creator lives"
removes_nothing "--dry-run while its creator lives" --dry-run
echo "no ring" >/dev/shm/text
exec 3>&-
check "its creator is killed" ends_with 0 "$half"

# ---- one that died ----

accepted "--dry-run names what it left" "$shmtool" gc --dry-run
check "and says that it would be removed" test "$(cat out)" = "would remove $orphan"
check "but does not" test -e "$orphan"
"$shmtool" create "$prefix-half"
accepted "--dry-run with another ring of that name" "$shmtool" gc --dry-run
check "names the same" test "$(cat out)" = "would remove $orphan"
accepted "gc" "$shmtool" gc
check "says what it removed" test "$(cat out)" = "removed $orphan"
check "and that is gone" test ! -e "$orphan"
check "but not another file" test -e /dev/shm/text
accepted "nor the other ring of that name" "$shmtool" rm "$prefix-half"
removes_nothing "then"

# ---- several, of several users ----

for name in a b; do
	"$half_create" "$prefix-$name" </dev/null >out
done
if other_user; then
	accepted "what another user may not open" as_other gc
	check "is passed over" test "$(cat out)" = "nothing to remove"
	chmod 1777 /dev/shm
	chmod 666 "/dev/shm/.$prefix-a".*
	refused "what may be opened, but not removed" 1 "gc: no permission to remove /dev/shm/.$prefix-a.*owner or root" \
		as_other gc
	check "is still there" test -e "$(echo "/dev/shm/.$prefix-a".*)"
else
	tap_skip "orphans of others" "$why"
fi
accepted "two more" "$shmtool" gc
check "are removed at once" test "$(grep -c "^removed /dev/shm/\.$prefix-[ab]\.[0-9a-f]*\$" out)" -eq 2
check "and there is nothing else" test "$(wc -l <out)" -eq 2
rm /dev/shm/text
files >left
check "nothing is left" test ! -s left

finish
