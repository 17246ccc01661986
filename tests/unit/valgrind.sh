#!/bin/sh
# SPDX-License-Identifier: MIT
# Units under valgrind's memcheck: no invalid access, no use of what was never written, nothing lost for good. valgrind
# does not know futex_waitv (ENOSYS), so what is done without it is tried along the way.
#
# Starting a process takes a second or two, so `make check` runs some units, and `make check-valgrind` all but those
# that count allocations, which valgrind takes over, and forbid system calls, of which it makes its own (cost.c), that
# fork while another thread is in the middle of something, which the child then has and nobody frees (fork_locks.c and
# another_thread_forks), and that write where they may not, to be killed for it (cannot_write_to_records).
#
# Environment: SHMRING_TEST_UNITS  a pattern, SUITE/UNIT, of those to run
# shellcheck source=tests/support/tap.sh
. "${top_srcdir:-.}/tests/support/tap.sh"
unit=${top_builddir:-.}/tests/unit/unit

# Where other threads and signal handlers look at a handle that is being closed, and where children have their copies.
units=${SHMRING_TEST_UNITS:-"@(cancel|forked)/*"}

command -v valgrind >/dev/null || tap_skip_all "valgrind is not installed (Debian: valgrind)"
[ -x "$unit" ] || tap_skip_all "the units were not built"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Everything takes many times as long. valgrind runs one thread at a time: by turns, or one that is busy starves others.
export SHMRING_TEST_PATIENCE=1000
valgrind -q --vgdb=no --fair-sched=try --trace-children=yes --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
	--errors-for-leak-kinds=definite --log-file="$work/log.%p" \
	"$unit" --filter="$units" --tap="$work/report" >&2
status=$?

# As unit.sh does, one point for each that the pattern takes in; it fails if the unit's own process had an error.
sed -n '/ # SKIP test was skipped$/d; s/  *([0-9.]*s)$//; s/^ok - //p' "$work/report" >"$work/passed"
while read -r name; do
	tap_ok "$name"
done <"$work/passed"
sed -n 's/  *([0-9.]*s)$//; s/^not ok - //p' "$work/report" >"$work/failed"
while read -r name; do
	tap_fail "$name"
done <"$work/failed"
tap_check "units were run" test -s "$work/passed"
# The logs tell of all processes, also of those whose status nobody asks for. Quiet ones have nothing to tell, but for
# what valgrind itself lacks (lines that begin --PID--): futex_waitv.
errors=$(find "$work" -name 'log.*' -size +0 -exec grep -hv '^--[0-9]*--' {} +)
if [ -z "$errors" ] && { [ "$status" -eq 0 ] || [ -s "$work/failed" ]; }; then
	tap_ok "memcheck has nothing to say of $(find "$work" -name 'log.*' | wc -l) processes"
else
	tap_fail "memcheck has nothing to say" "status $status
$(printf '%s\n' "$errors" | head -n 60)"
fi
tap_done
