/* SPDX-License-Identifier: MIT */
/*
 * DPDK's rte_ring, with elements of the payload's size in memory of about the same size as a
 * ring's: one producer, consumers that may be several (its default). It copies elements in and
 * out, by inlined code; that is its interface. No EAL: the ring is laid into memory that both
 * processes share. No pause while it is full or empty: that was tried, and made it slower one way
 * and no faster otherwise.
 */
#include "bench.h"

/* Its headers are not as strict as we are. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
#include <rte_ring.h>
#include <rte_ring_elem.h>
#pragma GCC diagnostic pop

#include <stdio.h>

/* The ring there and the one back. */
static struct rte_ring *rings[2];

static unsigned int elements(const struct bench_job *job)
{
	unsigned int count = 1;

	while ((size_t)count * 2 * job->size <= job->capacity)
		count *= 2;
	return count;
}

static uint64_t rte_lap(const struct bench_job *job)
{
	return elements(job);
}

static int rte_open(const struct bench_contender *self, const struct bench_job *job,
		    enum bench_side side)
{
	ssize_t bytes = rte_ring_get_memsize_elem((unsigned int)job->size, elements(job));

	(void)self;
	if (bytes < 0 || (size_t)bytes > BENCH_ARENA_SIZE / 2) {
		fprintf(stderr, "bench_ring: rte_ring: %zd bytes for %zu-byte elements\n", bytes,
			job->size);
		return 1;
	}
	for (int i = 0; i < 2; i++) {
		rings[i] = (struct rte_ring *)((char *)job->arena +
					       (size_t)i * (BENCH_ARENA_SIZE / 2));
		if (side == BENCH_NEAR &&
		    rte_ring_init(rings[i], "bench", elements(job), RING_F_SP_ENQ) != 0) {
			fprintf(stderr, "bench_ring: rte_ring_init refuses %u elements\n",
				elements(job));
			return 1;
		}
	}
	return 0;
}

static inline __attribute__((always_inline)) void put(struct rte_ring *ring, size_t size,
						      uint64_t number)
{
	uint64_t payload[BENCH_SIZE_MAX / 8];

	bench_fill(payload, size, number);
	while (rte_ring_sp_enqueue_elem(ring, payload, (unsigned int)size) != 0)
		;
}

static inline __attribute__((always_inline)) uint64_t get(struct rte_ring *ring, size_t size)
{
	uint64_t payload[BENCH_SIZE_MAX / 8];

	while (rte_ring_mc_dequeue_elem(ring, payload, (unsigned int)size) != 0)
		;
	return bench_sum(payload, size);
}

static inline __attribute__((always_inline)) void
one_way(const struct bench_job *job, size_t size, enum bench_side side, struct bench_result *result)
{
	struct rte_ring *mine = rings[side == BENCH_NEAR ? 0 : 1];
	struct rte_ring *theirs = rings[side == BENCH_NEAR ? 1 : 0];
	uint64_t total = job->warm_up + job->records;
	uint64_t start = 0;
	uint64_t sum = 0;

	for (uint64_t number = 1; number <= total; number++) {
		if (side == BENCH_NEAR)
			put(mine, size, number);
		sum += get(theirs, size);
		if (side == BENCH_FAR)
			put(mine, size, number);
		if (number == job->warm_up)
			start = bench_now();
	}
	result->ns = bench_now() - start;
	result->records = job->records;
	result->sum = sum;
}

static inline __attribute__((always_inline)) void send(const struct bench_job *job, size_t size)
{
	uint64_t total = job->warm_up + job->records;

	for (uint64_t number = 1; number <= total; number++)
		put(rings[0], size, number);
}

static inline __attribute__((always_inline)) void send_bursts(const struct bench_job *job,
							      size_t size)
{
	uint64_t total = job->warm_up + job->records;
	char burst[BENCH_BATCH * BENCH_SIZE_MAX] __attribute__((aligned(64)));

	for (uint64_t number = 1; number <= total; number += BENCH_BATCH) {
		unsigned int done = 0;

		for (unsigned int i = 0; i < BENCH_BATCH; i++)
			bench_fill(burst + i * size, size, number + i);
		while (done < BENCH_BATCH) {
			unsigned int sent = rte_ring_sp_enqueue_burst_elem(
				rings[0], burst + done * size, (unsigned int)size,
				BENCH_BATCH - done, NULL);

			done += sent;
		}
	}
}

static inline __attribute__((always_inline)) void
receive(const struct bench_job *job, size_t size, unsigned int batch, struct bench_result *result)
{
	uint64_t total = job->warm_up + job->records;
	uint64_t first = 0;
	uint64_t start = 0;
	uint64_t count = 0;
	uint64_t sum = 0;
	char burst[BENCH_BATCH * BENCH_SIZE_MAX] __attribute__((aligned(64)));

	while (count < total) {
		unsigned int got = 1;

		if (batch == 1) {
			sum += get(rings[0], size);
		} else {
			got = rte_ring_mc_dequeue_burst_elem(rings[0], burst, (unsigned int)size,
							     batch, NULL);
			if (got == 0)
				continue;
			for (unsigned int i = 0; i < got; i++)
				sum += bench_sum(burst + i * size, size);
		}
		count += got;
		if (start == 0 && count >= job->warm_up) {
			start = bench_now();
			first = count;
		}
	}
	result->ns = bench_now() - start;
	result->records = total - first;
	result->sum = sum;
}

static void rte_run(const struct bench_job *job, enum bench_side side, struct bench_result *result)
{
#define ONE_WAY(size)        one_way(job, size, side, result)
#define SEND_ONE(size)       send(job, size)
#define SEND_BURSTS(size)    send_bursts(job, size)
#define RECEIVE_ONE(size)    receive(job, size, 1, result)
#define RECEIVE_BURSTS(size) receive(job, size, BENCH_BATCH, result)

	if (job->task == BENCH_ONE_WAY)
		BENCH_WITH_SIZE(job->size, ONE_WAY);
	else if (side == BENCH_NEAR && job->batch == 1)
		BENCH_WITH_SIZE(job->size, SEND_ONE);
	else if (side == BENCH_NEAR)
		BENCH_WITH_SIZE(job->size, SEND_BURSTS);
	else if (job->batch == 1)
		BENCH_WITH_SIZE(job->size, RECEIVE_ONE);
	else
		BENCH_WITH_SIZE(job->size, RECEIVE_BURSTS);
}

static void rte_close(enum bench_side side)
{
	(void)side;
}

const struct bench_contender bench_rte = {
	.label = "rte_ring",
	.figure = "rte",
	.lap = rte_lap,
	.open = rte_open,
	.run = rte_run,
	.close = rte_close,
};
