#!/bin/sh
# SPDX-License-Identifier: MIT
# Takes out of copies of the library what keeps wake-ups from being lost, and wants `handover` to lose some: a rule
# whose loss no test sees is not known to hold. `make rules-wake` runs this; it needs a built tree and two processors.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
top=${top_srcdir:-.}
build=${top_builddir:-.}
CC=${CC:-cc}

archive=$build/lib/.libs/libshmring.a
[ -e "$archive" ] || tap_skip_all "no static library here (--disable-static?)"
[ "$(nproc)" -ge 2 ] || tap_skip_all "one processor: nothing happens at the same time"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

# The makefile knows the program's own objects, and how to link them.
objects=${RULES_OBJECTS:?is set by make rules-wake}

program() { # FILE: links the program with this one of the library's files instead of its own
	# shellcheck disable=SC2086
	$CC $RULES_CFLAGS -I"$build" -I"$work/include" -include config.h -include "$work/lib/namespace.h" \
		-fvisibility=hidden -fPIC -w -c "$work/lib/$1" -o "$work/changed.o" || return
	# shellcheck disable=SC2086
	(cd "$build" && $CC $RULES_CFLAGS $RULES_LDFLAGS -o "$work/handover" $objects "$work/changed.o" "$archive" \
		$RULES_LIBS)
}

mode=
handovers() { # runs it, at most so long
	# shellcheck disable=SC2086
	timeout -k 5 100 "$work/handover" --two-cores 3000000 --one-core 0 --seconds 30 --until-lost $mode >"$work/log" 2>&1
}

without() { # RULE FILE SCRIPT: by sed, with the whole file as one line; wants a wake-up to be lost
	rm -rf "${work:?}/lib" "${work:?}/include"
	cp -r "$top/lib" "$top/include" "$work"
	chmod -R u+w "$work/lib" "$work/include"
	case $2 in inline.h) path=include/shmring changed=producer.c ;; *) path=lib changed=$2 ;; esac
	[ -z "$3" ] || sed -E -z -i "$3" "$work/$path/$2"
	if [ -n "$3" ] && cmp -s "$top/$path/$2" "$work/$path/$2"; then
		tap_fail "without: $1" "$path/$2 no longer looks as this script expects: $3"
		return
	fi
	if ! program "$changed" >"$work/log" 2>&1; then
		tap_fail "without: $1" "$(cat "$work/log")"
		return
	fi
	handovers
	status=$?
	if grep -q '^figure lost_wakeups [1-9]' "$work/log"; then
		tap_ok "without: $1: lost after $(sed -n 's/^figure handovers_two_cores //p' "$work/log")"
	else
		tap_fail "without: $1" "nothing was lost; status $status
$(cat "$work/log")"
	fi
}

without "the producer's full fence between header word and sleepers" inline.h \
	's/(if \(hot->fences\)\s*)shmring_hot_fence_full\(\);/\1;/'
without "the sleeper's look for a record between bit and sleep" consumer_wait.c \
	's/\&\& !record_there\(consumer\) \&\&/\&\&/'
mode=--membarrier
without "the sleeper's barrier for the producer in mode MEMBARRIER" consumer_wait.c \
	's/if \(!membarrier_everywhere\(\)\)/if (0)/'

tap_summary
