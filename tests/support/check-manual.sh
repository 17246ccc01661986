#!/bin/sh
# SPDX-License-Identifier: MIT
# Manual pages are clean under mandoc -T lint.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/tap.sh"

[ -n "${MANDOC-}" ] || tap_skip_all "mandoc is not installed"

# Pages may refer to each other before they are installed.
MANPATH=$(mktemp -d) || exit 1
trap 'rm -rf "$MANPATH"' EXIT
trap 'exit 1' HUP INT TERM
export MANPATH
cd "${top_srcdir:-.}/doc" || exit 1
for page in *.[1-8]; do
	mkdir -p "$MANPATH/man${page##*.}"
	cp "$page" "$MANPATH/man${page##*.}"
done
for page in *.[1-8]; do
	tap_check "$page" sh -c 'said=$("$MANDOC" -T lint "$1" 2>&1); echo "$said"; [ -z "$said" ]' sh "$page"
done
tap_done
