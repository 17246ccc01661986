/* SPDX-License-Identifier: MIT */
/* Streams that start just below 2^32, 2^63 and other ends of the number line: the main paths, across the carry. */
#include "unit.h"

#include <criterion/parameterized.h>

#include "../support/payload.h"

struct origin {
	uint64_t position;
	uint64_t sequence;
};

static struct origin origins[] = {
	{ 0, 0 },
	{ 8, 1 },
	{ SMALL - 8, 1000 },
	{ (1ULL << 32) - 8, UINT32_MAX },
	{ (1ULL << 32) - SMALL - 24, UINT32_MAX - 100ULL },
	{ (1ULL << 63) - 8, (1ULL << 63) - 1 },
	{ (1ULL << 63) - 2 * SMALL - 40, (1ULL << 63) - 300 },
	{ (1ULL << 63) + (1ULL << 62) - 8, (1ULL << 63) + (1ULL << 62) - 1 },
};

#define FromEach(Name)                                                            \
	ParameterizedTestParameters(origin, Name)                                 \
	{                                                                         \
		return cr_make_param_array(struct origin, origins,                \
					   sizeof(origins) / sizeof(origins[0])); \
	}                                                                         \
	ParameterizedTest(struct origin *origin, origin, Name)

FromEach(starts_there)
{
	const char *name = new_ring_from(origin->position, origin->sequence);
	struct shmring_info info = ring_info(name);
	struct shmring_producer *producer;
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;

	cr_assert_eq(info.oldest_position, origin->position);
	cr_assert_eq(info.oldest_sequence, origin->sequence);
	cr_assert_eq(info.head_position, origin->position);
	cr_assert_eq(info.head_sequence, origin->sequence);
	producer = new_producer(name);
	cr_assert_eq(producer_info(producer).position, origin->position);
	cr_assert_eq(producer_info(producer).sequence, origin->sequence);
	cr_assert_eq(consumer_info(consumer).position, origin->position);
	cr_assert_eq(consumer_info(consumer).sequence, origin->sequence);
	write_records(producer, 1, 100);
	expect_ok(shmring_read(consumer, &record));
	cr_assert_eq(record.position, origin->position);
	cr_assert_eq(record.sequence, origin->sequence);
	cr_assert_eq(record.lost, 0);
}

FromEach(streams_in_step)
{
	const char *name = new_ring_from(origin->position, origin->sequence);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *reliable = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);
	uint64_t position = origin->position;

	for (unsigned int i = 0; i < 3000; i++) {
		size_t length = payload_length(6, i, 0, i % 100 ? 400 : SMALL_MAXIMUM);

		write_records(producer, 1, length);
		expect_ok(shmring_wait(reliable, -1));
		expect_run(reliable, origin->sequence + i, 1, length);
		expect_run(observer, origin->sequence + i, 1, length);
		position += stride_of(length);
	}
	cr_assert_eq(producer_info(producer).position, position);
	cr_assert_gt(position, origin->position + SMALL);
	expect_ok(shmring_producer_close(producer));
	expect_result(shmring_wait(reliable, -1), -EPIPE);
}

FromEach(is_full_when_it_is_full)
{
	const char *name = new_ring_from(origin->position, origin->sequence);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	void *data;

	for (unsigned int round = 0; round < 20; round++) {
		write_records(producer, 3, SMALL_MAXIMUM);
		expect_result(shmring_reserve(producer, SMALL_MAXIMUM, &data), -EAGAIN);
		expect_result(shmring_write(producer, "", SMALL_MAXIMUM, 0, NS_PER_MS), -ETIMEDOUT);
		expect_run(consumer, origin->sequence + round * 3, 3, SMALL_MAXIMUM);
	}
}

FromEach(loses_exactly)
{
	const char *name = new_ring_from(origin->position, origin->sequence);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *losers[] = {
		new_consumer(name, SHMRING_LOSSY, SHMRING_OLDEST),
		new_observer(name, SHMRING_OLDEST),
	};
	uint64_t expected[2] = { origin->sequence, origin->sequence };
	struct shmring_record record;

	for (unsigned int round = 0; round < 10; round++) {
		write_records(producer, 100 * round, 500);
		for (int i = 0; i < 2; i++) {
			while (shmring_read(losers[i], &record) == 0) {
				cr_assert_eq(record.sequence, expected[i] + record.lost);
				expect_whole(&record, record.sequence, 500);
				expected[i] = record.sequence + 1;
				expect_ok(shmring_release(losers[i]));
			}
			cr_assert_eq(expected[i], producer_info(producer).sequence);
		}
	}
	cr_assert_gt(consumer_info(losers[0]).lost, 0);
	cr_assert_eq(consumer_info(losers[0]).lost, consumer_info(losers[1]).lost);
}

FromEach(finds_every_start)
{
	const char *name = new_ring_from(origin->position, origin->sequence);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_LOSSY, SHMRING_OLDEST);
	struct shmring_record record;
	uint64_t oldest, next;

	for (unsigned int round = 0; round < 6; round++) {
		write_records(producer, 150, 300);
		oldest = ring_info(name).oldest_sequence;
		next = producer_info(producer).sequence;
		cr_assert_geq(oldest, origin->sequence);
		for (uint64_t sequence = oldest; sequence < next; sequence += 11) {
			expect_ok(shmring_seek(consumer, SHMRING_SEQUENCE, sequence));
			expect_next(consumer, sequence, 300);
		}
		expect_ok(shmring_seek(consumer, SHMRING_OLDEST, 0));
		expect_next(consumer, oldest, 300);
		expect_ok(shmring_seek(consumer, SHMRING_TIME, 0));
		expect_next(consumer, oldest, 300);
		expect_ok(shmring_seek(consumer, SHMRING_NEWEST, 0));
		expect_result(shmring_read(consumer, &record), -EAGAIN);
		expect_result(shmring_seek(consumer, SHMRING_SEQUENCE, next + 1), -ERANGE);
	}
}

FromEach(succeeds_its_producer)
{
	const char *name = new_ring_from(origin->position, origin->sequence);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);

	for (unsigned int epoch = 0; epoch < 60; epoch++) {
		struct shmring_producer *producer = new_producer(name);
		void *data;

		cr_assert_eq(producer_info(producer).sequence, origin->sequence + epoch * 10);
		write_records(producer, 10, 700);
		/* Something unfinished that the next one must not trip over. */
		expect_ok(shmring_reserve(producer, 1000, &data));
		memset(data, 0xff, 1000);
		expect_ok(shmring_commit(producer, 1000, 0, SHMRING_MORE));
		expect_ok(shmring_producer_close(producer));
		expect_run(consumer, origin->sequence + epoch * 10, 10, 700);
		expect_result(shmring_wait(consumer, -1), -EPIPE);
	}
}
