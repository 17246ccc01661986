#!/bin/sh
# SPDX-License-Identifier: MIT
# Each check of the documents fails on a copy that has the defect it is there for.
support=$(cd "$(dirname "$0")" && pwd)
src=$(cd "${top_srcdir:-$support/../..}" && pwd)
# shellcheck source=tests/support/tap.sh
. "$support/tap.sh"

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
copy=$scratch/copy
export TOOL_HELP="$scratch/help" # made by the first of them

# Only what documents speak of is needed, and only what they are is copied.
fresh_copy() {
	rm -rf "$copy"
	mkdir -p "$copy/doc" "$copy/include/shmring" &&
		for file in lib tools tests examples m4 bootstrap COPYING Makefile.am configure.ac; do
			ln -s "$src/$file" "$copy/$file"
		done &&
		cp "$src"/include/shmring/*.h "$copy/include/shmring" &&
		cp "$src/README.md" "$src/README" "$src/NEWS" "$src/CONTRIBUTING.md" "$copy" &&
		cp "$src"/doc/*.[1-8] "$src"/doc/*.md "$src"/doc/*.svg "$copy/doc" &&
		chmod -R u+w "$copy/doc" "$copy/include" "$copy"/*.md
}

fails() { # FAILED-CHECK SED-SCRIPT FILE: exactly this check fails once the script has changed the file
	fresh_copy && sed "$2" "$copy/$3" >"$scratch/broken" || return
	if cmp -s "$scratch/broken" "$copy/$3"; then
		echo "the script changes nothing in $3"
		return 1
	fi
	cp "$scratch/broken" "$copy/$3"
	[ "$3" != README.md ] || cp "$scratch/broken" "$copy/README"
	said=$(sh "$support/check-docs.sh" "$copy" 2>&1)
	failed=$(printf '%s\n' "$said" | sed -n 's/^not ok [0-9]* - //p')
	[ "$failed" = "$1" ] && return
	printf '%s\n' "$said"
	return 1
}

fresh_copy
tap_check "the untouched copy passes" sh "$support/check-docs.sh" "$copy"

prototypes="the header's prototypes (<) are those of shmring(3) (>)"
errors="the header's errors (<) are those of shmring(3) (>)"
raises="shmring(3) tells each error that the header tells of a function"
names="shmring(3) has each structure, member and constant of the header"
offsets="layout.h's offsets and sizes (<) are those of layout.md (>)"
constants="layout.h's constants (<) are those of layout.md (>)"
pictures="the pictures in layout.md have layout.h's offsets"
places="every link and path leads somewhere"

tap_check "a function is missing from shmring(3)" fails "$prototypes" \
	'/^.Fo shmring_flush/,/^.Fc/d' doc/shmring.3
tap_check "a function in shmring(3) is not there" fails "$prototypes" \
	's/^.Fo shmring_abort/.Fo shmring_give_up/' doc/shmring.3
tap_check "an argument has another type" fails "$prototypes" \
	's/^.Fa "uint16_t type"/.Fa "uint32_t type"/' doc/shmring.3
tap_check "a new function is not in shmring(3)" fails "$prototypes" \
	's/^SHMRING_API int shmring_version(void);/&\nSHMRING_API int shmring_news(void);/' include/shmring/shmring.h
tap_check "an error is not in shmring(3)" fails "$errors" \
	's/^ \*   -EUCLEAN .*/&\n *   -ENEWS  news/' include/shmring/shmring.h
tap_check "an error in shmring(3) is not in the header" fails "$errors" \
	's/^.It Bq Er EUSERS/.It Bq Er EDOM\n&/' doc/shmring.3
tap_check "a function's error is not in shmring(3)" fails "$raises" \
	's/^ \* Errors: -EAGAIN (nothing there)/ * Errors: -EXDEV, -EAGAIN (nothing there)/' include/shmring/shmring.h
tap_check "a member is not in shmring(3)" fails "$names" \
	's/^.It Va capacity , maximum/.It Va maximum/; s/capacity/size/' doc/shmring.3
tap_check "a constant is not in shmring(3)" fails "$names" \
	's/SHMRING_ENTRY_ORPHAN/SHMRING_ENTRY_CHILD/' doc/shmring.3
tap_check "an offset in layout.md is wrong" fails "$offsets" 's/^| 4232 |/| 4231 |/' doc/layout.md
tap_check "a size in layout.md is wrong" fails "$offsets" 's/^| | 184 |/| | 192 |/' doc/layout.md
tap_check "a member is not in layout.md" fails "$offsets" '/`deadline_ns`/d' doc/layout.md
tap_check "a constant in layout.md is wrong" fails "$constants" \
	's/0x0001000000000000/0x0000000100000000/' doc/layout.md
tap_check "a picture in layout.md is wrong" fails "$pictures" 's/^  4224 +/  4228 +/' doc/layout.md
tap_check "a number in README.md is wrong" fails "README.md: | subscriptions | 64 |" \
	's/| subscriptions | 64 |/| subscriptions | 65 |/' README.md
tap_check "NEWS is about another version" fails "NEWS begins with version 0.1.0" 's/^shmring 0.*/shmring 0.0.9/' NEWS
tap_check "README differs from README.md" fails "README is README.md" '1s/$/!/' README
tap_check "a link leads nowhere" fails "$places" 's/(layout.md)/(layouts.md)/' doc/decisions.md
tap_check "a path leads nowhere" fails "$places" 's/`lib\/layout.h`/`lib\/layouts.h`/' doc/layout.md
tap_check "there is no such make target" fails "every make target that is named is there" \
	's/^make stress/make stressed/' CONTRIBUTING.md
tap_check "there is no such configure option" fails "every configure option that is named is there" \
	's/--enable-everything/--enable-anything/' CONTRIBUTING.md

if [ -x "${SHMTOOL-}" ]; then
	tap_check "shmtool has no such option" fails "every shmtool command and option that is named is there" \
		's/--capacity 64M/--capacities 64M/' README.md
	tap_check "no command has such an option" fails "every shmtool command and option that is named is there" \
		's/`--framed`/`--frames`/' README.md
	tap_check "shmtool has no such command" fails "every shmtool command and option that is named is there" \
		's/^.Nm shmtool Cm stat/.Nm shmtool Cm state/' doc/shmring.7
else
	tap_skip "shmtool has no such option" "shmtool was not built"
fi
if [ -n "${MANDOC-}" ]; then
	tap_check "a manual page is too wide" fails "no line of a manual page is wider than 80 columns" \
		's/^.Ed/this line of a literal display is much longer than any terminal that we want to support\n&/' doc/shmring.3
else
	tap_skip "a manual page is too wide" "mandoc is not installed"
fi

rules_fail() { # SED-SCRIPT
	fresh_copy && sed "$1" "$src/doc/rules.md" >"$copy/doc/rules.md" &&
		! sh "$support/check-rules.sh" "$copy"
}
tap_check "a rule is not in rules.md" rules_fail '/^| magic last /d'
tap_check "a rule in rules.md is not taken out" rules_fail 's/^| magic last /| magic first /'
tap_check "a rule is said to be in another file" rules_fail 's/^| magic last | create.c/| magic last | list.c/'
tap_done
