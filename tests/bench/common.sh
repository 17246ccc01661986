# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# For the tests of benchmarks: that they work and report what they should. How fast anything was decides nothing there.
# Source this, run_quick, then has_figures and the others, and end with tap_done.
# shellcheck source=tests/support/tap.sh
. "${top_srcdir:-.}/tests/support/tap.sh"
bench=${top_builddir:-.}/tests/bench

run_quick() { # PROGRAM ARGUMENT...: a short run; what it says is in $output
	program=$1
	shift
	output=$("$bench/$program" --quick --rounds 2 "$@" 2>&1)
	status=$?
	[ "$status" -ne 77 ] || tap_skip_all "$(printf '%s\n' "$output" | sed -n 's/.*: skipped: //p')"
	if [ "$status" -eq 0 ]; then
		tap_ok "a short run ends well"
	else
		tap_fail "a short run ends well" "status $status
$output"
	fi
}

has_figures() { # WHAT TEXT NAME...: these are among the text's figures, and each is a name and a number
	what=$1
	text=$2
	shift 2
	figures=$(printf '%s\n' "$text" | grep '^figure ')
	wrong=$(printf '%s\n' "$figures" | grep -Ev '^figure [a-z0-9_]+ [0-9]+(\.[0-9]+)?$')
	for name in "$@"; do
		printf '%s\n' "$figures" | grep -q "^figure $name " || wrong="$wrong
missing: $name"
	done
	if [ -z "$wrong" ]; then
		tap_ok "$what"
	else
		tap_fail "$what" "$wrong
$text"
	fi
}

helps() { # PROGRAM
	tap_check "--help explains" sh -c "'$bench/$1' --help | grep -q -- --rounds"
}

is_misuse() { # PROGRAM ARGUMENT...
	program=$1
	shift
	"$bench/$program" "$@" >/dev/null 2>&1
	status=$?
	if [ "$status" -eq 2 ]; then
		tap_ok "usage: $program $*"
	else
		tap_fail "usage: $program $*" "status $status, not 2"
	fi
}
