#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: model.sh [long]
# The protocols' models, checked exhaustively with Spin, and their mutants, each of which has to fail. `long`: larger
# bounds, for minutes and up to 4 GiB; by default it is seconds and less than 1.5 GiB. MODELS='sleep names': these only.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

models=$(cd "$(dirname "$0")" && pwd) || exit 1
: "${CC:=cc}"
# Of verifiers, building is most of the work; clang, if it is there, needs a third of the time for it.
: "${MODEL_CC:=$(command -v clang || echo "$CC")}"
command -v spin >/dev/null || tap_skip_all "spin is not installed (Debian: spin)"
echo 'int main(void) { return 0; }' >"${TMPDIR:-/tmp}/model.$$.c"
${MODEL_CC} -o "${TMPDIR:-/tmp}/model.$$" "${TMPDIR:-/tmp}/model.$$.c" >/dev/null 2>&1
compiles=$?
rm -f "${TMPDIR:-/tmp}/model.$$.c" "${TMPDIR:-/tmp}/model.$$"
[ "$compiles" -eq 0 ] || tap_skip_all "there is no C compiler to build Spin's verifiers with"

# model.sh point NUMBER KIND NAME MODEL DEFINITION...: one of the points below, in a directory of its own.
if [ "${1-}" = point ]; then
	model=$models/$5.pml
	mkdir "$2" && cd "$2" || exit 1
	kind=$3
	name=$4
	shift 5
	optimise=-O0 # building takes longer than running
	depth=200000
	hash=18
	if [ "$kind" = large ]; then
		optimise=-O1
		kind=holds
	fi
	if [ "$kind" = holds ]; then
		optimise=${MODEL_OPTIMISE:-$optimise}
		depth=1000000
		hash=22
	fi
	# shellcheck disable=SC2086
	{ spin -a "$@" "$model" && ${MODEL_CC} $optimise -w -DSAFETY -DMEMLIM="$MODEL_MEMORY" -o pan pan.c &&
		./pan -m$depth -w$hash; } >output 2>&1
	printf '%s\n' "$kind" >kind
	printf '%s\n' "$name" >name
	printf 'spin -a %s %s; cc -DSAFETY pan.c; ./a.out; spin -t -p %s %s\n' "$*" "$model" "$*" "$model" >repeat
	rm -f pan*
	exit 0
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/model.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
MODEL_MEMORY=1400
jobs=$(nproc 2>/dev/null || echo 1)
if [ "${1-}" = long ]; then
	MODEL_MEMORY=4000
	MODEL_OPTIMISE=-O2
	jobs=1
fi
export CC MODEL_CC MODEL_MEMORY MODEL_OPTIMISE

# The points are noted first, and then worked off, as many at a time as there are processors.
points=0
point() { # KIND NAME MODEL DEFINITION...
	case " ${MODELS:-$3} " in *" $3 "*) ;; *) return ;; esac
	points=$((points + 1))
	echo "$points $*" >>"$work/points"
}

holds() { # NAME MODEL DEFINITION...
	point holds "$@"
}

large() { # the same, where building it well pays
	point large "$@"
}

fails() { # MODEL MUTANT DEFINITION...: an assertion, or somebody is stuck
	model=$1
	mutant=$2
	shift 2
	point fails "$model:$mutant" "$model" "-D$mutant" "$@"
}

judge() { # NUMBER
	cd "$work/$1" || return
	name=$(cat name)
	if [ "$(cat kind)" = holds ]; then
		states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' output)
		if grep -q 'errors: 0$' output && [ -n "$states" ] &&
			! grep -Eq 'Search not completed|search depth too small|memory limit|MEMLIM' output; then
			tap_ok "$name holds"
			echo "figure model_states_$name $(printf '%.0f' "$states")"
		else
			tap_fail "$name holds" "repeat: $(cat repeat)
$(cat output)"
		fi
	elif grep -Eq '^pan:1: (assertion violated|invalid end state)' output; then
		tap_ok "${name%%:*} without a rule: ${name#*:} fails"
		mutants=$((mutants + 1))
	else
		tap_fail "${name%%:*} without a rule: ${name#*:} fails" "repeat: $(cat repeat)
$(cat output)"
	fi
}

work_off() {
	(cd "$work" && xargs -P "$jobs" -L 1 sh "$models/model.sh" point <points)
	number=1
	while [ "$number" -le "$points" ]; do
		judge "$number" || tap_fail "point $number was worked off"
		number=$((number + 1))
	done
}
mutants=0
alone='-DCONSUMERS=1 -DTIMEOUTS=0 -DEVICTIONS=0'
three='-DSHARED -DCONSUMERS=3 -DLOCKED -DASLEEP'

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
	holds sleep_long sleep -DRECORDS=4 -DPRODUCER_KILLS=2 -DSUCCESSORS=2 -DTIMEOUTS=2
	holds sleep_room_long sleep -DRECORDS=3 -DCAPACITY=1 -DCONSUMERS=2 -DTIMEOUTS=1 -DBUSY=1
	holds sleep_group_long sleep -DSHARED -DCONSUMERS=2 -DRECORDS=3 -DKILLS=1 -DTIMEOUTS=1 -DBUSY=1
	holds sleep_members_long sleep $three -DKILLS=1 -DBUSY=1 -DRECORDS=2
	holds sleep_group_room_long sleep -DSHARED -DCONSUMERS=2 -DRECORDS=2 -DCAPACITY=1 -DKILLS=1
	holds events_poller_long events -DPOLLER -DRINGS=2 -DRECORDS=3 -DKILLS=1 -DTIMEOUTS=1
	holds events_helper_long events -DHELPER -DRINGS=2 -DRECORDS=1 -DKILLS=1 -DTIMEOUTS=1
	work_off
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
# With a floor that goes further than needed.
# shellcheck disable=SC2086
{
	holds gate_further gate -DFURTHER -DKILLS=0 -DACTIONS=2 $alone
	holds gate_further_kills gate -DFURTHER -DKILLS=1 -DACTIONS=1 $alone
	for mutant in NO_FENCE_BY_PRODUCER WANT_KEPT; do
		point fails "gate_further:$mutant" gate -D$mutant -DFURTHER -DKILLS=0 -DACTIONS=2 $alone
	done
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
large group group -DKILLS=2 -DTOTAL=4 -DCOMES_BACK_LATE
large group_at_once group -DKILLS=1 -DTOTAL=3
large group_succession group -DKILLS=1 -DTOTAL=3 -DSUCCESSORS=1 -DCOMES_BACK_LATE
for mutant in HOLD_AFTER_CAS END_AFTER_CAS NO_COMPARISON PART_STAYS_HELD CLEARS_BEFORE_THE_WORK HOLDS_BEFORE_TAIL \
	NO_FENCE_BY_PRODUCER PRODUCER_CLEARS_THE_DEAD TAKES_OVER_WITHOUT_JOINING NO_FENCE_BY_TAKER \
	TAKES_OVER_WHATEVER_IS_WANTED COPIES_TO_ITS_OWN_LINE CLEARS_BEFORE_DELIVERING ENTERS_WITHOUT_JOINING \
	LINES_BEFORE_TAIL; do
	fails group $mutant -DKILLS=1 -DTOTAL=3
done

# Names.
holds names names
for mutant in NO_LOCK_BY_MAKER DATA_FIRST NO_LOCK_BY_REMOVER NAMES_NOT_LOOKED_AT_AGAIN CONTROL_FIRST \
	COLLECTOR_DOES_NOT_LOOK_AGAIN; do
	fails names $mutant -DKILLS=1
done

# Sleeping: a consumer and a producer that wakes it; a producer that waits for room; groups.
holds sleep sleep -DTIMEOUTS=1
holds sleep_kills sleep -DPRODUCER_KILLS=1 -DSUCCESSORS=1
holds sleep_membarrier sleep -DMEMBARRIER
for mutant in NO_FENCE_BY_PRODUCER NO_FENCE_BY_SLEEPER BELL_AFTER_WAKE BIT_CLEARED_AFTER_BELL BELL_READ_AFTER_BIT \
	NO_SECOND_LOOK NO_LOOK_AT_STREAM NO_FENCE_AT_THE_END; do
	fails sleep $mutant
done
room='-DCAPACITY=1 -DRECORDS=2 -DBUSY=1'
# shellcheck disable=SC2086
{
	holds sleep_room sleep $room -DTIMEOUTS=1 -DLEAVERS=1
	holds sleep_room_kills sleep $room -DKILLS=1
	holds sleep_room_two sleep -DCAPACITY=1 -DRECORDS=2 -DCONSUMERS=2
	holds sleep_group_room sleep $room -DSHARED -DCONSUMERS=2
	for mutant in NO_ROOM_FENCE_BY_PRODUCER NO_ROOM_FENCE_BY_CONSUMER ROOM_BELL_AFTER_TAILS ROOM_BELL_AFTER_WAKE \
		NO_LOOK_AFTER_NEED; do
		fails sleep $mutant $room
	done
	fails sleep LEAVES_SILENTLY -DCAPACITY=1 -DRECORDS=2 -DLEAVERS=1
	fails sleep NO_LOOK_AFTER_LOST_CLAIM $room -DSHARED -DCONSUMERS=2

	holds sleep_group sleep -DSHARED -DCONSUMERS=2 -DKILLS=1
	holds sleep_group_busy sleep -DSHARED -DCONSUMERS=2 -DASLEEP -DRECORDS=1 -DBUSY=1 -DTIMEOUTS=1
	holds sleep_members sleep $three -DRECORDS=1 -DKILLS=1
	fails sleep ONE_WAKE $three -DRECORDS=1 -DKILLS=1
	fails sleep TWO_AT_THE_END $three -DRECORDS=1
	fails sleep BITS_AT_THE_END $three -DRECORDS=1
	fails sleep NOT_PASSED_ON $three -DKILLS=1 -DBUSY=1
	fails sleep WOKEN_SETS_NO_BIT $three -DRECORDS=3 -DBUSY=2
}
fails sleep MEMBER_CLEARS_BIT -DSHARED -DCONSUMERS=2 -DASLEEP -DRECORDS=1 -DBUSY=1 -DTIMEOUTS=1

# Many rings at once, and eventfds.
holds events_poller events -DPOLLER -DRINGS=2
holds events_poller_kills events -DPOLLER -DKILLS=1 -DTIMEOUTS=1
holds events_helper events -DHELPER -DKILLS=1 -DTIMEOUTS=1
for mutant in NO_FENCE_BY_PRODUCER NO_FENCE_BY_READER NO_SECOND_LOOK BELL_AFTER_WAKE BIT_CLEARED_AFTER_BELL; do
	fails events $mutant -DPOLLER
	fails events $mutant -DHELPER
done
fails events BELL_READ_AFTER_BIT -DPOLLER
fails events BELL_READ_AFTER_LOOK -DPOLLER
fails events LOOKS_AT_THE_LAST -DPOLLER -DRINGS=2 -DRECORDS=1
for mutant in ARMED_AFTER_BIT RELAXED_BIT RESETS_AFTER_READING SEEN_AFTER_FIRING; do
	fails events $mutant -DHELPER
done
fails events HELPER_WAITS_FOR_EVER -DHELPER -DKILLS=1

work_off
echo "figure model_mutants_caught $mutants"
tap_done
