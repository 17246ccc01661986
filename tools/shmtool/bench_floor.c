/* SPDX-License-Identifier: MIT */
/*
 * The floors. A counter there and a counter back, each on a cache line of its own that one side
 * alone writes: polled, or slept on with a bare futex. They carry one word, the record's first.
 * And memcpy: one core copies twice what the other one wrote last, as records are that go into a
 * ring and come out of it.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench_work.h"

#define AREA_BYTES (1u << 20)

/* A way's word holds the number of the record that was sent last, and one more. */
struct floor {
	alignas(128) _Atomic uint64_t sent[2];
	alignas(128) _Atomic uint64_t back[2];
	alignas(128) _Atomic uint64_t taken;
	alignas(128) _Atomic uint32_t bell[64]; /* those of the ways are a line apart */
	alignas(128) unsigned char area[];
};

static struct floor *shared_floor;
static size_t floor_bytes;
static uint64_t *outgoing, *incoming;
static uint64_t received;

static size_t area_bytes(const struct bench_run *run)
{
	return run->job.size > AREA_BYTES ? run->job.size
					  : AREA_BYTES / run->job.size * run->job.size;
}

enum bench_opened bench_floor_open(struct bench_run *run)
{
	floor_bytes = sizeof(struct floor) + area_bytes(run);
	shared_floor =
		mmap(NULL, floor_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared_floor == MAP_FAILED)
		return bench_refuse(run, "mmap");
	return BENCH_OPEN;
}

void bench_floor_close(struct bench_run *run)
{
	(void)run;
	if (shared_floor != MAP_FAILED)
		munmap(shared_floor, floor_bytes);
}

static void floor_start(struct bench_run *run, enum bench_side side)
{
	(void)side;
	outgoing = malloc(run->job.size);
	incoming = malloc(run->job.size);
	if (!outgoing || !incoming)
		bench_fail(run, "out of memory");
	received = 0;
}

static void floor_stop(struct bench_run *run, enum bench_side side)
{
	(void)run;
	(void)side;
	free(outgoing);
	free(incoming);
}

/* ---- hand-overs ---- */

BENCH_INLINE _Atomic uint64_t *word(int way)
{
	return way == 0 ? &shared_floor->sent[0] : &shared_floor->back[0];
}

BENCH_INLINE _Atomic uint32_t *bell(int way)
{
	return &shared_floor->bell[way * 32];
}

BENCH_INLINE void *floor_room(struct bench_run *run, int way)
{
	/* One word has no room for two records; who has no answer to wait for, waits here. */
	if (run->job.task == BENCH_PACED) {
		uint64_t before = atomic_load_explicit(word(way), memory_order_relaxed);

		while (atomic_load_explicit(&shared_floor->taken, memory_order_acquire) != before)
			bench_pause();
	}
	return outgoing;
}

/* The word is never 0 once something was sent; bit 63 is the last record's mark. */
BENCH_INLINE uint64_t encoded(uint64_t number)
{
	return number + 1;
}

BENCH_INLINE const void *decoded(struct bench_run *run, uint64_t value)
{
	bench_fill(incoming, run->job.size, value - 1);
	received = value;
	return incoming;
}

BENCH_INLINE void floor_release(struct bench_run *run, int way)
{
	(void)way;
	if (run->job.task == BENCH_PACED)
		atomic_store_explicit(&shared_floor->taken, received, memory_order_release);
}

BENCH_INLINE void handover_send(struct bench_run *run, int way)
{
	(void)run;
	atomic_store_explicit(word(way), encoded(outgoing[0]), memory_order_release);
}

BENCH_INLINE const void *handover_receive(struct bench_run *run, int way)
{
	uint64_t value;

	while ((value = atomic_load_explicit(word(way), memory_order_acquire)) == received)
		;
	return decoded(run, value);
}

static const struct bench_calls handover_calls = {
	.start = floor_start,
	.room = floor_room,
	.send = handover_send,
	.receive = handover_receive,
	.release = floor_release,
	.stop = floor_stop,
};

/* ---- a bare futex ---- */

BENCH_INLINE void futex_send(struct bench_run *run, int way)
{
	(void)run;
	atomic_store_explicit(word(way), encoded(outgoing[0]), memory_order_relaxed);
	atomic_fetch_add_explicit(bell(way), 1, memory_order_release);
	syscall(SYS_futex, bell(way), FUTEX_WAKE, 1, NULL, NULL, 0);
	bench_calls_made++;
}

BENCH_INLINE const void *futex_receive(struct bench_run *run, int way)
{
	for (;;) {
		uint32_t rung = atomic_load_explicit(bell(way), memory_order_acquire);
		uint64_t value = atomic_load_explicit(word(way), memory_order_relaxed);

		if (value != received)
			return decoded(run, value);
		syscall(SYS_futex, bell(way), FUTEX_WAIT, rung, NULL, NULL, 0);
		bench_calls_made++;
	}
}

static const struct bench_calls futex_calls = {
	.start = floor_start,
	.room = floor_room,
	.send = futex_send,
	.receive = futex_receive,
	.release = floor_release,
	.stop = floor_stop,
};

/* ---- memcpy ---- */

BENCH_INLINE void wait_for_word(_Atomic uint64_t *counter, uint64_t value)
{
	while (atomic_load_explicit(counter, memory_order_acquire) != value)
		bench_pause();
}

/* Fills the area with records, over and over; 0 in `sent` is for "nothing yet". */
static void memcpy_near(struct bench_run *run)
{
	const size_t size = run->job.size;
	const size_t count = area_bytes(run) / size;
	const uint64_t end = monotonic_ns() + run->job.run_ns + run->job.run_ns / 5;
	uint64_t number = 0;
	bool last = false;

	for (uint64_t turn = 1; !last; turn++) {
		last = monotonic_ns() >= end;
		for (size_t i = 0; i < count; i++, number++)
			bench_fill(shared_floor->area + i * size, size,
				   last ? number | BENCH_LAST : number);
		atomic_store_explicit(word(0), turn, memory_order_release);
		wait_for_word(word(1), turn);
	}
}

/* Only the copying is on the clock. */
static void memcpy_far(struct bench_run *run)
{
	struct bench_measured *measured = &run->shared->measured[BENCH_FAR];
	const size_t size = run->job.size;
	const size_t count = area_bytes(run) / size;
	unsigned char *middle = malloc(area_bytes(run));
	unsigned char *copy = malloc(area_bytes(run));
	const uint64_t warm = monotonic_ns() + run->job.run_ns / 5;
	uint64_t number = 0;
	bool last = false;

	if (!middle || !copy)
		bench_fail(run, "out of memory");
	memset(middle, 0, area_bytes(run));
	memset(copy, 0, area_bytes(run));
	for (uint64_t turn = 1; !last; turn++) {
		uint64_t before, after;

		wait_for_word(word(0), turn);
		before = monotonic_ns();
		for (size_t i = 0; i < count; i++) {
			memcpy(middle + i * size, shared_floor->area + i * size, size);
			memcpy(copy + i * size, middle + i * size, size);
		}
		after = monotonic_ns();
		for (size_t i = 0; i < count; i++, number++)
			if (!bench_right(copy + i * size, size, number, &last))
				bench_fail(run, "record %llu was not copied as it was written",
					   (unsigned long long)number);
		if (before >= warm || last) {
			measured->ns += after - before;
			measured->records += count;
			measured->cpu_ns += after - before;
		}
		atomic_store_explicit(word(1), turn, memory_order_release);
	}
	measured->all = number;
	free(middle);
	free(copy);
}

void bench_floor_run(struct bench_run *run, enum bench_side side)
{
	if (run->transport->variant == BENCH_HANDOVER)
		bench_work(run, side, &handover_calls);
	else if (run->transport->variant == BENCH_FUTEX)
		bench_work(run, side, &futex_calls);
	else if (side == BENCH_NEAR)
		memcpy_near(run);
	else
		memcpy_far(run);
}
