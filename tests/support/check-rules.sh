#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: check-rules.sh [TREE]
# doc/rules.md has the rules that are taken out by tests, and no others; and the file that it names for each has it.
src=${1:-${top_srcdir:-.}}
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/tap.sh"

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

# The rules in a section of the document: first the name, then the file.
documented() { # HEADING
	${AWK:-awk} -v heading="## $1" '
	/^## / { here = ($0 == heading) }
	here && /^\|/ && !/^\| rule/ && !/^\|--/ {
		split($0, cell, / *\| */)
		print cell[2] "\t" cell[3]
	}' "$src/doc/rules.md"
}

# The rules that a script takes out, with the file that it changes for each first.
taken_out() { # SCRIPT
	${AWK:-awk} '
	/^without "/ {
		split($0, part, "\"")
		rule = part[2]
		split(part[3], word)
		if (word[1] ~ /\.[ch]$/)
			print rule "\t" word[1]
		else
			pending = 1
	}
	pending && /^edit / { split($0, word); print rule "\t" word[2]; pending = 0 }' "$src/$1"
}

compare() { # HEADING SCRIPT
	documented "$1" | sort >"$scratch/documented"
	taken_out "$2" | sort >"$scratch/taken"
	if [ -s "$scratch/taken" ]; then
		tap_check "$2 (>) and doc/rules.md (<) have the same rules" \
			diff "$scratch/documented" "$scratch/taken"
	else
		tap_fail "$2 takes out some rule"
	fi
}

compare "Within a ring" tests/crash/rules.sh
compare "Names" tests/crash/names_rules.sh
compare "Wake-ups" tests/stress/wake_rules.sh
tap_done
