#!/bin/sh
# SPDX-License-Identifier: MIT
# The benchmarks of groups work and report what they should. How fast anything was decides nothing here.
# shellcheck source=tests/support/tap.sh
. "${top_srcdir:-.}/tests/support/tap.sh"
bench=${top_builddir:-.}/tests/bench

output=$("$bench/bench_group" --quick --rounds 2 2>&1)
status=$?
if [ "$status" -eq 77 ]; then
	tap_skip_all "fewer than two CPUs"
fi
if [ "$status" -eq 0 ]; then
	tap_ok "a short run ends well"
else
	tap_fail "a short run ends well" "status $status
$output"
fi

has_figures() { # WHAT TEXT NAME...
	what=$1
	figures=$(printf '%s\n' "$2" | grep '^figure ')
	text=$2
	shift 2
	malformed=$(printf '%s\n' "$figures" | grep -Ev '^figure [a-z0-9_]+ [0-9]+(\.[0-9]+)?$')
	for name in "$@"; do
		printf '%s\n' "$figures" | grep -q "^figure $name " || malformed="$malformed
missing: $name"
	done
	if [ -z "$malformed" ]; then
		tap_ok "$what"
	else
		tap_fail "$what" "$malformed
$text"
	fi
}

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

tap_check "--help explains" sh -c "'$bench/bench_group' --help | grep -q -- --rounds"
for wrong in "bench_group --rounds 0" "bench_members --members 0" "bench_members --batch x" "bench_members argument"; do
	# shellcheck disable=SC2086
	"$bench"/$wrong >/dev/null 2>&1
	status=$?
	if [ "$status" -eq 2 ]; then
		tap_ok "usage: $wrong"
	else
		tap_fail "usage: $wrong" "status $status, not 2"
	fi
done
tap_done
