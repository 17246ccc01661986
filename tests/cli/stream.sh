#!/bin/sh
# SPDX-License-Identifier: MIT
# Who starts first, who waits for whom, where reading starts, and what is lost.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

seq 10 >ten

# ---- both orders ----

fresh
start first /dev/null "$shmtool" sub "$ring"
sub=$pid
check "sub waits for a producer" await asleep 1
"$shmtool" pub "$ring" ten
check "and ends when that has closed" ends_with 0 "$sub"
check "with all lines" cmp ten first.out
accepted "sub of a stream that is closed already" "$shmtool" sub "$ring"
check "has all lines as well" cmp ten out
accepted "tail of a closed stream" "$shmtool" tail "$ring"
check "shows all lines" cmp ten out
check "the subscriptions are gone" subscribed 0

# ---- a ring that is not there ----

"$shmtool" rm "$ring"
for command in pub sub tail stat; do
	refused "$command of a missing ring fails at once" 1 "$ring: there is no such ring" \
		"$shmtool" "$command" "$ring" </dev/null
	refused "$command --wait=0.05 of a missing ring" 1 "$ring: no such ring came in time" \
		"$shmtool" "$command" "$ring" --wait=0.05 </dev/null
done
start sub /dev/null "$shmtool" sub --wait "$ring"
sub=$pid
start tail /dev/null "$shmtool" tail --wait=60 "$ring"
tail=$pid
start stat /dev/null "$shmtool" stat --wait --interval 0 "$ring"
stat=$pid
start pub /dev/null "$shmtool" pub --wait --wait-for 1 "$ring" ten
pub=$pid
refused "and another fails meanwhile" 1 "there is no such ring" "$shmtool" stat "$ring"
fresh
check "pub --wait gets its ring" ends_with 0 "$pub"
check "sub --wait" ends_with 0 "$sub"
check "sub --wait has all lines" cmp ten sub.out
check "tail --wait" ends_with 0 "$tail"
check "tail --wait has all lines" cmp ten tail.out
check "stat --wait" ends_with 0 "$stat"
check "stat --wait shows it" grep -q capacity stat.out

# ---- as it comes ----

fresh
mkfifo input
start pub input "$shmtool" pub "$ring"
pub=$pid
exec 3>input
start sub /dev/null "$shmtool" sub "$ring"
sub=$pid
start tail /dev/null "$shmtool" tail "$ring"
tail=$pid
printf 'one\ntw' >&3
check "a line appears as it is written" await has_line one sub.out
check "for tail too" await has_line one tail.out
printf 'o\n' >&3
check "one in two pieces is one" await has_line two sub.out
refused "a second producer is refused" 1 "$ring: it has a producer already" "$shmtool" pub "$ring" ten
printf 'three' >&3
exec 3>&-
check "pub ends with its input" ends_with 0 "$pub"
check "sub ends with pub" ends_with 0 "$sub"
check "tail ends with pub" ends_with 0 "$tail"
printf 'one\ntwo\nthree' >expected
check "sub has it all" cmp expected sub.out
check "tail has it all" cmp expected tail.out

# ---- names of subscriptions ----

fresh
start reader /dev/null "$shmtool" sub "$ring" --as reader
reader=$pid
await subscribed 1
"$shmtool" stat --json --interval 0 "$ring" >out
check "--as gives the name" grep -q '"name": "reader"' out
refused "a name in use is refused" 1 "$ring: that subscription is in use" "$shmtool" sub "$ring" --as reader
for name in '' .x a/b "$(printf %048d 0)"; do
	refused "--as '$name'" 1 "cannot be a subscription's name" "$shmtool" sub "$ring" --as "$name"
done
start long /dev/null "$shmtool" sub "$ring" --as "$(printf %047d 0)"
check "a name of 47 characters" await subscribed 2
"$shmtool" pub "$ring" ten
check "reader ends" ends_with 0 "$reader"
check "the other ends" ends_with 0 "$pid"
accepted "then the name is free" "$shmtool" sub "$ring" --as reader

# ---- --wait-for ----

fresh
start pub /dev/null "$shmtool" pub "$ring" --wait-for 2 ten
pub=$pid
await field_is epoch 1
start one /dev/null "$shmtool" sub "$ring" --from newest
one=$pid
await subscribed 1
check "--wait-for 2 does not start with one" published 0
start two /dev/null "$shmtool" sub "$ring" --from newest
check "it starts with two" ends_with 0 "$pub"
check "one ends" ends_with 0 "$one"
check "two ends" ends_with 0 "$pid"
check "one has all lines" cmp ten one.out
check "two has all lines" cmp ten two.out

# ---- --count, --from, --follow ----

fresh
"$shmtool" pub "$ring" ten
accepted "--count 3" "$shmtool" sub "$ring" --count 3
check "reads three" test "$(tr '\n' ' ' <out)" = "1 2 3 "
accepted "--from 7" "$shmtool" sub "$ring" --from 7
check "starts there" test "$(tr '\n' ' ' <out)" = "8 9 10 "
accepted "--from 10" "$shmtool" sub "$ring" --from 10
check "is the end" test ! -s out
refused "--from 11" 1 "has not been written yet" "$shmtool" sub "$ring" --from 11
accepted "--from newest" "$shmtool" sub "$ring" --from newest
check "shows nothing old" test ! -s out
accepted "tail --from 8 --count 1" "$shmtool" tail "$ring" --from 8 --count 1
check "shows the ninth" test "$(cat out)" = 9

start follow /dev/null "$shmtool" sub "$ring" --follow --from newest --count 20
follow=$pid
await asleep 1
"$shmtool" pub "$ring" ten
await asleep 1
check "--follow stays when the producer has closed" kill -0 "$follow"
"$shmtool" pub "$ring" ten
check "and goes on with the next one" ends_with 0 "$follow"
cat ten ten >expected
check "losing nothing" cmp expected follow.out

# ---- a producer that dies ----

fresh
start sub /dev/null "$shmtool" sub "$ring"
sub=$pid
start tail /dev/null "$shmtool" tail "$ring"
tail=$pid
start pub input "$shmtool" pub "$ring"
pub=$pid
exec 3>input
echo one >&3
await has_line one sub.out
await has_line one tail.out
kill -9 "$pub"
ended "$sub"
mv sub.err err
check "a dead producer makes data incomplete" failed_with 3 "$ring: the producer died"
check "what it published is there" has_line one sub.out
ended "$tail"
mv tail.err err
check "tail says so too" failed_with 3 "$ring: the producer died"
exec 3>&-
"$shmtool" pub "$ring" ten
{ echo one; cat ten; } >expected
accepted "the next producer goes on behind it" "$shmtool" sub "$ring"
check "with nothing lost" cmp expected out

# ---- losses ----

fresh --capacity 64K
seq 100000 >many
"$shmtool" pub "$ring" many
run "$shmtool" sub "$ring" --from 0
check "what a RELIABLE subscription lost makes status 3" failed_with 3 "$ring: [0-9]+ records lost so far"
lost=$(sed 's/.*: \([0-9]*\) records.*/\1/' err)
check "and the count is exact" test $((lost + $(wc -l <out))) -eq 100000
tail -n "$(wc -l <out)" many >expected
check "the rest is all there" cmp expected out

lossy() { # NAME COMMAND...
	lossy_name=$1
	shift
	stuck "$@"
	check "$lossy_name: the producer does not wait" ends_with 0 "$pub"
	check "$lossy_name: everything was published" published 100000
	{ echo "$first"; cat <&4; } >out
	exec 4<&-
	ended "$reader"
	lost=$(lost_according_to stuck.err)
	check "$lossy_name: ends with status 0" test "$status" -eq 0
	check "$lossy_name: no line is torn, doubled or out of order" all_in_order out
	check "$lossy_name: some were lost" test "${lost:-0}" -gt 0
	check "$lossy_name: says exactly how many" test $((${lost:-0} + $(wc -l <out))) -eq 100000
}

lossy "sub --lossy" "$shmtool" sub "$ring" --lossy
lossy "sub --lossy --durable" "$shmtool" sub "$ring" --lossy --durable --as keeper
lossy "tail" "$shmtool" tail "$ring"

# ---- released after it was written ----

stuck "$shmtool" sub "$ring" --as reader
check "a RELIABLE subscription holds the producer back" await lag_reaches 40000
kill -STOP "$reader"
"$shmtool" stat --json --interval 0 "$ring" >json
kill -9 "$reader"
released=$(sed -n '/"subscriptions"/,$s/^ *"sequence": \([0-9]*\).*/\1/p' json)
{ echo "$first"; cat <&4; } >out
exec 4<&-
check "it released something" test "$released" -gt 0
check "all that it released had been written" test "$(grep -c . out)" -ge "$released"
check "the producer goes on without it" ends_with 0 "$pub"

# ---- output that fails ----

fresh
"$shmtool" pub "$ring" ten
run sh -c '"$1" sub "$2" >/dev/full' sh "$shmtool" "$ring"
check "sub to a full disk" failed_with 1 "$ring: cannot write to standard output: No space"
run sh -c '"$1" tail "$2" >/dev/full' sh "$shmtool" "$ring"
check "tail to a full disk" failed_with 1 "$ring: cannot write to standard output: No space"
accepted "another has all lines" "$shmtool" sub "$ring"
check "still" cmp ten out

fresh
rm -f stuck.out
mkfifo stuck.out
start stuck /dev/null "$shmtool" sub "$ring"
sub=$pid
exec 4<stuck.out
await asleep 1
exec 4<&-
"$shmtool" pub "$ring" ten
ended "$sub"
mv stuck.err err
check "sub to a closed pipe" failed_with 1 "$ring: cannot write to standard output: Broken pipe"

refused "pub of a missing file" 1 "cannot read nowhere: No such file" "$shmtool" pub "$ring" nowhere
refused "pub of a folder" 1 "cannot read /: Is a directory" "$shmtool" pub "$ring" /
accepted "pub of standard input by its name" sh -c '"$1" pub "$2" - <ten' sh "$shmtool" "$ring"

# ---- removed under their feet ----

fresh
start sub /dev/null "$shmtool" sub "$ring"
sub=$pid
start pub input "$shmtool" pub "$ring"
pub=$pid
exec 3>input
echo one >&3
await has_line one sub.out
"$shmtool" rm "$ring"
check "sub of a removed ring" ends_with 1 "$sub"
mv sub.err err
check "says so" failed_with 1 "$ring: the ring was removed or replaced"
exec 3>&-
check "pub to a removed ring" ends_with 1 "$pub"
mv pub.err err
check "says so as well" failed_with 1 "$ring: the ring was removed or replaced"

# ---- all slots taken ----

fresh
slots=$("$shmtool" stat --interval 0 "$ring" | sed -n 's/^subscriptions *[0-9]* of //p')
check "there are at least 64 subscriptions" test "$slots" -ge 64
i=0
while [ "$i" -lt "$slots" ]; do
	start many /dev/null "$shmtool" sub "$ring" --from newest
	i=$((i + 1))
done
await subscribed "$slots"
refused "one more is refused" 1 "$ring: all $slots subscriptions are taken" "$shmtool" sub "$ring"
"$shmtool" pub "$ring" ten
accepted "an observer needs none" "$shmtool" tail "$ring"
check "and sees all lines" cmp ten out
wait
check "all are free again" subscribed 0

finish
