#!/bin/sh
# SPDX-License-Identifier: MIT
# check: nothing is wrong with a ring that is sound, also while it is used; each kind of damage is found, and named.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

damage=$built/damage
[ -x "$damage" ] || {
	echo "Bail out! there is no $damage; make it, or set top_builddir"
	exit 1
}

sound() { # NAME
	accepted "$1: status 0" "$shmtool" check "$ring"
	check "$1: nothing is wrong" test "$(cat out)" = "nothing is wrong"
}

# ---- sound rings ----

refused "check of a missing ring" 1 "$ring: there is no such ring; see shmtool ls" "$shmtool" check "$ring"
refused "--limit without a number" 2 "--limit takes a number" "$shmtool" check "$ring" --limit x
seq 20 >twenty
fresh --capacity 64K
sound "a new ring"
"$shmtool" pub "$ring" twenty
sound "with records"
"$shmtool" sub "$ring" --as keeper --durable --count 5 >out
"$shmtool" sub "$ring" --as timed --durable --deadline 5ms --count 2 >out
sound "with durable subscriptions"
"$shmtool" evict "$ring" keeper
sound "with one that is evicted"
"$shmtool" unsubscribe "$ring" keeper
"$shmtool" unsubscribe "$ring" timed
accepted "check --json" "$shmtool" check --json "$ring"
tr -d ' \n' <out >joined
check "check --json says so too" test "$(cat joined)" = "{\"name\":\"$ring\",\"count\":0,\"problems\":[]}"

# A producer at full speed, for as long as it is looked at, with one that keeps up and one that does not.
fresh --capacity 64K
start fast /dev/null sh -c 'exec "$1" sub "$2" >/dev/null' sh "$shmtool" "$ring"
fast=$pid
start slow /dev/null sh -c 'exec "$1" sub "$2" --lossy >/dev/null 2>&1' sh "$shmtool" "$ring"
slow=$pid
start pub /dev/zero "$shmtool" pub "$ring" --raw 64 --wait-for 2
pub=$pid
published_more_than() {
	[ "$(field epoch)" = 1 ] && ! published 0
}
await published_more_than
before=$(field position)
i=0
while [ "$i" -lt 30 ]; do
	"$shmtool" check "$ring" >out 2>&1 || break
	i=$((i + 1))
done
check "while a producer writes at full speed, nothing is wrong" test "$(cat out)" = "nothing is wrong"
check "in 30 looks" test "$i" -eq 30
check "and it did write" test "$(field position)" != "$before"
kill -9 "$pub" "$fast" "$slow"
wait "$pub" "$fast" "$slow" 2>/dev/null
sound "with all of them killed"

# ---- damage ----

# One kind of damage gives status 1 and a line that says what and where. The subscription is named where it is known.
damaged() { # KIND PATTERN
	# A ring whose header is damaged is removed without its control object.
	"$shmtool" rm "$ring"
	find /dev/shm -name ".$ring.*" -exec rm {} +
	fresh --capacity 64K
	# control-header is about the first byte of the checksum; were it 0, that would not be told as what must be there.
	while [ "$(od -An -t u1 -j 24 -N 1 "/dev/shm/$ring")" -eq 0 ]; do
		"$shmtool" rm "$ring"
		fresh --capacity 64K
	done
	"$shmtool" pub "$ring" twenty
	# A second block of the index is there for it alone.
	[ "$1" != start ] || seq 60 | "$shmtool" pub "$ring"
	"$shmtool" sub "$ring" --as keeper --durable --count 5 >out
	"$shmtool" sub "$ring" --as second --durable --count 5 >out
	place=$("$damage" "$ring" "$1") || place=none
	run "$shmtool" check "$ring"
	check "$1: status 1" test "$status" -eq 1
	check "$1: nothing on standard error" test ! -s err
	check "$1: it is named" says "^${place% *} object, byte ${place#* }: .*$2"
	cp out all
	"$shmtool" check --json "$ring" | tr -d '\n' | tr -s ' ' >out
	check "$1: in JSON too" says "\"object\": \"${place% *}\", \"offset\": ${place#* },"
}

damaged checksum 'checksum.*: found [0-9]+, must be [0-9]+$'
damaged head 'head is not a multiple of 8: found 0x1e4$'
damaged short 'head is in the middle of a record: found 472, must be 480$'
damaged far 'floor is more than a capacity below head: found 0, may be [0-9]+ to 1049056$'
damaged floor 'floor is out of range: found 1048576, may be 0 to 480$'
damaged want 'want is out of range: found 1048576, may be 0 to 480$'
damaged need 'need is out of range: found 1048576, may be 0 to 480$'
damaged full 'full is out of range: found 1048576, may be 0 to 480$'
damaged stream "the stream's state is unknown: found 0x[0-9a-f]+\$"
damaged epoch "the stream's epoch does not go with its state: found 0x2\$"
damaged index "an index entry's position is not of its block, or misaligned: found 0xc\$"
damaged start 'the index does not name the first record of its block: found 1056, must be 1032$'
damaged word 'there is no record where one should start: found 0x0$'
damaged length 'a record is longer than the longest: found [0-9]+, may be 0 to 16384$'
damaged flags 'a record has unknown flags: found [0-9]+, must be 1$'
damaged sequence "a record's sequence number is not the next one: found 8, must be 3\$"
damaged end 'behind the last record there is something other than zero: found 0x7$'
damaged control-magic 'the magic number is not that of a ring: found 0x[0-9a-f]+$'
damaged control-checksum 'checksum.*: found [0-9]+, must be [0-9]+$'
damaged control-header 'headers differ in this byte: found [0-9]+, must be [1-9][0-9]*$'
damaged state 'the state of a subscription is unknown: found 0x[0-9a-f]+ \(subscription keeper\)$'
damaged policy 'the policy of a subscription is unknown: found 0x[0-9a-f]+ \(subscription keeper\)$'
damaged durable 'a subscription that is not durable has no member: found 0, must be 1 \(subscription keeper\)$'
damaged tail 'the cursor of a subscription is outside the stream: found 1048576, may be 0 to 480 \(subscription keeper\)$'
damaged middle 'the cursor of a subscription is in the middle of a record: found 0x80 \(subscription keeper\)$'
damaged twin 'two subscriptions have the same name: found 0x6b \(subscription keeper\)$'
damaged deadline 'the deadline of a subscription does not go with its policy: found 0x5 \(subscription keeper\)$'
damaged mark "a durable subscription's mark is ahead of the record it marks: found 10, may be 0 to 5 \\(subscription keeper\\)\$"
damaged member 'the word of a member is unknown: found 0x4d01$'
damaged table "there are not so many lines of members: found 257, may be 0 to 256\$"
damaged lines "a member's line is not among those that are looked at: found 1, may be 10 to 256\$"
damaged name 'the name of a subscription is not one: found 0x7 \(subscription .x07.x1b\[31m\)$'
no_control_characters() { # FILE
	! tr -d '\n' <"$1" | grep -q '[[:cntrl:]]'
}
check "name: check prints no control character" no_control_characters all
accepted "name: stat" "$shmtool" stat --interval 0 "$ring"
check "name: stat shows it escaped" says '^.x07.x1b\[31m +reliable '
check "name: stat prints no control character" no_control_characters out
accepted "name: stat --json" "$shmtool" stat --json --interval 0 "$ring"
check "name: stat --json prints no control character" no_control_characters out
check "name: stat --json has it" says '"name": ".*x07.*x1b\[31m"'

# ---- more than one problem ----

fresh --capacity 64K
"$shmtool" pub "$ring" twenty
"$shmtool" sub "$ring" --as keeper --durable --count 5 >out
for kind in stream want need deadline tail; do
	"$damage" "$ring" "$kind" >out
done
run "$shmtool" check "$ring"
check "five kinds at once: status 1" test "$status" -eq 1
check "five kinds at once: a line each, at least" test "$(grep -c ': found ' out)" -ge 5
all=$(wc -l <out)
check "the limit is not reached" test "$(grep -c ' more; ' out)" -eq 0
run "$shmtool" check "$ring" --limit 2
check "--limit 2: status 1" test "$status" -eq 1
check "--limit 2: two lines" test "$(grep -c ': found ' out)" -eq 2
check "--limit 2: and how many more there are" says "^and $((all - 2)) more; --limit=0 shows all\$"
"$shmtool" check "$ring" --limit 0 >out
check "--limit 0: all" test "$(wc -l <out)" -eq "$all"
"$shmtool" check "$ring" --json --limit 2 >out
check "--limit 2 --json" says "\"count\": $all,"
check "--limit 2 --json: two of them" test "$(grep -c '"found"' out)" -eq 2

# ---- files ----

fresh
truncate -s 100000 "/dev/shm/$ring"
run "$shmtool" check "$ring"
check "a truncated data object: status 1" test "$status" -eq 1
check "a truncated data object: says where" says '^data object, byte '
fresh
truncate -s 5000 "/dev/shm/.$ring".*
run "$shmtool" check "$ring"
check "a truncated control object: status 1" test "$status" -eq 1
check "a truncated control object: says where" says '^control object, byte '
fresh
rm "/dev/shm/.$ring".*
run "$shmtool" check "$ring"
check "without its control object: status 1" test "$status" -eq 1
check "without its control object: says so" says '^control object, byte 0: the control object is missing'
"$shmtool" rm "$ring"
echo "no ring" >"/dev/shm/$ring"
refused "a file that is no ring" 1 "$ring: .*is not a ring" "$shmtool" check "$ring"
head -c 200000 /dev/zero >"/dev/shm/$ring"
refused "a file of zeros" 1 "$ring: .*is not a ring" "$shmtool" check "$ring"
rm "/dev/shm/$ring"

finish
