#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/bench/common.sh
. "${top_srcdir:-.}/tests/bench/common.sh"

run_quick bench_subscriptions
has_figures "what a record costs, with many and with one" "$output" subscriptions_1_ns subscriptions_64_ns \
	subscriptions_64_vs_1
helps bench_subscriptions
is_misuse bench_subscriptions --rounds 0
tap_done
