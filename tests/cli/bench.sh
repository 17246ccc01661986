#!/bin/sh
# SPDX-License-Identifier: MIT
# bench measures everything that it names, says so in each form, and leaves nothing behind. How fast anything was
# decides nothing here.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# What clean_up kills could not remove its rings any more.
trap 'kill -TERM $started 2>/dev/null; wait; clean_up' EXIT

"$shmtool" bench --transports pipe --sizes 8 --rounds 1 --seconds 0.001 >out 2>err || {
	! grep -q "it takes two processors" err || tap_skip_all "fewer than two CPUs"
}

# ---- everything, very briefly, in JSON ----

accepted "bench --json" "$shmtool" bench --json --sizes 64,16K --rounds 1 --seconds 0.001
cat >plausible.py <<'TEXT'
import json, sys

def limit(path):
    with open(path) as file:
        return int(file.read())

told = json.load(open(sys.argv[1]))
ring = ["ring-spin", "ring-adaptive", "ring-block"]
ring += [name + "-copy" for name in ring]
kernel = ["pipe", "fifo", "unix-stream", "unix-seqpacket", "unix-datagram", "tcp", "udp", "sysv-queue",
          "posix-queue", "file-mutex", "sysv-mutex", "eventfd"]
floor = ["handover", "futex", "memcpy"]
names = [one["name"] for one in told["transports"]]
assert names == ring + kernel + floor, names
skipped = {one["name"]: one["skipped"] for one in told["transports"] if one["skipped"]}
for name, reason in skipped.items():
    print("skipped:", name, reason, file=sys.stderr)
assert not set(skipped) & set(["ring-spin", "pipe", "fifo", "unix-stream", "handover", "futex", "memcpy"]), skipped
assert told["rounds"] == 1 and told["reference"] == "ring-spin" and told["runs"] > 100, told["runs"]

results = {}
for result in told["results"]:
    key = (result["task"], result["bytes"], result.get("interval_ns", 0))
    assert key not in results
    results[key] = {one["transport"]: one for one in result["transports"]}
paced = [("paced", 64, ns) for ns in (1000, 10000, 100000)]
expected = [(task, size, 0) for task in ("stream", "one_way") for size in (64, 16384)] + paced
assert sorted(results) == sorted(expected), list(results)

for key, result in results.items():
    task, size, _ = key
    wanted = set(ring + kernel)
    if task == "stream":
        wanted.add("memcpy")
    elif size == 64:
        wanted |= {"handover", "futex"}
    assert set(result) == wanted, (key, list(result))
    for name, one in result.items():
        state = one["state"]
        if name in skipped:
            assert state == "skipped", (key, name)
            continue
        if size > 8192 and name == "sysv-queue" and limit("/proc/sys/kernel/msgmax") < size:
            assert state == "too_large", (key, name)
        if state == "too_large":
            assert size > 64 and name in ("sysv-queue", "posix-queue"), (key, name)
            continue
        assert state == "done" and one["records"] >= 3, (key, name, one)
        time = one["record_ns"]
        assert 0 < time["low"] <= time["median"] <= time["high"], (key, name, time)
        assert len(one["rounds_ns"]) == 1 and min(one["rounds_ns"]) > 0
        times = one["times_reference"]
        assert 0 < times["low"] <= times["median"] <= times["high"]
        if name == "ring-spin":
            assert times["low"] == times["high"] == 1 and one["calls_per_million"] == 0
        if name in ("pipe", "fifo", "eventfd"):
            assert one["calls_per_million"] >= 1e6
        if name.startswith("unix-data") or name.startswith("unix-seq") or name.endswith("queue"):
            assert one["calls_per_million"] >= 2e6
        if task == "stream":
            continue
        assert one["max_ns"] >= one["p50_ns"] > 0
        if one["p99_ns"] is not None:
            assert one["max_ns"] >= one["p99_ns"] >= one["p50_ns"]
TEXT
if command -v python3 >/dev/null; then
	check "all transports, sizes and paces are there, with plausible numbers" python3 plausible.py out
else
	tap_skip "what --json says" "there is no python3 to parse it"
fi

# ---- the table ----

accepted "bench" "$shmtool" bench --transports ring-spin,ring-block,ring-spin-copy,pipe,unix-stream,floor --sizes 8,64,1M --rounds 1 \
	--seconds 0.001
check "the table has all parts" says '^Throughput: records a second' '^One way: half of there and back' \
	'^bytes +8 +64 +1M$' '^ring-spin-copy +[0-9.]+[kM]? ' '^Throughput, 64-byte records' '^One way, 64-byte records' \
	'^One way, a 64-byte record every 1 us' 'every 10 us' 'every 100 us' '^Request and reply, 64 bytes' \
	'^  ring-spin +pipe .* at least 15.0: (yes|NO)$' '^  ring-block +futex .* at most +1.1: (yes|NO)$' \
	'^(TOO NOISY|Quiet enough): ' 'figure throughput_64_ring_spin_over_pipe ' \
	'figure one_way_64_ring_block_over_futex '
check "the table fits 80 columns" fits_80_columns out
check "each figure is a name and a number" \
	test -z "$(grep '^figure ' out | grep -Ev '^figure [a-z0-9_]+ [0-9]+(\.[0-9]+)?$')"
check "the figures come last" test -z "$(sed -n '/^figure /,$p' out | grep -v '^figure ')"

# ---- a record that arrives otherwise ----

# strace puts other bytes in the place of the 50th and all later ones that are written: a length of 8, and 8 bytes.
other=write:poke_enter=@arg2=0800000000000000abcdabcdabcdabcd:when=50+
if ! command -v strace >/dev/null; then
	tap_skip "a record that arrives otherwise" "strace is not installed (Debian: strace)"
elif ! strace -qq -o try -e trace=write -e inject=$other true 2>why; then
	tap_skip "a record that arrives otherwise" "strace cannot do it: $(tail -n 1 why)"
else
	# Who looks for leaks cannot do so while it is traced.
	run env ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" strace -f -qq -o trace -e trace=write -e inject=$other \
		"$shmtool" bench --transports pipe --sizes 8 --rounds 1 --seconds 0.005
	check "a record that arrives otherwise is an error" \
		failed_with 1 'pipe: record [0-9]+ of 8 bytes did not arrive as it was sent; this is an error'
	check "and there is no table" test ! -s out
fi

# ---- consumers ----

accepted "bench --consumers" "$shmtool" bench --consumers 3 --rounds 1 --seconds 0.002
check "--consumers tells of each number, up to what was asked" \
	says '^Broadcast' '^Group' '^ +1 ' '^ +2 ' '^ +3 ' 'figure producer_broadcast_caught_up_3_over_1 ' \
	'figure producer_broadcast_idle_2_over_1 ' 'figure producer_ns_group_asleep_3 '
check "--consumers fits 80 columns" fits_80_columns out
accepted "bench --consumers --json" "$shmtool" bench --consumers 2 --rounds 1 --seconds 0.002 --json
check "and has all in JSON" test "$(grep -c '"times_one"' out)" -eq 12

# ---- the picture ----

tiny="--sizes 8,16K,1M --rounds 1 --seconds 0.001 --transports ring-spin,ring-block-copy,unix-datagram,handover,memcpy"
mkdir broken
for exit in 127 1; do
	printf '#!/bin/sh\nexit %d\n' "$exit" >broken/gnuplot
	chmod +x broken/gnuplot
	# shellcheck disable=SC2086 # the words are the arguments
	run env PATH="$work/broken:$PATH" "$shmtool" bench $tiny --plot picture.svg
	case $exit in
	127) check "without gnuplot it says what to install" failed_with 1 "no gnuplot .*; install it .*gnuplot-nox" ;;
	*) check "that gnuplot fails is said" failed_with 1 "gnuplot failed" ;;
	esac
	check "before anything is measured or drawn" test ! -e picture.svg -a ! -s out
done
refused "a picture that cannot be written" 1 "cannot write /nowhere/picture.svg" \
	"$shmtool" bench --plot /nowhere/picture.svg
if command -v gnuplot >/dev/null; then
	# shellcheck disable=SC2086 # the words are the arguments
	accepted "bench --plot picture.svg" "$shmtool" bench $tiny --plot picture.svg
	accepted "bench --plot picture.png" "$shmtool" bench --sizes 64 --rounds 1 --seconds 0.001 --transports pipe \
		--plot picture.png
	picture_has() { # TEXT...
		for label; do
			grep -qF ">$label<" picture.svg || {
				echo "no label $label"
				return 1
			}
		done
	}
	check "the picture is an SVG" grep -q '<svg' picture.svg
	check "to its end" sh -c 'tail -n 3 picture.svg | grep -q "</svg>"'
	check "it has all labels" picture_has ring-spin ring-block-copy unix-datagram handover memcpy '8 B' '16 KiB' \
		'1 MiB' 'One way (half of there and back)' Throughput
	check "and units" sh -c 'grep -Eq ">10+ [um]s<" picture.svg && grep -Eq ">10* [MG]B/s<" picture.svg'
	check "the other one is a PNG" sh -c 'head -c 4 picture.png | grep -q PNG'
else
	tap_skip "pictures" "there is no gnuplot"
fi

# ---- wrong usage ----

wrong() { # PATTERN ARGUMENT...
	wrong_pattern=$1
	shift
	refused "usage: bench $*" 2 "$wrong_pattern" "$shmtool" bench "$@"
}
for sizes in '' 0 7 12 '8,' ',8' 64,8 8,8 2M 8,x 8,16,24,32,40,48,56,64,72,80,88; do
	wrong "--sizes takes up to 10 multiples of 8" --sizes "$sizes"
done
for list in '' ',' 'pipe,' ',pipe'; do
	wrong "--transports takes names" --transports "$list"
done
wrong "there is no transport 'carrier-pigeon'" --transports pipe,carrier-pigeon
for cpus in '' 0 0,0 0,1,2 a,b 0,99999; do
	wrong "--cpus takes two different processors" --cpus "$cpus"
done
wrong "--rounds takes a number from 1 to 1000" --rounds 0
wrong "--rounds takes a number from 1 to 1000" --rounds many
wrong "--seconds takes a time from 0.001 to 10" --seconds 0
wrong "--seconds takes a time from 0.001 to 10" --seconds 11
wrong "--consumers takes a number from 1 to 64" --consumers 65
wrong "--consumers takes a number from 1 to 64" --consumers 0
wrong "--plot takes a file whose name ends in .svg or .png" --plot picture.gif
wrong "leave out --consumers" --consumers 2 --plot picture.svg
wrong "'ring' is one argument too many" ring
refused "a CPU that is not there" 1 "may not run on CPU 1023" "$shmtool" bench --cpus 0,1023

# ---- a signal ----

ours() { # PID: what it has made that has a name
	find /dev/shm /tmp -maxdepth 1 \( -name "*shmtool-bench-$1-*" -o -name "*shmtool-bench-??????" \) 2>/dev/null
	ps -o pid= --ppid "$1" 2>/dev/null
}
queues() {
	tail -n +2 /proc/sysvipc/msg 2>/dev/null | wc -l
}
no_more_queues() {
	[ "$(queues)" -le "$before" ]
}
works() { # PID: it has started processes
	[ -n "$(ps -o pid= --ppid "$1")" ]
}
for transport in ring-spin ring-block fifo sysv-queue posix-queue sysv-mutex; do
	before=$(queues)
	start bench /dev/null "$shmtool" bench --transports "$transport" --sizes 64 --seconds 9
	bench=$pid
	await works "$bench"
	kill -INT "$bench"
	check "$transport: SIGINT ends it with status 130" ends_with 130 "$bench"
	check "$transport: it says nothing" test ! -s bench.err -a ! -s bench.out
	check "$transport: nothing is left" test -z "$(ours "$bench")"
	check "$transport: no queue is left" await no_more_queues
done
start bench /dev/null "$shmtool" bench --consumers 4 --seconds 9
bench=$pid
await works "$bench"
kill -TERM "$bench"
check "--consumers: SIGTERM ends it with status 143" ends_with 143 "$bench"
check "--consumers: nothing is left" test -z "$(ours "$bench")"

finish
