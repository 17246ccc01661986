#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/bench/common.sh
. "${top_srcdir:-.}/tests/bench/common.sh"

run_quick bench_setup
has_figures "how long, and beside bare calls" "$output" setup_create_us setup_create_vs_bare setup_open_producer_vs_bare \
	setup_open_consumer_vs_bare
helps bench_setup
is_misuse bench_setup --rounds 0
tap_done
