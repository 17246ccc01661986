#!/bin/sh
# SPDX-License-Identifier: MIT
# Processes of every role are killed at random moments, so many times, and the rest goes on. And each mistake that a run
# with kills has to report is made once, and reported.
# Environment: SHMRING_STRESS_KILLS  how many times (2000)
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
stress_ring=${top_builddir:-.}/tests/stress/stress_ring
kills=${SHMRING_STRESS_KILLS:-2000}

refused() { # ARGUMENT...: a usage error, that says why
	output=$("$stress_ring" "$@" 2>&1)
	test $? -eq 2 && printf '%s\n' "$output" | grep -q -e '--kills: a thread cannot be killed'
}

# Such a run ends with the first mistake, long before the last kill.
found() { # SABOTAGE PATTERN: the run fails, and says what the pattern describes
	output=$("$stress_ring" --kills 2000 --patience 2 --joiners 0 --size 1:300 --sabotage "$1" 2>&1)
	status=$?
	if [ "$status" -eq 1 ] && printf '%s\n' "$output" | grep -Eq "$2" &&
		printf '%s\n' "$output" | grep -q '^To repeat: .* --kills 2000 .* --seed [0-9]'; then
		tap_ok "$1 is reported"
	else
		tap_fail "$1 is reported" "status $status
$output"
	fi
}

tap_check "threads cannot be killed, and that is said" refused --threads --kills 10
if output=$("$stress_ring" --kills "$kills" 2>&1); then
	printf '%s\n' "$output" | sed 's/^/# /'
	tap_ok "$kills kills: nothing is lost, torn, out of order or stuck"
else
	tap_fail "$kills kills: nothing is lost, torn, out of order or stuck" "$output"
fi
found resume 'durable-.*gap and report differ'
found repeat 'a successor repeats the number'
found skip 'a successor skips to the number'
found deaf 'told of [0-9]+ of [0-9]+ dead producers'
found hang 'got nothing done for 2 s'
tap_done
