/* SPDX-License-Identifier: MIT */
/* The hot path as shmring/inline.h has it: like the calls, also where it hands on to them. */
#include <shmring/inline.h>

#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#ifndef SHMRING_EXPANDS
#error "the hot path is not expanded here"
#endif

/* Of so many records, a third is longer than an index block of the smallest ring. */
#define RECORDS 20000u

static size_t length_of(uint64_t sequence)
{
	return sequence % 3 ? sequence % 40 : SMALL_BLOCK + 44;
}

static void write_expanded(struct shmring_producer *producer, uint64_t sequence, unsigned int flags)
{
	const size_t length = length_of(sequence);
	unsigned char *data;
	void *room;

	expect_ok(shmring_reserve(producer, length + sequence % 8, &room));
	data = room;
	for (size_t i = 0; i < length; i++)
		data[i] = (unsigned char)(sequence + i);
	expect_ok(shmring_commit(producer, length, (uint16_t)sequence, flags));
}

static void read_expanded(struct shmring_consumer *consumer, uint64_t sequence)
{
	struct shmring_record record;
	const unsigned char *data;

	expect_ok(shmring_read(consumer, &record));
	cr_assert_eq(record.sequence, sequence);
	cr_assert_eq(record.length, length_of(sequence));
	cr_assert_eq(record.type, (uint16_t)sequence);
	cr_assert_eq(record.flags, 0);
	cr_assert_eq(record.lost, 0);
	data = record.data;
	for (size_t i = 0; i < record.length; i++)
		cr_assert_eq(data[i], (unsigned char)(sequence + i));
}

Test(inline_path, carries_records_one_by_one)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;

	for (uint64_t sequence = 0; sequence < RECORDS; sequence++) {
		write_expanded(producer, sequence, 0);
		read_expanded(consumer, sequence);
		expect_ok(shmring_release(consumer));
		expect_result(shmring_read(consumer, &record), -EAGAIN);
	}
}

/* Batches end by a record without SHMRING_MORE, or by a flush, and are invisible until then. */
Test(inline_path, carries_batches)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;

	for (uint64_t sequence = 0, end; sequence < RECORDS; sequence = end) {
		const bool flushes = sequence % 2;

		end = sequence + 1 + sequence % 5;
		for (uint64_t i = sequence; i < end; i++) {
			expect_result(shmring_read(consumer, &record), -EAGAIN);
			write_expanded(producer, i, i + 1 < end || flushes ? SHMRING_MORE : 0);
		}
		if (flushes)
			expect_ok(shmring_flush(producer));
		for (uint64_t i = sequence; i < end; i++)
			read_expanded(consumer, i);
		expect_ok(shmring_release(consumer));
	}
}

/* To the byte: it begins, and would end, in the middle of an index block. */
Test(inline_path, a_batch_takes_half_the_capacity_at_most)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	unsigned int records = 0;
	void *room;
	int error;

	new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	write_records(producer, 5, 8);
	while ((error = shmring_reserve(producer, 8, &room)) == 0) {
		expect_ok(shmring_commit(producer, 8, 0, SHMRING_MORE));
		records++;
	}
	expect_result(error, -EMSGSIZE);
	cr_assert_eq(records, SMALL / 2 / stride_of(8));
	/* Once it has ended, there is room for the rest. */
	expect_ok(shmring_flush(producer));
	expect_ok(shmring_reserve(producer, 8, &room));
}

Test(inline_path, refuses_what_the_calls_refuse)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record = { .data = producer, .length = 77 };
	void *room = &record;

	expect_result(shmring_read(consumer, &record), -EAGAIN);
	cr_assert_null(record.data);
	cr_assert_eq(record.length, 0);
	expect_ok(shmring_release(consumer));
	expect_result(shmring_commit(producer, 0, 0, 0), -EINVAL);
	expect_result(shmring_reserve(producer, SMALL, &room), -EMSGSIZE);
	cr_assert_null(room);
	expect_ok(shmring_reserve(producer, 8, &room));
	expect_result(shmring_commit(producer, 9, 0, 0), -EINVAL);
	expect_result(shmring_commit(producer, 8, 0, 2), -EINVAL);
	expect_result(shmring_reserve(producer, 8, &room), -EALREADY);
	cr_assert_null(room);
	expect_ok(shmring_abort(producer));
	while (shmring_write(producer, "full", 4, 0, 0) == 0)
		continue;
	expect_result(shmring_reserve(producer, 8, &room), -EAGAIN);
	expect_ok(shmring_producer_close(producer));
	while (shmring_read(consumer, &record) == 0)
		expect_ok(shmring_release(consumer));
	expect_result(shmring_read(consumer, &record), -EPIPE);
}

#define WAKE_UPS 40

/* Sleeps without spinning first, for one batch after the other. */
struct sleeper {
	struct shmring_consumer *consumer;
	_Atomic uint64_t taken;
};

static void *take_all(void *argument)
{
	struct sleeper *sleeper = argument;

	for (uint64_t sequence = 0; sequence < WAKE_UPS * 2; sequence++) {
		expect_ok(shmring_wait(sleeper->consumer, -1));
		read_expanded(sleeper->consumer, sequence);
		expect_ok(shmring_release(sleeper->consumer));
		atomic_store(&sleeper->taken, sequence + 1);
	}
	return NULL;
}

/* Nothing but the record wakes it; the index, far from the next block, has no part in it. */
static void wake_by(unsigned int flags)
{
	struct shmring_consumer_options options = options_for("sleeper", SHMRING_RELIABLE);
	const char *name = new_ring(4 << 20);
	struct shmring_producer *producer = new_producer(name);
	struct sleeper sleeper;
	pthread_t thread;

	options.spin_ns = -1;
	sleeper.consumer = open_consumer(name, &options);
	atomic_init(&sleeper.taken, 0);
	cr_assert_eq(pthread_create(&thread, NULL, take_all, &sleeper), 0);
	for (uint64_t sequence = 0; sequence < WAKE_UPS * 2;) {
		while (!subscription_info(name, "sleeper").sleeping)
			continue;
		write_expanded(producer, sequence++, flags);
		if (flags)
			write_expanded(producer, sequence++, 0);
		while (atomic_load(&sleeper.taken) != sequence)
			continue;
	}
	pthread_join(thread, NULL);
	cr_assert_eq(consumer_info(sleeper.consumer).late, 0);
	cr_assert_gt(producer_info(producer).wakeups, 0);
}

Test(inline_path, a_record_wakes_who_sleeps)
{
	wake_by(0);
}

Test(inline_path, a_batch_wakes_who_sleeps)
{
	wake_by(SHMRING_MORE);
}
