#!/bin/sh
# SPDX-License-Identifier: MIT
# Processes of every role are killed at random moments, so many times, and the rest goes on.
# Environment: SHMRING_STRESS_KILLS  how many times (2000)
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
stress_ring=${top_builddir:-.}/tests/stress/stress_ring
kills=${SHMRING_STRESS_KILLS:-2000}

refused() { # ARGUMENT...: a usage error, that says why
	output=$("$stress_ring" "$@" 2>&1)
	test $? -eq 2 && printf '%s\n' "$output" | grep -q -e '--kills: a thread cannot be killed'
}

tap_check "threads cannot be killed, and that is said" refused --threads --kills 10
if refused --kills 0x1; then
	tap_skip "$kills kills" "ThreadSanitizer's builds have threads for processes, which cannot be killed"
	tap_done
fi
if output=$("$stress_ring" --kills "$kills" 2>&1); then
	printf '%s\n' "$output" | sed 's/^/# /'
	tap_ok "$kills kills: nothing is lost, torn, out of order or stuck"
else
	tap_fail "$kills kills: nothing is lost, torn, out of order or stuck" "$output"
fi
tap_done
