/* SPDX-License-Identifier: MIT */
/* Batches: withheld records that appear all at once. */
#include "unit.h"

#include <sys/uio.h>

#include "../../lib/layout.h"
#include "../support/objects.h"
#include "../support/payload.h"

/* Commits one record as write_records would, withheld. */
static void withhold(struct shmring_producer *producer, size_t length, unsigned int flags)
{
	uint64_t sequence = producer_info(producer).sequence;
	void *data;

	expect_ok(shmring_reserve(producer, length, &data));
	payload_fill(data, length, 1, sequence);
	expect_ok(shmring_commit(producer, length, payload_type(1, sequence), flags));
}

static void expect_nothing(struct shmring_consumer *consumer)
{
	struct shmring_record record;

	expect_result(shmring_read(consumer, &record), -EAGAIN);
	expect_result(shmring_wait(consumer, 0), -EAGAIN);
}

Test(batch, appears_at_once_with_its_last_record)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);

	for (unsigned int round = 0; round < 100; round++) {
		for (unsigned int i = 0; i < 32; i++) {
			withhold(producer, 100, SHMRING_MORE);
			expect_nothing(consumer);
			expect_nothing(observer);
			cr_assert_eq(ring_info(name).head_sequence, round * 33);
		}
		withhold(producer, 100, 0);
		cr_assert_eq(ring_info(name).head_sequence, round * 33 + 33);
		expect_run(consumer, round * 33, 33, 100);
		expect_run(observer, round * 33, 33, 100);
	}
}

Test(batch, can_end_with_flush_or_write)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;
	struct iovec piece = piece_of("x", 1);

	expect_ok(shmring_flush(producer));
	expect_nothing(consumer);
	withhold(producer, 50, SHMRING_MORE);
	withhold(producer, 50, SHMRING_MORE);
	expect_ok(shmring_flush(producer));
	expect_run(consumer, 0, 2, 50);
	expect_ok(shmring_flush(producer));
	expect_nothing(consumer);

	withhold(producer, 50, SHMRING_MORE);
	expect_ok(shmring_write(producer, "end", 3, 0, 0));
	expect_run(consumer, 2, 1, 50);
	expect_ok(shmring_read(consumer, &record));
	cr_assert_eq(record.sequence, 3);
	cr_assert_eq(record.length, 3);

	withhold(producer, 50, SHMRING_MORE);
	expect_ok(shmring_writev(producer, &piece, 1, 0, 0));
	expect_run(consumer, 4, 1, 50);
	expect_ok(shmring_read(consumer, &record));
	cr_assert_eq(record.sequence, 5);
}

Test(batch, is_dropped_whole_by_abort)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);
	void *data;

	for (unsigned int round = 0; round < 200; round++) {
		unsigned int withheld = round % 20;

		for (unsigned int i = 0; i < withheld; i++)
			withhold(producer, round * 7, SHMRING_MORE);
		if (round % 2)
			expect_ok(shmring_reserve(producer, 100, &data));
		expect_ok(shmring_abort(producer));
		cr_assert_eq(producer_info(producer).sequence, round);
		expect_ok(shmring_flush(producer));
		expect_nothing(consumer);
		write_records(producer, 1, 500);
		expect_run(consumer, round, 1, 500);
		expect_run(observer, round, 1, 500);
	}
}

Test(batch, is_dropped_by_close)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;
	void *data;

	write_records(producer, 1, 10);
	withhold(producer, 1000, SHMRING_MORE);
	withhold(producer, 1000, SHMRING_MORE);
	expect_ok(shmring_reserve(producer, 1000, &data));
	expect_ok(shmring_producer_close(producer));
	expect_run(consumer, 0, 1, 10);
	expect_result(shmring_read(consumer, &record), -EPIPE);
	producer = new_producer(name);
	cr_assert_eq(producer_info(producer).sequence, 1);
	write_records(producer, 10, 10);
	expect_run(consumer, 1, 10, 10);
}

Test(batch, holds_at_most_half_the_capacity)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	const size_t half = SMALL_MAXIMUM - 16;
	void *data = &data;

	for (unsigned int round = 0; round < 10; round++) {
		withhold(producer, half, SHMRING_MORE);
		withhold(producer, half, SHMRING_MORE);
		expect_result(shmring_reserve(producer, 0, &data), -EMSGSIZE);
		expect_result(shmring_write(producer, "", 0, 0, -1), -EMSGSIZE);
		expect_result(shmring_producer_wait(producer, 0, -1), -EMSGSIZE);
		cr_assert_eq(data, (void *)&data, "touched on failure");
		expect_nothing(consumer);
		expect_ok(shmring_flush(producer));
		expect_run(consumer, round * 2, 2, half);
	}
}

Test(batch, full_ring_refuses_more_and_keeps_what_is_withheld)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	void *data;

	write_records(producer, 3, SMALL_MAXIMUM);
	withhold(producer, 8000, SHMRING_MORE);
	expect_result(shmring_reserve(producer, 10000, &data), -EAGAIN);
	expect_result(shmring_write(producer, "", 10000, 0, 0), -EAGAIN);
	expect_result(shmring_producer_wait(producer, 10000, NS_PER_MS), -ETIMEDOUT);
	expect_run(consumer, 0, 3, SMALL_MAXIMUM);
	expect_nothing(consumer);
	withhold(producer, 10000, 0);
	expect_run(consumer, 3, 1, 8000);
	expect_run(consumer, 4, 1, 10000);
	expect_nothing(consumer);
}

Test(batch, readers_without_a_gate_may_be_lapped_by_one)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);
	struct shmring_record record;

	for (unsigned int i = 0; i < 100; i++)
		withhold(producer, 200, i % 10 == 9 ? 0 : SHMRING_MORE);
	for (unsigned int i = 0; i < 450; i++)
		withhold(producer, 200, i % 50 == 49 ? 0 : SHMRING_MORE);
	expect_ok(shmring_read(observer, &record));
	cr_assert_eq(record.lost, record.sequence);
	cr_assert_gt(record.lost, 0);
	expect_whole(&record, record.sequence, 200);
	expect_ok(shmring_release(observer));
}

/* Also if whoever waited for room has entered the record that comes after it. */
Test(batch, leaves_no_index_entry_without_a_time)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	size_t size;
	const struct layout_data *data = object_map(name, OBJECT_DATA, &size);

	for (unsigned int round = 0; round < 200; round++) {
		withhold(producer, 40, SHMRING_MORE);
		expect_ok(shmring_producer_wait(producer, 40, 0));
		expect_ok(shmring_flush(producer));
		write_records(producer, 1, 40);
		for (unsigned int i = 0; i < INDEX_ENTRIES; i++)
			if (atomic_load_explicit(&data->index[i].position, memory_order_relaxed) !=
			    INDEX_NONE)
				cr_assert_neq(atomic_load_explicit(&data->index[i].time_ns,
								   memory_order_relaxed),
					      UINT64_MAX);
	}
	object_unmap((void *)(uintptr_t)data, size);
}
