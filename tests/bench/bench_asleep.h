/* SPDX-License-Identifier: MIT */
/*
 * What the contenders of bench_blocking have in common: a number there and one back, over and over. A contender brings
 *
 *   put(side, number)   gives the other side a number, and wakes it
 *   get(side)           sleeps until the other side's next number is there; returns it
 */
#ifndef TESTS_BENCH_BENCH_ASLEEP_H
#define TESTS_BENCH_BENCH_ASLEEP_H

#include "bench.h"

#define asleep_inline inline __attribute__((always_inline))

typedef void asleep_put(enum bench_side side, uint64_t number);
typedef uint64_t asleep_get(enum bench_side side);

/* Before it puts, a side lets the other one fall asleep. */
#define ASLEEP_AFTER_NS 20000

#define ASLEEP_RECORDS_MAX 1000

/* When a side last began to put, at the end of the arena. */
struct asleep_stamp {
	_Alignas(128) uint64_t ns;
};

static inline struct asleep_stamp *asleep_stamp(const struct bench_job *job, enum bench_side side)
{
	return (struct asleep_stamp *)(void *)((char *)job->arena + BENCH_ARENA_SIZE) - 1 - side;
}

static asleep_inline void asleep_wake(const struct bench_job *job, enum bench_side side,
				      uint64_t number, asleep_put *put)
{
	const uint64_t until = bench_now() + ASLEEP_AFTER_NS;
	uint64_t now;

	do
		now = bench_now();
	while (now < until);
	asleep_stamp(job, side)->ns = now;
	put(side, number);
}

/* The result is the median of the one-way times that this side saw: a time slice that is lost is one of many. */
static asleep_inline void asleep_run(const struct bench_job *job, enum bench_side side,
				     struct bench_result *result, asleep_put *put, asleep_get *get)
{
	static double ns[ASLEEP_RECORDS_MAX];
	const uint64_t total = job->warm_up + job->records;
	uint64_t sum = 0;

	for (uint64_t number = 1; number <= total; number++) {
		if (side == BENCH_NEAR)
			asleep_wake(job, side, number, put);
		sum += get(side);
		if (number > job->warm_up)
			ns[number - job->warm_up - 1] =
				(double)(bench_now() - asleep_stamp(job, !side)->ns);
		if (side == BENCH_FAR)
			asleep_wake(job, side, number, put);
	}
	result->records = job->records;
	result->sum = sum;
	/* For there and back, as the schedule takes it. */
	result->ns = (uint64_t)(bench_quartiles_of(ns, (int)job->records).median * 2 *
				(double)job->records);
}

static inline uint64_t asleep_lap(const struct bench_job *job)
{
	(void)job;
	return 1;
}

/* Opens the descriptors that both processes inherit. Returns 0 or -1 with errno. */
int bench_asleep_open(void);

extern const struct bench_contender bench_asleep_futex;
extern const struct bench_contender bench_asleep_eventfd;
extern const struct bench_contender bench_asleep_pipe;
extern const struct bench_contender bench_asleep_shmring;

#endif
