#!/bin/sh
# SPDX-License-Identifier: MIT
# A selection of kills at every instruction; `make crash` has them all.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
crash_ring=${top_builddir:-.}/tests/crash/crash_ring

output=$("$crash_ring" --quick 2>&1)
status=$?
case $status in
0) tap_ok "whoever is killed, the others find what was promised" ;;
77) tap_skip "whoever is killed, the others find what was promised" "${output#SKIP: crash_ring: }" ;;
*) tap_fail "whoever is killed, the others find what was promised" "status $status
$output" ;;
esac
printf '%s\n' "$output" | sed -n 's/^figure /# figure /p'
tap_done
