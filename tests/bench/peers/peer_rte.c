/* SPDX-License-Identifier: MIT */
/*
 * DPDK's rte_ring, with elements of the payload's size in memory of about the same size as a
 * ring's: one producer, and consumers that may be several (SP/MC, its default for them) or one
 * alone (SP/SC). It copies elements in and out, by inlined code; or, zero-copy, says where in the
 * ring elements are to be written and read (start, finish), which it does for one consumer only.
 * No EAL: the ring is laid into memory that both processes share. No pause while it is full or
 * empty: that was tried, and made it slower one way and no faster otherwise.
 */
#include "peer.h"

/* Its headers are not as strict as we are. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <rte_ring_peek_zc.h>
#pragma GCC diagnostic pop

static struct rte_ring *rings[2];

static uint64_t rte_lap(const struct bench_job *job)
{
	return peer_slots(job, job->size);
}

static int rte_open(const struct bench_contender *self, const struct bench_job *job,
		    enum bench_side side)
{
	const unsigned int count = peer_slots(job, job->size);
	const ssize_t bytes = rte_ring_get_memsize_elem((unsigned int)job->size, count);

	if (bytes < 0 || (size_t)bytes > BENCH_ARENA_SIZE / 2)
		bench_fail("rte_ring: %zd bytes for %zu-byte elements", bytes, job->size);
	for (int i = 0; i < 2; i++) {
		rings[i] = (struct rte_ring *)(void *)peer_arena(job, i);
		if (side == BENCH_NEAR &&
		    rte_ring_init(rings[i], "bench", count,
				  RING_F_SP_ENQ | (unsigned int)self->mode) != 0)
			bench_fail("rte_ring_init refuses %u elements", count);
	}
	return 0;
}

static bench_inline void put(int ring, size_t size, unsigned int batch, uint64_t number)
{
	char burst[BENCH_BATCH * BENCH_SIZE_MAX] __attribute__((aligned(64)));
	unsigned int done = 0;

	for (unsigned int i = 0; i < batch; i++)
		peer_fill(burst + i * size, size, number + i);
	if (batch == 1) {
		while (rte_ring_sp_enqueue_elem(rings[ring], burst, (unsigned int)size) != 0)
			;
		return;
	}
	while (done < batch)
		done += rte_ring_sp_enqueue_burst_elem(rings[ring], burst + done * size,
						       (unsigned int)size, batch - done, NULL);
}

typedef unsigned int dequeue(struct rte_ring *from, void *to, unsigned int size, unsigned int count,
			     unsigned int *left);

static bench_inline unsigned int take_by(int ring, size_t size, unsigned int batch, uint64_t number,
					 dequeue *from)
{
	char burst[BENCH_BATCH * BENCH_SIZE_MAX] __attribute__((aligned(64)));
	const unsigned int got = from(rings[ring], burst, (unsigned int)size, batch, NULL);

	for (unsigned int i = 0; i < got; i++)
		peer_check(burst + i * size, size, number + i);
	return got;
}

static bench_inline unsigned int take_mc(int ring, size_t size, unsigned int batch, uint64_t number)
{
	return take_by(ring, size, batch, number, rte_ring_mc_dequeue_burst_elem);
}

static bench_inline unsigned int take_sc(int ring, size_t size, unsigned int batch, uint64_t number)
{
	return take_by(ring, size, batch, number, rte_ring_sc_dequeue_burst_elem);
}

/* Element i of those that were started: the ring may end within them. */
static bench_inline void *at(const struct rte_ring_zc_data *data, unsigned int i, size_t size)
{
	return i < data->n1 ? (char *)data->ptr1 + i * size
			    : (char *)data->ptr2 + (i - data->n1) * size;
}

static bench_inline void put_zc(int ring, size_t size, unsigned int batch, uint64_t number)
{
	unsigned int done = 0;

	while (done < batch) {
		struct rte_ring_zc_data data;
		const unsigned int count = rte_ring_enqueue_zc_burst_elem_start(
			rings[ring], (unsigned int)size, batch - done, &data, NULL);

		for (unsigned int i = 0; i < count; i++)
			peer_fill(at(&data, i, size), size, number + done + i);
		if (count != 0)
			rte_ring_enqueue_zc_elem_finish(rings[ring], count);
		done += count;
	}
}

static bench_inline unsigned int take_zc(int ring, size_t size, unsigned int batch, uint64_t number)
{
	struct rte_ring_zc_data data;
	const unsigned int count = rte_ring_dequeue_zc_burst_elem_start(
		rings[ring], (unsigned int)size, batch, &data, NULL);

	for (unsigned int i = 0; i < count; i++)
		peer_check(at(&data, i, size), size, number + i);
	if (count != 0)
		rte_ring_dequeue_zc_elem_finish(rings[ring], count);
	return count;
}

PEER_RUN(run_mc, put, take_mc)
PEER_RUN(run_sc, put, take_sc)
PEER_RUN(run_zc, put_zc, take_zc)

static void rte_close(enum bench_side side)
{
	(void)side;
}

#define RTE_CONTENDER(of_label, of_figure, of_mode, of_run)                                \
	{                                                                                  \
		.label = of_label, .figure = of_figure, .mode = (of_mode), .bursts = true, \
		.lap = rte_lap, .open = rte_open, .run = of_run, .close = rte_close,       \
	}

const struct bench_contender bench_rte = RTE_CONTENDER("rte_ring", "rte", 0, run_mc);
const struct bench_contender bench_rte_sc =
	RTE_CONTENDER("rte_ring SC", "rte_sc", RING_F_SC_DEQ, run_sc);
const struct bench_contender bench_rte_zc =
	RTE_CONTENDER("rte_ring zc", "rte_zc", RING_F_SC_DEQ, run_zc);
