#!/bin/sh
# SPDX-License-Identifier: MIT
# Each check of the source tree fails on a copy that has the defect it is there for.
support=$(cd "$(dirname "$0")" && pwd)
src=$(cd "${top_srcdir:-$support/../..}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
# shellcheck source=tests/support/tap.sh
. "$support/tap.sh"

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
copy=$scratch/copy
library=$build/lib/.libs/libshmring.so

fresh_copy() {
	rm -rf "$copy"
	mkdir "$copy" && cp -R "$src/lib" "$copy" && chmod -R u+w "$copy"
}

break_copy() { # SED-SCRIPT FILE: sed has to change the file, or the defect would be none
	sed "$1" "$copy/$2" >"$scratch/broken"
	! cmp -s "$scratch/broken" "$copy/$2" && cp "$scratch/broken" "$copy/$2"
}

fails() { # PATTERN COMMAND...: fails, and says a line that matches the pattern
	pattern=$1
	shift
	said=$("$@" 2>&1) && { echo "passed: $said"; return 1; }
	echo "$said"
	echo "$said" | grep -q -- "$pattern"
}

labels_fail() { # PATTERN SED-SCRIPT FILE
	fresh_copy && cp -R "$src/include" "$copy" && chmod -R u+w "$copy/include" && break_copy "$2" "$3" &&
		fails "$1" sh "$support/check-labels.sh" "$copy/lib"
}

symbols_fail() { # PATTERN SED-SCRIPT
	fresh_copy && mkdir "$copy/include" && cp "$src/include/shmring/shmring.h" "$copy/include" && break_copy "$2" "$3" &&
		fails "$1" sh "$support/check-symbols.sh" "$library" "$copy/lib/shmring.map" "$copy/include/shmring.h"
}

static_fails() {
	fresh_copy && cp "$build/lib/.libs/libshmring.a" "$copy/lib.a" && chmod u+w "$copy/lib.a" &&
		echo 'int index_store;' >"$copy/index.c" && ${CC:-cc} -c "$copy/index.c" -o "$copy/index.o" &&
		ar r "$copy/lib.a" "$copy/index.o" 2>/dev/null &&
		fails '^# < index_store$' sh "$support/check-symbols.sh" "$library" "$src/lib/shmring.map" \
			"$src/include/shmring/shmring.h" "$copy/lib.a"
}

tree_fails() { # PATTERN FILE CONTENTS
	rm -rf "$copy"
	mkdir "$copy" && cd "$copy" && git init -q . && echo '# SPDX-License-Identifier: MIT' >configure.ac &&
		printf '%s\n' "$3" >"$2" && git add . && fails "$1" sh "$support/check-tree.sh" "$copy"
}

fresh_copy
cp -R "$src/include" "$copy"
tap_check "the untouched copy passes" sh "$support/check-labels.sh" "$copy/lib"
tap_check "an edge loses one of its ends" \
	labels_fail '^not ok.*\[PUBLISH\]' '/\* \[PUBLISH\]/s/\[PUBLISH\]//' include/shmring/inline.h
tap_check "an edge loses its line in the table" \
	labels_fail '\[RELEASE\] is not in the table' 's/^ \* \[RELEASE\]/ * RELEASE/' lib/layout.h
tap_check "a label is in the table alone" \
	labels_fail '\[ALONE\] is marked in 0' 's/^ \* \[PUBLISH\]/ * [ALONE] a -> b\n&/' lib/layout.h
tap_check "a mark names a function that is not there" \
	labels_fail 'there is no function' 's/pairs with \([a-z]*\.c\):[a-z_]*/pairs with \1:nobody/' lib/consumer.c
tap_check "a mark says no partner" \
	labels_fail 'no "pairs with' 's/pairs with/goes with/' include/shmring/inline.h

if [ -e "$library" ]; then
	tap_check "a symbol is missing from the map" \
		symbols_fail '^# < shmring_create$' 's/shmring_create;//' lib/shmring.map
	tap_check "a declaration is missing from the header" \
		symbols_fail '^# < shmring_create$' '/SHMRING_API.* shmring_create(/d' include/shmring.h
	tap_check "the static library has a name that a program might have" static_fails
else
	tap_skip "a symbol is missing" "no shared library was built"
fi

if command -v git >/dev/null; then
	tap_check "a generated file is tracked" tree_fails '^# configure$' configure '# SPDX-License-Identifier: MIT'
	tap_check "a source without an SPDX line" tree_fails '^# source.c$' source.c 'int x;'
else
	tap_skip "a generated file is tracked" "no git here"
fi
tap_done
