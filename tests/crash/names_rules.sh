#!/bin/sh
# SPDX-License-Identifier: MIT
# Takes each rule about the making and removing of names out of a copy of the library, and wants crash_names or
# race_names to notice. `make rules-names` runs this; it needs a built tree. Arguments: only the rules whose words one
# of these patterns is in.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
top=${top_srcdir:-.}
build=${top_builddir:-.}
CC=${CC:-cc}

archive=$build/lib/.libs/libshmring.a
[ -e "$archive" ] || tap_skip_all "no static library here (--disable-static?)"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

objects_of() { # PROGRAM: its own objects, the last one last: see last.h
	find "$build/tests" -name "*$1-*.o" ! -name "*-last.o"
	find "$build/tests" -name "$1-last.o"
}

link_with() { # PROGRAM OBJECT...: with these instead of the library's own
	program=$1
	shift
	# shellcheck disable=SC2046,SC2086
	$CC $RULES_CFLAGS $RULES_LDFLAGS -Wl,-z,now -o "$work/$program" $(objects_of "$program") "$@" "$archive" \
		$RULES_LIBS
}

compile() { # FILE
	# shellcheck disable=SC2086
	$CC $RULES_CFLAGS -I"$build" -I"$top/include" -include config.h -include "$work/lib/namespace.h" \
		-fvisibility=hidden -fPIC -w -c "$work/lib/$1" -o "$work/edited.o"
}

only=$*
wanted() { # RULE
	[ -z "$only" ] && return
	for words in $only; do
		case $1 in *"$words"*) return 0 ;; esac
	done
	return 1
}

# Runs PROGRAM with ARGUMENTS, and wants it to report what PATTERN describes.
without() { # RULE FILE SCRIPT PROGRAM PATTERN [ARGUMENT...]
	rule=$1 file=$2 script=$3 program=$4 pattern=$5
	shift 5
	wanted "$rule" || return
	rm -rf "${work:?}/lib"
	cp -r "$top/lib" "$work/lib"
	chmod -R u+w "$work/lib"
	sed -E -z -i "$script" "$work/lib/$file"
	if cmp -s "$top/lib/$file" "$work/lib/$file"; then
		tap_fail "without: $rule" "lib/$file no longer looks as this script expects: $script"
	elif ! { compile "$file" && link_with "$program" "$work/edited.o"; } >"$work/log" 2>&1; then
		tap_fail "without: $rule" "$(cat "$work/log")"
	else
		[ "$program" != crash_names ] || set -- "$@" --until "$pattern"
		timeout -k 5 300 "$work/$program" "$@" >"$work/log" 2>&1
		status=$?
		if [ "$status" -eq 77 ]; then
			tap_skip "without: $rule" "$(sed -n 's/^SKIP: //p' "$work/log")"
		elif grep -Eq "$pattern" "$work/log"; then
			tap_ok "without: $rule: noticed by $program"
			grep -E "$pattern" "$work/log" | head -n 1 | sed 's/^/# /'
		else
			tap_fail "without: $rule" "not noticed by $program $*; status $status
$(tail -n 20 "$work/log")"
		fi
	fi
}

# ---- creating ----

# In link_both.
link_control='error = link_as\(control_fd, control_path\);'
link_data='error = link_as\(data_fd, data_path\);'

without "control linked before data" create.c \
	"s/$link_control/error = link_as(data_fd, data_path);/
s/($link_data)([^}]*unlink\\()control_path/error = link_as(control_fd, control_path);\\2data_path/2
s/error = link_as\\(data_fd, data_path\\);(\\s+if \\(error\\)\\s+unlink\\()control_path/error = link_as(control_fd, control_path);\\1data_path/" \
	crash_names 'its control object has none' --scene create

without "locked while it has but one name" create.c \
	's/error = lock_take\(control_fd, LOCK_NAMES\);/error = 0;/' \
	crash_names 'create.*: a control object without data is not locked' --scene create

without "locked before it has a name" create.c \
	"s/error = lock_take\\(control_fd, LOCK_NAMES\\);/error = 0;/
s/($link_control)/\\1 lock_take(control_fd, LOCK_NAMES);/" \
	crash_names 'create.*: a control object without data is not locked' --scene create

without "who comes too late cleans up" create.c \
	's/unlink\(control_path\);/;/' \
	crash_names 'create and come too late' --scene 'come too late'

without "magic last" create.c \
	's/header->magic = 0;/header->magic = magic;/
s/(error = reserve\(fd, size\);)/write_all(fd, \&magic, sizeof(magic)); \1/' \
	crash_names 'has its magic before it is complete' --scene create

# ---- unlinking ----

without "unlinking locks" remove.c \
	's/error = lock_wait\(control\.segment\.lock_fd, LOCK_NAMES\);/error = 0;/' \
	crash_names 'a ring other than the one that it had looked at' --scene unlink

without "unlinking looks again" remove.c \
	's/named\(path, opened\) \? remove_name\(path\) : -ENOENT/remove_name(path)/' \
	crash_names 'a ring other than the one that it had looked at' --scene unlink

without "unlinking looks again, with the lock held" remove.c \
	's/(error = lock_wait\(control\.segment\.lock_fd, LOCK_NAMES\);)/if (!named(path, opened)) { handle_close(\&control); return -ENOENT; } \1/
s/named\(path, opened\) \? remove_name\(path\) : -ENOENT/remove_name(path)/' \
	crash_names 'a ring other than the one that it had looked at' --scene unlink

without "data removed before control" remove.c \
	's/(int error = )(named\(path, opened\)[^;]*;)/\1named(path, opened) ? unlink(control_path) : -ENOENT;/
s/(if \(!error\)\s+)unlink\(control_path\);/\1error = remove_name(path);/' \
	crash_names 'its control object has none' --scene unlink

without "its control is removed, too" remove.c \
	's/\tunlink\(control_path\);/\t;/' \
	race_names 'figure wrong_removals [1-9]' --races 300

# ---- collecting ----

without "collecting respects the lock" remove.c \
	's/if \(lock_take\(control\.segment\.lock_fd, LOCK_NAMES\) == 0\)/lock_take(control.segment.lock_fd, LOCK_NAMES);/' \
	crash_names 'shmring_collect visits what is in use' --scene create

without "collecting looks again, with the lock held" remove.c \
	's/if \(!list_is_orphan\(entry->file\)\)/if (0)/' \
	crash_names 'collect while another creates' --scene 'collect while another creates'

without "a dry run removes nothing" remove.c \
	's/ && !collection->dry_run//' \
	crash_names 'though it is a dry run' --scene collect

# ---- attaching ----

without "removed while attaching is not there" segment.c \
	's/error == -EUCLEAN && segment_removed\(segment\)/0/' \
	race_names 'figure wrong_errors [1-9]' --races 10000

tap_summary
tap_done
