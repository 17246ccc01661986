#!/bin/sh
# SPDX-License-Identifier: MIT
# create and rm.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

accepted "a ring is made" "$shmtool" create "$ring"
check "its capacity is 1 MiB" field_is capacity 1048576
refused "one that exists is not made again" 1 "$ring: a ring or file of that name exists" "$shmtool" create "$ring"
accepted "--if-missing accepts it" "$shmtool" create "$ring" --if-missing
accepted "--if-missing accepts what would be rounded up to it" "$shmtool" create "$ring" --if-missing --capacity 600K
refused "--if-missing refuses a larger one" 1 "has a capacity of 1 MiB" \
	"$shmtool" create "$ring" --if-missing --capacity 2M
refused "--if-missing refuses a smaller one" 1 "has a capacity of 1 MiB" \
	"$shmtool" create "$ring" --if-missing --capacity 512K
refused "--if-missing refuses another tag" 1 "has another tag" "$shmtool" create "$ring" --if-missing --tag else
refused "--if-missing refuses another wake mode" 1 "has another wake mode" \
	"$shmtool" create "$ring" --if-missing --wake none
accepted "a ring is removed" "$shmtool" rm "$ring"
check "both its files are gone" nothing_left
refused "one that is not there is not removed" 1 "$ring: there is no such ring" "$shmtool" rm "$ring"
accepted "--if-missing makes one" "$shmtool" create "$ring" --if-missing --capacity 64K
check "as asked" field_is capacity 65536
"$shmtool" rm "$ring"

for size in 1:65536 64K:65536 65537:131072 100000:131072 128k:131072 3M:4194304 2m:2097152; do
	accepted "--capacity ${size%:*}" "$shmtool" create "$ring" --capacity "${size%:*}"
	check "stat says that it is ${size#*:}" field_is capacity "${size#*:}"
	"$shmtool" rm "$ring"
done

accepted "several rings are removed at once" sh -c '
	"$1" create "$2-a" && "$1" create "$2-b" && "$1" rm "$2-a" "$2-b"' sh "$shmtool" "$prefix"
"$shmtool" create "$prefix-c"
refused "one that is missing among them" 1 "$prefix-b: there is no such ring" "$shmtool" rm "$prefix-b" "$prefix-c"
check "does not keep the others" nothing_left

accepted "a leading slash is dropped" "$shmtool" create "/$ring" --tag 'schema "1"' --wake none
check "and the ring is found without it" field_is name "$ring"
check "the wake mode is kept" field_is wake_mode none
"$shmtool" stat --json --interval 0 "$ring" >out
check "the tag is kept" grep -Fq '"tag": "schema \"1\""' out
for command in pub sub tail; do
	refused "$command with another tag" 1 "the ring's tag is another one" \
		"$shmtool" "$command" "$ring" --tag other
done
accepted "pub with the right tag" "$shmtool" pub "$ring" --tag 'schema "1"' /dev/null
accepted "sub with the right tag" "$shmtool" sub "$ring" --tag 'schema "1"'
accepted "tail with the right tag" "$shmtool" tail "$ring" --tag 'schema "1"'

modes() { # OPTION DATA CONTROL
	fresh --mode "$1" && field_is data_mode "$2" && field_is control_mode "$3"
}
fresh
check "others may do nothing by default" field_is data_mode 0600
check "nor with the control object" field_is control_mode 0600
check "--mode other=observer" modes other=observer 0604 0600
check "--mode other=inspector" modes other=inspector 0604 0604
check "--mode other=consumer" modes other=consumer 0604 0606
check "--mode other=producer" modes other=producer 0606 0606
check "--mode group=consumer,other=observer" modes group=consumer,other=observer 0644 0660
check "--mode group=producer,group=none" modes group=producer,group=none 0600 0600
"$shmtool" rm "$ring"

long=$(printf "%0200d" 0)
for command in create stat pub sub tail check rm; do
	for name in '' . .hidden a/b '/' '//a' 'a b' 'a;b' "$(printf 'a\nb')" "${long}0"; do
		refused "$command of the name '$(printf %.20s "$name" | tr '\n' '?')'" 1 "this cannot be a ring's name" \
			"$shmtool" "$command" "$name"
	done
done
name=$prefix-$(printf "%0$((200 - ${#prefix} - 1))d" 0)
accepted "a name of 200 characters" "$shmtool" create "$name"
accepted "is removed again" "$shmtool" rm "$name"

finish
