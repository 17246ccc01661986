/* SPDX-License-Identifier: MIT */
/*
 * The work that every transport is given: records are filled, word by word, where the transport
 * wants them, go through it, and are checked on the other side, a word of every cache line.
 *
 * Everything here is inlined into each family's file, with the family's functions as constants: a
 * call through a pointer would cost as much as some of what is measured.
 */
#ifndef SHMTOOL_BENCH_WORK_H
#define SHMTOOL_BENCH_WORK_H

#include <sys/resource.h>
#include <time.h>

#include "bench.h"
#include "units.h"

#define BENCH_INLINE static inline __attribute__((always_inline))

/* `way` 0 leads from near to far, 1 back. None of these returns unless it has done its work. */
struct bench_calls {
	void (*start)(struct bench_run *run, enum bench_side side);
	void *(*room)(struct bench_run *run, int way);          /* where to write a record */
	void (*send)(struct bench_run *run, int way);           /* what was written there */
	const void *(*receive)(struct bench_run *run, int way); /* the next record */
	void (*release)(struct bench_run *run, int way);        /* it has been read */
	void (*stop)(struct bench_run *run, enum bench_side side);
};

/* System calls that this process's transport made; its wrappers count. */
extern uint64_t bench_calls_made;

/* Ends this process, and with it the run, for this reason. */
void bench_fail(struct bench_run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* The same, with what a system call left in errno. */
void bench_fail_errno(struct bench_run *run, const char *call) __attribute__((noreturn));

/* Why opening failed: `call: error` from errno. Returns BENCH_REFUSED. */
enum bench_opened bench_refuse(struct bench_run *run, const char *call);

/* Both sides have come this far. What either did before is seen by both after. */
void bench_meet(struct bench_shared *shared);

/* In the sequence number, which is the record's first word: there are no more. */
#define BENCH_LAST (UINT64_C(1) << 63)

/* Lets a hyperthread have the core, and leaves a polled line alone for some cycles. */
BENCH_INLINE void bench_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

BENCH_INLINE uint64_t bench_cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * NANOSECONDS + (uint64_t)used.tv_nsec;
}

/* Word i of a record is its number and i. */
BENCH_INLINE void bench_fill(void *record, size_t size, uint64_t number)
{
	uint64_t *words = record;
	size_t count = size / 8;
	size_t i = 0;

	for (; i + 8 <= count; i += 8) {
		words[i] = number + i;
		words[i + 1] = number + i + 1;
		words[i + 2] = number + i + 2;
		words[i + 3] = number + i + 3;
		words[i + 4] = number + i + 4;
		words[i + 5] = number + i + 5;
		words[i + 6] = number + i + 6;
		words[i + 7] = number + i + 7;
	}
	for (; i < count; i++)
		words[i] = number + i;
}

/* Whether this is record `number`, perhaps the last one, whole. */
BENCH_INLINE bool bench_right(const void *record, size_t size, uint64_t number, bool *last)
{
	const uint64_t *words = record;
	const uint64_t first = words[0];
	const size_t count = size / 8;
	uint64_t wrong = (first & ~BENCH_LAST) ^ number;

	for (size_t i = 8; i < count; i += 8)
		wrong |= words[i] ^ (first + i);
	wrong |= words[count - 1] ^ (first + count - 1);
	*last = (first & BENCH_LAST) != 0;
	return wrong == 0;
}

/* Records between two looks at the clock. */
BENCH_INLINE uint64_t bench_stride(size_t size)
{
	return size <= 1024 ? 64 : size <= 16384 ? 8 : 1;
}

BENCH_INLINE bool bench_take(struct bench_run *run, const struct bench_calls *calls, int way,
			     uint64_t number)
{
	const size_t size = run->job.size;
	bool last;

	if (!bench_right(calls->receive(run, way), size, number, &last))
		bench_fail(run, "record %llu of %zu bytes did not arrive as it was sent",
			   (unsigned long long)number, size);
	calls->release(run, way);
	return last;
}

BENCH_INLINE void bench_give(struct bench_run *run, const struct bench_calls *calls, int way,
			     uint64_t number)
{
	bench_fill(calls->room(run, way), run->job.size, number);
	calls->send(run, way);
}

/*
 * The clock starts a fifth of the time after the first record. Near decides which record that is;
 * far goes by it, so that each has some on the clock, however they are scheduled.
 */
#define BENCH_LEAST 4

struct bench_clock {
	uint64_t warm_ns; /* when it starts */
	uint64_t end_ns;
	uint64_t started_ns;
	uint64_t cpu_ns;
	uint64_t first; /* record on the clock */
	bool started;
};

BENCH_INLINE struct bench_clock bench_clock_new(const struct bench_run *run)
{
	const uint64_t warm = monotonic_ns() + run->job.run_ns / 5;

	return (struct bench_clock){ .warm_ns = warm, .end_ns = warm + run->job.run_ns };
}

BENCH_INLINE void bench_clock_start(struct bench_clock *clock, uint64_t now, uint64_t number)
{
	clock->started = true;
	clock->started_ns = now;
	clock->cpu_ns = bench_cpu_ns();
	clock->first = number;
}

/* Near, before it sends record `number`. Returns BENCH_LAST if that shall be the last, else 0. */
BENCH_INLINE uint64_t bench_clock_near(struct bench_run *run, struct bench_clock *clock,
				       uint64_t now, uint64_t number, uint64_t stride)
{
	if (!clock->started && now >= clock->warm_ns) {
		bench_clock_start(clock, now, number);
		atomic_store_explicit(&run->shared->warm, number + 1, memory_order_relaxed);
	}
	if (!clock->started || now < clock->end_ns || number < clock->first + BENCH_LEAST * stride)
		return 0;
	return BENCH_LAST;
}

/* Far, when it has taken record `number`. */
BENCH_INLINE void bench_clock_far(struct bench_run *run, struct bench_clock *clock, uint64_t number)
{
	uint64_t warm;

	if (clock->started)
		return;
	/* Relaxed: if it is seen late, the clock starts a little later. */
	warm = atomic_load_explicit(&run->shared->warm, memory_order_relaxed);
	if (warm != 0 && number >= warm - 1)
		bench_clock_start(clock, monotonic_ns(), number);
}

BENCH_INLINE void bench_clock_stop(struct bench_run *run, enum bench_side side,
				   const struct bench_clock *clock, uint64_t number)
{
	struct bench_measured *measured = &run->shared->measured[side];

	measured->ns = monotonic_ns() - clock->started_ns;
	measured->cpu_ns = bench_cpu_ns() - clock->cpu_ns;
	measured->records = number - clock->first;
	measured->all = number;
	measured->calls = bench_calls_made;
}

/* ---- the tasks ---- */

BENCH_INLINE void bench_stream_near(struct bench_run *run, const struct bench_calls *calls)
{
	struct bench_clock clock = bench_clock_new(run);
	const uint64_t stride = bench_stride(run->job.size);
	uint64_t last = 0;
	uint64_t number;

	for (number = 0; last == 0; number++) {
		if (number % stride == 0)
			last = bench_clock_near(run, &clock, monotonic_ns(), number, stride);
		bench_give(run, calls, 0, number | last);
	}
	bench_clock_stop(run, BENCH_NEAR, &clock, number);
}

BENCH_INLINE void bench_stream_far(struct bench_run *run, const struct bench_calls *calls)
{
	struct bench_clock clock = bench_clock_new(run);
	const uint64_t stride = bench_stride(run->job.size);
	bool last = false;
	uint64_t number;

	for (number = 0; !last; number++) {
		last = bench_take(run, calls, 0, number);
		if (number % stride == 0)
			bench_clock_far(run, &clock, number);
	}
	bench_clock_stop(run, BENCH_FAR, &clock, number - 1);
}

BENCH_INLINE void bench_trip_near(struct bench_run *run, const struct bench_calls *calls)
{
	struct bench_clock clock = bench_clock_new(run);
	uint64_t before = monotonic_ns();
	bool last = false;
	uint64_t number;

	for (number = 0; !last; number++) {
		const uint64_t mark = bench_clock_near(run, &clock, before, number, 1);
		uint64_t now;

		bench_give(run, calls, 0, number | mark);
		last = bench_take(run, calls, 1, number);
		now = monotonic_ns();
		if (clock.started)
			bench_note(&run->shared->histogram, now - before);
		before = now;
	}
	bench_clock_stop(run, BENCH_NEAR, &clock, number);
}

BENCH_INLINE void bench_trip_far(struct bench_run *run, const struct bench_calls *calls)
{
	struct bench_clock clock = bench_clock_new(run);
	bool last = false;
	uint64_t number;

	for (number = 0; !last; number++) {
		last = bench_take(run, calls, 0, number);
		bench_clock_far(run, &clock, number);
		bench_give(run, calls, 1, last ? number | BENCH_LAST : number);
	}
	bench_clock_stop(run, BENCH_FAR, &clock, number);
}

/*
 * A record's time counts from when it is due, also when the one before it, or this process, is
 * late: a transport gains nothing by making the writer wait.
 */
BENCH_INLINE void bench_paced_near(struct bench_run *run, const struct bench_calls *calls)
{
	struct bench_clock clock = bench_clock_new(run);
	uint64_t due = run->shared->beat_ns;
	uint64_t last = 0;
	uint64_t number;

	for (number = 0; last == 0; number++, due += run->job.interval_ns) {
		uint64_t now;

		while ((now = monotonic_ns()) < due)
			bench_pause();
		last = bench_clock_near(run, &clock, now, number, 1);
		bench_give(run, calls, 0, number | last);
	}
	bench_clock_stop(run, BENCH_NEAR, &clock, number);
}

BENCH_INLINE void bench_paced_far(struct bench_run *run, const struct bench_calls *calls)
{
	struct bench_clock clock = bench_clock_new(run);
	uint64_t due = run->shared->beat_ns;
	bool last = false;
	uint64_t number;

	for (number = 0; !last; number++, due += run->job.interval_ns) {
		uint64_t now;

		last = bench_take(run, calls, 0, number);
		now = monotonic_ns();
		bench_clock_far(run, &clock, number);
		if (clock.started)
			bench_note(&run->shared->histogram, now > due ? now - due : 0);
	}
	bench_clock_stop(run, BENCH_FAR, &clock, number);
}

BENCH_INLINE void bench_work(struct bench_run *run, enum bench_side side,
			     const struct bench_calls *calls)
{
	struct rusage usage;

	calls->start(run, side);
	bench_meet(run->shared);
	if (side == BENCH_NEAR)
		run->shared->beat_ns = monotonic_ns() + 20000;
	bench_meet(run->shared);
	getrusage(RUSAGE_SELF, &usage);
	run->shared->measured[side].preempted = -usage.ru_nivcsw;
	bench_calls_made = 0;

	if (run->job.task == BENCH_STREAM && side == BENCH_NEAR)
		bench_stream_near(run, calls);
	else if (run->job.task == BENCH_STREAM)
		bench_stream_far(run, calls);
	else if (run->job.task == BENCH_TRIP && side == BENCH_NEAR)
		bench_trip_near(run, calls);
	else if (run->job.task == BENCH_TRIP)
		bench_trip_far(run, calls);
	else if (side == BENCH_NEAR)
		bench_paced_near(run, calls);
	else
		bench_paced_far(run, calls);

	getrusage(RUSAGE_SELF, &usage);
	run->shared->measured[side].preempted += usage.ru_nivcsw;
	bench_meet(run->shared);
	calls->stop(run, side);
}

#endif
