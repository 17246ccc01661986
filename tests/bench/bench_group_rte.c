/* SPDX-License-Identifier: MIT */
/*
 * DPDK's rte_ring with one producer and consumers that share, in its three ways: MC, where those
 * that have finished wait for those that began before; RTS, where the last one moves the tail for
 * all; HTS, where they take turns. Records of 64 bytes are elements of the ring, copied in and out
 * by its inlined code, in bursts of a batch; memory of about the same size as the others'. No EAL:
 * the ring is laid into memory that all processes share.
 */
#include "bench_group.h"

/* Its headers are not as strict as we are. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
#include <rte_ring.h>
#include <rte_ring_elem.h>
#pragma GCC diagnostic pop

static struct rte_ring *ring;

static uint64_t rte_lap(const struct bench_job *job)
{
	uint64_t count = 1;

	while (count * 2 * GROUP_SIZE <= job->capacity)
		count *= 2;
	return count;
}

static int rte_open(const struct bench_contender *self, const struct bench_job *job,
		    enum bench_side side)
{
	const unsigned int count = (unsigned int)rte_lap(job);
	const ssize_t bytes = rte_ring_get_memsize_elem(GROUP_SIZE, count);

	if (bytes < 0 || (size_t)bytes > BENCH_ARENA_SIZE)
		bench_fail("rte_ring: %zd bytes", bytes);
	ring = job->arena;
	if (side == BENCH_NEAR &&
	    rte_ring_init(ring, "group", count, RING_F_SP_ENQ | (unsigned int)self->mode) != 0)
		bench_fail("rte_ring_init refuses %u elements", count);
	return 0;
}

static bench_inline void put(unsigned int batch, uint64_t number)
{
	char burst[GROUP_BATCH * GROUP_SIZE] __attribute__((aligned(64)));
	unsigned int done = 0;

	for (unsigned int i = 0; i < batch; i++)
		bench_fill(burst + (size_t)i * GROUP_SIZE, GROUP_SIZE, number + i);
	while (done < batch)
		done += rte_ring_sp_enqueue_burst_elem(ring, burst + (size_t)done * GROUP_SIZE,
						       GROUP_SIZE, batch - done, NULL);
}

typedef unsigned int dequeue(struct rte_ring *from, void *to, unsigned int size, unsigned int count,
			     unsigned int *left);

static bench_inline unsigned int take_by(unsigned int batch, uint64_t *sum, dequeue *from)
{
	char burst[GROUP_BATCH * GROUP_SIZE] __attribute__((aligned(64)));
	const unsigned int got = from(ring, burst, GROUP_SIZE, batch, NULL);

	for (unsigned int i = 0; i < got; i++)
		*sum += bench_sum(burst + (size_t)i * GROUP_SIZE, GROUP_SIZE);
	return got;
}

static bench_inline unsigned int take_mc(unsigned int batch, uint64_t *sum)
{
	return take_by(batch, sum, rte_ring_mc_dequeue_burst_elem);
}

static bench_inline unsigned int take_rts(unsigned int batch, uint64_t *sum)
{
	return take_by(batch, sum, rte_ring_mc_rts_dequeue_burst_elem);
}

static bench_inline unsigned int take_hts(unsigned int batch, uint64_t *sum)
{
	return take_by(batch, sum, rte_ring_mc_hts_dequeue_burst_elem);
}

GROUP_FUNCTIONS(mc, put, take_mc)
GROUP_FUNCTIONS(rts, put, take_rts)
GROUP_FUNCTIONS(hts, put, take_hts)

static void rte_close(enum bench_side side)
{
	(void)side;
}

#define RTE_CONTENDER(of_label, of_figure, of_mode, name)                                     \
	{                                                                                     \
		.label = of_label, .figure = of_figure, .mode = (of_mode), .lap = rte_lap,    \
		.open = rte_open, .run = name##_run, .close = rte_close, .fill = name##_fill, \
		.drain = name##_drain,                                                        \
	}

const struct bench_contender bench_group_rte_mc = RTE_CONTENDER("rte_ring MC", "rte_mc", 0, mc);
const struct bench_contender bench_group_rte_rts =
	RTE_CONTENDER("rte_ring MC-RTS", "rte_rts", RING_F_MC_RTS_DEQ, rts);
const struct bench_contender bench_group_rte_hts =
	RTE_CONTENDER("rte_ring MC-HTS", "rte_hts", RING_F_MC_HTS_DEQ, hts);
