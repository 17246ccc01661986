#!/bin/sh
# SPDX-License-Identifier: MIT
# Work sharing: each record goes to one member of a group, and to another if that one ends before it gave it back.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

seq 10 >ten
seq 20000 >many
mkfifo input

share() { # OPTION...: a member of the group crew
	"$shmtool" sub "$ring" --share --as crew "$@"
}

# ---- usage ----

refused "--share without a name" 2 "sub: --share needs the name that the others have; give it with --as" \
	"$shmtool" sub "$ring" --share
refused "--claim without --share" 2 "sub: --claim goes with --share only" "$shmtool" sub "$ring" --as crew --claim 2
for claim in 0 -1 1025 x ''; do
	refused "--claim '$claim'" 2 "sub: --claim takes a number from 1 to 1024, not '$claim'" share --claim "$claim"
done
accepted "sub --help" "$shmtool" sub --help
check "tells of sharing" says '^ +--claim=N +With --share: ' '^ +--share +Share the work '
check "and fits 80 columns" fits_80_columns out

# ---- a file, split ----

members() { # NUMBER: of members that stat shows
	[ "$("$shmtool" stat --interval 0 "$ring" | sed '1,/^members of /d' | grep -Ec '^  [0-9]+ (alive|dead) ')" -eq "$1" ]
}

fresh --capacity 64K
crew=
for claim in 1 2 16 1024; do
	start "member$claim" /dev/null "$shmtool" sub "$ring" --share --as crew --claim "$claim"
	crew="$crew $pid"
done
start whole /dev/null "$shmtool" sub "$ring" --as whole
whole=$pid
await members 4
check "four members are one subscription" subscribed 2
accepted "pub" "$shmtool" pub "$ring" many
for member in $crew; do
	check "a member ends as the stream does" ends_with 0 "$member"
done
cat member*.out | sort -n >out
check "together they have each line once" cmp many out
for file in member*.out; do
	check "$file has its lines in order" all_in_order "$file"
done
cat member*.err >err
check "and nothing is said" test ! -s err
check "somebody who has a subscription alone" ends_with 0 "$whole"
check "has all lines" cmp many whole.out
check "the group ends with its last member" subscribed 0

# ---- a member that is stuck with three records, and ends ----

# One that writes a line which is longer than a pipe takes, until somebody reads it.
head -c 150000 /dev/zero | tr '\0' x >work
seq 2 100 | sed '1s/^/\n/' >>work
seq 4 100 >rest
head -n 3 work >hand

stuck_with_three() { # [OPTION...]
	fresh
	"$shmtool" pub "$ring" work
	rm -f slow.out fast.out
	mkfifo slow.out
	start slow /dev/null "$shmtool" sub "$ring" --share --as crew --claim 3 --follow "$@"
	slow=$pid
	exec 4<slow.out
	await field_is held_records 3
	start fast /dev/null "$shmtool" sub "$ring" --share --as crew --follow "$@"
	fast=$pid
	await cmp rest fast.out
}

held_for_a_while() {
	[ "$(field held_ns)" -ge 20000000 ]
}

stuck_with_three
await held_for_a_while
check "one that is stuck holds back only what it holds" cmp rest fast.out
accepted "stat" "$shmtool" stat --interval 0 "$ring"
check "stat tells how many share the work" says '^crew +2 members +20[0-9-]+ [0-9:]{8} +no +-$' '^crew +reliable '
check "and what each has in hand" says '^members of crew$' '^  process +since +holds: records +bytes +for$' \
	"^  $slow alive +20[0-9-]+ [0-9:]{8} +3 +150064 +[0-9.]+ (ms|s|min)\$" \
	"^  $fast alive +20[0-9-]+ [0-9:]{8} +- +- +-\$"
check "stat fits 80 columns" fits_80_columns out
"$shmtool" stat --json --interval 0 "$ring" | tr -d ' \n' >out
check "stat --json tells the same" says "\"shared\":true,\"members\":\\[.*\"pid\":$slow,\"liveness\":\"alive\",\"since_ns\":[0-9]+,\"holds\":true,\"position\":0,\"held_records\":3,\"held_bytes\":150064,\"held_ns\":[1-9][0-9]*\\}" \
	"\"pid\":$fast,\"liveness\":\"alive\",\"since_ns\":[0-9]+,\"holds\":false,\"position\":0,\"held_records\":0,\"held_bytes\":0,\"held_ns\":0\\}"
if command -v python3 >/dev/null; then
	check "stat --json is JSON" python3 -m json.tool out
else
	tap_skip "stat --json is JSON" "there is no python3 to parse it"
fi

# Killed while nobody can take over.
kill -STOP "$fast"
kill -9 "$slow"
ended "$slow" 2>/dev/null
exec 4<&-
accepted "stat" "$shmtool" stat --interval 0 "$ring"
check "killed: stat tells that it is dead, and what it holds" says "^  $slow dead +20[0-9-]+ [0-9:]{8} +3 +150064 "
kill -CONT "$fast"
cat rest hand >expected
check "another one writes what it had in hand" await cmp expected fast.out
accepted "stat" "$shmtool" stat --interval 0 "$ring"
check "and stat has forgotten the dead one" test "$(grep -c "^  $slow " out)" -eq 0
kill "$fast"
ended "$fast"
check "a signal ends that one" test "$status" -eq 143
check "it says how many came again" test "$(cat fast.err)" = "shmtool: $ring: 3 records redelivered; others ended with\
 them in hand, and may have written them too"

for signal in INT:130 TERM:143; do
	stuck_with_three
	kill "-${signal%:*}" "$slow"
	ended "$slow"
	exec 4<&-
	check "SIG${signal%:*}: it ends" test "$status" -eq "${signal#*:}"
	check "SIG${signal%:*}: it says nothing" test ! -s slow.err
	check "SIG${signal%:*}: another one writes what it had in hand" await cmp expected fast.out
	kill "$fast"
	ended "$fast"
	check "SIG${signal%:*}: and counts that" grep -q ': 3 records redelivered; ' fast.err
done

# A LOSSY one as well, while nothing is overwritten.
stuck_with_three --lossy
kill -9 "$slow"
ended "$slow" 2>/dev/null
exec 4<&-
check "LOSSY: another one writes what it had in hand" await cmp expected fast.out
kill "$fast"
ended "$fast"

# ---- killed at any moment ----

whole_lines() { # FILE...: a line that was being written as its process was killed is not one
	for whole_file; do
		head -n "$(wc -l <"$whole_file")" "$whole_file"
	done
}

redelivered_according_to() { # FILE...
	cat "$@" | sed -n 's/.*: \([0-9]*\) records redelivered; .*/\1/p' | awk '{ sum += $1 } END { print sum + 0 }'
}

holds_nothing() { # PROCESS: that is dead
	[ "$("$shmtool" stat --interval 0 "$ring" | grep -Ec "^  $1 dead +20[0-9-]+ [0-9:]{8} +[0-9]")" -eq 0 ]
}

fresh --capacity 64K
start stays /dev/null "$shmtool" sub "$ring" --share --as crew --claim 8
stays=$pid
await members 1
start pub input "$shmtool" pub "$ring"
pub=$pid
exec 3>input
for round in 1 2 3 4 5; do
	start "dies$round" /dev/null "$shmtool" sub "$ring" --share --as crew --claim 8
	dies=$pid
	await members 2
	# Else it might have everything before the other one wakes up.
	kill -STOP "$stays"
	head -n $((round * 4000)) many | tail -n 4000 >&3
	await test -s "dies$round.out"
	kill -CONT "$stays"
	kill -9 "$dies"
	ended "$dies" 2>/dev/null
	# The next one, of which no report will be left, is not to deliver any of it again.
	await holds_nothing "$dies"
done
exec 3>&-
check "the producer gets to its end" ends_with 0 "$pub"
check "and so does the one that stays" ends_with 0 "$stays"
whole_lines dies?.out stays.out | sort -n >all
uniq all >out
check "five killed: each line is there" cmp many out
again=$(redelivered_according_to stays.err)
check "no more twice than came again" test $(($(wc -l <all) - 20000)) -le "$again"
check "no more came again than five had in hand" test "$again" -le 40

# ---- a durable group ----

fresh
"$shmtool" pub "$ring" ten
accepted "a durable group" share --durable --count 4
check "is absent when nobody has it open" subscription_is crew state absent
check "and still a group" subscription_is crew shared true
accepted "stat" "$shmtool" stat --interval 0 "$ring"
check "stat tells so" says '^crew +reliable absent ' '^crew +none +20[0-9-]+ [0-9:]{8} +yes +-$'
check "it has no members to show" test "$(grep -c '^members of' out)" -eq 0
other="$ring: the group or durable subscription of that name is not like this; take .* that shmtool stat shows"
refused "with a deadline" 1 "$other" share --durable --deadline 5ms
refused "lossy" 1 "$other" share --durable --lossy
refused "no longer durable" 1 "$other" share
refused "by one alone" 1 "$ring: the durable subscription of that name .*; .*--share for a group, .*unsubscribe" \
	"$shmtool" sub "$ring" --as crew --durable
accepted "it goes on" share --durable
check "where it stopped" test "$(tr '\n' ' ' <out)" = "5 6 7 8 9 10 "
accepted "it ends with unsubscribe" "$shmtool" unsubscribe "$ring" crew
check "then it is gone" subscribed 0
accepted "one with more in hand than --count lets it write" share --durable --count 4 --claim 6
run share --durable
check "leaves that to the next" test "$(tr '\n' ' ' <out)" = "5 6 7 8 9 10 "
check "which counts it" grep -q ': 2 records redelivered; ' err
"$shmtool" unsubscribe "$ring" crew

# All of its members die; the next one has what they had in hand.
"$shmtool" rm "$ring"
"$shmtool" create "$ring"
"$shmtool" pub "$ring" work
rm -f slow.out
mkfifo slow.out
start slow /dev/null "$shmtool" sub "$ring" --share --as crew --claim 3 --durable
slow=$pid
exec 4<slow.out
await field_is held_records 3
kill -9 "$slow"
ended "$slow" 2>/dev/null
exec 4<&-
run share --durable
check "a durable group whose last member was killed" test "$status" -eq 0
check "goes on with what that had in hand" cmp work out
check "and counts it" grep -q ': 3 records redelivered; ' err
"$shmtool" unsubscribe "$ring" crew

# ---- names in use ----

fresh
start alone /dev/null "$shmtool" sub "$ring" --as alone
alone=$pid
start crew /dev/null "$shmtool" sub "$ring" --share --as crew
crew=$pid
await asleep 2
refused "a subscription that is no group" 1 "$ring: a process has the subscription of that name to itself; choose" \
	"$shmtool" sub "$ring" --share --as alone
refused "a group's name" 1 "$ring: that subscription is in use; .* with --share if it is a group" \
	"$shmtool" sub "$ring" --as crew
refused "a group of another policy" 1 "$other" share --lossy
accepted "stat --json" "$shmtool" stat --json --interval 0 "$ring"
check "what is no group has no members to show" test "$(grep -c '"members": ' out)" -eq 1
accepted "stat" "$shmtool" stat --interval 0 "$ring"
check "in the table neither" test "$(grep -c '^members of' out)" -eq 1
kill "$alone"
ended "$alone"
# The name of a damaged ring may have anything in it.
kill -9 "$crew"
ended "$crew" 2>/dev/null
fresh
start crew /dev/null "$shmtool" sub "$ring" --share --as crew
crew=$pid
await members 1
"$built/damage" "$ring" name >said
accepted "stat of a damaged name" "$shmtool" stat --interval 0 "$ring"
check "escapes it" says '^members of .x07.x1b\[31m$'
check "has no control characters" test "$(LC_ALL=C tr -d ' -~\n' <out | wc -c)" -eq 0
kill -9 "$crew"
ended "$crew" 2>/dev/null

# ---- evicted, and LOSSY: what was written and could not be given back is neither lost nor written again ----

seq 100000 >many
stuck "$shmtool" sub "$ring" --share --as stuck --claim 64
await producer_waits_for stuck
# Else it might join again before its output is stuck.
kill -STOP "$reader"
accepted "a group that is stuck is evicted" "$shmtool" evict "$ring" stuck
check "the producer goes on" ends_with 0 "$pub"
kill -CONT "$reader"
{ echo "$first"; cat <&4; } >out
exec 4<&-
ended "$reader"
check "records are missing" test "$status" -eq 3
lost=$(lost_according_to stuck.err)
evicted=$(sed -n 's/.*: evicted, and \([0-9]*\) records lost; .*/\1/p' stuck.err)
check "exactly as many as it says" test $((${lost:-0} + $(wc -l <out))) -eq 100000
check "which it says twice" test "${lost:-0}" -eq "${evicted:-1}"
check "and no line is there twice" all_in_order out

stuck "$shmtool" sub "$ring" --share --as stuck --claim 64 --lossy
check "a LOSSY group that is stuck holds nobody back" ends_with 0 "$pub"
{ echo "$first"; cat <&4; } >out
exec 4<&-
check "that is no failure" ends_with 0 "$reader"
lost=$(lost_according_to stuck.err)
check "it has lost some" test "${lost:-0}" -gt 0
check "exactly as many as it says" test $((${lost:-0} + $(wc -l <out))) -eq 100000
check "and no line is there twice" all_in_order out
sort many >lines
sort out | comm -23 - lines >torn
check "or torn" test ! -s torn

finish
