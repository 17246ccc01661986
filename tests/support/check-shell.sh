#!/bin/sh
# SPDX-License-Identifier: MIT
# Shell scripts are clean under shellcheck.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/tap.sh"

[ -n "${SHELLCHECK-}" ] || tap_skip_all "shellcheck is not installed"
cd "${top_srcdir:-.}" || exit 1
for script in bootstrap .ci/run tests/*/*.sh; do
	tap_check "$script" "$SHELLCHECK" -S warning -x "$script"
done
tap_done
