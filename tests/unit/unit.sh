#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the Criterion program and hands on its TAP report, each unit one point. What the units print goes to the log.
# Environment: SHMRING_TEST_UNITS  a pattern, SUITE/UNIT, of those to run (all)
report=$(mktemp) || exit 1
trap 'rm -f "$report"' EXIT
trap 'exit 1' HUP INT TERM

"${top_builddir:-.}/tests/unit/unit" --tap="$report" ${SHMRING_TEST_UNITS:+"--filter=$SHMRING_TEST_UNITS"} "$@" >&2
status=$?

# Without the times that Criterion appends: a name must not change from run to run.
sed 's/  *([0-9.]*s)$//' "$report"
if [ "$status" -ne 0 ] && ! grep -q '^not ok' "$report"; then
	echo "Bail out! tests/unit/unit ended with status $status"
fi
exit "$status"
