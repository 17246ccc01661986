/* SPDX-License-Identifier: MIT */
/*
 * Concurrency Kit's ck_ring, one producer and consumers that may be several (SPMC), one record at
 * a time, as it has no calls for more. In two ways:
 *
 * As it mostly is used, it carries pointers. The records lie in slots in the same shared memory:
 * the producer writes a slot and enqueues its address, and the reader looks at the slot where it
 * lies. Nothing is done to give a slot back: there are twice as many as the ring has places, and
 * they are used in turn, which is sound as the one reader is done with a slot before it takes the
 * next address. That is in the peer's favour.
 *
 * With CK_RING_PROTOTYPE it carries records: the producer writes one where it stays (reserve,
 * commit), and the reader has it copied out.
 */
#include "peer.h"

/* Its headers are not as strict as we are. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#include <ck_ring.h>
#pragma GCC diagnostic pop

struct ck_arena {
	ck_ring_t ring;
	char rest[] __attribute__((aligned(128)));
};

static struct ck_end {
	ck_ring_t *ring;
	ck_ring_buffer_t *pointers;
	char *slots;
	uint64_t mask;
} ends[2];

static uint64_t ck_lap(const struct bench_job *job)
{
	return peer_slots(job, job->size);
}

static int ck_open(const struct bench_contender *self, const struct bench_job *job,
		   enum bench_side side)
{
	/* A place is needed to tell a full ring from an empty one: at least two. */
	const unsigned int count = peer_slots(job, job->size);

	(void)self;
	if (count * (2 * job->size + sizeof(ck_ring_buffer_t)) + sizeof(struct ck_arena) >
	    BENCH_ARENA_SIZE / 2)
		bench_fail("ck_ring: no room for %u slots", count * 2);
	for (int i = 0; i < 2; i++) {
		struct ck_arena *arena = (struct ck_arena *)(void *)peer_arena(job, i);

		ends[i].ring = &arena->ring;
		ends[i].slots = arena->rest;
		ends[i].pointers =
			(ck_ring_buffer_t *)(void *)(arena->rest + 2 * count * job->size);
		ends[i].mask = 2 * count - 1;
		if (side == BENCH_NEAR)
			ck_ring_init(ends[i].ring, count);
	}
	return 0;
}

static bench_inline void put(int ring, size_t size, unsigned int batch, uint64_t number)
{
	const struct ck_end *end = &ends[ring];

	for (unsigned int i = 0; i < batch; i++) {
		char *slot = end->slots + ((number + i) & end->mask) * size;

		peer_fill(slot, size, number + i);
		while (!ck_ring_enqueue_spmc(end->ring, end->pointers, slot))
			;
	}
}

static bench_inline unsigned int take(int ring, size_t size, unsigned int batch, uint64_t number)
{
	const struct ck_end *end = &ends[ring];
	unsigned int count = 0;
	void *slot;

	while (count < batch && ck_ring_dequeue_spmc(end->ring, end->pointers, &slot))
		peer_check(slot, size, number + count++);
	return count;
}

#define DEFINE_VALUE(size)                  \
	struct value##size {                \
		uint64_t words[(size) / 8]; \
	};                                  \
	CK_RING_PROTOTYPE(value##size, value##size)
DEFINE_VALUE(8)
DEFINE_VALUE(16)
DEFINE_VALUE(32)
DEFINE_VALUE(48)
DEFINE_VALUE(64)
DEFINE_VALUE(256)
DEFINE_VALUE(1024)
DEFINE_VALUE(4096)

#define PUT_VALUE(size, end, number)                                                           \
	do {                                                                                   \
		struct value##size *slots = (struct value##size *)(void *)(end)->slots, *slot; \
                                                                                               \
		while (!(slot = ck_ring_enqueue_reserve_spmc_value##size((end)->ring, slots))) \
			;                                                                      \
		peer_fill(slot, size, number);                                                 \
		ck_ring_enqueue_commit_spmc((end)->ring);                                      \
	} while (0)

#define TAKE_VALUE(size, end, number, count)                                                   \
	do {                                                                                   \
		struct value##size *slots = (struct value##size *)(void *)(end)->slots, value; \
                                                                                               \
		if (ck_ring_dequeue_spmc_value##size((end)->ring, slots, &value)) {            \
			peer_check(&value, size, number);                                      \
			(count)++;                                                             \
		}                                                                              \
	} while (0)

static bench_inline void put_value(int ring, size_t size, unsigned int batch, uint64_t number)
{
	for (unsigned int i = 0; i < batch; i++)
		PEER_WITH_SIZE(size, PUT_VALUE, &ends[ring], number + i);
}

/* One at most, whatever the batch. */
static bench_inline unsigned int take_value(int ring, size_t size, unsigned int batch,
					    uint64_t number)
{
	unsigned int count = 0;

	(void)batch;
	PEER_WITH_SIZE(size, TAKE_VALUE, &ends[ring], number, count);
	return count;
}

PEER_RUN(run, put, take)
PEER_RUN(run_values, put_value, take_value)

static void ck_close(enum bench_side side)
{
	(void)side;
}

#define CK_CONTENDER(of_label, of_figure, of_run)                                       \
	{                                                                               \
		.label = of_label, .figure = of_figure, .lap = ck_lap, .open = ck_open, \
		.run = of_run, .close = ck_close,                                       \
	}

const struct bench_contender bench_ck = CK_CONTENDER("ck_ring", "ck", run);
const struct bench_contender bench_ck_values =
	CK_CONTENDER("ck_ring value", "ck_values", run_values);
