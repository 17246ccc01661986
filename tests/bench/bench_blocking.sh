#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/bench/common.sh
. "${top_srcdir:-.}/tests/bench/common.sh"

run_quick bench_blocking
has_figures "a ratio for each" "$output" blocking_shmring_over_futex blocking_eventfd_over_futex \
	blocking_pipe_over_futex handover_spread
tap_done
