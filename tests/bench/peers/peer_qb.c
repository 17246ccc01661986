/* SPDX-License-Identifier: MIT */
/*
 * libqb's ring buffer, not overwriting, with the semaphore that is its default between processes.
 * Chunks are written where they stay (alloc, commit) and looked at where they lie (peek, reclaim).
 */
#include "peer.h"

#include <qb/qbrb.h>

#include <stdio.h>

static qb_ringbuffer_t *rings[2];

/* A chunk has a head of eight bytes. */
static uint64_t qb_lap(const struct bench_job *job)
{
	return peer_lap_of_slow(job, job->capacity / (job->size + 8) + 1);
}

static int qb_open(const struct bench_contender *self, const struct bench_job *job,
		   enum bench_side side)
{
	(void)self;
	for (int i = 0; i < 2; i++) {
		char path[128];

		/* Where what a killed run leaves is removed. */
		snprintf(path, sizeof(path), "/dev/shm/%s", job->name[i]);
		rings[i] = qb_rb_open(path, job->capacity,
				      QB_RB_FLAG_SHARED_PROCESS |
					      (side == BENCH_NEAR ? QB_RB_FLAG_CREATE : 0),
				      0);
		if (!rings[i])
			bench_fail("libqb: no ring buffer");
	}
	return 0;
}

static bench_inline void put(int ring, size_t size, unsigned int batch, uint64_t number)
{
	for (unsigned int i = 0; i < batch; i++) {
		void *chunk;

		while (!(chunk = qb_rb_chunk_alloc(rings[ring], size)))
			bench_pause();
		peer_fill(chunk, size, number + i);
		if (qb_rb_chunk_commit(rings[ring], size) < 0)
			bench_fail("libqb: commit");
	}
}

static bench_inline unsigned int take(int ring, size_t size, unsigned int batch, uint64_t number)
{
	unsigned int count = 0;

	while (count < batch) {
		void *chunk;
		const ssize_t length = qb_rb_chunk_peek(rings[ring], &chunk, 0);

		/* 0, or an error that says that the time is up. */
		if (length <= 0)
			break;
		if ((size_t)length != size)
			bench_fail("libqb: a chunk of %zd bytes, not %zu", length, size);
		peer_check(chunk, size, number + count);
		qb_rb_chunk_reclaim(rings[ring]);
		count++;
	}
	return count;
}

PEER_RUN(qb_run, put, take)

static void qb_close(enum bench_side side)
{
	(void)side;
	for (int i = 0; i < 2; i++)
		qb_rb_close(rings[i]);
}

const struct bench_contender bench_qb = {
	.label = "libqb",
	.figure = "qb",
	.slow = 4,
	.lap = qb_lap,
	.open = qb_open,
	.run = qb_run,
	.close = qb_close,
};
