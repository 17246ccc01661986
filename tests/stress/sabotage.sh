#!/bin/sh
# SPDX-License-Identifier: MIT
# A check that cannot fail is worthless: stress_ring is told to make mistakes, and has to report each of them.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
stress_ring=${top_builddir:-.}/tests/stress/stress_ring

# A hung thread is left running, and what it still does beside the verdict is a race to ThreadSanitizer: its own status is 66.
found() { # SABOTAGE PATTERN: the run fails, and says what the pattern describes
	output=$("$stress_ring" --seconds 1 --patience 2 --consumers 2 --lossy 1 --observers 1 --joiners 0 \
		--size 1:300 --sabotage "$1" 2>&1)
	status=$?
	if { [ "$status" -eq 1 ] || [ "$1:$status" = hang:66 ]; } && printf '%s\n' "$output" | grep -Eq "$2"; then
		tap_ok "$1 is reported"
	else
		tap_fail "$1 is reported" "status $status
$output"
	fi
}

found drop '^figure lost [1-9]'
found tear '^figure torn [1-9]'
found swap '^figure out_of_order [1-9]'
found hang 'got nothing done for 2 s'
if output=$("$stress_ring" --seconds 1 --size 1:300 2>&1); then
	tap_ok "without a mistake nothing is reported"
else
	tap_fail "without a mistake nothing is reported" "$output"
fi
tap_done
