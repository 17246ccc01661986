#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: bench_members.sh BENCH_MEMBERS [RECORDS [MEMBERS [BATCHES]]]
# Instructions that a record costs, on the producer's side and on the members', when 2, 4 and 8 members share the
# records: counted by valgrind, process by process, while records are put in and taken out. Members really run at
# once, so what they do in each other's way counts as well.
bench=$1
records=${2:-20000}
all_members=${3:-2 4 8}
batches=${4:-1 16}
if ! command -v valgrind >/dev/null; then
	echo "bench_members: WITHOUT instructions per record: valgrind is not there (Debian: valgrind)"
	exit 0
fi
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT INT TERM

# Not all valgrinds can read what all compilers tell debuggers; names of functions are enough.
strip -g -o "$scratch/bench_members" "$bench" || exit 1

count() { # MEMBERS BATCH CONTENDER
	rm -f "$scratch"/out.*
	valgrind -q --tool=callgrind --callgrind-out-file="$scratch/out.%p" --collect-atstart=no \
		--toggle-collect=bench_members_fill --toggle-collect=bench_members_drain \
		"$scratch/bench_members" --rounds 1 --records "$records" --members "$1" --batch "$2" --contender "$3" \
		>"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; return 1; }
	# The parent counts nothing. Of the others, one has been filling.
	total=$(sed -n 's/ records in the last run$//p' "$scratch/log")
	for file in "$scratch"/out.*; do
		if grep -q 'bench_members_fill' "$file"; then
			side=producer
		else
			side=member
		fi
		printf '%s %s\n' "$side" "$(sed -n 's/^\(totals\|summary\): //p' "$file" | head -n 1)"
	done | awk -v records="$total" -v name="group_members$1_batch$2" -v contender="$3" '
		{ sum[$1] += $2 }
		END {
			for (side in sum)
				printf "figure %s_%s_instructions_%s %.1f\n", name, side, contender, sum[side] / records
		}' | sort
}

contenders=$("$bench" --list) || exit 1
for members in $all_members; do
	for batch in $batches; do
		for contender in $contenders; do
			count "$members" "$batch" "$contender" || exit 1
		done
	done
done
