/* SPDX-License-Identifier: MIT */
/* Where a reader starts, and where it seeks to: oldest, newest, a sequence number, a time. */
#include "unit.h"

#include <criterion/parameterized.h>
#include <time.h>

#include "../../lib/layout.h"

/* 0: RELIABLE, 1: LOSSY, 2: observer. */
static int kinds[] = { 0, 1, 2 };

#define AllKinds(Name)                                     \
	ParameterizedTestParameters(start, Name)           \
	{                                                  \
		return cr_make_param_array(int, kinds, 3); \
	}                                                  \
	ParameterizedTest(int *kind, start, Name)

static int open_kind(int kind, const char *name, enum shmring_start start, uint64_t value,
		     struct shmring_consumer **consumer)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;

	options.start = start;
	options.start_value = value;
	if (kind == 2)
		return shmring_observer_open(consumer, name, &options);
	options.policy = kind == 0 ? SHMRING_RELIABLE : SHMRING_LOSSY;
	return shmring_consumer_open(consumer, name, &options);
}

/* Opened there, or opened at the newest and moved there: both must give the same. */
static int reader_at(int kind, int seeks, const char *name, enum shmring_start start,
		     uint64_t value, struct shmring_consumer **consumer)
{
	int error;

	if (!seeks)
		return open_kind(kind, name, start, value, consumer);
	expect_ok(open_kind(kind, name, SHMRING_NEWEST, 0, consumer));
	error = shmring_seek(*consumer, start, value);
	if (error)
		expect_ok(shmring_consumer_close(*consumer));
	return error;
}

static void expect_first(struct shmring_consumer *consumer, uint64_t sequence, uint64_t lost)
{
	struct shmring_record record;

	expect_ok(shmring_read(consumer, &record));
	expect_whole(&record, sequence, 100);
	cr_assert_eq(record.lost, lost, "lost %llu, not %llu", (unsigned long long)record.lost,
		     (unsigned long long)lost);
	cr_assert_eq(consumer_info(consumer).lost, lost);
	expect_ok(shmring_release(consumer));
}

/* It is part of the layout: two programs have to agree on it. */
Test(start, a_block_is_a_64th_of_small_rings_and_a_256th_of_large_ones)
{
	static const struct {
		uint64_t capacity, block;
	} rings[] = {
		{ SHMRING_CAPACITY_MIN, SHMRING_CAPACITY_MIN / 64 },
		{ UINT64_C(1) << 19, 8192 },
		{ UINT64_C(1) << 20, 16384 },
		{ UINT64_C(1) << 21, 16384 },
		{ UINT64_C(1) << 22, 16384 },
		{ UINT64_C(1) << 23, 32768 },
		{ SHMRING_CAPACITY_MAX, SHMRING_CAPACITY_MAX / 256 },
	};

	cr_assert_eq(SMALL_BLOCK, UINT64_C(1) << layout_block_shift(SMALL));
	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
		cr_assert_eq(UINT64_C(1) << layout_block_shift(rings[i].capacity), rings[i].block);
}

AllKinds(at_the_oldest_and_the_newest)
{
	for (int seeks = 0; seeks < 2; seeks++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);
		struct shmring_consumer *consumer;
		struct shmring_record record;
		uint64_t oldest;

		/* Nothing there, some there, lapped many times. */
		expect_ok(reader_at(*kind, seeks, name, SHMRING_OLDEST, 0, &consumer));
		write_records(producer, 10, 100);
		expect_first(consumer, 0, 0);
		expect_ok(shmring_consumer_close(consumer));
		expect_ok(reader_at(*kind, seeks, name, SHMRING_OLDEST, 0, &consumer));
		expect_first(consumer, 0, 0);
		expect_ok(shmring_consumer_close(consumer));
		write_records(producer, 9990, 100);
		oldest = ring_info(name).oldest_sequence;
		cr_assert_gt(oldest, 9000);
		/* The ring keeps all the history it can: all but a block and a record or two. */
		cr_assert_geq((10000 - oldest) * stride_of(100),
			      SMALL - SMALL_BLOCK - 2 * stride_of(100));
		expect_ok(reader_at(*kind, seeks, name, SHMRING_OLDEST, 0, &consumer));
		expect_first(consumer, oldest, 0);
		expect_ok(shmring_consumer_close(consumer));
		expect_ok(reader_at(*kind, seeks, name, SHMRING_NEWEST, 0, &consumer));
		expect_result(shmring_read(consumer, &record), -EAGAIN);
		write_records(producer, 1, 100);
		expect_first(consumer, 10000, 0);
		expect_ok(shmring_consumer_close(consumer));
	}
}

AllKinds(at_a_sequence_number)
{
	for (int seeks = 0; seeks < 2; seeks++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);
		struct shmring_consumer *consumer;
		uint64_t oldest;

		write_records(producer, 5000, 100);
		oldest = ring_info(name).oldest_sequence;
		for (uint64_t sequence = oldest; sequence < 5000; sequence += 7) {
			expect_ok(reader_at(*kind, seeks, name, SHMRING_SEQUENCE, sequence,
					    &consumer));
			expect_first(consumer, sequence, 0);
			expect_ok(shmring_consumer_close(consumer));
		}
		/* One that is gone: the oldest, and the gap is told. */
		for (uint64_t sequence = 0; sequence < oldest; sequence += 501) {
			expect_ok(reader_at(*kind, seeks, name, SHMRING_SEQUENCE, sequence,
					    &consumer));
			expect_first(consumer, oldest, oldest - sequence);
			expect_ok(shmring_consumer_close(consumer));
		}
		/* The next one to be written is a place, those behind are not. */
		expect_ok(reader_at(*kind, seeks, name, SHMRING_SEQUENCE, 5000, &consumer));
		write_records(producer, 1, 100);
		expect_first(consumer, 5000, 0);
		expect_ok(shmring_consumer_close(consumer));
		expect_result(reader_at(*kind, seeks, name, SHMRING_SEQUENCE, 5002, &consumer),
			      -ERANGE);
		expect_result(
			reader_at(*kind, seeks, name, SHMRING_SEQUENCE, UINT64_MAX, &consumer),
			-ERANGE);
		cr_assert_eq(ring_info(name).subscriptions, 0);
	}
}

/* Waits until the coarse clock, which stamps the records, has moved on. */
static uint64_t next_tick(void)
{
	struct timespec first, now;

	clock_gettime(CLOCK_REALTIME_COARSE, &first);
	do
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	while (now.tv_sec == first.tv_sec && now.tv_nsec == first.tv_nsec);
	return wall_ns();
}

AllKinds(at_a_time)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	uint64_t times[50], starts[50], oldest;
	struct shmring_consumer *consumer;
	struct shmring_record record;

	/* Some records in each of 50 moments, as many as a ring holds. */
	for (unsigned int i = 0; i < 50; i++) {
		times[i] = next_tick();
		starts[i] = producer_info(producer).sequence;
		write_records(producer, 9, 100);
	}
	oldest = ring_info(name).oldest_sequence;
	cr_assert_eq(oldest, 0);
	for (int seeks = 0; seeks < 2; seeks++) {
		for (unsigned int i = 0; i < 50; i++) {
			expect_ok(reader_at(*kind, seeks, name, SHMRING_TIME, times[i], &consumer));
			expect_ok(shmring_read(consumer, &record));
			cr_assert_leq(record.sequence, starts[i],
				      "skipped what was published then");
			/* A block of older ones may come first, and as the stamps are coarse, another moment's. */
			cr_assert_geq(record.sequence + 2 * 9 + SMALL_BLOCK / stride_of(100) + 1,
				      starts[i], "%llu is too old for %llu",
				      (unsigned long long)record.sequence,
				      (unsigned long long)starts[i]);
			cr_assert_eq(record.lost, 0);
			expect_ok(shmring_release(consumer));
			expect_ok(shmring_consumer_close(consumer));
		}
		expect_ok(reader_at(*kind, seeks, name, SHMRING_TIME, 0, &consumer));
		expect_first(consumer, oldest, 0);
		expect_ok(shmring_consumer_close(consumer));
		/* Never skipped, so a time to come must not skip what is published then. */
		expect_ok(reader_at(*kind, seeks, name, SHMRING_TIME, wall_ns() + NS_PER_SECOND,
				    &consumer));
		expect_ok(shmring_consumer_close(consumer));
		expect_ok(reader_at(*kind, seeks, name, SHMRING_TIME, UINT64_MAX, &consumer));
		expect_ok(shmring_consumer_close(consumer));
	}
}

AllKinds(seeking_back_and_forth)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer;

	expect_ok(open_kind(*kind, name, SHMRING_OLDEST, 0, &consumer));
	write_records(producer, 300, 100);
	for (uint64_t sequence = 0; sequence < 300; sequence += 13) {
		expect_ok(shmring_seek(consumer, SHMRING_SEQUENCE, sequence));
		expect_first(consumer, sequence, 0);
		expect_ok(shmring_seek(consumer, SHMRING_SEQUENCE, 299 - sequence));
		expect_first(consumer, 299 - sequence, 0);
	}
	expect_ok(shmring_seek(consumer, SHMRING_OLDEST, 0));
	expect_first(consumer, 0, 0);
	/* What lies between is not lost. */
	expect_ok(shmring_seek(consumer, SHMRING_NEWEST, 0));
	write_records(producer, 1, 100);
	expect_first(consumer, 300, 0);
}

AllKinds(a_seek_that_fails_changes_nothing)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer;

	expect_ok(open_kind(*kind, name, SHMRING_OLDEST, 0, &consumer));
	write_records(producer, 20, 100);
	expect_run(consumer, 0, 5, 100);
	expect_next(consumer, 5, 100);
	expect_result(shmring_seek(consumer, SHMRING_SEQUENCE, 1000), -ERANGE);
	expect_result(shmring_seek(consumer, (enum shmring_start)4, 0), -EINVAL);
	expect_result(shmring_seek(consumer, (enum shmring_start) - 1, 0), -EINVAL);
	expect_run(consumer, 6, 14, 100);
	expect_result(shmring_wait(consumer, 0), -EAGAIN);
}

Test(start, a_seek_releases_what_was_read)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	void *data;

	write_records(producer, 3, SMALL_MAXIMUM);
	expect_next(consumer, 0, SMALL_MAXIMUM);
	expect_result(shmring_reserve(producer, SMALL_MAXIMUM, &data), -EAGAIN);
	expect_ok(shmring_seek(consumer, SHMRING_NEWEST, 0));
	for (unsigned int i = 0; i < 3; i++)
		write_records(producer, 1, SMALL_MAXIMUM);
	expect_result(shmring_reserve(producer, SMALL_MAXIMUM, &data), -EAGAIN);
	expect_run(consumer, 3, 3, SMALL_MAXIMUM);
}

Test(start, a_seek_back_holds_the_producer_from_there)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	void *data;

	write_records(producer, 3, SMALL_MAXIMUM);
	expect_run(consumer, 0, 3, SMALL_MAXIMUM);
	expect_ok(shmring_seek(consumer, SHMRING_OLDEST, 0));
	expect_result(shmring_reserve(producer, SMALL_MAXIMUM, &data), -EAGAIN);
	expect_run(consumer, 0, 3, SMALL_MAXIMUM);
	expect_ok(shmring_reserve(producer, SMALL_MAXIMUM, &data));
}

Test(start, a_subscription_at_the_oldest_holds_the_producer_from_there)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer;
	uint64_t oldest;
	void *data;
	int result;

	write_records(producer, 1000, 500);
	consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	oldest = ring_info(name).oldest_sequence;
	while ((result = shmring_reserve(producer, 500, &data)) == 0) {
		expect_ok(shmring_abort(producer));
		write_records(producer, 1, 500);
	}
	expect_result(result, -EAGAIN);
	expect_run(consumer, oldest, (unsigned int)(producer_info(producer).sequence - oldest),
		   500);
}
