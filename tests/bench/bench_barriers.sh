#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/bench/common.sh
. "${top_srcdir:-.}/tests/bench/common.sh"

run_quick bench_barriers
has_figures "what a neighbour's sleep costs" "$output" barriers_fence_beside_fence_10000 \
	barriers_fence_beside_membarrier_100000 barriers_membarrier_beside_membarrier_100000
helps bench_barriers
is_misuse bench_barriers --rounds 0
tap_done
