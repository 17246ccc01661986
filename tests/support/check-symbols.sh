#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: check-symbols.sh [LIBRARY MAP HEADER [STATIC]]
# The shared library exports exactly what its symbol map lists and what the public header declares. The static one has no
# name that a program might have as well.
src=${top_srcdir:-.}
library=${1:-${top_builddir:-.}/lib/.libs/libshmring.so}
map=${2:-$src/lib/shmring.map}
header=${3:-$src/include/shmring/shmring.h}
static=${4:-${top_builddir:-.}/lib/.libs/libshmring.a}
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/tap.sh"

[ -e "$library" ] || tap_skip_all "no shared library was built"

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

${NM:-nm} -D --defined-only "$library" | ${AWK:-awk} '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
	sort >"$scratch/exported"

${AWK:-awk} '
{ gsub(/#.*/, ""); text = text " " $0 }
END {
	gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ", text)
	gsub(/[{};:]/, " & ", text)
	n = split(text, word)
	for (i = 1; i <= n; i++) {
		if (word[i + 1] == ":")
			global = (word[i] == "global")
		else if (global && word[i] ~ /^[A-Za-z_*?]/)
			print word[i]
	}
}' "$map" | sort >"$scratch/mapped"

# A declaration is what follows SHMRING_API; its name is the last one before the first parenthesis.
${AWK:-awk} '
/^[ \t]*#/ { next }
{ text = text " " $0 }
END {
	gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ", text)
	n = split(text, declaration, /SHMRING_API/)
	for (i = 2; i <= n; i++) {
		sub(/[ \t]*\(.*/, "", declaration[i])
		sub(/.*[^a-z0-9_]/, "", declaration[i])
		print declaration[i]
	}
}' "$header" | sort >"$scratch/declared"

if [ -s "$scratch/exported" ]; then
	tap_ok "the library exports something"
else
	tap_fail "the library exports something"
fi
tap_check "exports (<) are those of the symbol map (>)" diff "$scratch/exported" "$scratch/mapped"
tap_check "exports (<) are those the header declares (>)" diff "$scratch/exported" "$scratch/declared"
if [ -e "$static" ]; then
	# Of a sanitizer's own names, which begin with underscores or its name, none is ours.
	${NM:-nm} -g --defined-only "$static" |
		${AWK:-awk} '$2 ~ /^[A-Z]$/ && $3 !~ /^(shmring_|_|DW\.ref)/ { print $3 }' | sort -u >"$scratch/foreign"
	: >"$scratch/none"
	tap_check "the static library has no global names but shmring_... (add to lib/namespace.h)" \
		diff "$scratch/foreign" "$scratch/none"
else
	tap_skip "the static library has no global names but shmring_..." "no static library was built"
fi
tap_done
