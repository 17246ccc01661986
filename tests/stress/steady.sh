#!/bin/sh
# SPDX-License-Identifier: MIT
# In full swing neither side makes system calls. Both are traced; what lies between the lines that they write as they
# begin and end is counted. (The totals of `strace -c` would have opening and closing in them as well.)
#
# What is looked at by the clock (is the other one alive? is the ring still there?) costs some calls a second, so the
# figure depends a little on how long the run takes, that is, on what else the machine does: the best of some runs counts,
# and where all of them were slow, what the clock accounts for is allowed. A call per thousand records would still be
# found.
# shellcheck disable=SC2016 # the dollars are for awk
# shellcheck source=tests/support/tap.sh
. "${top_srcdir:-.}/tests/support/tap.sh"
awk=${AWK:-awk}
steady=${top_builddir:-.}/tests/stress/steady
records=1000000
limit=10
a_second=100 # looks by the clock
runs=5

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

command -v strace >/dev/null || tap_skip_all "strace is not installed (Debian: strace)"
strace -f -o "$work/try" true 2>"$work/why" ||
	tap_skip_all "strace may not trace here: $(tail -n 1 "$work/why")"
# Leaks cannot be looked for in a process that is traced.
export ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0"

between() { # ROLE: the system calls between its two lines, one a line
	sed -n "/write(2, \"$1: begin/,/write(2, \"$1: end/p" "$work"/trace.* >"$work/lines"
	$awk 'NR == 1 { first = $1 } { last = $1 } END { print last - first }' "$work/lines" >"$work/$1.seconds"
	sed '1d;$d' "$work/lines"
}

# Fewer calls in the two processes together than in any run before: notes them in $work/producer and $work/consumer.
best=
trace() { # ARGUMENT...
	rm -f "$work"/trace.*
	strace -ff -ttt -o "$work/trace" "$steady" "$records" "$@" >"$work/out" 2>&1
	status=$?
	[ "$status" -ne 77 ] || tap_skip_all "fewer than two CPUs"
	[ "$status" -eq 0 ] || return
	[ "$(cat "$work"/trace.* | grep -c 'write(2, ".*: end')" -eq 2 ] || return
	between producer >"$work/producer.now"
	between consumer >"$work/consumer.now"
	calls=$(cat "$work/producer.now" "$work/consumer.now" | wc -l)
	if [ -z "$best" ] || [ "$calls" -lt "$best" ]; then
		best=$calls
		seconds=$(sort -n "$work/producer.seconds" "$work/consumer.seconds" | tail -n 1)
		mv "$work/producer.now" "$work/producer"
		mv "$work/consumer.now" "$work/consumer"
	fi
}

best_of_runs() { # ARGUMENT...
	best=
	run=0
	while [ "$run" -lt "$runs" ]; do
		trace "$@" || return
		[ "$best" -ge "$limit" ] || break
		run=$((run + 1))
	done
	for side in producer consumer; do
		echo "# in the $side:"
		sed 's/^[0-9.]* //; s/(.*//' "$work/$side" | sort | uniq -c | sort -rn | head -n 5 | sed 's/^/# /'
	done
}

best_of_runs
allowed=$(echo "$limit ${seconds:-0} $a_second" | $awk '{ print int($1 + $2 * $3) }')
echo "figure syscalls_per_million_records ${best:-none}"
if [ "${best:-$allowed}" -lt "$allowed" ]; then
	tap_ok "fewer than $limit system calls for a million records, but for looks by the clock"
else
	tap_fail "fewer than $limit system calls for a million records, but for looks by the clock" "$(cat "$work/out")"
fi

# Who waits goes to sleep when the other side is not on a processor for a while, so this decides nothing.
runs=1
best_of_runs --wait
echo "figure syscalls_per_million_records_waiting ${best:-none}"
tap_check "with calls that wait it ends, too" test -n "$best"
tap_done
