/* SPDX-License-Identifier: MIT */
/*
 * The loops that all peers go through, and this library like them. A peer is a file that brings
 *
 *   put(ring, size, batch, number)   sends records `number` to `number + batch - 1`, each filled
 *                                    by peer_fill, and waits for room
 *   take(ring, size, batch, number)  receives up to `batch` records, of which the first is to be
 *                                    `number`, has each checked by peer_check, and is done with
 *                                    them; returns how many there were, which may be none
 *
 * There are two rings, there (0) and back (1); a stream needs only the first. All of it is
 * inlined, with size and batch as constants, as they are in most programs: a peer whose copying is
 * inlined gains a lot by that. What a peer costs beside its own operations is what all cost.
 */
#ifndef TESTS_BENCH_PEERS_PEER_H
#define TESTS_BENCH_PEERS_PEER_H

#include "../bench.h"

typedef void peer_put(int ring, size_t size, unsigned int batch, uint64_t number);
typedef unsigned int peer_take(int ring, size_t size, unsigned int batch, uint64_t number);

/* Which ring this side sends into, one way; the other comes back. */
static inline int peer_out(enum bench_side side)
{
	return side == BENCH_NEAR ? 0 : 1;
}

/* Half of the arena: room for one of the two rings. */
static inline char *peer_arena(const struct bench_job *job, int ring)
{
	return (char *)job->arena + (size_t)ring * (BENCH_ARENA_SIZE / 2);
}

/* A power of two of records that take about a ring's capacity, at so many bytes each. */
static inline unsigned int peer_slots(const struct bench_job *job, size_t bytes)
{
	unsigned int count = 1;

	while ((size_t)count * 2 * bytes <= job->capacity)
		count *= 2;
	return count;
}

/* Records before the clock starts where a lap of there-and-back would take too long. */
static inline uint64_t peer_lap_of_slow(const struct bench_job *job, uint64_t lap)
{
	return job->task == BENCH_ONE_WAY && lap > 2048 ? 2048 : lap;
}

#define peer_fill bench_fill

/* Looks at a word in every cache line of a payload, and at its last. */
static bench_inline void peer_check(const void *payload, size_t size, uint64_t number)
{
	const uint64_t *words = (const uint64_t *)payload;
	uint64_t differences = words[size / 8 - 1] ^ number;

	for (size_t i = 0; i < size / 8; i += 8)
		differences |= words[i] ^ number;
	if (__builtin_expect(differences != 0, 0))
		bench_fail("record %llu of %zu bytes did not arrive as it was sent",
			   (unsigned long long)number, size);
}

/* The sum of all words of so many records; each was looked at. */
static inline uint64_t peer_sum(size_t size, uint64_t count)
{
	return size / 8 * (count * (count + 1) / 2);
}

static bench_inline void peer_one_way(const struct bench_job *job, enum bench_side side,
				      struct bench_result *result, size_t size, peer_put *put,
				      peer_take *take)
{
	const int out = peer_out(side), back = 1 - out;
	const uint64_t total = job->warm_up + job->records;
	uint64_t start = 0;

	for (uint64_t number = 1; number <= total; number++) {
		if (side == BENCH_NEAR)
			put(out, size, 1, number);
		while (take(back, size, 1, number) == 0)
			;
		if (side == BENCH_FAR)
			put(out, size, 1, number);
		if (number == job->warm_up)
			start = bench_now();
	}
	result->ns = bench_now() - start;
	result->records = job->records;
	result->sum = peer_sum(size, total);
}

static bench_inline void peer_send(const struct bench_job *job, size_t size, unsigned int batch,
				   peer_put *put)
{
	const uint64_t total = bench_total(job);

	for (uint64_t number = 1; number <= total; number += batch)
		put(0, size, batch, number);
}

static bench_inline void peer_receive(const struct bench_job *job, struct bench_result *result,
				      size_t size, unsigned int batch, peer_take *take)
{
	uint64_t first, start, count = 0;

	while (count < job->warm_up)
		count += take(0, size, batch, count + 1);
	first = count;
	start = bench_now();
	while (count < job->warm_up + job->records)
		count += take(0, size, batch, count + 1);
	result->ns = bench_now() - start;
	result->records = count - first;
	while (count < bench_total(job))
		count += take(0, size, batch, count + 1);
	result->sum = peer_sum(size, count);
}

static bench_inline void peer_run(const struct bench_job *job, enum bench_side side,
				  struct bench_result *result, size_t size, peer_put *put,
				  peer_take *take)
{
	if (job->task == BENCH_ONE_WAY)
		peer_one_way(job, side, result, size, put, take);
	else if (side == BENCH_NEAR && job->batch == 1)
		peer_send(job, size, 1, put);
	else if (side == BENCH_NEAR && job->batch == 8)
		peer_send(job, size, 8, put);
	else if (side == BENCH_NEAR)
		peer_send(job, size, 32, put);
	else if (job->batch == 1)
		peer_receive(job, result, size, 1, take);
	else if (job->batch == 8)
		peer_receive(job, result, size, 8, take);
	else
		peer_receive(job, result, size, 32, take);
}

/* CALL(size, ...) with a size that is a constant. */
#define PEER_WITH_SIZE(job_size, CALL, ...)                                                  \
	do {                                                                                 \
		switch (job_size) {                                                          \
		case 8:                                                                      \
			CALL(8, __VA_ARGS__);                                                \
			break;                                                               \
		case 16:                                                                     \
			CALL(16, __VA_ARGS__);                                               \
			break;                                                               \
		case 32:                                                                     \
			CALL(32, __VA_ARGS__);                                               \
			break;                                                               \
		case 48:                                                                     \
			CALL(48, __VA_ARGS__);                                               \
			break;                                                               \
		case 64:                                                                     \
			CALL(64, __VA_ARGS__);                                               \
			break;                                                               \
		case 256:                                                                    \
			CALL(256, __VA_ARGS__);                                              \
			break;                                                               \
		case 1024:                                                                   \
			CALL(1024, __VA_ARGS__);                                             \
			break;                                                               \
		case 4096:                                                                   \
			CALL(4096, __VA_ARGS__);                                             \
			break;                                                               \
		default:                                                                     \
			bench_fail("no code for payloads of %zu bytes", (size_t)(job_size)); \
		}                                                                            \
	} while (0)

#define PEER_RUN_SIZE(size, put, take) peer_run(job, side, result, size, put, take)

/* Defines a contender's run, by its put and take. */
#define PEER_RUN(name, put, take)                                           \
	static void name(const struct bench_job *job, enum bench_side side, \
			 struct bench_result *result)                       \
	{                                                                   \
		PEER_WITH_SIZE(job->size, PEER_RUN_SIZE, put, take);        \
	}

#endif
