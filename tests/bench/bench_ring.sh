#!/bin/sh
# SPDX-License-Identifier: MIT
# The benchmark works and reports what it should. How fast anything was decides nothing here.
# shellcheck source=tests/support/tap.sh
. "${top_srcdir:-.}/tests/support/tap.sh"
bench=${top_builddir:-.}/tests/bench/bench_ring

output=$("$bench" --quick --rounds 2 2>&1)
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

figures=$(printf '%s\n' "$output" | grep '^figure ')
malformed=$(printf '%s\n' "$figures" | grep -Ev '^figure [a-z0-9_]+ [0-9]+\.[0-9]+$')
if [ -z "$malformed" ] && [ -n "$figures" ]; then
	tap_ok "each figure is a name and a number"
else
	tap_fail "each figure is a name and a number" "${malformed:-there are none}"
fi

wanted='one_way_8_over_handover one_way_48_over_handover one_way_8_none_over_handover record_ns_single_64_fence
record_ns_single_64_none record_ns_batch32_64_fence record_ns_batch32_8_none handover_spread'
if ! printf '%s\n' "$output" | grep -q '^WITHOUT rte_ring'; then
	wanted="$wanted single_8_over_rte single_64_over_rte batch32_64_over_rte_burst32 single_64_none_over_rte"
fi
missing=
for name in $wanted; do
	printf '%s\n' "$figures" | grep -q "^figure $name " || missing="$missing $name"
done
if [ -z "$missing" ]; then
	tap_ok "the figures that the aims are about are there"
else
	tap_fail "the figures that the aims are about are there" "missing:$missing
$output"
fi

tap_check "--help explains" sh -c "'$bench' --help | grep -q -- --rounds"
for wrong in "--rounds 0" "--rounds many" "--capacity 100000" "--cpus 0,0" "--cpus 0" "--nonsense" "argument"; do
	# shellcheck disable=SC2086 # the words are the arguments
	"$bench" $wrong >/dev/null 2>&1
	status=$?
	if [ "$status" -eq 2 ]; then
		tap_ok "usage: $wrong"
	else
		tap_fail "usage: $wrong" "status $status, not 2"
	fi
done
tap_done
