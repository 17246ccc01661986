#!/bin/sh
# SPDX-License-Identifier: MIT
# Each role is granted by its permissions, and refused without them. Needs root, to become somebody else.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

other_user || tap_skip_all "$why"

seq 3 >three
with_mode() { # ROLE: a ring that others may use so, with three records
	fresh --mode "other=$1"
	"$shmtool" pub "$ring" three
}
may_read() { # COMMAND...
	run as_other "$@" "$ring"
	succeeded && cmp three out
}
no_permission() { # NAME ROLE COMMAND...
	no_name=$1 no_role=$2
	shift 2
	refused "$no_name" 1 "$ring: no permission to .*other=$no_role" as_other "$@" "$ring"
}

with_mode none
no_permission "none: no pub" producer pub
no_permission "none: no sub" consumer sub
no_permission "none: no tail" observer tail
no_permission "none: no stat" inspector stat
no_permission "none: no check" inspector check
no_permission "none: no create --if-missing" inspector create --if-missing
list "none: ls" as_other ls
check "none: ls says that it may not look" says "^$ring +permission denied\$"

with_mode observer
no_permission "observer: no pub" producer pub
no_permission "observer: no sub" consumer sub
check "observer: tail" may_read tail
accepted "observer: stat" as_other stat "$ring"
check "observer: stat says what is not visible" says '^control mode +not visible' \
	'^subscriptions +not visible: the control object may not be read$' '^stream +closed' '^next +sequence 3,'
accepted "observer: stat --json" as_other stat --json "$ring"
check "observer: stat --json says so as well" says '"control_mode": null' '"control_visible": false' \
	'"subscriptions": null'
list "observer: ls" as_other ls
check "observer: ls says so as well" says "^$ring +closed +1 MiB +not visible "
accepted "observer: check" as_other check "$ring"
check "observer: check finds nothing wrong" test "$(cat out)" = "nothing is wrong"
refused "observer: no evict" 1 "$ring: no permission to evict a subscription.*other=consumer" \
	as_other evict "$ring" reader
refused "observer: no unsubscribe" 1 "$ring: no permission to end a subscription.*other=consumer" \
	as_other unsubscribe "$ring" reader
accepted "observer: create --if-missing" as_other create --if-missing "$ring"

mkfifo input
start pub input "$shmtool" pub "$ring"
pub=$pid
exec 3>input
await field_is state open
accepted "observer: stat of an open stream" as_other stat "$ring"
check "observer: stat says that it cannot tell" says '^stream +open' '^producer .*whether it lives is not visible'
exec 3>&-
ended "$pub"

with_mode inspector
no_permission "inspector: no pub" producer pub
no_permission "inspector: no sub" consumer sub
check "inspector: tail" may_read tail
accepted "inspector: stat" as_other stat "$ring"
check "inspector: stat says all" says '^control mode +0604' '^subscriptions +0 of'

with_mode consumer
no_permission "consumer: no pub" producer pub
check "consumer: sub" may_read sub
check "consumer: tail" may_read tail
accepted "consumer: a durable subscription" as_other sub "$ring" --as keeper --durable
accepted "consumer: evict" as_other evict "$ring" keeper
accepted "consumer: unsubscribe" as_other unsubscribe "$ring" keeper
refused "consumer: no rm" 1 "$ring: no permission to remove it" as_other rm "$ring"
check "consumer: the ring is still there" field_is state closed

with_mode producer
accepted "producer: pub" as_other pub "$ring" three
accepted "producer: sub" as_other sub "$ring"
cat three three >expected
check "producer: has read all" cmp expected out
"$shmtool" rm "$ring"

accepted "another user makes a ring" as_other create "$ring"
accepted "and removes it" as_other rm "$ring"

finish
