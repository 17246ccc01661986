#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: check-labels.sh [LIB-DIRECTORY]      (shmring/inline.h is looked for in ../include from there)
# Every ordering edge has a label, [NAME], in the table that opens layout.h, and a comment at each of its ends:
#     /* [NAME] why; pairs with FILE:FUNCTION() */
# Checked: each label of the table is marked in at least two functions; each mark's label stands in the table; the
# function a mark names exists in that file, and carries a mark of the same label.
lib=${1:-${top_srcdir:-.}/lib}
support=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/tap.sh
. "$support/tap.sh"

[ -r "$lib/layout.h" ] || { echo "Bail out! $lib/layout.h: no such file"; exit 1; }

cd "$lib" || exit 1
set -- layout.h
for file in *.[ch]; do
	[ "$file" = layout.h ] || set -- "$@" "$file"
done
[ ! -e ../include/shmring/inline.h ] || set -- "$@" ../include/shmring/inline.h
report=$(${AWK:-awk} -f "$support/check-labels.awk" "$@" | sort)


[ -n "$report" ] || tap_fail "layout.h has a table of labels" "found none at the top of $lib/layout.h"

while read -r label problem; do
	[ -n "$label" ] || continue
	if [ -n "$problem" ]; then
		tap_fail "$label has both its ends" "$problem"
	else
		tap_ok "$label has both its ends"
	fi
done <<REPORT
$report
REPORT
tap_done
