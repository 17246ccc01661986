#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: check-tree.sh [SOURCE-TREE]
# Every source names its licence, and, in a git tree, nothing generated is tracked.
tree=${1:-${top_srcdir:-.}}
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/tap.sh"

generated='(^|/)(configure|Makefile|Makefile\.in|aclocal\.m4|config\.(h|h\.in|log|status)|libtool\.m4|lt[a-z~]*\.m4|ltmain\.sh|compile|depcomp|install-sh|missing|tap-driver\.sh|stamp-h1|shmring\.pc)$|(^|/)(build|build-aux|autom4te\.cache)/|\.(o|lo|la|a|so|trs|log)$'
sources='\.(c|h|cc|sh|awk|m4|ac|am|map|in|1|3|7)$|^(\.ci/run|bootstrap|\.clang-format|\.editorconfig)$'

cd "$tree" || exit 1
if git -C . ls-files --error-unmatch configure.ac >/dev/null 2>&1; then
	files=$(git ls-files)
	found=$(printf '%s\n' "$files" | grep -E "$generated")
	if [ -z "$found" ]; then
		tap_ok "nothing generated is tracked"
	else
		tap_fail "nothing generated is tracked" "$found"
	fi
else
	files=$(find . -type f ! -path './.git/*' | sed 's|^\./||' | grep -Ev "$generated")
fi

present=$(printf '%s\n' "$files" | grep -E "$sources" | while read -r file; do
	[ ! -f "$file" ] || printf '%s\n' "$file"
done)
unnamed=$(printf '%s\n' "$present" | xargs "${AWK:-awk}" '
	FNR <= 3 && /SPDX-License-Identifier: MIT/ { named[FILENAME] = 1 }
	END { for (i = 1; i < ARGC; i++) if (!(ARGV[i] in named)) print ARGV[i] }')
if [ -z "$unnamed" ]; then
	tap_ok "every source has its SPDX line"
else
	tap_fail "every source has its SPDX line" "$unnamed"
fi
tap_done
