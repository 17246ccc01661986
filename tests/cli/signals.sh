#!/bin/sh
# SPDX-License-Identifier: MIT
# SIGINT and SIGTERM, wherever the command is waiting: a clean end with status 128 + signal, and nothing said.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkfifo input
seq 10 >ten
seq 100000 >many

stopped() { # NAME SIGNAL STATUS PID START-NAME: the signal ends it
	kill "-$2" "$4"
	ended "$4"
	check "$1: SIG$2 ends it with status $3" test "$status" -eq "$3"
	check "$1: and it says nothing" test ! -s "$5.err"
}

catches_signals() { # PID: whether it has set all its handlers
	caught=$(sed -n 's/^SigCgt:\t//p' "/proc/$1/status")
	# Bits 1, 13 and 14: SIGINT, SIGALRM and SIGTERM. Without SIGALRM it is still the shell, about to become shmtool.
	[ $((0x$caught & 0x6002)) -eq $((0x6002)) ]
}

for signal in INT:130 TERM:143; do
	number=${signal#*:}
	signal=${signal%:*}

	# pub, waiting for input
	fresh
	start sub /dev/null "$shmtool" sub "$ring"
	sub=$pid
	start pub input "$shmtool" pub "$ring"
	pub=$pid
	exec 3>input
	printf 'one\ntwo' >&3
	await has_line one sub.out
	stopped "pub at its input" "$signal" "$number" "$pub" pub
	check "pub at its input: has closed cleanly" ends_with 0 "$sub"
	check "pub at its input: only whole lines are published" test "$(cat sub.out)" = one
	check "pub at its input: the ring stays" field_is state closed
	exec 3>&-

	# pub, waiting for room
	fresh --capacity 64K
	start sub /dev/null "$shmtool" sub "$ring"
	sub=$pid
	await asleep 1
	kill -STOP "$sub"
	start pub many "$shmtool" pub "$ring"
	pub=$pid
	await lag_reaches 40000
	stopped "pub without room" "$signal" "$number" "$pub" pub
	kill -CONT "$sub"
	check "pub without room: has closed cleanly" ends_with 0 "$sub"
	head -n "$(wc -l <sub.out)" many >expected
	check "pub without room: what it published is whole" cmp expected sub.out

	# pub, waiting for subscriptions
	fresh
	start pub ten "$shmtool" pub "$ring" --wait-for 1
	await field_is epoch 1
	stopped "pub --wait-for" "$signal" "$number" "$pid" pub
	check "pub --wait-for: has closed cleanly" field_is state closed

	# sub and tail, waiting for records
	fresh
	start sub /dev/null "$shmtool" sub "$ring"
	await asleep 1
	stopped "sub at rest" "$signal" "$number" "$pid" sub
	check "sub at rest: has left its subscription" subscribed 0
	start tail /dev/null "$shmtool" tail "$ring"
	await catches_signals "$pid"
	stopped "tail at rest" "$signal" "$number" "$pid" tail
	"$shmtool" pub "$ring" ten
	start sub /dev/null "$shmtool" sub --follow "$ring"
	await asleep 1
	stopped "sub --follow" "$signal" "$number" "$pid" sub
	check "sub --follow: had all lines" cmp ten sub.out

	# sub, its output stuck
	fresh --capacity 64K
	rm -f stuck.out
	mkfifo stuck.out
	start stuck /dev/null "$shmtool" sub "$ring"
	sub=$pid
	exec 4<stuck.out
	start pub many "$shmtool" pub "$ring" --wait-for 1
	pub=$pid
	await lag_reaches 40000
	stopped "sub at its output" "$signal" "$number" "$sub" stuck
	check "sub at its output: the producer goes on" ends_with 0 "$pub"
	check "sub at its output: has left its subscription" subscribed 0
	cat <&4 >out
	exec 4<&-
	head -n "$(wc -l <out)" many | cmp -n "$(wc -c <out)" out - >said 2>&1
	head -c "$(wc -c <out)" many >expected
	check "sub at its output: what it wrote is right" cmp expected out

	# all that can wait for a ring
	"$shmtool" rm "$ring"
	for command in pub sub tail stat; do
		start "$command" /dev/null "$shmtool" "$command" --wait "$ring"
		await catches_signals "$pid"
		stopped "$command --wait" "$signal" "$number" "$pid" "$command"
	done
	fresh
	start stat /dev/null "$shmtool" stat --interval 100 "$ring"
	await catches_signals "$pid"
	stopped "stat --interval" "$signal" "$number" "$pid" stat
done

finish
