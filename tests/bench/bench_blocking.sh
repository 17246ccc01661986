#!/bin/sh
# SPDX-License-Identifier: MIT
# The benchmark works and reports what it should. How fast anything was decides nothing here.
# shellcheck source=tests/support/tap.sh
. "${top_srcdir:-.}/tests/support/tap.sh"
bench=${top_builddir:-.}/tests/bench/bench_blocking

output=$("$bench" --quick --rounds 2 2>&1)
status=$?
[ "$status" -ne 77 ] || tap_skip_all "fewer than two CPUs"
if [ "$status" -eq 0 ]; then
	tap_ok "a short run ends well"
else
	tap_fail "a short run ends well" "status $status
$output"
fi
for name in shmring eventfd pipe; do
	if printf '%s\n' "$output" | grep -Eq "^figure blocking_${name}_over_futex [0-9]+\.[0-9]+$"; then
		tap_ok "a ratio for $name"
	else
		tap_fail "a ratio for $name" "$output"
	fi
done
tap_done
