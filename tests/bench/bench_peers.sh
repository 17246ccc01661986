#!/bin/sh
# SPDX-License-Identifier: MIT
# Every peer delivers what was written, or the run does not end well.
# shellcheck source=tests/bench/common.sh
. "${top_srcdir:-.}/tests/bench/common.sh"

run_quick peers/bench_peers --sizes 8,48,1024 --capacity 131072
names=$("$bench/peers/bench_peers" --list)
wanted='one_way_8_over_handover one_way_48_over_handover batch8_1024_ns_fence batch32_8_ns_none handover_spread'
for name in $names; do
	wanted="$wanted one_way_8_ns_$name single_48_ns_$name single_1024_ns_$name"
	case $name in
	fence) ;;
	rte* | spsc | none | membarrier) wanted="$wanted single_8_over_$name batch8_48_over_$name batch32_1024_over_${name}_low single_48_over_best" ;;
	*) wanted="$wanted single_8_over_$name single_48_over_${name}_high one_way_48_${name}_over_handover" ;;
	esac
done
# shellcheck disable=SC2086 # the words are the arguments
has_figures "the figures are there, for every peer" "$output" $wanted

# A peer is measured, or said to be missing.
unsaid=
for peer in rte_ring:rte ck_ring:ck spsc_queue:spsc message_queue:mq ZeroMQ:zmq nanomsg:nanomsg libqb:qb; do
	printf '%s\n' "$names" | grep -qx "${peer#*:}" ||
		printf '%s\n' "$output" | grep -q "^WITHOUT ${peer%:*}" || unsaid="$unsaid ${peer%:*}"
done
if [ -z "$unsaid" ]; then
	tap_ok "a peer that is left out is named"
else
	tap_fail "a peer that is left out is named" "neither measured nor named:$unsaid
$output"
fi

wide=$(printf '%s\n' "$output" | grep -v '^figure ' | grep -E '^.{81}')
if [ -z "$wide" ]; then
	tap_ok "the tables have 80 columns"
else
	tap_fail "the tables have 80 columns" "$wide"
fi

output=$("$bench/peers/bench_peers" --quick --rounds 1 --peers none --sizes 64 --batch 8 2>&1)
has_figures "chosen ones alone" "$output" batch8_64_over_none
if printf '%s\n' "$output" | grep -Eq '^figure (one_way|single|batch32|batch8_8)_|membarrier'; then
	tap_fail "and no others" "$output"
else
	tap_ok "and no others"
fi
if command -v python3 >/dev/null; then
	tap_check "--json is JSON" sh -c "'$bench/peers/bench_peers' --quick --rounds 1 --peers none --sizes 64 --batch 1 --json |
		python3 -c 'import json, sys; sys.exit(not json.load(sys.stdin)[\"single_64_over_none\"] > 0)'"
else
	tap_skip "--json is JSON" "no python3"
fi

helps peers/bench_peers
is_misuse peers/bench_peers --sizes 8,9
is_misuse peers/bench_peers --sizes ""
is_misuse peers/bench_peers --batch 16
is_misuse peers/bench_peers --capacity 65536 --sizes 1024
is_misuse peers/bench_peers --peers nobody
is_misuse peers/bench_peers --rounds 0
is_misuse peers/bench_peers argument
tap_done
