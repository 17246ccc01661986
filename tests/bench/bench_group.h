/* SPDX-License-Identifier: MIT */
/*
 * What the contenders of bench_group and bench_members have in common: how records are put in and
 * taken out, over and over. A contender brings
 *
 *   put(batch, number)   puts in records `number` to `number + batch - 1`, once there is room
 *   take(batch, &sum)    takes out up to `batch` records, adds all their words to the sum, and is
 *                        done with them; returns how many there were
 *
 * All of it is inlined, with the batch as a constant, as it is in most programs.
 */
#ifndef TESTS_BENCH_BENCH_GROUP_H
#define TESTS_BENCH_BENCH_GROUP_H

#include "bench.h"

/* Bytes of a record's payload. */
#define GROUP_SIZE  64
#define GROUP_BATCH 16

typedef void group_put(unsigned int batch, uint64_t number);
typedef unsigned int group_take(unsigned int batch, uint64_t *sum);

static bench_inline void group_fill(uint64_t first, uint64_t records, unsigned int batch,
				    group_put *put)
{
	for (uint64_t number = first; number < first + records; number += batch)
		put(batch, number);
}

static bench_inline void group_drain(struct bench_result *result, unsigned int batch,
				     group_take *take)
{
	uint64_t records = 0, sum = 0;
	unsigned int got;

	while ((got = take(batch, &sum)) != 0)
		records += got;
	result->records += records;
	result->sum += sum;
}

static bench_inline void group_receive(const struct bench_job *job, struct bench_result *result,
				       unsigned int batch, group_take *take)
{
	uint64_t first, start, count = 0, sum = 0;

	while (count < job->warm_up)
		count += take(batch, &sum);
	first = count;
	start = bench_now();
	while (count < job->warm_up + job->records)
		count += take(batch, &sum);
	result->ns = bench_now() - start;
	result->records = count - first;
	while (count < bench_total(job))
		count += take(batch, &sum);
	result->sum = sum;
}

/* Defines run, fill and drain of a contender, by its put and take. */
#define GROUP_FUNCTIONS(name, put, take)                                                       \
	static void name##_run(const struct bench_job *job, enum bench_side side,              \
			       struct bench_result *result)                                    \
	{                                                                                      \
		if (side == BENCH_NEAR && job->batch == 1)                                     \
			group_fill(1, bench_total(job), 1, put);                               \
		else if (side == BENCH_NEAR)                                                   \
			group_fill(1, bench_total(job), GROUP_BATCH, put);                     \
		else if (job->batch == 1)                                                      \
			group_receive(job, result, 1, take);                                   \
		else                                                                           \
			group_receive(job, result, GROUP_BATCH, take);                         \
	}                                                                                      \
	static void name##_fill(const struct bench_job *job, uint64_t first, uint64_t records) \
	{                                                                                      \
		if (job->batch == 1)                                                           \
			group_fill(first, records, 1, put);                                    \
		else                                                                           \
			group_fill(first, records, GROUP_BATCH, put);                          \
	}                                                                                      \
	static void name##_drain(const struct bench_job *job, struct bench_result *result)     \
	{                                                                                      \
		if (job->batch == 1)                                                           \
			group_drain(result, 1, take);                                          \
		else                                                                           \
			group_drain(result, GROUP_BATCH, take);                                \
	}

#endif
