#!/bin/sh
# SPDX-License-Identifier: MIT
# What goes in comes out, byte for byte, in all three forms; what does not fit is refused and named.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

byte() { # NUMBER...
	for number; do
		# shellcheck disable=SC2059
		printf "\\$(printf %03o "$number")"
	done
}

frame() { # LENGTH TYPE: a frame of that many dots
	byte $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) 0 $(($2 & 255)) $(($2 >> 8)) 0 0
	dots "$1"
}

dots() { # COUNT
	head -c "$1" /dev/zero | tr '\0' .
}

# The file `in` is published while a subscription reads.
flows() { # PUB-OPTIONS SUB-OPTIONS
	fresh --capacity 64K
	# shellcheck disable=SC2086
	start sub /dev/null "$shmtool" sub "$ring" $2
	# shellcheck disable=SC2086
	"$shmtool" pub "$ring" --wait-for 1 $1 <in && ends_with 0 "$pid" && cmp in sub.out
}

# The same, and before that published first and read later.
through() { # PUB-OPTIONS SUB-OPTIONS
	fresh --capacity 64K
	# shellcheck disable=SC2086
	"$shmtool" pub "$ring" $1 in && "$shmtool" sub "$ring" $2 >out && cmp in out &&
		"$shmtool" tail "$ring" $2 >out && cmp in out && flows "$1" "$2"
}

fresh --capacity 64K
maximum=$(field maximum)
check "stat tells the longest record" test "$maximum" -gt 0

# ---- the issue's own example ----

fresh
seq 10 >in
check "ten lines go in" "$shmtool" pub "$ring" in
accepted "sub comes later, and ends" "$shmtool" sub "$ring"
check "and prints ten lines" cmp in out
check "the newline is not part of a record" test "$("$shmtool" sub "$ring" --raw)" = 12345678910

# ---- lines ----

printf 'one\ntwo\n' >in
check "lines" through "" ""
printf 'one\ntwo' >in
check "an unterminated last line" through "" ""
printf 'one\n\n\nfour\n\n' >in
check "empty lines" through "" ""
printf '\n' >in
check "nothing but an empty line" through "" ""
: >in
check "nothing at all" through "" ""
byte 0 1 2 10 0 255 254 13 10 >in
check "bytes that are no text" through "" ""
{ dots "$maximum"; echo; echo end; } >in
check "a maximal line" through "" ""
dots "$maximum" >in
check "a maximal line that is unterminated" through "" ""

fresh
printf 'abc' | "$shmtool" pub "$ring"
printf 'def\n' | "$shmtool" pub "$ring"
"$shmtool" sub "$ring" >out
printf 'abc\ndef\n' >expected
check "an unterminated line is not glued to the next" cmp expected out
"$shmtool" sub "$ring" --framed >out
{ byte 3 0 0 0 255 255 0 0; printf abc; byte 3 0 0 0 0 0 0 0; printf def; } >expected
check "its type says what it was" cmp expected out

fresh --capacity 64K
{ echo one; dots $((maximum + 1)); echo; echo three; } >in
refused "an over-long line" 1 "$ring: in: line 2 is longer than $maximum bytes" "$shmtool" pub "$ring" in
printf 'one\n' >expected
accepted "what came before it is there" "$shmtool" sub "$ring"
check "and nothing else" cmp expected out
printf 'four\n' | "$shmtool" pub "$ring"
printf 'one\nfour\n' >expected
accepted "the ring goes on" "$shmtool" sub "$ring"
check "behind what was there" cmp expected out
refused "a line without end" 1 "standard input: line 1 is longer than $maximum bytes" \
	"$shmtool" pub "$ring" </dev/zero

# ---- raw ----

head -c 300000 "$shmtool" >in
[ "$(wc -c <in)" -gt 1000 ] || seq 100000 >in
cp in binary
head -c 1000 binary >in
check "raw, in pieces that divide it" through "--raw 100" --raw
head -c 1001 binary >in
check "raw, with a shorter last piece" through "--raw 100" --raw
check "raw, byte for byte" through "--raw 1" --raw
check "raw, one piece larger than all" through "--raw 2K" --raw
head -c $((maximum + 5)) /dev/urandom >in
check "raw, a maximal piece" through "--raw $maximum" --raw
: >in
check "raw, nothing" through "--raw 8" --raw
refused "raw, over-long pieces" 1 "pieces of $((maximum + 1)) bytes are too long, this ring takes $maximum" \
	"$shmtool" pub "$ring" --raw $((maximum + 1)) in
head -c 25 binary >in
fresh
"$shmtool" pub "$ring" --raw 10 --type 7 in
check "raw, records are as long as they should be" test "$("$shmtool" sub "$ring" --framed | wc -c)" -eq $((3 * 8 + 25))

# ---- framed ----

{ frame 5 0; frame 0 1; frame "$maximum" 65535; frame 1 256; frame 0 0; } >in
check "frames, with empty and maximal records" through --framed --framed
: >in
check "no frames" through --framed --framed
fresh --capacity 64K
{ frame 1 0; frame $((maximum + 1)) 0; frame 1 0; } >in
refused "an over-long frame" 1 "$ring: in: frame 2 has $((maximum + 1)) bytes, and this ring takes $maximum" \
	"$shmtool" pub "$ring" --framed in
check "what came before it is there" test "$("$shmtool" sub "$ring")" = .
frame 10 0 | head -c 15 >in
refused "a frame cut off" 1 "in ends with 7 of the 10 bytes of frame 1" "$shmtool" pub "$ring" --framed in
{ frame 10 0; frame 10 0; } | head -c 20 >in
refused "a frame's header cut off" 1 "in ends with 2 of the 8 bytes of the header of frame 2" \
	"$shmtool" pub "$ring" --framed in
byte 1 0 0 0 0 0 1 0 65 >in
refused "a header without its zeros" 1 "header of frame 1 does not end in zeros" "$shmtool" pub "$ring" --framed in
fresh
seq 3 | "$shmtool" pub "$ring" --type 258
"$shmtool" sub "$ring" --framed | head -c 8 >out
byte 1 0 0 0 2 1 0 0 >expected
check "--type reaches the records" cmp expected out

# ---- many records, many wraps ----

seq 300000 >in
check "300000 lines" flows "" ""
cat binary binary binary binary binary binary binary binary binary binary >in
check "raw pieces of 999 bytes" flows "--raw 999" --raw
for length in 0 1 7 8 9 100 1000 5000 "$maximum"; do frame $length 5; done >some
cat some some some some some some some some >in
check "frames of many lengths" flows --framed --framed

finish
