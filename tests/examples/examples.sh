#!/bin/sh
# SPDX-License-Identifier: MIT
# The programs in examples/, and those in the header and README.md, do what they say.
src=${top_srcdir:-.}
examples=${top_builddir:-.}/examples
extracted=${top_builddir:-.}/tests/examples
# shellcheck source=tests/support/tap.sh
. "$src/tests/support/tap.sh"

work=$(mktemp -d) || exit 1
ring=example-$$
clean_up() {
	rm -rf "$work" "/dev/shm/$ring" "/dev/shm/.$ring".*
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

run() { # PROGRAM...: its output goes to $work/out
	timeout -k 9 60 "$@" >"$work/out" 2>"$work/err"
}

expect() { # NAME STATUS WANTED: the program ended with status 0, wrote this, and left nothing behind
	left=$(ls -d "/dev/shm/$ring" "/dev/shm/.$ring".* 2>/dev/null)
	if [ "$2" -eq 0 ] && [ "$3" = "$(cat "$work/out")" ] && [ -z "$left" ]; then
		tap_ok "$1"
	else
		tap_fail "$1" "status $2; wanted:
$3
got:
$(cat "$work/out" "$work/err")
left: $left"
		rm -f "/dev/shm/$ring" "/dev/shm/.$ring".*
	fi
}

# ---- header and README.md: extracted, compiled and run ----

RING=$ring run "$extracted/from_header"
expect "the example in the header" $? 'hello
world
the producer closed the stream'

RING=$ring run "$extracted/from_readme"
expect "the example in README.md prints what README.md says" $? \
	"$(sed -n '/<!-- output-begin -->/,/<!-- output-end -->/p' "$src/README.md" | sed '/^<!--/d; /^```/d')"
lines=$(sed -n '/<!-- example-begin -->/,/<!-- example-end -->/p' "$src/README.md" | sed '/^<!--/d; /^```/d' | wc -l)
tap_check "it has at most 50 lines ($lines)" [ "$lines" -le 50 ]

# ---- examples/ ----

records='0: record 0
1: record 1
2: record 2
3: record 3
4: record 4'
timeout -k 9 60 "$examples/producer" "$ring" &
run "$examples/consumer" "$ring"
status=$?
wait $! || status=$?
expect "producer and consumer" $status "$records"

run "$examples/batch" "$ring"
expect "batch" $? '(nothing to read or no room to write right now)
order 1001
 item two apples
 item one pear
(nothing to read or no room to write right now)
(the producer closed the stream)'

run "$examples/threads" "$ring"
expect "threads" $? 'reader 0: 50005000
reader 1: 50005000
reader 2: 50005000'

run "$examples/pool" "$ring"
expect "pool" $? '4 workers: 200010000'

programs='producer consumer observer batch cancel threads durable group poller epoll pool'
if [ -x "$examples/libuv" ]; then
	programs="$programs libuv"
fi
for program in $programs; do
	run "$examples/$program"
	[ $? -eq 2 ] && grep -q "^Usage: $program NAME$" "$work/err"
	tap_check "$program without a name" [ $? -eq 0 ]
done

run "$examples/poller" "$ring"
expect "poller" $? "$ring.alarms: too hot
$ring.alarms: the producer closed the stream
$ring.log: started
$ring.log: the producer closed the stream"

# ---- with shmtool ----

if [ ! -x "${SHMTOOL-}" ]; then
	tap_skip "observer, cancel, epoll, libuv, durable, group, and the session in README.md" "shmtool was not built"
	tap_done
fi

# 20,000 records of 24 bytes do not fit: what is gone, and what was seen, make up all.
"$SHMTOOL" create --capacity 64K "$ring" && seq 10000 29999 | "$SHMTOOL" pub "$ring" && run "$examples/observer" "$ring"
status=$?
seen=$(cut -d' ' -f1 "$work/out")
lost=$(cut -d' ' -f5 "$work/out")
"$SHMTOOL" rm "$ring"
expect "observer" $status "${seen:-0} records, $((${seen:-0} * 5)) bytes, ${lost:-0} lost: the producer closed the stream"
tap_check "observer lost some, and counted all" [ "$((${seen:-0} + ${lost:-0})) $((${lost:-0} > 0))" = "20000 1" ]

mkfifo "$work/fifo"
"$SHMTOOL" create "$ring"
# In the foreground timeout passes the signal on once; a second one, as it exits, would hang the leak checker.
timeout --foreground -k 9 60 "$examples/cancel" "$ring" >"$work/fifo" 2>"$work/err" &
cancel=$!
exec 3<"$work/fifo"
read -r line <&3 && echo "$line" >"$work/out"
echo hello | "$SHMTOOL" pub "$ring"
read -r line <&3 && echo "$line" >>"$work/out"
kill -TERM "$cancel"
wait "$cancel"
status=$?
exec 3<&-
"$SHMTOOL" rm "$ring"
expect "cancel" $status 'waiting
hello'

mkfifo "$work/input" "$work/published"
"$SHMTOOL" create "$ring"
timeout -k 9 60 "$examples/epoll" "$ring" <"$work/input" >"$work/fifo" 2>"$work/err" &
epoll=$!
exec 5>"$work/input" 3<"$work/fifo"
"$SHMTOOL" pub "$ring" <"$work/published" &
exec 4>"$work/published"
echo one >&4
read -r first <&3
echo hello >&5
read -r second <&3
echo two >&4
exec 4>&- 5>&-
{ echo "$first"; echo "$second"; cat <&3; } >"$work/out"
exec 3<&-
wait "$epoll"
status=$?
wait
"$SHMTOOL" rm "$ring"
expect "epoll" $status 'record: one
input: hello
record: two
(the producer closed the stream)'

if [ -x "$examples/libuv" ]; then
	"$SHMTOOL" create "$ring"
	seq 10000 29999 | "$SHMTOOL" pub "$ring" &
	run "$examples/libuv" "$ring"
	status=$?
	wait
	"$SHMTOOL" rm "$ring"
	expect "libuv" $status "20000 records, 100000 bytes: the producer closed the stream"
else
	tap_skip "libuv" "libuv is not installed"
fi

# Killed while it waits for the third record, or about to; what it had not released by then comes again.
mkfifo "$work/records" "$work/done"
"$SHMTOOL" create "$ring"
"$examples/durable" "$ring" >"$work/done" 2>"$work/err" &
worker=$!
exec 3<"$work/done"
"$SHMTOOL" pub "$ring" <"$work/records" &
pub=$!
exec 4>"$work/records"
printf 'one\ntwo\n' >&4
read -r first <&3
read -r second <&3
kill -KILL "$worker"
wait "$worker" 2>"$work/err"
tap_check "durable, killed after two records" [ "$? $first $second" = "137 0: one 1: two" ]
exec 3<&-
echo three >&4
exec 4>&-
wait "$pub"
run "$examples/durable" "$ring"
status=$?
sed '/^1: two$/d' "$work/out" >"$work/lines"
mv "$work/lines" "$work/out"
"$SHMTOOL" rm "$ring"
expect "durable, started again" $status '2: three'

# Two workers, each in the middle of a record; one is killed, and the other does that one's work as well.
mkfifo "$work/more" "$work/one-go" "$work/other-go" "$work/one" "$work/other"
"$SHMTOOL" create "$ring"
"$examples/group" "$ring" <"$work/one-go" >"$work/one" 2>"$work/err" &
one=$!
exec 5>"$work/one-go" 3<"$work/one"
"$SHMTOOL" pub "$ring" <"$work/more" &
pub=$!
exec 4>"$work/more"
echo first >&4
read -r first <&3
timeout -k 9 60 "$examples/group" "$ring" <"$work/other-go" >"$work/other" 2>"$work/err" 3<&- 4>&- 5>&- &
other=$!
exec 7>"$work/other-go" 6<"$work/other"
echo second >&4
read -r second <&6
tap_check "group: two records for two workers" [ "$first $second" = "0: first 1: second" ]
kill -KILL "$one"
wait "$one" 2>"$work/err"
tap_check "group, one of them killed in the middle of its work" [ $? -eq 137 ]
echo third >&4
exec 4>&- 5>&- 3<&- 7>&-
wait "$pub"
sort <&6 >"$work/out"
exec 6<&-
wait "$other"
status=$?
"$SHMTOOL" rm "$ring"
expect "group, the other one does its work" $status '0: first (again)
2: third'

# The session in README.md, with our shmtool, and a ring of our own for its R.
{
	echo 'set -e'
	sed -n '/<!-- shell-begin -->/,/<!-- shell-end -->/p' "$src/README.md" | sed '/^<!--/d; /^```/d' |
		sed "s/ R / $ring /; s/ R\$/ $ring/; s/^shmtool ls .*/shmtool ls | grep '^$ring '/"
} >"$work/session"
PATH=$(dirname "$SHMTOOL"):$PATH run sh "$work/session"
status=$?
grep -E '^[0-9]+$' "$work/out" >"$work/lines"
grep -c "^$ring " "$work/out" >>"$work/lines"
mv "$work/lines" "$work/out"
expect "the session in README.md" $status "$(seq 10)
1"
tap_check "it has all of shmtool's commands that it needs" [ "$(grep -c "shmtool .*$ring" "$work/session")" -eq 6 ]

# The one about dying: what follows "$ " is run, the rest is what it prints. gc looks at everybody's files: not here.
sed -n '/<!-- deaths-begin -->/,/<!-- deaths-end -->/p' "$src/README.md" |
	sed "/^<!--/d; /^\`\`\`/d; /^\$ shmtool gc/,\$d; s/ R / $ring /; s/ R\$/ $ring/" >"$work/deaths"
{
	echo 'set -e'
	# Who is at a terminal takes longer to type than the producer to fill the ring.
	sed -n 's/^\$ //p' "$work/deaths" | sed 's/^shmtool stat.*/until &; do sleep 0.02; done/'
} >"$work/session"
PATH=$(dirname "$SHMTOOL"):$PATH run sh "$work/session"
expect "the session about dying in README.md" $? "$(grep -v '^\$ ' "$work/deaths")"
tap_check "it has something about dying" [ "$(grep -c "shmtool .*$ring" "$work/session")" -ge 8 ]

# The one about sharing work, in a folder of its own.
sed -n '/<!-- share-begin -->/,/<!-- share-end -->/p' "$src/README.md" |
	sed "/^<!--/d; /^\`\`\`/d; s/ R / $ring /; s/ R\$/ $ring/; s/: R:/: $ring:/" >"$work/share"
{
	echo 'set -e'
	echo "mkdir '$work/sharing'; cd '$work/sharing'"
	# At a terminal both have joined before the next command is typed.
	sed -n 's/^\$ //p' "$work/share" | sed 's/  *# .*//; s/^shmtool stat.*/until [ "$(&)" = 2 ]; do sleep 0.02; done; echo 2/'
} >"$work/session"
PATH=$(cd "$(dirname "$SHMTOOL")" && pwd):$PATH run sh "$work/session"
expect "the session about sharing work in README.md" $? "$(grep -v '^\$ ' "$work/share")"
tap_check "it has something about sharing" [ "$(grep -c "shmtool .*$ring" "$work/session")" -ge 8 ]
tap_done
