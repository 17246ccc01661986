#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/bench/common.sh
. "${top_srcdir:-.}/tests/bench/common.sh"

run_quick bench_large
has_figures "how much faster than one core" "$output" large_65536_over_one_core large_262144_over_one_core \
	large_1048576_over_one_core
helps bench_large
is_misuse bench_large --rounds 0
is_misuse bench_large --capacity 65536
tap_done
