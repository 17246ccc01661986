/* SPDX-License-Identifier: MIT */
/*
 * Concurrency Kit's ck_ring, one producer and consumers that share. It carries pointers, one at a
 * time, so the records lie in a slab of 64-byte slots in the same shared memory: the producer
 * writes a slot and enqueues its address; a member dequeues an address and sums the slot where it
 * lies. Nothing is copied, and nothing is done to give a slot back: the slab has twice as many
 * slots as the ring has places, and they are used in turn. That is in the peer's favour. With one
 * member it is sound, since that one is done with a slot before it takes the next address; with
 * several, bench_members puts in at most a lap before all have finished. A batch is so many
 * operations, as there are none for several records.
 */
#include "bench_group.h"

/* Its headers are not as strict as we are. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#include <ck_ring.h>
#pragma GCC diagnostic pop

struct ck_arena {
	ck_ring_t ring;
	char slots_begin[] __attribute__((aligned(128)));
};

static ck_ring_t *ring;
static ck_ring_buffer_t *buffer;
static char *slab;
static uint64_t slot_mask;

static uint64_t ck_lap(const struct bench_job *job)
{
	uint64_t count = 1;

	/* A slot and its address; half of the slots are on their way at most. */
	while (count * 2 * GROUP_SIZE <= job->capacity)
		count *= 2;
	return count;
}

static int ck_open(const struct bench_contender *self, const struct bench_job *job,
		   enum bench_side side)
{
	const uint64_t count = ck_lap(job);
	struct ck_arena *arena = job->arena;

	(void)self;
	if (sizeof(*arena) + count * (sizeof(*buffer) + 2 * GROUP_SIZE) > BENCH_ARENA_SIZE)
		bench_fail("ck_ring: no room for %llu slots", (unsigned long long)count * 2);
	ring = &arena->ring;
	slab = arena->slots_begin;
	buffer = (ck_ring_buffer_t *)(void *)(slab + 2 * count * GROUP_SIZE);
	slot_mask = 2 * count - 1;
	if (side == BENCH_NEAR)
		ck_ring_init(ring, (unsigned int)count);
	return 0;
}

static bench_inline void put(unsigned int batch, uint64_t number)
{
	for (unsigned int i = 0; i < batch; i++) {
		char *slot = slab + ((number + i) & slot_mask) * GROUP_SIZE;

		bench_fill(slot, GROUP_SIZE, number + i);
		while (!ck_ring_enqueue_spmc(ring, buffer, slot))
			;
	}
}

static bench_inline unsigned int take(unsigned int batch, uint64_t *sum)
{
	unsigned int count = 0;
	void *slot;

	while (count < batch && ck_ring_dequeue_spmc(ring, buffer, &slot)) {
		*sum += bench_sum(slot, GROUP_SIZE);
		count++;
	}
	return count;
}

GROUP_FUNCTIONS(ck, put, take)

static void ck_close(enum bench_side side)
{
	(void)side;
}

const struct bench_contender bench_group_ck = {
	.label = "ck_ring SPMC",
	.figure = "ck",
	.lap = ck_lap,
	.open = ck_open,
	.run = ck_run,
	.close = ck_close,
	.fill = ck_fill,
	.drain = ck_drain,
};
