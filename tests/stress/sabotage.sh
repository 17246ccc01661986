#!/bin/sh
# SPDX-License-Identifier: MIT
# A check that cannot fail is worthless: stress_ring is told to make mistakes, and has to report each of them.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
stress_ring=${top_builddir:-.}/tests/stress/stress_ring

# Threads are left running when a run fails, and what they still do beside the verdict is a race to ThreadSanitizer, which
# would end the program with a status of its own.
found() { # SABOTAGE PATTERN ARGUMENT...: the run fails, and says what the pattern describes
	sabotage=$1
	pattern=$2
	shift 2
	output=$(TSAN_OPTIONS="${TSAN_OPTIONS-} exitcode=0" "$stress_ring" "$@" --patience 2 --joiners 0 --size 1:300 --sabotage "$sabotage" 2>&1)
	status=$?
	if [ "$status" -eq 1 ] && printf '%s\n' "$output" | grep -Eq "$pattern"; then
		tap_ok "$sabotage is reported"
	else
		tap_fail "$sabotage is reported" "status $status
$output"
	fi
}

found drop '^figure lost [1-9]' --seconds 1
found tear '^figure torn [1-9]' --seconds 1
found swap '^figure out_of_order [1-9]' --seconds 1
found hang 'got nothing done for 2 s' --seconds 1
# Only one with a deadline, so that it is late for sure.
found short 'deadline-.*(disagree|differ)' --seconds 5 --deadline 1 --durable 0 --lossy 0 --observers 0
if output=$("$stress_ring" --seconds 1 --size 1:300 2>&1); then
	tap_ok "without a mistake nothing is reported"
else
	tap_fail "without a mistake nothing is reported" "$output"
fi
tap_done
