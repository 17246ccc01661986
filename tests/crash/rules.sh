#!/bin/sh
# SPDX-License-Identifier: MIT
# Takes each rule of the library out of a copy of it, and wants crash_ring to notice: a rule whose
# loss no test sees is not known to hold. `make rules` runs this; it needs a built tree. RULES
# in the environment: only those with one of these words.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
top=${top_srcdir:-.}
build=${top_builddir:-.}
CC=${CC:-cc}
seed=${SHMRING_TEST_SEED:-1}

archive=$build/lib/.libs/libshmring.a
[ -e "$archive" ] || tap_skip_all "no static library here (--disable-static?)"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

# The makefile knows the program's own objects, and how to link them.
objects=${RULES_OBJECTS:?is set by make rules}

program() { # FILE...: links the program with these of the library's files instead of its own
	for file; do
		# shellcheck disable=SC2086
		$CC $RULES_CFLAGS -I"$build" -I"$work/include" -include config.h \
			-include "$work/lib/namespace.h" -fvisibility=hidden -fPIC -w \
			-c "$work/lib/$file" -o "$work/${file%.c}.o" || return
	done
	# shellcheck disable=SC2046,SC2086
	$CC $RULES_CFLAGS $RULES_LDFLAGS -Wl,-z,now -o "$work/crash_ring" $objects \
		$(printf "$work/%s " "$@" | sed 's/\.c /.o /g') "$archive" $RULES_LIBS
}

# Each rule: its words, then edits of files, then the scenarios one of which has to see it.
rule=
files=
only=${RULES-}
wanted() { # RULE
	[ -z "$only" ] && return
	for pattern in $only; do
		case $1 in *"$pattern"*) return 0 ;; esac
	done
	return 1
}

without() { # RULE
	files=
	rule=
	wanted "$1" || return
	rule=$1
	rm -rf "${work:?}/lib" "${work:?}/include"
	cp -r "$top/lib" "$top/include" "$work"
	chmod -R u+w "$work/lib" "$work/include"
}

edit() { # FILE SCRIPT: by sed, with the whole file as one line
	[ -n "$rule" ] || return
	case $1 in inline.h) path=include/shmring ;; *) path=lib ;; esac
	sed -E -z -i "$2" "$work/$path/$1"
	if cmp -s "$top/$path/$1" "$work/$path/$1"; then
		tap_fail "without: $rule" "$path/$1 no longer looks as this script expects: $2"
		rule=
	fi
	case $1 in inline.h) changed="producer.c consumer.c" ;; *) changed=$1 ;; esac
	for file in $changed; do
		case " $files " in *" $file "*) ;; *) files="$files $file" ;; esac
	done
}

noticed() { # SCENARIO...
	[ -n "$rule" ] || return
	# shellcheck disable=SC2086
	if ! program $files >"$work/log" 2>&1; then
		tap_fail "without: $rule" "$(cat "$work/log")"
		return
	fi
	for scenario; do
		timeout -k 5 60 "$work/crash_ring" --quick --first --seed "$seed" --variants 3 \
			--scenario "$scenario" >"$work/log" 2>&1
		status=$?
		if grep -q '^VIOLATION' "$work/log"; then
			tap_ok "without: $rule: noticed by $scenario"
			sed -n 's/^VIOLATION: /# /p' "$work/log" | head -n 1
			return
		fi
	done
	tap_fail "without: $rule" "nothing noticed by: $*; status $status"
}

store='atomic_store_explicit'
plain='__atomic_store_n'
sequence_store="$plain\\(header \\+ 1, sequence, __ATOMIC_RELAXED\\);"
sequence_code="$plain(header + 1, sequence, __ATOMIC_RELAXED);"
zero_store="\\t$plain\\(shmring_hot_written\\(hot, next\\), 0, __ATOMIC_RELAXED\\);"
word_store="\\t$plain\\(first, word, __ATOMIC_RELEASE\\);"
head_store="\\t$plain\\(hot->head, next, __ATOMIC_RELEASE\\);"

# ---- publishing ----

without "zero behind a record before its header word"
edit inline.h "s/($zero_store)(.*)($word_store)/\\2\\3\\n\\1/"
noticed floor

without "sequence number before the header word"
edit inline.h "s/\\t$sequence_store\\n//
s/return (shmring_hot_publish\\(hot, header, word, next\\);)/{ bool sleepers = \\1 $sequence_code return sleepers; }/
s/(\\t\\thot->batch_word = word;)/\\t\\t$sequence_code\\n\\1/
s/(\\t$plain\\(header, word, SHMRING_HOT_WITHHELD\\);)/\\1 $sequence_code/"
noticed commit

without "header word before head"
edit inline.h "s/($word_store)(.*)($head_store)/\\3\\2\\1/"
noticed commit

without "a batch's first header word last"
edit inline.h "s/(hot->batch_word = word;)/\\1 $plain(header, word, __ATOMIC_RELEASE);/"
noticed batch

without "a dropped batch leaves nothing behind"
edit producer.c 's/producer_place\(producer, producer->hot.batch_position,\s*producer->hot.batch_sequence\);/producer->hot.batch_word = 0;/'
noticed batch

without "a closed stream says so"
edit producer_open.c 's/\tstream_store\(producer, SHMRING_STREAM_CLOSED\);//'
noticed close

without "an index entry with the first record of a block"
edit producer.c 's/\tindex_store\([^;]*;/\t;/'
noticed block

# ---- making room ----

without "floor before overwriting"
edit floor.c "s/$store\\(&data->floor, target, memory_order_release\\);/(void)data;/"
edit inline.h "s/($head_store)/\\1 $plain(hot->head + 16, __atomic_load_n(hot->head + 17, __ATOMIC_RELAXED), __ATOMIC_RELAXED);/"
noticed floor

without "the dead hold nobody back"
edit floor.c 's/&& reap\(floor, target, head\)/\&\& 0/'
noticed floor_dead

without "reaping only with the lock's proof"
edit subscription.c 's/ \|\| alive\(segment, slot\)//g'
noticed full

without "locks through a descriptor of their own"
edit segment.c 's/segment->lock_fd = open_object\([^;]*;/segment->lock_fd = fcntl(*map_fd, F_DUPFD_CLOEXEC, 0); again = status;/'
noticed floor_dead

without "a member has its lock as long as it lives"
edit subscription.c 's/lock_take\(segment->lock_fd, LOCK_MEMBER\(member\)\)/0/'
noticed full

without "a lapped reader looks at the floor"
edit consumer.c 's/(bool consumer_lapped\([^{]*\{)/\1 if (consumer) return false;/'
noticed floor

without "deadlines are enforced"
edit floor.c 's/&& enforce_deadlines\(floor, target, head, position\)/\&\& 0/'
noticed floor_late

# ---- taking over ----

without "a successor walks on from head"
edit producer_open.c 's/error = walk_end\(segment, &place.position\);/place.position = walk_head(segment); error = 0;/'
noticed commit

without "a successor forgets the index above"
edit producer.c 's/\tindex_forget\(segment, position\);//'
noticed batch batch_floor batch_wrap

without "a successor raises the epoch"
edit producer_open.c 's/stream_epoch\(stream\) \+ 1/stream_epoch(stream)/'
noticed open

without "a successor puts want back to the floor"
edit floor.c 's/(\nint floor_take_over.*)\twant_store\(floor, floor->floor\);/\1/'
noticed floor takeover_floor

without "a successor looks at the gates"
edit floor.c 's/floor->minimum = 0;(\n[^\n]*)\n\tgate_scan\(floor, head\);/floor->minimum = UINT64_MAX; floor->joins = atomic_load_explicit(\&segment->control->joins, memory_order_acquire);\1/'
noticed commit

without "a successor moves head to where the records end"
edit producer_open.c "s/$store\\(&segment->data->head, place.position, memory_order_release\\);//"
noticed commit

without "a producer has its lock as long as it lives"
edit producer_open.c 's/lock_take\(producer->handle.segment.lock_fd, LOCK_PRODUCER\)/0/'
noticed commit

without "readers are told of a dead producer"
edit consumer.c 's/consumer->dead_epoch = stream_epoch\(stream\);/;/'
noticed commit

# ---- subscriptions ----

without "a durable one's mark before its tail"
edit consumer.c "s/(\\t\\tconsumer_mark\\([^;]*;\\n)(\\t\\}\\n)(\\tshmring_hot_give_back\\(&consumer->hot\\);\\n)/\\2\\3\\tif (consumer->hot.special) {\\n\\1\\t}\\n/"
noticed read_durable_lossy copy_durable

without "two marks by turns"
edit consumer.c 's/consumer->mark \^= 1/consumer->mark/'
noticed read_durable_lossy copy_durable

without "durable only when all of joining is done"
edit subscription.c 's/(subscription->generation = slot_generation\(state_of\(segment, slot\)\) \+ 1;)/\1\n\tsubscription->flags = subscription->durable ? SLOT_DURABLE : 0;/
s/SLOT_JOINING\),/SLOT_JOINING) | subscription->flags,/'
noticed join_durable

without "an evicted durable one stays"
edit subscription_state.c 's/state & SLOT_FLAGS/state \& SLOT_SHARED/'
noticed evict

without "a durable one's producer waits for it"
edit subscription.c 's/slot_durable\(state\) \|\| //g'
noticed read_durable

without "rejoining tells the exact loss"
edit consumer_return.c 's/(consumer_settle\(consumer, \(struct place\)\{ at.position, )expected/\1at.sequence/'
noticed floor_late evict

# ---- groups ----

without "what is taken is noted before it is taken"
edit group.c 's/\t\tclaim_note\(consumer, from, sequence, end, sequence \+ count\);\n//
s/(\t\t\tclaim_done\(consumer, from, sequence, end, sequence \+ count\);)/\t\t\tclaim_note(consumer, from, sequence, end, sequence + count);\n\1/'
noticed group_one group_batch

without "a claim's end before it is taken"
edit group.c 's/\tgroup_note\(line, end, end_sequence\);\n\}/}/
s/(\t\t\tclaim_done\(consumer, from, sequence, end, sequence \+ count\);)/\t\t\tgroup_note(consumer->claim.line, end, sequence + count);\n\1/'
noticed group_one group_batch

without "what the dead held is held until it is delivered"
edit group_dead.c 's/(\tconsumer->hot.cursor = consumer->hot.released = hold;)/\1\n\tatomic_store_explicit(\&line->hold, HOLD_NONE, memory_order_release);/'
noticed group_ghost group_again

without "the dead one's line is used, not the member's own"
edit group_dead.c 's/(\tconsumer->hot.cursor = consumer->hot.released = hold;)/\1\n\tgroup_note(consumer->claim.line, end, end_sequence);\n\tatomic_store_explicit(\&consumer->claim.line->hold_sequence, hold_sequence, memory_order_relaxed);\n\tatomic_store_explicit(\&consumer->claim.line->hold, hold, memory_order_release);/'
noticed group_ghost group_again

without "taking over only with the lock"
edit group_dead.c 's/lock_take\(segment->lock_fd, LOCK_MEMBER\(member\)\) != 0/0/'
noticed group_one group_batch

without "what is delivered again says so"
edit group_dead.c 's/consumer->claim.flags = SHMRING_REDELIVERED;/consumer->claim.flags = 0;/'
noticed group_one group_batch

without "an evicted group stays one"
edit subscription_state.c 's/state & SLOT_FLAGS/state \& SLOT_DURABLE/'
noticed group_rejoin

without "what was released of a claim is not held any more"
edit group.c 's/\t\thold_store\(consumer, consumer->hot.cursor\);\n//'
noticed group_parts

without "a claim that is done is not held any more"
edit group.c 's/(\tif \(consumer->claim.flags \& SHMRING_REDELIVERED\)\n\t\tgroup_bury\(consumer\);\n)\telse\n\t\thold_store\(consumer, HOLD_NONE\);\n(\tconsumer_room_look)/\1\2/'
noticed group_one group_batch

without "a group's holds keep the producer"
edit floor.c 's/slot_shared\(state\) \? holds_of\(floor, slot\) : UINT64_MAX/UINT64_MAX/'
noticed group_one group_batch

without "what a dead member had and is gone is told"
edit group_dead.c 's/\t\tconsumer->claim.lost \+= lost;/\t\t(void)lost;/'
noticed group_one_lossy group_parts group_again

without "an evicted group's loss is told"
edit group_open.c 's/\*lost = at->sequence - (from.sequence|expected);/;/g'
noticed group_rejoin group_rejoin_durable group_rejoin_lossy

tap_summary
tap_done
