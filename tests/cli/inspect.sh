#!/bin/sh
# SPDX-License-Identifier: MIT
# What ls and stat tell.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

seq 10 >ten
mkfifo input

# ---- a ring that nothing happened to ----

fresh --capacity 100000 --tag 'schema 7' --mode group=consumer,other=observer
accepted "stat" "$shmtool" stat "$ring"
check "stat tells the ring's properties" says "^ring +$ring\$" '^capacity +131072 bytes \(128 KiB\)$' \
	'^longest record +32768 bytes' '^memory +[0-9]+ bytes' '^data mode +0644$' '^control mode +0660$' \
	'^wake mode +fence$' '^tag +"schema 7"$' '^uuid +[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' \
	'^created +20[0-9-]+ [0-9:]{8}, layout version [0-9]+$'
check "stat tells the stream's state" says '^stream +new$' '^producer +none yet$' '^oldest +sequence 0, position 0$' \
	'^next +sequence 0, position 0$' '^rate +0 records/s, 0 B/s$' '^subscriptions +0 of [0-9]+$'
check "stat fits 80 columns" fits_80_columns out
"$shmtool" stat --interval 0 "$ring" >out
check "--interval 0 means no rate" test "$(grep -c '^rate' out)" -eq 0
data=$(field data_size) control=$(field control_size)
check "stat tells the data object's size" test "$(wc -c <"/dev/shm/$ring")" -eq "$data"
check "stat tells the control object's size" test "$(cat /dev/shm/."$ring".* | wc -c)" -eq "$control"
check "its two objects are at most 96 KiB larger" test $((data + control - 131072)) -le $((96 * 1024))

# ---- a producer and its consumers ----

start reader /dev/null "$shmtool" sub "$ring" --as reader
reader=$pid
await asleep 1
kill -STOP "$reader"
long=$(printf %047d 0)
start long /dev/null "$shmtool" sub "$ring" --as "$long" --lossy
await asleep 2
start pub input "$shmtool" pub "$ring"
pub=$pid
exec 3>input
cat ten >&3
caught_up() {
	[ "$(wc -l <long.out)" -eq 10 ]
}
await caught_up
await asleep 1
accepted "stat" "$shmtool" stat "$ring"
check "stat tells of the producer" says '^stream +open$' \
	"^producer +number 1, alive, process $pub since 20[0-9-]+ [0-9:]{8}\$" '^next +sequence 10, position 240$'
check "stat tells a RELIABLE subscription's lag" says '^reader +reliable awake +10 +240 +[0-9.]+ (ms|s|min)$'
check "stat tells of a LOSSY one" says '^subscriptions +2 of' "^$long\$" '^ +lossy +asleep +0 +0 +0$'
check "stat fits 80 columns" fits_80_columns out
accepted "stat --json" "$shmtool" stat --json "$ring"
check "stat --json tells the same" says '"state": "open"' '"liveness": "alive"' "\"pid\": $pub," '"epoch": 1,' \
	'"sequence": 10' '"records_per_second": 0.0' '"name": "reader"' '"policy": "reliable"' '"lag_records": 10,' \
	'"lag_bytes": 240,' '"policy": "lossy"' '"lag_records": 0,' '"control_visible": true'
if command -v python3 >/dev/null; then
	check "stat --json is JSON" python3 -m json.tool out
else
	tap_skip "stat --json is JSON" "there is no python3 to parse it"
fi
list "ls" "$shmtool" ls
check "ls lists the ring" says '^name +state +capacity +subscriptions +memory$' \
	"^$ring +open +128 KiB +2 +[0-9.]+ KiB\$"
accepted "ls --json" "$shmtool" ls --json
check "ls --json lists it as well" says '"rings": \[' "\"name\": \"$ring\"" '"orphans": \['
if command -v python3 >/dev/null; then
	check "ls --json is JSON" python3 -m json.tool out
else
	tap_skip "ls --json is JSON" "there is no python3 to parse it"
fi

# ---- a rate ----

start rate /dev/null "$shmtool" stat --json --interval 0.5 "$ring"
stat=$pid
while kill -0 "$stat" 2>/dev/null; do
	cat ten >&3
done
ended "$stat"
cp rate.out out
check "a rate is seen" says '"records_per_second": [0-9.]*[1-9]' '"bytes_per_second": [0-9.]*[1-9]'
accepted "stat" "$shmtool" stat "$ring"
kill -CONT "$reader"

# ---- the dead ----

kill -9 "$pub" "$reader"
wait "$pub" "$reader" 2>/dev/null
accepted "stat" "$shmtool" stat --interval 0 "$ring"
check "stat tells that the producer died" says '^stream +died$' '^producer +number 1, it died'
exec 3>&-
list "ls" "$shmtool" ls
check "ls tells that too" says "^$ring +died "
"$shmtool" pub "$ring" ten
accepted "stat" "$shmtool" stat --interval 0 "$ring"
check "stat tells of a clean close" says '^stream +closed$' '^producer +number 2 has closed the stream$'

# ---- what is no ring, or what is left of one ----

echo "no ring" >"/dev/shm/$prefix-text"
"$shmtool" create "$prefix-orphan"
rm "/dev/shm/$prefix-orphan"
orphan=$(cd /dev/shm && echo ".$prefix-orphan".*)
list "ls" "$shmtool" ls
check "ls lists a control object left alone" says "^$prefix-orphan +only a control object is left; see shmtool gc\$" "^/dev/shm/$orphan\$"
"$shmtool" ls | grep -v ^/dev/shm/ >lines
check "ls fits 80 columns" fits_80_columns lines
check "ls passes over other files" test "$(grep -c "$prefix-text" out)" -eq 0
accepted "ls --json" "$shmtool" ls --json
check "ls --json lists the one left alone" says "\"file\": \"$orphan\""
refused "it is no ring" 1 "there is no such ring" "$shmtool" stat "$prefix-orphan"
accepted "it is not in the way" "$shmtool" create "$prefix-orphan"
accepted "of another ring" "$shmtool" rm "$prefix-orphan"
check "whose end it survives" test -e "/dev/shm/$orphan"
rm "/dev/shm/$orphan" "/dev/shm/$prefix-text"

finish
