#!/bin/sh
# SPDX-License-Identifier: MIT
# Files that are no ring, or not one that this version knows: every command says so and leaves them alone.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

file=/dev/shm/$ring

patch() { # FILE OFFSET OCTAL-BYTES
	# shellcheck disable=SC2059
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

look() { # what can be told of the file without waiting for it
	ls -ldi "$file"
	[ ! -f "$file" ] || [ -L "$file" ] || cksum "$file"
}

# All that attach refuse it, in the same way, and the file stays as it is.
all_refuse() { # NAME PATTERN
	look >before
	for command in stat pub sub tail "create --if-missing"; do
		# shellcheck disable=SC2086
		refused "$command: $1" 1 "$ring: .*$2" "$shmtool" $command "$ring" </dev/null
	done
	look >after
	check "$1: the file is as before" cmp before after
	run "$shmtool" ls
	check "ls gets over it" succeeded
}

not_removed() { # NAME
	refused "rm: $1" 1 "$ring: .*is not a ring" "$shmtool" rm "$ring"
	check "rm: $1: the file is still there" test -e "$file"
	rm -rf "$file"
}

# ---- no ring at all ----

echo "this is a text" >"$file"
all_refuse "a text" "is not a ring, or is damaged"
not_removed "a text"
: >"$file"
all_refuse "an empty file" "is not a ring, or is damaged"
not_removed "an empty file"
head -c 2000000 /dev/zero >"$file"
all_refuse "a file of zeros" "is not a ring, or is damaged"
not_removed "a file of zeros"
ln -s /dev/zero "$file"
all_refuse "a symbolic link" "is not a ring, or is damaged"
not_removed "a symbolic link"
mkfifo "$file"
all_refuse "a FIFO" "is not a ring, or is damaged"
not_removed "a FIFO"
mkdir "$file"
all_refuse "a folder" "is not a ring, or is damaged"
refused "a ring in a file's place" 1 "a ring or file of that name exists" "$shmtool" create "$ring"
not_removed "a folder"

# ---- a ring with something wrong ----

damaged() { # NAME PATTERN: what was done to the ring is noticed, and it can be removed
	all_refuse "$1" "$2"
	accepted "rm: $1" "$shmtool" rm "$ring"
	check "rm: $1: the ring is gone" test ! -e "$file"
	find /dev/shm -name ".$ring.*" -exec rm {} +
}

fresh
truncate -s 100000 "$file"
damaged "a truncated data object" "is damaged"
fresh
truncate -s 100 "$file"
damaged "one with half a header" "is damaged"
fresh
truncate -s 100 /dev/shm/."$ring".*
damaged "a truncated control object" "do not belong together|is damaged"
fresh
patch "$file" 60 '\001'
damaged "a wrong capacity" "is damaged"
fresh
patch "$file" 12 '\377'
damaged "another version" "of another version"
fresh
patch "$file" 16 '\001'
damaged "an unknown feature" "of another version"
fresh
magic=$(od -An -to1 -N8 "$file" | awk '{ for (i = NF; i > 0; i--) printf "\\%s", $i }')
patch "$file" 0 "$magic"
damaged "another byte order" "byte order"
fresh
rm /dev/shm/."$ring".*
damaged "one without its control object" "do not belong together, or one is missing"
"$shmtool" create "$prefix-other"
fresh
cp /dev/shm/."$prefix-other".* "$(echo /dev/shm/."$ring".*)"
damaged "one with another's control object" "do not belong together"
"$shmtool" rm "$prefix-other"

finish
