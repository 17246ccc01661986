#!/bin/sh
# SPDX-License-Identifier: MIT
# Durable subscriptions: they outlive their process, and go on at the first record that was not released.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

seq 10 >ten
seq 100000 >many
mkfifo input

keep() { # OPTION...: a durable subscription named keeper
	"$shmtool" sub "$ring" --durable --as keeper "$@"
}

# ---- it stays ----

refused "--durable without a name" 2 "sub: --durable needs a name to come back to; give one with --as" \
	"$shmtool" sub "$ring" --durable
fresh
"$shmtool" pub "$ring" ten
accepted "the first process takes three" keep --count 3
check "which are the first" test "$(tr '\n' ' ' <out)" = "1 2 3 "
check "the subscription stays" subscribed 1
check "nobody has it open" subscription_is keeper state absent
check "and it is durable" subscription_is keeper durable true
accepted "the next takes two, whatever --from says" keep --count 2 --from newest
check "which are the next" test "$(tr '\n' ' ' <out)" = "4 5 "
accepted "the last takes the rest" keep
check "up to the end" test "$(tr '\n' ' ' <out)" = "6 7 8 9 10 "
accepted "then there is nothing" keep
check "nothing at all" test ! -s out

# ---- in use ----

start keeper /dev/null "$shmtool" sub "$ring" --durable --as keeper --follow
keeper=$pid
await asleep 1
refused "it cannot be opened twice" 1 "$ring: that subscription is in use" keep
refused "nor ended while it is open" 1 "$ring: a process has that subscription open; end it first" \
	"$shmtool" unsubscribe "$ring" keeper
kill "$keeper"
ended "$keeper"
check "a signal ends its process" test "$status" -eq 143
check "but not the subscription" subscription_is keeper state absent

# ---- another policy ----

other="$ring: the durable subscription of that name has another policy or deadline; .*unsubscribe"
refused "with a deadline" 1 "$other" keep --deadline 5ms
refused "lossy" 1 "$other" keep --lossy
refused "no longer durable" 1 "$other" "$shmtool" sub "$ring" --as keeper
accepted "it ends with unsubscribe" "$shmtool" unsubscribe "$ring" keeper
check "then it is gone" subscribed 0
refused "and cannot be ended again" 1 "$ring: there is no subscription of that name" \
	"$shmtool" unsubscribe "$ring" keeper
accepted "the name is free" keep --deadline 5ms --count 1
refused "another deadline" 1 "$other" keep --deadline 6ms
accepted "the same one, said differently" keep --deadline 5000us --count 1
check "goes on" test "$(cat out)" = 2
"$shmtool" unsubscribe "$ring" keeper

# ---- left alone, it holds the producer back, and stat says so ----

fresh --capacity 64K
"$shmtool" pub "$ring" ten
accepted "a durable subscription" keep --count 1
start pub many "$shmtool" pub "$ring"
pub=$pid
check "the producer waits for it" await producer_waits_for keeper
accepted "stat" "$shmtool" stat --interval 0 "$ring"
check "stat tells how far it is behind" says '^ +lag [0-9]+ records, [0-9.]+ KiB, [0-9.]+ (ms|s|min); no process has it open:$' \
	'resume it with shmtool sub, or end it with shmtool unsubscribe$' '^keeper +reliable absent +[0-9]+ +[0-9]+ +[0-9]' \
	'^keeper +none +20[0-9-]+ [0-9:]{8} +yes +-$'
check "stat fits 80 columns" fits_80_columns out
"$shmtool" stat --json --interval 0 "$ring" | tr -d ' \n' >json
check "stat --json names it as well" grep -q '"waits":true,"waits_for":\["keeper"\]' json
check "and says that it blocks" subscription_is keeper blocking true
accepted "unsubscribe" "$shmtool" unsubscribe "$ring" keeper
check "frees the producer" ends_with 0 "$pub"
check "which publishes everything" published 100010
check "and waits for nobody" test "$(field waits)" != true

# ---- killed again and again: every line once, or again where it was not released ----

released() { # the number of lines of the file many that have been released
	subscription keeper sequence
}

# What a killed process wrote, up to its last whole line, goes on where the one before had released.
follows() { # FILE RELEASED-BEFORE RELEASED-AFTER
	head -n "$(wc -l <"$1")" "$1" >whole
	tail -n "+$(($2 + 1))" many | head -n "$(wc -l <whole)" | cmp - whole || return
	[ $(($2 + $(wc -l <whole))) -ge "$3" ] || {
		echo "line $3 was released, and not written"
		return 1
	}
}

seq 1000000 >many
stuck "$shmtool" sub "$ring" --durable --as keeper
await producer_waits_for keeper
kill -9 "$reader"
ended "$reader" 2>/dev/null
check "killed as it writes: the producer still waits" await producer_waits_for keeper
check "stat says who it was" subscription_is keeper pid "$reader"
check "and that it is dead" subscription_is keeper liveness dead
now=$(released)
{ echo "$first"; cat <&4; } >part
exec 4<&-
check "killed as it writes: what it wrote is right" follows part 0 "$now"
has_written_or_ended() {
	[ -s part.out ] || ! kill -0 "$keeper"
}

for round in 1 2 3 4 5; do
	rm -f part.out
	start part /dev/null "$shmtool" sub "$ring" --durable --as keeper
	keeper=$pid
	await has_written_or_ended
	kill -9 "$keeper" 2>/dev/null
	ended "$keeper" 2>/dev/null
	before=$now
	now=$(released)
	check "kill $round: it went on at the first line that was not released" follows part.out "$before" "$now"
done
accepted "the last one gets to the end" keep
tail -n "+$((now + 1))" many >expected
check "with all that had not been released" cmp expected out
check "the producer was held back, and is done" ends_with 0 "$pub"
"$shmtool" unsubscribe "$ring" keeper

# ---- what a LOSSY one lost meanwhile ----

fresh --capacity 64K
head -n 5 many | "$shmtool" pub "$ring"
accepted "a durable LOSSY one" keep --lossy --count 3
tail -n +6 many | "$shmtool" pub "$ring"
run keep --lossy
lost=$(lost_according_to err)
check "does not hold the producer back, and knows exactly what it lost" test $((3 + ${lost:-0} + $(wc -l <out))) -eq 1000000
tail -n "$(wc -l <out)" many >expected
check "and has the rest" cmp expected out
check "which is no failure" test "$status" -eq 0

finish
