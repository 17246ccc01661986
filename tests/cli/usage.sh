#!/bin/sh
# SPDX-License-Identifier: MIT
# Help for every command, and wrong usage: status 2 and one line.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

for command in create ls stat pub sub tail unsubscribe evict check rm gc bench; do
	accepted "$command --help" "$shmtool" "$command" --help
	check "$command --help shows the usage" grep -q "^Usage: shmtool $command " out
	check "$command --help shows the options" grep -q -e '--help' out
	check "$command --help fits 80 columns" fits_80_columns out
	cp out help
	accepted "help $command" "$shmtool" help "$command"
	check "help $command is the same" cmp out help
	refused "$command --frobnicate" 2 "$command: there is no option --frobnicate; .*$command --help" \
		"$shmtool" "$command" --frobnicate
	"$shmtool" --help >out
	check "--help lists $command" grep -q "^  $command " out
done
for command in create stat pub sub tail unsubscribe evict check rm; do
	refused "$command without a name" 2 "$command: a name is missing" "$shmtool" "$command"
done

accepted "--help" "$shmtool" --help
check "--help fits 80 columns" fits_80_columns out
accepted "--version" "$shmtool" --version
check "--version says the version" grep -Eq '^shmtool [0-9]+\.[0-9]+\.[0-9]+, library [0-9.]+$' out
refused "no command" 2 "a command is missing" "$shmtool"
refused "an unknown command" 2 "frobnicate: there is no such command" "$shmtool" frobnicate
refused "an unknown option" 2 "there is no such option" "$shmtool" --frobnicate
refused "help for an unknown command" 2 "frobnicate: there is no such command" "$shmtool" help frobnicate

refused "one argument too many" 2 "'c' is one argument too many" "$shmtool" pub a b c
refused "an argument for ls" 2 "'a' is one argument too many" "$shmtool" ls a
refused "an option without its value" 2 "--type needs a value" "$shmtool" pub "$ring" --type
refused "an option with a value too many" 2 "--framed takes no value" "$shmtool" pub "$ring" --framed=1
refused "the beginning of two options" 2 "--w may mean several" "$shmtool" pub "$ring" --w
refused "an unknown letter" 2 "there is no option -z" "$shmtool" pub -z "$ring"

for size in 0 -1 '' K 1X 1KK 0x10000 ' 64K' 9G 99999999999999999999 17179869184G; do
	refused "--capacity '$size'" 2 "--capacity takes a size from 64 KiB to 8 GiB" \
		"$shmtool" create "$ring" --capacity "$size"
done
for type in -1 65536 x ''; do
	refused "--type '$type'" 2 "--type takes a number from 0 to 65535" "$shmtool" pub "$ring" --type "$type"
done
for bytes in 0 -5 5G x; do
	refused "--raw '$bytes'" 2 "--raw takes a number of bytes" "$shmtool" pub "$ring" --raw "$bytes"
done
for seconds in x -1 1s 1.x ''; do
	refused "--wait='$seconds'" 2 "--wait takes seconds" "$shmtool" sub "$ring" "--wait=$seconds"
done
for count in 0 -1 x; do
	refused "--count '$count'" 2 "--count takes a number" "$shmtool" sub "$ring" --count "$count"
done
for place in middle -1 1.5 ''; do
	refused "--from '$place'" 2 "--from takes oldest, newest or a sequence" "$shmtool" tail "$ring" --from "$place"
done
refused "--wait-for more than there can be" 2 "--wait-for takes a number" "$shmtool" pub "$ring" --wait-for 65
refused "--raw with --framed for pub" 2 "do not go together" "$shmtool" pub "$ring" --raw 5 --framed
refused "--framed with --raw for pub" 2 "do not go together" "$shmtool" pub "$ring" --framed --raw 5
refused "--raw with --framed for sub" 2 "do not go together" "$shmtool" sub "$ring" --raw --framed
refused "--type with --framed" 2 "--type does not go with --framed" "$shmtool" pub "$ring" --framed --type 1
refused "--wake with something else" 2 "--wake takes fence, none or membarrier, not" "$shmtool" create "$ring" --wake up
for mode in all=consumer other=king other= other 'group=consumer,' ''; do
	refused "--mode '$mode'" 2 "--mode takes WHO=ROLE" "$shmtool" create "$ring" --mode "$mode"
done
refused "a tag of 65 bytes" 2 "at most 64 bytes" "$shmtool" create "$ring" --tag "$(printf '%065d' 0)"
refused "help to a full disk" 1 "cannot write to standard output" sh -c '"$1" --help >/dev/full' sh "$shmtool"

finish
