#!/bin/sh
# SPDX-License-Identifier: MIT
# What the other scripts here judge with can fail: each judge is given something wrong, and must say so.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

fails() { # NAME COMMAND...: passes if the command does not
	fails_name=$1
	shift
	if fails_output=$("$@"); then
		tap_fail "$fails_name" "$fails_output"
	else
		tap_ok "$fails_name"
	fi
}

one_line() {
	echo "shmtool: ring: it happened; do this" >&2
	return 1
}
two_lines() {
	one_line
	one_line
}
no_advice() {
	echo "shmtool: ring: it happened" >&2
	return 1
}

run one_line
check "an error in the right form passes" failed_with 1 happened
fails "another status is noticed" failed_with 2 happened
fails "another text is noticed" failed_with 1 "something else"
fails "a failure is no success" succeeded
run two_lines
fails "two lines are noticed" failed_with 1 happened
run no_advice
fails "an error without advice is noticed" failed_with 1 happened

reported=$(
	tap_count=0 tap_failed=0
	check "something false" false
	tap_done
)
fails "a script with a failed check fails" test $? -eq 0
check "a failed check is reported" test "${reported%% -*}" = "not ok 1"

: >"/dev/shm/$prefix-litter"
fails "litter is noticed" nothing_left
rm "/dev/shm/$prefix-litter"

finish
