#!/bin/sh
# SPDX-License-Identifier: MIT
# The progress bar: on a terminal, when the size is known, and only then.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

command -v script >/dev/null || tap_skip_all "there is no script(1) to make a terminal with"

seq 100000 >many
mkfifo input

# Standard error is a terminal here; what it shows comes in the file out, with its newlines as terminals have them.
on_terminal() { # SHELL-COMMAND
	SHMTOOL=$shmtool RING=$ring script -qec "$1" /dev/null </dev/null | tr -d '\r' >out
}
shows_bar() {
	grep -Eq '\[#+\] 100 %  575 KiB of 575 KiB  [0-9.]+ [KMG]?i?B/s' out || {
		cat -v out
		return 1
	}
}
shows_none() {
	[ ! -s out ] || {
		cat -v out
		return 1
	}
}

fresh
# shellcheck disable=SC2016
on_terminal '"$SHMTOOL" pub "$RING" many'
check "a bar for a file" shows_bar
check "that ends at 100 %" test "$(grep -c '100 %' out)" -ge 1
check "and no line is wider than the terminal" test "$(tr '\r' '\n' <out | sed 's/\x1b\[K//' | wc -L)" -le 80
# shellcheck disable=SC2016
on_terminal '"$SHMTOOL" pub "$RING" <many'
check "a bar for a file at standard input" shows_bar
{ cat many; head -c 1000000 /dev/zero; } >bad
# shellcheck disable=SC2016
on_terminal '"$SHMTOOL" pub "$RING" bad'
tail -n 1 out >last
check "an error comes below the bar" grep -q "^shmtool: $ring: bad: line 100001 is longer" last
# shellcheck disable=SC2016
on_terminal 'cat many | "$SHMTOOL" pub "$RING"'
check "none for a pipe" shows_none
# shellcheck disable=SC2016
on_terminal '"$SHMTOOL" pub "$RING" many 2>file'
check "none without a terminal" shows_none
check "nor in the file" test ! -s file

# bench, whose bar goes away in the end. It takes two processors.
if [ "$(nproc)" -ge 2 ]; then
	# shellcheck disable=SC2016
	on_terminal '"$SHMTOOL" bench --transports ring-spin,pipe --sizes 8,64 --rounds 2 --seconds 0.05 >table'
	check "a bar for bench" grep -Eq '\[#+ *\] +[0-9]+ %, [0-9]+ s left' out
	check "no line of it is wider than the terminal" \
		test "$(tr '[' '\n' <out | sed 's/\x1b$//; s/^K//' | wc -L)" -le 80
	check "it is gone in the end" test "$(tail -c 6 out | od -An -c | tr -d ' ')" = '033[K033[K'
	check "and the table is not" grep -q '^ring-spin' table
	"$shmtool" bench --transports pipe --sizes 8 --rounds 1 --seconds 0.05 >table 2>file
	check "none for bench without a terminal" test ! -s file
else
	tap_skip "the bar of bench" "fewer than two CPUs"
fi

finish
