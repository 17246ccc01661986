#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: check-docs.sh [SOURCE-TREE]
# What the documents say about names, numbers and places is what headers, tools and the tree say.
# Environment: TOOL_HELP  a directory that has what each shmtool command's --help says (made here)
src=${1:-${top_srcdir:-.}}
build=${top_builddir:-.}
awk=${AWK:-awk}
support=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/tap.sh
. "$support/tap.sh"

facts_program=$(cd "$build" && pwd)/tests/support/facts
[ -x "$facts_program" ] || { echo "Bail out! tests/support/facts has not been built"; exit 1; }
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

"$facts_program" >"$scratch/facts" || exit 1
value() { $awk -v name="$1" '$1 == name { print $2 }' "$scratch/facts"; }
cd "$src" || exit 1
header=include/shmring/shmring.h
page=doc/shmring.3

same() { # NAME ONE OTHER: two lists, neither empty
	if [ -s "$2" ] && [ -s "$3" ]; then
		tap_check "$1" diff "$2" "$3"
	else
		tap_fail "$1" "one of the lists is empty"
	fi
}

nothing() { # NAME LIST: nothing is wrong
	if [ -s "$2" ]; then
		tap_fail "$1" "$(cat "$2")"
	else
		tap_ok "$1"
	fi
}

# ---- shmring(3) and the header ----

$awk -f "$support/docs-header.awk" "$header" >"$scratch/header"
$awk -f "$support/docs-manual.awk" "$page" >"$scratch/manual"
part() { sed -n "s/^$2 //p" "$scratch/$1" | sort -u >"$scratch/$1.$2"; }
for list in prototype error raises; do
	part header "$list"
	part manual "$list"
done
part header name
same "the header's prototypes (<) are those of shmring(3) (>)" "$scratch/header.prototype" "$scratch/manual.prototype"
same "the header's errors (<) are those of shmring(3) (>)" "$scratch/header.error" "$scratch/manual.error"
comm -23 "$scratch/header.raises" "$scratch/manual.raises" >"$scratch/unsaid"
[ -s "$scratch/header.raises" ] || echo "found none in the header" >"$scratch/unsaid"
nothing "shmring(3) tells each error that the header tells of a function" "$scratch/unsaid"
tr -c 'A-Za-z0-9_' '\n' <"$page" | sort -u >"$scratch/words"
comm -23 "$scratch/header.name" "$scratch/words" >"$scratch/unsaid"
[ -s "$scratch/header.name" ] || echo "found none in the header" >"$scratch/unsaid"
nothing "shmring(3) has each structure, member and constant of the header" "$scratch/unsaid"

# ---- layout.md and layout.h ----

grep '^layout_' "$scratch/facts" | sort >"$scratch/layout.h"
$awk -f "$support/docs-layout.awk" doc/layout.md >"$scratch/layout"
grep '^layout_' "$scratch/layout" | sort >"$scratch/layout.md"
same "layout.h's offsets and sizes (<) are those of layout.md (>)" "$scratch/layout.h" "$scratch/layout.md"

grep -E '^(LAYOUT|RECORD|INDEX|SLOT|TAIL|HOLD|LOCK)_' "$scratch/facts" | sort >"$scratch/constants.h"
sed -n 's/^constant //p' "$scratch/layout" | while read -r name number; do
	echo "$name $(printf '%u' "$number")"
done | sort >"$scratch/constants.md"
same "layout.h's constants (<) are those of layout.md (>)" "$scratch/constants.h" "$scratch/constants.md"

sed -n 's/^picture //p' "$scratch/layout" | sort >"$scratch/pictured"
$awk '/^layout_/ { print $1, $2 }' "$scratch/facts" | sort | comm -13 - "$scratch/pictured" >"$scratch/wrong"
[ -s "$scratch/pictured" ] || echo "found no pictures" >"$scratch/wrong"
nothing "the pictures in layout.md have layout.h's offsets" "$scratch/wrong"

# ---- numbers ----

says() { # FILE TEXT: the file has this text, whatever its line breaks
	if tr '\n' ' ' <"$1" | tr -s ' ' | grep -qF -- "$2"; then
		tap_ok "$1: $2"
	else
		tap_fail "$1: $2" "no such text"
	fi
}
size() { # BYTES
	for unit in 'GiB 1073741824' 'MiB 1048576' 'KiB 1024'; do
		if [ $(($1 % ${unit#* })) -eq 0 ]; then
			echo "$(($1 / ${unit#* })) ${unit% *}"
			return
		fi
	done
}
overhead=$(size $(($($awk '$1 == "layout_data" || $1 == "layout_control" { n += $3 } END { print n }' "$scratch/facts"))))
least=$(size "$(value SHMRING_CAPACITY_MIN)")
most=$(size "$(value SHMRING_CAPACITY_MAX)")
usual=$(size "$(value SHMRING_CAPACITY_DEFAULT)")
says README.md "one segment in two files, because permissions are per file: created, listed, measured and removed as one."
says README.md "| subscriptions | $(value SHMRING_SUBSCRIPTIONS) |"
says README.md "| capacity | $least to $most, a power of two; $usual by default |"
says README.md "| memory | the capacity and $overhead, all reserved at creation |"
says README.md "| a record | $(value RECORD_HEADER) bytes and its payload, padded to 8 |"
says doc/shmring.7 "has 1 to $(value SHMRING_NAME_MAX) letters"
says doc/shmring.7 "up to $(value SHMRING_SUBSCRIPTIONS) subscriptions"
says doc/shmring.7 "takes its capacity and $overhead "
says doc/shmring.7 "power of two, from $least to $most."
says doc/layout.md "take the capacity and $overhead where"
says "$page" ".Dv SHMRING_CAPACITY_MIN Pq $least"
says "$page" ".Dv SHMRING_CAPACITY_MAX Pq $most"
says "$page" ".Dv SHMRING_CAPACITY_DEFAULT Pq $usual"
for name in SHMRING_NAME_MAX SHMRING_SUBSCRIPTION_NAME_MAX SHMRING_TAG_SIZE SHMRING_SUBSCRIPTIONS SHMRING_MEMBERS; do
	says "$page" ".Dv $name Pq $(value $name)"
done

version=$(value SHMRING_VERSION)
version=$((version / 10000)).$((version / 100 % 100)).$((version % 100))
tap_check "NEWS begins with version $version" grep -qx "shmring $version" NEWS
tap_check "configure.ac has version $version" grep -qF "AC_INIT([shmring], [$version])" configure.ac

# ---- places ----

tap_check "README is README.md" cmp README README.md
for file in README.md CONTRIBUTING.md doc/*.md; do
	grep -o '](\([^)]*\))' "$file" | sed 's/^](//; s/)$//' | while read -r link; do
		[ -e "$(dirname "$file")/$link" ] || echo "$file: $link"
	done
	# Paths in code style, of this tree or made by a build.
	grep -oE '`(lib|include|tools|tests|doc|examples|m4)/[A-Za-z0-9_./-]*`' "$file" | tr -d '`' | while read -r path; do
		[ -e "$path" ] || echo "$file: $path"
	done
done >"$scratch/broken"
nothing "every link and path leads somewhere" "$scratch/broken"

cat README.md CONTRIBUTING.md doc/*.md doc/*.[1-8] >"$scratch/documents"
grep -ohE '(^|`)make (-j )?[a-z-]+' README.md CONTRIBUTING.md | sed 's/.* //' | sort -u >"$scratch/targets"
[ -s "$scratch/targets" ] || echo "(none found)" >"$scratch/targets"
while read -r target; do
	case $target in
	check | install | installcheck) ;; # automake's
	*) grep -qE "^$target:" Makefile.am || echo "$target" ;;
	esac
done <"$scratch/targets" >"$scratch/missing"
nothing "every make target that is named is there" "$scratch/missing"

grep -ohE -- '--(enable|disable|with)-[a-z]+' "$scratch/documents" | sort -u | while read -r option; do
	name=${option#--*-}
	grep -rqF "AC_ARG_ENABLE([$name]" configure.ac m4 || echo "$option"
done >"$scratch/missing"
nothing "every configure option that is named is there" "$scratch/missing"

# ---- shmtool, as README.md and shmring(7) have it ----

if [ -x "${SHMTOOL:-$build/tools/shmtool/shmtool}" ]; then
	tool=${SHMTOOL:-$build/tools/shmtool/shmtool}
	{
		# In README.md: "shmtool COMMAND ... --option", to the end of a line, and `--option`, of any command.
		grep -ohE 'shmtool [a-z]+[^|`]*' README.md
		grep -ohE '`--[a-z-]+`' README.md | tr -d '`' | sed 's/^/shmtool any /'
		sed -n 's/^\(.*[ .]\)Nm shmtool Cm \([a-z]*\) Fl Fl \([a-z-]*\).*/shmtool \2 --\3/p; t
			s/^\(.*[ .]\)Nm shmtool Cm \([a-z]*\).*/shmtool \2/p' doc/shmring.7
	} >"$scratch/commands"
	help=${TOOL_HELP:-$scratch/help}
	if [ ! -d "$help" ]; then
		mkdir "$help"
		for command in $("$tool" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
			"$tool" "$command" --help >"$help/$command"
		done
		cat "$help"/* >"$scratch/any" && mv "$scratch/any" "$help"
	fi
	while read -r _ command rest; do
		[ -s "$help/$command" ] || { echo "shmtool $command"; continue; }
		for word in $rest; do
			case $word in
			--*) grep -qE -- " $word([=[ ]|\$)" "$help/$command" || echo "shmtool $command $word" ;;
			esac
		done
	done <"$scratch/commands" >"$scratch/missing"
	[ -s "$scratch/commands" ] || echo "found none" >"$scratch/missing"
	nothing "every shmtool command and option that is named is there" "$scratch/missing"
else
	tap_skip "shmtool's commands and options" "shmtool was not built"
fi

# ---- manual pages on a terminal ----

if [ -n "${MANDOC-}" ]; then
	for file in doc/*.[1-8]; do
		"$MANDOC" -T ascii -O width=80 "$file" | $awk -v file="$file" '
			{ gsub(/.\010/, "") }
			length > 80 { print file ": " $0 }
			END { if (NR == 0) print file ": nothing" }'
	done >"$scratch/wide"
	nothing "no line of a manual page is wider than 80 columns" "$scratch/wide"
else
	tap_skip "manual pages in 80 columns" "mandoc is not installed"
fi
tap_done
