#!/bin/sh
# SPDX-License-Identifier: MIT
# The demo tells right from wrong, and leaves nothing in /dev/shm however it ends.
# shellcheck source=tests/support/tap.sh
. "${top_srcdir:-.}/tests/support/tap.sh"
demo=${top_builddir:-.}/tools/demo/demo

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

run() { # ARGUMENT...: leaves $status and $output
	output=$("$demo" --quick "$@" 2>&1)
	status=$?
}

expect() { # NAME STATUS PATTERN...: what run left is this
	name=$1
	wanted=$2
	shift 2
	if [ "$status" -ne "$wanted" ]; then
		tap_fail "$name" "status $status, not $wanted
$output"
		return
	fi
	for pattern in "$@"; do
		if ! printf '%s\n' "$output" | grep -Eq -- "$pattern"; then
			tap_fail "$name" "no line matches $pattern
$output"
			return
		fi
	done
	tap_ok "$name"
}

digest() { # FILE
	sha256sum "$1" | cut -d' ' -f1
}

seq 300000 >"$work/file"
run "$work/file"
sum=$(digest "$work/file")
expect "a file" 0 "^  input +$sum$" "^  consumer a $sum$" "^  consumer b $sum$" '^figure demo_mismatches 0$' \
	"^figure demo_bytes $(wc -c <"$work/file")$" '^figure demo_ring_over_pipes ' '^figure demo_ring_p999_us '
wide=$(printf '%s\n' "$output" | grep -v "$work" | awk 'length > 80')
if [ -z "$wide" ]; then
	tap_ok "no line is wider than 80 columns"
else
	tap_fail "no line is wider than 80 columns" "$wide"
fi

run --seed 7 - <"$work/file"
expect "standard input, a file" 0 "^  consumer a $sum$" '\(seed 7\)'
# shellcheck disable=SC2002 # a pipe is the point
output=$(cat "$work/file" | "$demo" --quick - 2>&1)
status=$?
expect "standard input, a pipe" 0 "^  consumer b $sum$"

: >"$work/empty"
run "$work/empty"
expect "an empty file" 0 "^  consumer a $(digest "$work/empty")$" '^figure demo_records 0$'
printf x >"$work/one"
run "$work/one"
expect "a single byte" 0 "^  consumer a $(digest "$work/one")$" '^figure demo_records 1$'

run --corrupt "$work/file"
expect "a bit that flips on the way is found" 1 '^  MISMATCH +consumer a: another SHA-256' '^figure demo_mismatches 1$'
if printf '%s\n' "$output" | grep -q 'MISMATCH *\(consumer b\|observer\)'; then
	tap_fail "and only there" "$output"
else
	tap_ok "and only there"
fi

run "$work/missing"
expect "a missing file" 1 "^demo: $work/missing: No such file"
run "$work"
expect "a directory" 1 "^demo: $work: is a directory; "
run --seed many "$work/file"
expect "usage: a seed that is no number" 2 "^demo: --seed: "
run "$work/file" "$work/file"
expect "usage: two files" 2 "^demo: one FILE"

left_behind() { # PID
	find /dev/shm -name "*shmring-demo-$1*"
}

# By the shell alone: on a busy machine two programs for each process would take longer than the demo lives.
child_named() { # PID NAME
	for child in /proc/[0-9]*; do
		if read -r line <"$child/stat"; then
			case $line in
			*" ($2) "?" $1 "*) echo "${child#/proc/}" ;;
			esac
		fi
	done 2>/dev/null
}

# Starts the demo and comes back when it is in its last phase, which takes seconds; leaves $pid.
start_until_paced() {
	: >"$work/log"
	"$demo" "$work/file" >>"$work/log" 2>&1 &
	pid=$!
	until grep -q '^  paced' "$work/log"; do
		kill -0 "$pid" 2>/dev/null || return 1
	done
	[ -n "$(left_behind "$pid")" ]
}

ends() { # NAME STATUS PATTERN: how the demo that was started ends
	wait "$pid"
	status=$?
	output=$(cat "$work/log")
	expect "$1" "$2" "$3"
}

gone() { # NAME: its janitor is the last to go
	tries=0
	while [ -n "$(left_behind "$pid")" ] && [ "$tries" -lt 10000 ]; do
		tries=$((tries + 1))
	done
	left=$(left_behind "$pid")
	if [ -z "$left" ]; then
		tap_ok "$1"
	else
		tap_fail "$1" "$left"
	fi
}

if start_until_paced; then
	kill -KILL "$(child_named "$pid" 'demo consumer b')"
	ends "a consumer that dies is reported" 1 '^demo: consumer b was ended by signal 9'
	gone "and the ring is removed"
else
	tap_fail "a consumer that dies is reported" "$(cat "$work/log")"
fi
for each in INT:130 TERM:143 HUP:129; do
	signal=${each%:*}
	if start_until_paced; then
		kill -s "$signal" "$pid"
		ends "SIG$signal ends it" "${each#*:}" '^shmring'
		gone "and the ring is removed after SIG$signal"
	else
		tap_fail "SIG$signal ends it" "$(cat "$work/log")"
	fi
done
if start_until_paced; then
	kill -s KILL "$pid"
	wait "$pid" 2>/dev/null
	gone "the ring is removed even after SIGKILL"
else
	tap_fail "the ring is removed even after SIGKILL" "$(cat "$work/log")"
fi
tap_done
