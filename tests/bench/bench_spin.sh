#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/bench/common.sh
. "${top_srcdir:-.}/tests/bench/common.sh"

run_quick bench_spin
has_figures "how late, and how much of a core" "$output" spin_late_us_1_never spin_share_1_never spin_late_us_10000_5ms \
	spin_share_10000_5ms
helps bench_spin
is_misuse bench_spin --rounds 0
tap_done
