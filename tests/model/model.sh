#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: model.sh [long]
# The protocols' models, checked exhaustively with Spin, and their mutants, each of which has to fail. `long`: larger
# bounds, for minutes and up to 4 GiB; by default it is seconds and less than 1.5 GiB.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

models=$(cd "$(dirname "$0")" && pwd) || exit 1
: "${CC:=cc}"
command -v spin >/dev/null || tap_skip_all "spin is not installed (Debian: spin)"
echo 'int main(void) { return 0; }' >"${TMPDIR:-/tmp}/model.$$.c"
${CC} -o "${TMPDIR:-/tmp}/model.$$" "${TMPDIR:-/tmp}/model.$$.c" >/dev/null 2>&1
compiles=$?
rm -f "${TMPDIR:-/tmp}/model.$$.c" "${TMPDIR:-/tmp}/model.$$"
[ "$compiles" -eq 0 ] || tap_skip_all "there is no C compiler to build Spin's verifiers with"

work=$(mktemp -d "${TMPDIR:-/tmp}/model.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
memory=1400
optimise=-O0 # building takes longer than running
if [ "${1-}" = long ]; then
	memory=4000
	optimise=-O2
fi

# Sets `output` to what the verifier says.
verify() { # MODEL DEFINITION...
	model=$models/$1.pml
	shift
	cd "$work" || exit 1
	rm -f pan* ./*.trail
	# shellcheck disable=SC2086
	output=$({ spin -a "$@" "$model" && ${CC} $optimise -w -DSAFETY -DMEMLIM=$memory -o pan pan.c &&
		./pan -m1000000 -w22; } 2>&1)
}

holds() { # NAME MODEL DEFINITION...
	name=$1
	shift
	verify "$@"
	states=$(printf '%s\n' "$output" | sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p')
	if printf '%s\n' "$output" | grep -q 'errors: 0$' && [ -n "$states" ] &&
		! printf '%s\n' "$output" | grep -Eq 'Search not completed|search depth too small|memory limit|MEMLIM'; then
		tap_ok "$name holds"
		echo "figure model_states_$name $(printf '%.0f' "$states")"
	else
		tap_fail "$name holds" "repeat: spin -a $* ($model); cc -DSAFETY pan.c; ./a.out; spin -t -p
$output"
	fi
}

fails() { # MODEL MUTANT DEFINITION...: an assertion, or somebody is stuck
	name="$1 without a rule: $2"
	model=$1
	mutant=$2
	shift 2
	verify "$model" "-D$mutant" "$@"
	if printf '%s\n' "$output" | grep -Eq '^pan:1: (assertion violated|invalid end state)'; then
		tap_ok "$name fails"
		mutants=$((mutants + 1))
	else
		tap_fail "$name fails" "repeat: spin -a -D$mutant $*
$output"
	fi
}
mutants=0
alone='-DCONSUMERS=1 -DTIMEOUTS=0 -DEVICTIONS=0'

if [ "${1-}" = long ]; then
	holds publish_long publish -DKILLS=2 -DEND=8
	holds publish_batches_long publish -DKILLS=1 -DEND=12 -DCAPACITY=12 -DBLOCK=4
	holds publish_lossy_long publish -DLOSSY -DKILLS=1 -DEND=9
	holds publish_lossy_kills_long publish -DLOSSY -DKILLS=2 -DEND=6
	# shellcheck disable=SC2086
	{
		holds gate_moves_long gate -DKILLS=0 -DACTIONS=3 -DTOTAL=5 $alone
		holds gate_depth_long gate -DKILLS=1 -DACTIONS=2 -DDEPTH=3 $alone
	}
	holds gate_all_long gate -DKILLS=1 -DACTIONS=1 -DCONSUMERS=1 -DTIMEOUTS=1 -DEVICTIONS=1
	holds gate_successions_long gate -DKILLS=2 -DACTIONS=0 -DCONSUMERS=2 -DTIMEOUTS=0 -DEVICTIONS=0
	fails gate EVICTED_IS_FREE -DKILLS=0 -DACTIONS=1 -DCONSUMERS=2 -DTIMEOUTS=1 -DEVICTIONS=0
	holds durable_long durable -DKILLS=4 -DRECORDS=7 -DEVICTIONS=4
	holds group_long group -DKILLS=2 -DTOTAL=3 -DDEPTH=1
	holds group_records_long group -DKILLS=1 -DTOTAL=5 -DCAPACITY=3 -DBATCH=3
	holds group_members_long group -DKILLS=2 -DTOTAL=3 -DMEMBERS=3 -DDEPTH=1 -DCOMES_BACK_LATE
	holds group_successions_long group -DKILLS=2 -DTOTAL=4 -DSUCCESSORS=2 -DCOMES_BACK_LATE
	holds names_long names -DKILLS=3 -DCREATORS=3
	tap_done
fi

# Records. See publish.pml for the rules that the mutants do without.
holds publish publish -DKILLS=2 -DEND=5
holds publish_laps publish -DKILLS=1 -DEND=9
holds publish_lossy publish -DLOSSY -DKILLS=2 -DEND=4
holds publish_lossy_laps publish -DLOSSY -DKILLS=1 -DEND=7
for mutant in HEADER_BEFORE_ZERO HEAD_BEFORE_HEADER NO_WALK FIRST_HEADER_FIRST NO_SECOND_LOOK; do
	fails publish $mutant -DKILLS=1 -DEND=9
done
for mutant in INDEX_KEPT FLOOR_LATE NO_LAPPED_LOOK; do
	fails publish $mutant -DLOSSY -DKILLS=1 -DEND=9
done
fails publish NO_GATE -DKILLS=0 -DEND=9

# The gate: a joiner and seeker, deadlines, an operator, kills, and two consumers in turn.
# shellcheck disable=SC2086
{
	holds gate gate -DKILLS=0 -DACTIONS=2 $alone
	holds gate_kills gate -DKILLS=1 -DACTIONS=1 $alone
}
holds gate_deadline gate -DKILLS=0 -DACTIONS=1 -DCONSUMERS=1 -DTIMEOUTS=1 -DEVICTIONS=0
holds gate_operator gate -DKILLS=0 -DACTIONS=1 -DCONSUMERS=1 -DTIMEOUTS=0 -DEVICTIONS=1
holds gate_succession gate -DKILLS=1 -DACTIONS=0 -DCONSUMERS=2 -DTIMEOUTS=0 -DEVICTIONS=0 -DTOTAL=3
for mutant in JOINS_BEFORE_TAIL NO_FENCE_BY_PRODUCER NO_FENCE_BY_JOINER FLOOR_BEFORE_WANT OVERWRITES_BEFORE_FLOOR \
	WANT_KEPT SEEK_PASSES_ITS_PLACE JOINING_HOLDS_NOTHING SEEKS_WHILE_ACTIVE; do
	# shellcheck disable=SC2086
	fails gate $mutant -DKILLS=0 -DACTIONS=2 $alone
done
for mutant in SUCCESSOR_KEEPS_WANT SUCCESSOR_DOES_NOT_SCAN; do
	# shellcheck disable=SC2086
	fails gate $mutant -DKILLS=1 -DACTIONS=1 $alone
done
fails gate NO_GENERATION -DKILLS=0 -DACTIONS=1 -DCONSUMERS=1 -DTIMEOUTS=0 -DEVICTIONS=1
fails gate DEATH_BEFORE_STATE -DKILLS=1 -DACTIONS=0 -DCONSUMERS=2 -DTIMEOUTS=0 -DEVICTIONS=0

# Durable subscriptions. Either of the last two rules does alone, without the other.
holds durable durable
for mutant in MARK_AFTER_TAIL ONE_MARK GATE_RAISES_UNMARKED; do
	fails durable $mutant
done
fails durable OTHER_KEPT -DPOSITION_KEPT

# Groups: two deaths, one of them while what the other left is delivered again; members that come and go beside each
# other; a producer that dies as well.
holds group group -DKILLS=2 -DTOTAL=4 -DCOMES_BACK_LATE
holds group_at_once group -DKILLS=1 -DTOTAL=3
holds group_succession group -DKILLS=1 -DTOTAL=3 -DSUCCESSORS=1 -DCOMES_BACK_LATE
for mutant in HOLD_AFTER_CAS END_AFTER_CAS NO_COMPARISON PART_STAYS_HELD CLEARS_BEFORE_THE_WORK HOLDS_BEFORE_TAIL \
	NO_FENCE_BY_PRODUCER PRODUCER_CLEARS_THE_DEAD TAKES_OVER_WITHOUT_JOINING NO_FENCE_BY_TAKER \
	TAKES_OVER_WHATEVER_IS_WANTED COPIES_TO_ITS_OWN_LINE CLEARS_BEFORE_DELIVERING; do
	fails group $mutant -DKILLS=1 -DTOTAL=3
done

# Names.
holds names names
for mutant in NO_LOCK_BY_MAKER DATA_FIRST NO_LOCK_BY_REMOVER NAMES_NOT_LOOKED_AT_AGAIN CONTROL_FIRST \
	COLLECTOR_DOES_NOT_LOOK_AGAIN; do
	fails names $mutant -DKILLS=1
done

echo "figure model_mutants_caught $mutants"
tap_done
