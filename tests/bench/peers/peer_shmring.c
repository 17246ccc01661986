/* SPDX-License-Identifier: MIT */
/*
 * This library, by its public calls: the payload is written where it stays (reserve, commit) and
 * looked at where it lies (read, release); or, copied, the writer has it elsewhere first. Nobody
 * waits; both sides try again and again. The consumer is RELIABLE.
 */
#include "peer.h"

/* peer_shmring_calls.c is the same with calls. */
#ifdef PEER_CALLS
#include <shmring/shmring.h>
#else
#include <shmring/inline.h>
#endif

#include <errno.h>
#include <string.h>

/* This process's end of each ring. */
static struct shmring_producer *producer;
static struct shmring_consumer *consumer;
static const char *created[2];

static void check(const char *what, int error)
{
	if (error != 0)
		bench_fail("%s: %s", what, shmring_strerror(error));
}

static uint64_t shmring_lap(const struct bench_job *job)
{
	return job->capacity / (job->size + 16) + 1;
}

static int shmring_open(const struct bench_contender *self, const struct bench_job *job,
			enum bench_side side)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	const int out = peer_out(side);
	const int rings = job->task == BENCH_ONE_WAY ? 2 : 1;

	options.capacity = job->capacity;
	options.wake_mode = (enum shmring_wake_mode)self->mode;
	producer = NULL;
	consumer = NULL;
	for (int i = 0; side == BENCH_NEAR && i < rings; i++) {
		check("create", shmring_create(job->name[i], &options));
		created[i] = job->name[i];
	}
	if (out < rings)
		check("open for writing", shmring_producer_open(&producer, job->name[out], NULL));
	if (1 - out < rings)
		check("open for reading",
		      shmring_consumer_open(&consumer, job->name[1 - out], NULL));
	return 0;
}

static bench_inline void put_one(size_t size, uint64_t number, unsigned int flags)
{
	void *payload;
	int error;

	while ((error = shmring_reserve(producer, size, &payload)) == -EAGAIN)
		bench_pause();
	check("reserve", error);
	peer_fill(payload, size, number);
	check("commit", shmring_commit(producer, size, 0, flags));
}

static bench_inline void put(int ring, size_t size, unsigned int batch, uint64_t number)
{
	(void)ring;
	for (unsigned int i = 0; i < batch; i++)
		put_one(size, number + i, i + 1 < batch ? SHMRING_MORE : 0);
}

#ifndef PEER_CALLS
/* Single ones by the call that is there for it. That one ends a batch. */
static bench_inline void put_copy(int ring, size_t size, unsigned int batch, uint64_t number)
{
	static char elsewhere[4096] __attribute__((aligned(64)));

	(void)ring;
	for (unsigned int i = 0; i < batch; i++) {
		void *payload;
		int error;

		peer_fill(elsewhere, size, number + i);
		/* It is in memory, as if it had come from somewhere. */
		__asm__ __volatile__("" : : "r"(elsewhere) : "memory");
		if (batch == 1) {
			while ((error = shmring_write(producer, elsewhere, size, 0, 0)) == -EAGAIN)
				bench_pause();
			check("write", error);
			return;
		}
		while ((error = shmring_reserve(producer, size, &payload)) == -EAGAIN)
			bench_pause();
		check("reserve", error);
		memcpy(payload, elsewhere, size);
		check("commit",
		      shmring_commit(producer, size, 0, i + 1 < batch ? SHMRING_MORE : 0));
	}
}
#endif

static bench_inline unsigned int take(int ring, size_t size, unsigned int batch, uint64_t number)
{
	unsigned int count = 0;

	(void)ring;
	while (count < batch) {
		struct shmring_record record;
		const int error = shmring_read(consumer, &record);

		if (error == -EAGAIN)
			break;
		check("read", error);
		if (record.length != size)
			bench_fail("a record of %u bytes, not %zu", (unsigned int)record.length,
				   size);
		peer_check(record.data, size, number + count);
		count++;
	}
	if (count != 0)
		check("release", shmring_release(consumer));
	return count;
}

PEER_RUN(shmring_run, put, take)
#ifndef PEER_CALLS
PEER_RUN(shmring_run_copied, put_copy, take)
#endif

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

#define SHMRING_CONTENDER(of_label, of_figure, of_mode, of_run)                                    \
	{                                                                                          \
		.label = of_label, .figure = of_figure, .mode = (of_mode), .bursts = true,         \
		.lap = shmring_lap, .open = shmring_open, .run = (of_run), .close = shmring_close, \
	}

#ifdef PEER_CALLS
const struct bench_contender bench_shmring_calls =
	SHMRING_CONTENDER("FENCE, calls", "calls", SHMRING_WAKE_FENCE, shmring_run);
#else
const struct bench_contender bench_shmring_fence =
	SHMRING_CONTENDER("FENCE", "", SHMRING_WAKE_FENCE, shmring_run);
const struct bench_contender bench_shmring_copied =
	SHMRING_CONTENDER("FENCE, copied", "copied", SHMRING_WAKE_FENCE, shmring_run_copied);
const struct bench_contender bench_shmring_membarrier =
	SHMRING_CONTENDER("MEMBARRIER", "membarrier", SHMRING_WAKE_MEMBARRIER, shmring_run);
const struct bench_contender bench_shmring_none =
	SHMRING_CONTENDER("NONE", "none", SHMRING_WAKE_NONE, shmring_run);
#endif
