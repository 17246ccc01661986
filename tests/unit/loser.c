/* SPDX-License-Identifier: MIT */
/* LOSSY consumers and observers that fall behind: what they lose is told exactly, what they get is whole. */
#include "unit.h"

#include <criterion/parameterized.h>

#include "../support/payload.h"
#include "../support/random.h"

/* 0: a LOSSY consumer, 1: an observer. */
static int kinds[] = { 0, 1 };

#define BothKinds(Name)                                    \
	ParameterizedTestParameters(loser, Name)           \
	{                                                  \
		return cr_make_param_array(int, kinds, 2); \
	}                                                  \
	ParameterizedTest(int *observer, loser, Name)

BothKinds(reports_exact_loss_when_lapped)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_loser(name, *observer, SHMRING_OLDEST);
	struct shmring_record record;
	uint64_t expected = 0, lost = 0, delivered = 0;

	for (unsigned int round = 0; round < 50; round++) {
		write_records(producer, 100 * (round % 4) + round, 300);
		while (shmring_read(consumer, &record) == 0) {
			cr_assert_eq(record.sequence, expected + record.lost, "not exact");
			expect_whole(&record, record.sequence, 300);
			/* Whole, but below what the producer has given up already: it counts as lost. */
			if (record.position < ring_info(name).oldest_position) {
				expect_result(shmring_release(consumer), -EOVERFLOW);
				continue;
			}
			expect_ok(shmring_release(consumer));
			lost += record.lost;
			delivered++;
			expected = record.sequence + 1;
		}
		cr_assert_eq(consumer_info(consumer).lost, lost);
		cr_assert_eq(delivered + lost, producer_info(producer).sequence);
	}
	cr_assert_gt(lost, 0);
	cr_assert_gt(delivered, 50);
}

BothKinds(resumes_behind_the_oldest_record_with_a_head_start)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_loser(name, *observer, SHMRING_OLDEST);
	struct shmring_info info;
	struct shmring_record record;

	write_records(producer, 5000, 100);
	info = ring_info(name);
	expect_ok(shmring_read(consumer, &record));
	cr_assert_eq(record.lost, record.sequence);
	cr_assert_geq(record.position, info.oldest_position);
	/* It does not lose much more than it has to: an eighth of the ring, and the rest of an index block. */
	cr_assert_leq(record.position - info.oldest_position,
		      SMALL / 8 + SMALL_BLOCK + stride_of(100));
}

BothKinds(is_told_when_what_it_uses_was_overwritten)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_loser(name, *observer, SHMRING_OLDEST);
	struct shmring_record record;

	write_records(producer, 10, 1000);
	expect_next(consumer, 0, 1000);
	expect_ok(shmring_release(consumer));
	expect_next(consumer, 1, 1000);
	expect_next(consumer, 2, 1000);
	write_records(producer, 200, 1000);
	expect_result(shmring_release(consumer), -EOVERFLOW);
	cr_assert_eq(consumer_info(consumer).lost, 0, "counts from the read that reports it");
	/* Records 1 and 2 are to be discarded, so they count as lost. */
	expect_ok(shmring_read(consumer, &record));
	cr_assert_eq(record.lost, record.sequence - 1);
	cr_assert_eq(consumer_info(consumer).lost, record.lost);
	expect_whole(&record, record.sequence, 1000);
	expect_ok(shmring_release(consumer));
}

BothKinds(can_release_what_is_still_whole_while_the_producer_goes_on)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_loser(name, *observer, SHMRING_OLDEST);

	write_records(producer, 1, 1000);
	for (unsigned int i = 0; i < 1000; i++) {
		expect_next(consumer, i, 1000);
		write_records(producer, 1, 1000);
		expect_ok(shmring_release(consumer));
	}
}

BothKinds(a_copy_that_succeeds_is_whole_also_after_being_lapped)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_loser(name, *observer, SHMRING_OLDEST);
	struct shmring_record record;
	static char buffer[SMALL_MAXIMUM];
	uint64_t expected = 0;

	for (unsigned int round = 0; round < 20; round++) {
		write_records(producer, 150, 777);
		for (unsigned int i = 0; i < 20; i++) {
			expect_ok(shmring_read_copy(consumer, buffer, sizeof(buffer), &record));
			cr_assert_eq(record.sequence, expected + record.lost);
			expect_whole(&record, record.sequence, 777);
			expected = record.sequence + 1;
		}
	}
	cr_assert_gt(consumer_info(consumer).lost, 0);
}

BothKinds(a_copy_tells_that_records_in_place_before_it_were_overwritten)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_loser(name, *observer, SHMRING_OLDEST);
	struct shmring_record record;
	static char buffer[SMALL_MAXIMUM];

	write_records(producer, 10, 1000);
	expect_next(consumer, 0, 1000);
	expect_next(consumer, 1, 1000);
	write_records(producer, 200, 1000);
	expect_result(shmring_read_copy(consumer, buffer, sizeof(buffer), &record), -EOVERFLOW);
	expect_ok(shmring_read_copy(consumer, buffer, sizeof(buffer), &record));
	cr_assert_eq(record.lost, record.sequence, "records 0 and 1 are lost too");
	expect_whole(&record, record.sequence, 1000);
}

BothKinds(reading_on_after_being_lapped_never_gives_wrong_bytes)
{
	/* Without a release between: reads go on until they notice, and release then says that all of it is void. */
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_loser(name, *observer, SHMRING_OLDEST);
	struct shmring_record record;
	uint64_t released = 0;
	struct random random;

	random_seed(&random, 4, 0);
	write_records(producer, 50, 300);
	for (unsigned int round = 0; round < 300; round++) {
		uint64_t first = UINT64_MAX, lost = 0, next = 0;
		unsigned int reads = (unsigned int)random_below(&random, 20);

		for (unsigned int i = 0; i < reads && shmring_read(consumer, &record) == 0; i++) {
			if (first == UINT64_MAX) {
				first = record.sequence;
				lost = record.lost;
			} else {
				cr_assert_eq(record.sequence, next + record.lost,
					     "the gap is not exact");
			}
			next = record.sequence + 1;
			write_records(producer, (unsigned int)random_below(&random, 30), 300);
		}
		if (shmring_release(consumer) == 0) {
			if (first != UINT64_MAX) {
				cr_assert_eq(first, released + lost);
				released = next;
			}
		} else if (first != UINT64_MAX) {
			cr_assert_geq(first, released);
		}
		write_records(producer, (unsigned int)random_below(&random, 100), 300);
	}
}

Test(loser, a_lossy_consumer_and_an_observer_do_not_disturb_a_reliable_one)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *reliable = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *losers[] = {
		new_consumer(name, SHMRING_LOSSY, SHMRING_OLDEST),
		new_observer(name, SHMRING_OLDEST),
	};
	uint64_t got[2] = { 0, 0 };
	struct shmring_record record;

	for (unsigned int i = 0; i < 3000; i++) {
		write_records(producer, 1, 200);
		expect_run(reliable, i, 1, 200);
		/* Each looks only now and then, and by itself. */
		for (int which = 0; which < 2; which++) {
			if (i % (600 + 100 * (unsigned int)which) != 0)
				continue;
			expect_ok(shmring_read(losers[which], &record));
			got[which] += 1 + record.lost;
			cr_assert_eq(got[which], record.sequence + 1);
			expect_ok(shmring_release(losers[which]));
		}
	}
}

/* What goes, goes by a 32nd of the capacity: not much more at once, and not for each record. */
Test(loser, the_ring_keeps_all_but_a_thirty_second_part)
{
	static const size_t lengths[] = { 8, 100, 1000 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);
		const uint64_t stride = stride_of(lengths[i]);
		struct shmring_info info = ring_info(name);
		uint64_t oldest = 0;
		unsigned int moves = 0;

		while (info.head_position < 4 * SMALL) {
			write_records(producer, 1, lengths[i]);
			info = ring_info(name);
			moves += info.oldest_position != oldest;
			oldest = info.oldest_position;
			if (oldest != 0)
				cr_assert_geq(info.head_position - oldest,
					      SMALL - SMALL / 32 - SMALL_BLOCK - 2 * stride);
		}
		/* Three laps. */
		cr_assert_geq(moves, 3 * 16);
		cr_assert_leq(moves, 3 * 32 + 1);
	}
}
