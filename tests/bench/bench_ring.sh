#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/bench/common.sh
. "${top_srcdir:-.}/tests/bench/common.sh"

run_quick bench_ring
wanted='one_way_8_over_handover one_way_48_over_handover one_way_8_none_over_handover record_ns_single_64_fence
record_ns_single_64_none record_ns_batch32_64_fence record_ns_batch32_8_none handover_spread'
if ! printf '%s\n' "$output" | grep -q '^WITHOUT rte_ring'; then
	wanted="$wanted single_8_over_rte single_64_over_rte batch32_64_over_rte_burst32 single_64_none_over_rte"
fi
# shellcheck disable=SC2086 # the words are the arguments
has_figures "the figures that the aims are about are there" "$output" $wanted

helps bench_ring
is_misuse bench_ring --rounds 0
is_misuse bench_ring --rounds many
is_misuse bench_ring --capacity 100000
is_misuse bench_ring --cpus 0,0
is_misuse bench_ring --cpus 0
is_misuse bench_ring --nonsense
is_misuse bench_ring argument
tap_done
