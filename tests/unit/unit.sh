#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the Criterion program and hands on its TAP report, each unit one point. What the units print goes to the log.
# Environment: SHMRING_TEST_UNITS  a pattern, SUITE/UNIT, of those to run (all)
report=$(mktemp) || exit 1
# Half of the processors: make may run other tests meanwhile, and mapping and unmapping, which is what most units do,
# takes several times as long in a virtual machine all of whose processors are busy.
jobs=$((($(nproc 2>/dev/null || echo 1) + 1) / 2))
trap 'rm -f "$report" "$report.plain"' EXIT
trap 'exit 1' HUP INT TERM

"${top_builddir:-.}/tests/unit/unit" --tap="$report" --jobs="$jobs" \
	${SHMRING_TEST_UNITS:+"--filter=$SHMRING_TEST_UNITS"} "$@" >&2
status=$?

# Without the times that Criterion appends: a name must not change from run to run.
sed 's/  *([0-9.]*s)$//' "$report" >"$report.plain"
if [ -n "${SHMRING_TEST_UNITS-}" ]; then
	# Criterion reports what the pattern leaves out as skipped, and has it in its plan.
	sed '/^1\.\.[0-9]*$/d; / # SKIP test was skipped$/d' "$report.plain"
	echo "1..$(grep '^\(not \)\{0,1\}ok ' "$report.plain" | grep -vc ' # SKIP test was skipped$')"
else
	cat "$report.plain"
fi
if [ "$status" -ne 0 ] && ! grep -q '^not ok' "$report"; then
	echo "Bail out! tests/unit/unit ended with status $status"
fi
exit "$status"
