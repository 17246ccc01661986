# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# For test scripts that report in TAP: source this, call tap_* for each point, and end with tap_done.

tap_count=0
tap_failed=0
tap_skipped=0

tap_ok() { # NAME
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1"
}

tap_fail() { # NAME [DETAILS]
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $1"
	if [ -n "${2-}" ]; then
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

tap_skip() { # NAME REASON
	tap_count=$((tap_count + 1))
	tap_skipped=$((tap_skipped + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

tap_check() { # NAME COMMAND...: passes if the command does; its output is shown if not
	tap_name=$1
	shift
	if tap_output=$("$@" 2>&1); then
		tap_ok "$tap_name"
	else
		tap_fail "$tap_name" "$tap_output"
	fi
}

tap_skip_all() { # REASON
	echo "1..0 # SKIP $1"
	exit 0
}

# For a script that runs outside the harness: the totals as the harness writes them.
tap_summary() {
	printf '# TOTAL: %d\n# PASS: %d\n# SKIP: %d\n# FAIL: %d\n' "$tap_count" \
		$((tap_count - tap_failed - tap_skipped)) "$tap_skipped" "$tap_failed"
}

# Without the plan that this prints, the harness reports an error: a script that ends early cannot pass.
tap_done() {
	echo "1..$tap_count"
	[ "$tap_failed" -eq 0 ]
	exit
}
