#!/bin/sh
# SPDX-License-Identifier: MIT
# evict: frees the producer of any subscription, with or without a producer.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

seq 10 >ten
seq 100000 >many
mkfifo input

# ---- what cannot be evicted ----

refused "evict without a subscription" 2 "evict: the name of a subscription is missing" "$shmtool" evict "$ring"
refused "unsubscribe without a subscription" 2 "unsubscribe: the name of a subscription is missing" \
	"$shmtool" unsubscribe "$ring"
for command in evict unsubscribe; do
	refused "$command with three names" 2 "'c' is one argument too many" "$shmtool" "$command" a b c
	refused "$command of a missing ring" 1 "$ring: there is no such ring; see shmtool ls" \
		"$shmtool" "$command" "$ring" reader
	refused "$command with a bad ring name" 1 "cannot be a ring's name" "$shmtool" "$command" a/b reader
	fresh
	refused "$command of a missing subscription" 1 "$ring: there is no subscription of that name; see shmtool stat" \
		"$shmtool" "$command" "$ring" reader
	refused "$command with a bad name" 1 "$ring: that cannot be a subscription's name" \
		"$shmtool" "$command" "$ring" a/b
	"$shmtool" rm "$ring"
	echo "no ring" >"/dev/shm/$ring"
	refused "$command of a file that is no ring" 1 "$ring: .*is not a ring" "$shmtool" "$command" "$ring" reader
	rm "/dev/shm/$ring"
done

# ---- with a producer that waits ----

fresh --capacity 64K
start slow /dev/null "$shmtool" sub "$ring" --as slow
slow=$pid
await asleep 1
kill -STOP "$slow"
start pub many "$shmtool" pub "$ring"
pub=$pid
check "the producer waits for one that is stopped" await producer_waits_for slow
accepted "stat" "$shmtool" stat --interval 0 "$ring"
check "stat tells how far it is behind" says '^ +lag [0-9]+ records, [0-9.]+ KiB, [0-9.]+ (ms|s|min)$'
accepted "it is evicted" "$shmtool" evict "$ring" slow
check "the producer goes on" ends_with 0 "$pub"
check "stat says that it was evicted" subscription_is slow state evicted
refused "one that a process has open cannot be ended" 1 "a process has that subscription open" \
	"$shmtool" unsubscribe "$ring" slow
kill -CONT "$slow"
check "it is told, and goes on to the end" ends_with 3 "$slow"
evicted=$(sed -n 's/.*: evicted, and \([0-9]*\) records lost; .*/\1/p' slow.err)
lost=$(lost_according_to slow.err)
check "it says exactly how many were lost" test $((${evicted:-0} + $(wc -l <slow.out))) -eq 100000
check "and says it again in the end" test "${lost:-0}" -eq "${evicted:-1}"
tail -n "$(wc -l <slow.out)" many >expected
check "what is left is all there" cmp expected slow.out

# ---- as it writes: what was written and not released is not written again ----

stuck "$shmtool" sub "$ring" --as stuck
await producer_waits_for stuck
# Else it might join again before its output is stuck.
kill -STOP "$reader"
accepted "one that is stuck is evicted" "$shmtool" evict "$ring" stuck
check "the producer goes on" ends_with 0 "$pub"
kill -CONT "$reader"
{ echo "$first"; cat <&4; } >out
exec 4<&-
ended "$reader"
lost=$(lost_according_to stuck.err)
check "records are missing" test "$status" -eq 3
check "exactly so many as it says" test $((${lost:-0} + $(wc -l <out))) -eq 100000
check "no line is torn, doubled or out of order" all_in_order out

# ---- again and again, wherever it is: what it has written is not written again, nor is what it has dropped missing ----

fresh --capacity 64K
start busy /dev/null "$shmtool" sub "$ring" --as busy
busy=$pid
await asleep 1
start pub input "$shmtool" pub "$ring"
pub=$pid
# Without end, but for the producer's.
seq 1000000000 >input 2>/dev/null &
started="$started $!"
await has_line 1 busy.out
evictions=0
while [ "$evictions" -lt 20 ] && "$shmtool" evict "$ring" busy; do
	evictions=$((evictions + 1))
done
check "it is evicted again and again" test "$evictions" -eq 20
kill "$pub"
ended "$pub"
ended "$busy"
total=$(next_sequence)
lost=$(lost_according_to busy.err)
check "the status tells whether records are missing" test "$status" -eq $((${lost:-0} > 0 ? 3 : 0))
check "exactly so many as it says" test $((${lost:-0} + $(wc -l <busy.out))) -eq "$total"
check "no line is torn, doubled or out of order" all_in_order busy.out

# ---- without a producer ----

fresh --capacity 64K
"$shmtool" pub "$ring" ten
accepted "a durable subscription" "$shmtool" sub "$ring" --as keeper --durable --count 4
accepted "is evicted without a producer" "$shmtool" evict "$ring" keeper
check "stat says so" subscription_is keeper state evicted
accepted "and again" "$shmtool" evict "$ring" keeper
accepted "with nothing overwritten, it goes on" "$shmtool" sub "$ring" --as keeper --durable
check "and has lost nothing" test "$(tr '\n' ' ' <out)" = "5 6 7 8 9 10 "
check "it is evicted no longer" subscription_is keeper evicted false
"$shmtool" evict "$ring" keeper
start pub many "$shmtool" pub "$ring"
check "once evicted, it does not hold back the next producer" ends_with 0 "$pid"
run "$shmtool" sub "$ring" --as keeper --durable
lost=$(lost_according_to err)
check "which is told exactly what was lost" test $((${lost:-0} + $(wc -l <out))) -eq 100000
check "records are missing" test "$status" -eq 3
accepted "one that is evicted can be ended" sh -c '"$1" evict "$2" keeper && "$1" unsubscribe "$2" keeper' sh \
	"$shmtool" "$ring"
check "then it is gone" subscribed 0

fresh
start quiet /dev/null "$shmtool" sub "$ring" --as quiet
quiet=$pid
await asleep 1
accepted "one that waits before there is a producer is evicted" "$shmtool" evict "$ring" quiet
evicted_and_back() {
	grep -q 'evicted, and 0 records lost' quiet.err && subscription_is quiet evicted false
}
check "it notices, and joins again" await evicted_and_back
"$shmtool" pub "$ring" ten
check "with nothing lost" ends_with 0 "$quiet"
check "and all lines" cmp ten quiet.out

start lossy /dev/null "$shmtool" sub "$ring" --as lossy --lossy --follow --count 20
lossy=$pid
await asleep 1
accepted "a LOSSY one can be evicted too" "$shmtool" evict "$ring" lossy
"$shmtool" pub "$ring" ten
check "goes on" ends_with 0 "$lossy"
cat ten ten >expected
check "and has all lines" cmp expected lossy.out

finish
