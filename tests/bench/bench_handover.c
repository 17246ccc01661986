/* SPDX-License-Identifier: MIT */
/*
 * The bare hand-over of a cache line: a counter there, a counter back, each on a line of its own
 * that one side alone writes, as in two rings; nothing is stored but the counter, and nothing
 * looked at besides. No ring whose readers may not write to the records can be faster.
 *
 * Beside it, for those who want to know: both counters in one word, which both sides write.
 */
#include "bench.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

struct lines {
	alignas(128) _Atomic uint64_t there;
	alignas(128) _Atomic uint64_t back;
};

static uint64_t handover_lap(const struct bench_job *job)
{
	(void)job;
	return 1000;
}

static int handover_open(const struct bench_contender *self, const struct bench_job *job,
			 enum bench_side side)
{
	(void)self;
	if (side == BENCH_NEAR)
		memset(job->arena, 0, sizeof(struct lines));
	return 0;
}

static void handover_run(const struct bench_job *job, enum bench_side side,
			 struct bench_result *result)
{
	struct lines *lines = job->arena;
	_Atomic uint64_t *mine = side == BENCH_NEAR ? &lines->there : &lines->back;
	_Atomic uint64_t *theirs = side == BENCH_NEAR ? &lines->back : &lines->there;
	uint64_t total = job->warm_up + job->records;
	uint64_t start = 0;
	uint64_t sum = 0;

	for (uint64_t number = 1; number <= total; number++) {
		uint64_t seen;

		if (side == BENCH_NEAR)
			atomic_store_explicit(mine, number, memory_order_release);
		while ((seen = atomic_load_explicit(theirs, memory_order_acquire)) != number)
			;
		if (side == BENCH_FAR)
			atomic_store_explicit(mine, number, memory_order_release);
		sum += seen;
		if (number == job->warm_up)
			start = bench_now();
	}
	result->ns = bench_now() - start;
	result->records = job->records;
	result->sum = sum * (job->size / 8);
}

static void one_word_run(const struct bench_job *job, enum bench_side side,
			 struct bench_result *result)
{
	struct lines *lines = job->arena;
	uint64_t total = job->warm_up + job->records;
	uint64_t start = 0;
	uint64_t sum = 0;

	for (uint64_t number = 1; number <= total; number++) {
		uint64_t mine = 2 * number - (side == BENCH_NEAR);
		uint64_t theirs = 2 * number - (side == BENCH_FAR);
		uint64_t seen;

		if (side == BENCH_NEAR)
			atomic_store_explicit(&lines->there, mine, memory_order_release);
		while ((seen = atomic_load_explicit(&lines->there, memory_order_acquire)) != theirs)
			;
		if (side == BENCH_FAR)
			atomic_store_explicit(&lines->there, mine, memory_order_release);
		sum += (seen + 1) / 2;
		if (number == job->warm_up)
			start = bench_now();
	}
	result->ns = bench_now() - start;
	result->records = job->records;
	result->sum = sum * (job->size / 8);
}

static void handover_close(enum bench_side side)
{
	(void)side;
}

const struct bench_contender bench_handover = {
	.label = "hand-over",
	.figure = "handover",
	.lap = handover_lap,
	.open = handover_open,
	.run = handover_run,
	.close = handover_close,
};

const struct bench_contender bench_handover_one_word = {
	.label = "hand-over in one word, which both sides write",
	.figure = "one_word",
	.aside = true,
	.lap = handover_lap,
	.open = handover_open,
	.run = one_word_run,
	.close = handover_close,
};
