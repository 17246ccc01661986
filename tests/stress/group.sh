#!/bin/sh
# SPDX-License-Identifier: MIT
# A group's members come and go, and are killed at random moments, under each policy; and each mistake that the ledger
# has to find is made once, and found.
# Environment: SHMRING_STRESS_KILLS  how many kills in each run (60)
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
stress_group=${top_builddir:-.}/tests/stress/stress_group
kills=${SHMRING_STRESS_KILLS:-60}

passes() { # NAME ARGUMENT...
	name=$1
	shift
	if output=$("$stress_group" "$@" 2>&1); then
		printf '%s\n' "$output" | sed 's/^/# /'
		tap_ok "$name"
	else
		tap_fail "$name" "$output"
	fi
}

found() { # SABOTAGE PATTERN ARGUMENT...: the run fails, and says what the pattern describes
	sabotage=$1
	pattern=$2
	shift 2
	output=$("$stress_group" --seconds 1 --patience 2 "$@" --sabotage "$sabotage" 2>&1)
	status=$?
	if { [ "$status" -eq 1 ] || [ "$sabotage:$status" = hang:66 ]; } &&
		printf '%s\n' "$output" | grep -Eq "$pattern"; then
		tap_ok "$sabotage is reported"
	else
		tap_fail "$sabotage is reported" "status $status
$output"
	fi
}

passes "without kills, RELIABLE" --seconds 1
passes "without kills, LOSSY: delivered and told to be lost is all" --seconds 1 --policy lossy
passes "without kills, DEADLINE: delivered and told to be lost is all" --seconds 1 --policy deadline
# A thread cannot be killed.
if ! "$stress_group" --kills 1 --seconds 0 2>&1 | grep -q 'a thread cannot be killed'; then
	passes "$kills kills, RELIABLE" --kills "$kills"
	passes "$kills kills, durable" --kills "$kills" --durable-group
	passes "$kills kills, LOSSY" --kills "$kills" --policy lossy
	passes "$kills kills, DEADLINE" --kills "$kills" --policy deadline
fi
found drop '^figure group_lost [1-9]'
found twice '^figure group_unflagged_duplicates [1-9]'
found flag '^figure group_duplicates_over_held [1-9]'
found short '^figure group_lost [1-9]' --policy lossy
found tear '^figure torn [1-9]'
found hang 'got nothing done for 2 s'
tap_done
