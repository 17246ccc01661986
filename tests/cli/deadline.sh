#!/bin/sh
# SPDX-License-Identifier: MIT
# Deadlines: who keeps the producer waiting for longer is evicted, told exactly what was lost, and goes on.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

seq 10 >ten
seq 100000 >many
mkfifo input

# ---- arguments ----

for time in 0 0ms '' 5x ms -5ms 5msx '5 ms' 99999999999999999999s 300000000h; do
	refused "--deadline '$time'" 2 "--deadline takes a time, like 5ms or 1s" \
		"$shmtool" sub "$ring" --deadline "$time"
done
refused "--deadline with --lossy" 2 "--deadline and --lossy do not go together" \
	"$shmtool" sub "$ring" --lossy --deadline 5ms
for time in 5=5s 0.25s=250ms 1.5ms=1500us 90s=90s 120s=2min 2h=2h 7ns=7ns 0.0000015=1500ns 1000us=1ms; do
	fresh
	"$shmtool" sub "$ring" --as timed --durable --deadline "${time%=*}" --from newest --count 1 &
	timed=$!
	started="$started $timed"
	await asleep 1
	"$shmtool" stat --interval 0 "$ring" >out
	check "--deadline ${time%=*} is ${time#*=}" says '^timed +deadline ' "^timed .* ${time#*=}\$"
	kill "$timed"
	wait "$timed"
done

# ---- one that is stopped ----

# What was said of losses and of an eviction is true, and the lines are the last ones of `many`.
exact() { # NAME FILE
	evicted=$(sed -n 's/.*: evicted, and \([0-9]*\) records lost; .*/\1/p' "$2.err")
	lost=$(lost_according_to "$2.err")
	check "$1: it says that it was evicted" test -n "$evicted"
	check "$1: and lost some" test "${evicted:-0}" -gt 0
	check "$1: it says exactly how many were lost" test $((${lost:-0} + $(wc -l <"$2.out"))) -eq 100000
	check "$1: no line is torn, doubled or out of order" all_in_order "$2.out"
}

fresh --capacity 64K
start slow /dev/null "$shmtool" sub "$ring" --as slow --deadline 5ms
slow=$pid
await asleep 1
check "stat --json has the deadline" subscription_is slow deadline_ns 5000000
kill -STOP "$slow"
start pub many "$shmtool" pub "$ring"
check "the producer goes on without one that is stopped" ends_with 0 "$pid"
check "and has published everything" published 100000
check "stat says that it was evicted" subscription_is slow state evicted
check "and that it is alive" subscription_is slow liveness alive
accepted "stat" "$shmtool" stat --interval 0 "$ring"
check "stat shows it" says '^slow +deadline evicted' "^slow +$slow alive +20[0-9-]+ [0-9:]{8} +no +5ms\$"
check "stat fits 80 columns" fits_80_columns out
kill -CONT "$slow"
check "once it goes on, it reads to the end; records are missing" ends_with 3 "$slow"
exact "stopped" slow
check "stopped: the number is that of the eviction" test "${evicted:-0}" -eq "${lost:-1}"
tail -n "$(wc -l <slow.out)" many >expected
check "stopped: what is left is all there" cmp expected slow.out
check "stopped: then it is gone" subscribed 0

# ---- one whose output is stuck ----

stuck "$shmtool" sub "$ring" --as stuck --deadline 5ms
check "the producer goes on without one that is stuck" ends_with 0 "$pub"
check "which was evicted" subscription_is stuck state evicted
{ echo "$first"; cat <&4; } >stuck.lines
exec 4<&-
ended "$reader"
check "stuck: records are missing" test "$status" -eq 3
rm stuck.out
mv stuck.lines stuck.out
exact "stuck" stuck

# ---- one that is stopped again and again, maybe in the middle of a long record ----

# Lines of one letter each: in a torn one there would be another.
for letter in a b c d e f g h; do
	head -c 1000000 /dev/zero | tr '\0' "$letter"
	echo
done >letters
fresh --capacity 4M
rm -f slow.out
mkfifo slow.out
tr -s a-z <slow.out >squeezed &
squeeze=$!
started="$started $squeeze"
start slow /dev/null "$shmtool" sub "$ring" --as slow --deadline 1ms
slow=$pid
await asleep 1
start pub input "$shmtool" pub "$ring"
pub=$pid
sh -c 'while cat letters; do :; done' >input 2>/dev/null &
started="$started $!"
round=0
while [ "$round" -lt 20 ]; do
	kill -STOP "$slow"
	await subscription_is slow state evicted || break
	kill -CONT "$slow"
	await subscription_is slow evicted false || break
	round=$((round + 1))
done
check "stopped 20 times: it was evicted, and came back" test "$round" -eq 20
kill "$pub"
ended "$pub"
ended "$slow"
check "stopped 20 times: records are missing" test "$status" -eq 3
total=$(next_sequence)
lost=$(lost_according_to slow.err)
wait "$squeeze"
check "stopped 20 times: it says exactly how many were lost" test $((${lost:-0} + $(wc -l <squeezed))) -eq "$total"
check "stopped 20 times: it wrote some" test -s squeezed
check "stopped 20 times: no line is torn" test "$(grep -cvx '[a-z]' squeezed)" -eq 0

# ---- one that keeps up ----

fresh --capacity 64K
start fast /dev/null "$shmtool" sub "$ring" --deadline 100s
fast=$pid
"$shmtool" pub "$ring" --wait-for 1 many
check "one that is not too slow has no loss" ends_with 0 "$fast"
check "and all lines" cmp many fast.out

# ---- durable ----

fresh --capacity 64K
"$shmtool" pub "$ring" ten
accepted "a durable one with a deadline" "$shmtool" sub "$ring" --as keeper --durable --deadline 5ms --count 3
start pub many "$shmtool" pub "$ring"
check "does not hold the producer back for good when left alone" ends_with 0 "$pid"
check "it was evicted" subscription_is keeper state evicted
run "$shmtool" sub "$ring" --as keeper --durable --deadline 5ms
lost=$(lost_according_to err)
check "the next process is told exactly what was lost" test $((3 + ${lost:-0} + $(wc -l <out))) -eq 100010
tail -n "$(wc -l <out)" many >expected
check "and has the rest" cmp expected out
check "records are missing" test "$status" -eq 3
check "it is no longer evicted" subscription_is keeper evicted false

finish
