#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/bench/common.sh
. "${top_srcdir:-.}/tests/bench/common.sh"

run_quick bench_group
peers=$("$bench/bench_members" --list | grep -v shmring)
wanted=
for batch in 1 16; do
	wanted="$wanted group_batch${batch}_ns_shmring"
	for peer in $peers; do
		wanted="$wanted group_batch${batch}_over_$peer group_batch${batch}_over_${peer}_low"
	done
done
# shellcheck disable=SC2086 # the words are the arguments
has_figures "its figures are there" "$output" $wanted handover_spread

output=$("$bench/bench_members" --quick --rounds 1 --members 3 2>&1)
wanted=
for peer in shmring $peers; do
	wanted="$wanted group_members3_batch1_records_per_cpu_second_$peer"
	wanted="$wanted group_members3_batch16_records_per_cpu_second_$peer"
done
# shellcheck disable=SC2086
has_figures "so are those for several members" "$output" $wanted

if command -v valgrind >/dev/null; then
	output=$(sh "${top_srcdir:-.}/tests/bench/bench_members.sh" "$bench/bench_members" 1 2 1 2>&1)
	wanted=
	for peer in shmring $peers; do
		wanted="$wanted group_members2_batch1_member_instructions_$peer"
		wanted="$wanted group_members2_batch1_producer_instructions_$peer"
	done
	# shellcheck disable=SC2086
	has_figures "and instructions are counted" "$output" $wanted
else
	tap_skip "instructions are counted" "no valgrind"
fi

helps bench_group
is_misuse bench_group --rounds 0
is_misuse bench_members --members 0
is_misuse bench_members --batch x
is_misuse bench_members argument
tap_done
