# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # what seems unused is for the scripts
# For tests of shmtool: source this first, use $prefix in every ring's name, and end with finish.
#
# Everything happens in a temporary directory; whatever is started with `start` is ended, and every ring that begins
# with $prefix removed, however the script ends.

# Something that hangs is a failure as well. The limit is far beyond what any of the scripts takes.
[ -n "${SHMRING_CLI_TIMED-}" ] || exec env SHMRING_CLI_TIMED=1 timeout -k 10 150 sh "$0" "$@"

tests=$(cd "$(dirname "$0")/.." && pwd) || exit 1
# shellcheck source=tests/support/tap.sh
. "$tests/support/tap.sh"

shmtool=${SHMTOOL:-${top_builddir:-$tests/..}/tools/shmtool/shmtool}
[ -x "$shmtool" ] || {
	echo "Bail out! there is no shmtool at $shmtool; set SHMTOOL"
	exit 1
}
prefix=cli-$(basename "$0" .sh)-$$
ring=$prefix-ring
built=${top_builddir:-$tests/..}/tests/cli # what is made from C
work=$(mktemp -d) || exit 1
started=

left_behind() {
	find /dev/shm -name "*$prefix*"
}

clean_up() {
	for pid in $started; do
		kill -9 "$pid"
	done 2>/dev/null
	wait
	left_behind | while read -r file; do
		rm -f "$file"
	done
	chmod -R u+rwx "$work"
	rm -rf "$work"
} 2>/dev/null

trap clean_up EXIT
trap 'exit 1' HUP INT PIPE TERM
cd "$work" || exit 1

# ---- running ----

run() { # COMMAND...: its exit status in $status, its output in the files out and err
	"$@" >out 2>err
	status=$?
}

# In the background; its process in $pid, its output in the files NAME.out (which may be a FIFO already) and NAME.err.
start() { # NAME INPUT COMMAND...
	start_name=$1 start_input=$2
	shift 2
	rm -f "$start_name.err"
	# Without the descriptors that the scripts keep a FIFO open with.
	"$@" <"$start_input" >"$start_name.out" 2>"$start_name.err" 3>&- 4<&- &
	pid=$!
	started="$started $pid"
}

ended() { # PID: waits for it; its exit status in $status
	wait "$1"
	status=$?
}

# Waits for something to become true. The limit only bounds a failing test.
await() { # COMMAND...
	await_left=1000
	until "$@" >/dev/null 2>&1; do
		await_left=$((await_left - 1))
		[ "$await_left" -gt 0 ] || {
			echo "# waited in vain for: $*"
			return 1
		}
		sleep 0.02
	done
}

fresh() { # [OPTION...]: a new ring in the place of the old one
	"$shmtool" rm "$ring" 2>/dev/null
	"$shmtool" create "$ring" "$@"
}

ends_with() { # STATUS PID: what was started ends so
	ended "$2"
	[ "$status" -eq "$1" ] || {
		echo "status $status instead of $1"
		return 1
	}
}

# Starts a reader of numbers whose output gets stuck, and a producer that has much more for it (the file many) than fits
# in between, in a new ring. The reader is $reader, its output file descriptor 4, with the first line in $first; the
# producer is $pub. Make the FIFO input before.
stuck() { # COMMAND...
	fresh --capacity 64K
	rm -f stuck.out
	mkfifo stuck.out
	start stuck /dev/null "$@"
	reader=$pid
	exec 4<stuck.out
	start pub input "$shmtool" pub "$ring"
	pub=$pid
	exec 3>input
	# Once the first line is through, both are there.
	echo 1 >&3
	read -r first <&4
	tail -n +2 many >&3 3>&- 4<&- &
	started="$started $!"
	exec 3>&-
}

# From now on as_other runs shmtool as another user. If that cannot be, why not is in $why.
other_user() {
	why="only root can become another user"
	[ "$(id -u)" -eq 0 ] || return
	why="there is no setpriv"
	command -v setpriv >/dev/null || return
	# A copy that another user can reach, with the library, and without the wrapper that libtool may have made.
	chmod 755 "$work"
	mkdir tool
	other_built=$(dirname "$shmtool")
	[ ! -x "$other_built/.libs/shmtool" ] || other_built=$other_built/.libs
	cp "$other_built/shmtool" tool/
	cp "$(dirname "$shmtool")"/../../lib/.libs/libshmring.so* tool/ 2>/dev/null
	chmod 755 tool tool/*
	why="cannot run shmtool as another user"
	as_other --version >/dev/null 2>&1
}

as_other() { # COMMAND...: as nobody
	setpriv --reuid=nobody --regid=nogroup --clear-groups env "LD_LIBRARY_PATH=$work/tool" "$work/tool/shmtool" "$@"
}

# ---- looking ----

# Takes a number, or word, out of what stat says in JSON; the first of that name.
field() { # KEY [RING]
	"$shmtool" stat --json --interval 0 "${2:-$ring}" | sed -n "s/^ *\"$1\": \"\\{0,1\\}\\([^\",]*\\).*/\\1/p" | sed -n 1p
}

field_is() { # KEY VALUE [RING]
	[ "$(field "$1" "${3:-$ring}")" = "$2" ]
}

# The sequence number of the next record to be published.
next_sequence() {
	"$shmtool" stat --json --interval 0 "$ring" | sed -n '/"next"/,/}/s/^ *"sequence": \([0-9]*\).*/\1/p'
}

published() { # NUMBER
	[ "$(next_sequence)" -eq "$1" ]
}

has_line() { # LINE FILE
	grep -qx -e "$1" "$2"
}

subscribed() { # NUMBER: of subscriptions there are
	[ "$("$shmtool" stat --json --interval 0 "$ring" | grep -c '"policy"')" -eq "$1" ]
}

asleep() { # NUMBER: of subscriptions that sleep
	[ "$("$shmtool" stat --json --interval 0 "$ring" | grep -c '"state": "asleep"')" -eq "$1" ]
}

lag_reaches() { # BYTES
	lag=$(field lag_bytes)
	[ "${lag:-0}" -ge "$1" ]
}

# What stat says in JSON of one subscription.
subscription() { # NAME KEY
	"$shmtool" stat --json --interval 0 "$ring" | awk -v name="\"$1\"," -v key="\"$2\":" '
		$1 == "\"subscriptions\":" { listed = 1 }
		listed && $1 == "\"name\":" { found = ($2 == name) }
		found && $1 == key { gsub(/[",]/, "", $2); print $2; exit }'
}

subscription_is() { # NAME KEY VALUE
	[ "$(subscription "$1" "$2")" = "$3" ]
}

producer_waits_for() { # SUBSCRIPTION
	"$shmtool" stat --interval 0 "$ring" | grep -qx "the producer waits for: $1"
}

# ---- judging ----

says() { # PATTERN...: each is in the file out
	for pattern; do
		grep -Eq -e "$pattern" out || {
			echo "no line matches: $pattern"
			cat out err
			return 1
		}
	done
}

fits_80_columns() { # FILE
	! grep -nE '^.{81}' "$1"
}

lost_according_to() { # FILE: the total in the messages of a reader
	sed -n 's/.*: \([0-9]*\) records lost so far;.*/\1/p' "$1" | tail -n 1
}

all_in_order() { # FILE: of numbers
	awk '$1 + 0 <= last { exit 1 } { last = $1 }' "$1"
}

check() { # NAME COMMAND...: like tap_check, but in this shell
	check_name=$1
	shift
	if "$@" >said 2>&1; then
		tap_ok "$check_name"
	else
		tap_fail "$check_name" "$(cat said)"
	fi
}

# The last run ended with this status, said nothing but one line, and that in the form of shmtool's errors.
failed_with() { # STATUS PATTERN
	[ "$status" -eq "$1" ] || {
		echo "status $status instead of $1"
		cat err
		return 1
	}
	[ "$(wc -l <err)" -eq 1 ] || {
		echo "not one line:"
		cat err
		return 1
	}
	grep -Eq '^shmtool: .+; .+$' err && grep -Eq -e "$2" err || {
		echo "this is not in the form 'shmtool: NAME: what; what to do', or does not match '$2':"
		cat err
		return 1
	}
}

succeeded() { # the last run did, silently
	[ "$status" -eq 0 ] && [ ! -s err ] || {
		echo "status $status"
		cat err
		return 1
	}
}

refused() { # NAME STATUS PATTERN COMMAND...
	refused_name=$1 refused_status=$2 refused_pattern=$3
	shift 3
	run "$@"
	check "$refused_name" failed_with "$refused_status" "$refused_pattern"
}

accepted() { # NAME COMMAND...
	accepted_name=$1
	shift
	run "$@"
	check "$accepted_name" succeeded
}

list() { # NAME COMMAND...: runs ls, and puts a name that it gave a line to itself in front of the rest again
	accepted "$@"
	sed '/^[^ /]*$/{
N
s/\n//
}' out >joined
	mv joined out
}

nothing_left() {
	left=$(left_behind)
	[ -z "$left" ] || {
		echo "$left"
		return 1
	}
}

finish() {
	"$shmtool" rm "$ring" 2>/dev/null
	check "nothing is left in /dev/shm" nothing_left
	tap_done
}
