/* SPDX-License-Identifier: MIT */
/*
 * This library, by its public calls: the payload is written where it stays (reserve, commit) and
 * summed where it lies (read, release). Nobody waits; both sides try again and again. The
 * consumer is RELIABLE.
 */
#include "bench.h"

#include <shmring/shmring.h>

#include <errno.h>
#include <stdio.h>

/* This process's ends: of the ring there (0) and the one back (1). */
static struct shmring_producer *producer;
static struct shmring_consumer *consumer;
static const char *created[2];

static uint64_t shmring_lap(const struct bench_job *job)
{
	return job->capacity / (job->size + 16) + 1;
}

static int complain(const char *name, const char *what, int error)
{
	if (error != 0)
		fprintf(stderr, "bench_ring: %s: %s: %s\n", name, what, shmring_strerror(error));
	return error;
}

static int shmring_open(const struct bench_contender *self, const struct bench_job *job,
			enum bench_side side)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	int rings = job->task == BENCH_ONE_WAY ? 2 : 1;
	int error;

	options.capacity = job->capacity;
	options.wake_mode = (enum shmring_wake_mode)self->mode;
	producer = NULL;
	consumer = NULL;
	if (side == BENCH_NEAR) {
		for (int i = 0; i < rings; i++) {
			if (complain(job->name[i], "create",
				     shmring_create(job->name[i], &options)) != 0)
				return 1;
			created[i] = job->name[i];
		}
	}

	if (side == BENCH_NEAR || rings == 2) {
		const char *name = job->name[side == BENCH_NEAR ? 0 : 1];

		error = shmring_producer_open(&producer, name, NULL);
		if (complain(name, "open for writing", error) != 0)
			return 1;
	}
	if (side == BENCH_FAR || rings == 2) {
		const char *name = job->name[side == BENCH_FAR ? 0 : 1];

		error = shmring_consumer_open(&consumer, name, NULL);
		if (complain(name, "open for reading", error) != 0)
			return 1;
	}
	return 0;
}

static inline __attribute__((always_inline)) void put(size_t size, uint64_t number,
						      unsigned int flags)
{
	void *payload;
	int error;

	while ((error = shmring_reserve(producer, size, &payload)) == -EAGAIN)
		bench_pause();
	if (error != 0)
		bench_fail("reserve: %s", shmring_strerror(error));
	bench_fill(payload, size, number);
	error = shmring_commit(producer, size, 0, flags);
	if (error != 0)
		bench_fail("commit: %s", shmring_strerror(error));
}

static inline __attribute__((always_inline)) bool get(size_t size, uint64_t *sum)
{
	struct shmring_record record;
	int error = shmring_read(consumer, &record);

	if (error == -EAGAIN)
		return false;
	if (error != 0)
		bench_fail("read: %s", shmring_strerror(error));
	if (record.length != size)
		bench_fail("record %llu: %u bytes, not %zu", (unsigned long long)record.sequence,
			   (unsigned int)record.length, size);
	*sum += bench_sum(record.data, size);
	return true;
}

static inline __attribute__((always_inline)) void release(void)
{
	int error = shmring_release(consumer);

	if (error != 0)
		bench_fail("release: %s", shmring_strerror(error));
}

static inline __attribute__((always_inline)) void
one_way(const struct bench_job *job, size_t size, enum bench_side side, struct bench_result *result)
{
	uint64_t total = job->warm_up + job->records;
	uint64_t start = 0;
	uint64_t sum = 0;

	for (uint64_t number = 1; number <= total; number++) {
		if (side == BENCH_NEAR)
			put(size, number, 0);
		while (!get(size, &sum))
			;
		release();
		if (side == BENCH_FAR)
			put(size, number, 0);
		if (number == job->warm_up)
			start = bench_now();
	}
	result->ns = bench_now() - start;
	result->records = job->records;
	result->sum = sum;
}

static inline __attribute__((always_inline)) void send(const struct bench_job *job, size_t size,
						       unsigned int batch)
{
	uint64_t total = job->warm_up + job->records;

	for (uint64_t number = 1; number <= total; number += batch) {
		for (unsigned int i = 0; i < batch; i++)
			put(size, number + i, i + 1 < batch ? SHMRING_MORE : 0);
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

	while (count < total) {
		unsigned int got = 0;

		while (got < batch && get(size, &sum))
			got++;
		if (got == 0)
			continue;
		release();
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

static void shmring_run(const struct bench_job *job, enum bench_side side,
			struct bench_result *result)
{
#define ONE_WAY(size)       one_way(job, size, side, result)
#define SEND_ONE(size)      send(job, size, 1)
#define SEND_BATCH(size)    send(job, size, BENCH_BATCH)
#define RECEIVE_ONE(size)   receive(job, size, 1, result)
#define RECEIVE_BATCH(size) receive(job, size, BENCH_BATCH, result)

	if (job->task == BENCH_ONE_WAY)
		BENCH_WITH_SIZE(job->size, ONE_WAY);
	else if (side == BENCH_NEAR && job->batch == 1)
		BENCH_WITH_SIZE(job->size, SEND_ONE);
	else if (side == BENCH_NEAR)
		BENCH_WITH_SIZE(job->size, SEND_BATCH);
	else if (job->batch == 1)
		BENCH_WITH_SIZE(job->size, RECEIVE_ONE);
	else
		BENCH_WITH_SIZE(job->size, RECEIVE_BATCH);
}

static void shmring_close(enum bench_side side)
{
	if (consumer)
		shmring_consumer_close(consumer);
	if (producer)
		shmring_producer_close(producer);
	for (int i = 0; side == BENCH_NEAR && i < 2; i++) {
		if (created[i])
			shmring_unlink(created[i]);
		created[i] = NULL;
	}
}

const struct bench_contender bench_shmring_none = {
	.label = "NONE",
	.figure = "none",
	.mode = SHMRING_WAKE_NONE,
	.lap = shmring_lap,
	.open = shmring_open,
	.run = shmring_run,
	.close = shmring_close,
};

const struct bench_contender bench_shmring_fence = {
	.label = "FENCE",
	.figure = "",
	.mode = SHMRING_WAKE_FENCE,
	.lap = shmring_lap,
	.open = shmring_open,
	.run = shmring_run,
	.close = shmring_close,
};
