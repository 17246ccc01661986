/* SPDX-License-Identifier: MIT */
/* A subscription that was evicted: told at its next call, with the exact loss, and back in one call. */
#include "unit.h"

#include <criterion/parameterized.h>
#include <pthread.h>

#define BIG  SMALL_MAXIMUM
#define SOON (3 * NS_PER_MS)

static void expect_full(struct shmring_producer *producer, size_t length)
{
	void *data;

	expect_result(shmring_reserve(producer, length, &data), -EAGAIN);
}

/* Evicted on a ring that has three records, of which it has released none. */
static struct shmring_consumer *new_evicted(const char *ring, struct shmring_producer *producer)
{
	struct shmring_consumer *consumer = new_deadline(ring, "slow", SOON);

	fill_ring(producer, BIG);
	insist_on_room(producer, BIG);
	cr_assert_eq(is_evicted(ring, "slow"), 1);
	return consumer;
}

/* ---- Told at the next call, whichever that is -------------------------------------------------------------- */

enum { BY_READ, BY_RELEASE, BY_READ_COPY, BY_WAIT, BY_WAIT_0, BY_SEEK, CALLS };

static int call(struct shmring_consumer *consumer, int which)
{
	static char buffer[BIG];
	struct shmring_record record;

	switch (which) {
	case BY_READ:
		return shmring_read(consumer, &record);
	case BY_RELEASE:
		return shmring_release(consumer);
	case BY_READ_COPY:
		return shmring_read_copy(consumer, buffer, sizeof(buffer), &record);
	case BY_WAIT:
		return shmring_wait(consumer, -1);
	case BY_WAIT_0:
		return shmring_wait(consumer, 0);
	default:
		return shmring_seek(consumer, SHMRING_NEWEST, 0);
	}
}

/* Eight ways to be when it happens: records read in place or none, gone or still there, the ring going on or not. */
static int ways[] = { 0, 1, 2, 3, 4, 5, 6, 7 };

ParameterizedTestParameters(rejoin, tells_at_the_next_call_and_at_each_one_after)
{
	return cr_make_param_array(int, ways, sizeof(ways) / sizeof(ways[0]));
}

ParameterizedTest(int *way, rejoin, tells_at_the_next_call_and_at_each_one_after)
{
	for (int first = 0; first < CALLS; first++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);
		struct shmring_consumer *consumer = new_deadline(name, "slow", 1);
		unsigned int released = *way & 2 ? 1 : 0;

		write_records(producer, 3, BIG);
		expect_run(consumer, 0, released, BIG);
		if (*way & 1) {
			expect_next(consumer, released, BIG);
			expect_next(consumer, released + 1, BIG);
		}
		fill_ring(producer, BIG);
		insist_on_room(producer, BIG);
		if (*way & 4)
			write_records(producer, 20, BIG);
		cr_assert_eq(is_evicted(name, "slow"), 1);
		expect_result(call(consumer, first), -ECONNRESET);
		for (int again = 0; again < 2 * CALLS; again++) {
			expect_result(call(consumer, again % CALLS), -ECONNRESET);
			/* What it does holds nobody back, and undoes nothing. */
			write_records(producer, 2, BIG);
		}
		cr_assert_eq(is_evicted(name, "slow"), 1);
		expect_ok(shmring_consumer_close(consumer));
		cr_assert_eq(ring_info(name).subscriptions, 0);
		expect_ok(shmring_unlink(name));
	}
}

static void *wait_while_holding(void *argument)
{
	return (void *)(intptr_t)shmring_wait(argument, -1);
}

Test(rejoin, tells_one_that_sleeps)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_deadline(name, "slow", SOON);
	struct shmring_record record;
	pthread_t thread;
	void *result;

	/* It has read everything, gives nothing back, and waits for more. */
	fill_ring(producer, BIG);
	for (unsigned int i = 0; i < 3; i++)
		expect_next(consumer, i, BIG);
	cr_assert_eq(pthread_create(&thread, NULL, wait_while_holding, consumer), 0);
	while (!subscription_info(name, "slow").sleeping)
		;
	expect_ok(shmring_producer_wait(producer, BIG, -1));
	pthread_join(thread, &result);
	cr_assert_eq((int)(intptr_t)result, -ECONNRESET);
	expect_result(shmring_read(consumer, &record), -ECONNRESET);
}

/* ---- Back in one call -------------------------------------------------------------------------------------- */

Test(rejoin, goes_on_where_it_was_if_nothing_is_gone)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_deadline(name, "slow", SOON);
	struct shmring_consumer_options options = options_for("reliable", SHMRING_RELIABLE);
	struct shmring_consumer *reliable = open_consumer(name, &options);
	uint64_t lost = 99;

	fill_ring(producer, BIG);
	expect_next(consumer, 0, BIG);
	/* A reliable one holds the producer as well, so nothing is overwritten. */
	while (!is_evicted(name, "slow"))
		expect_full(producer, BIG);
	expect_result(shmring_release(consumer), -ECONNRESET);
	expect_ok(shmring_rejoin(consumer, &lost));
	cr_assert_eq(lost, 0);
	cr_assert_eq(is_evicted(name, "slow"), 0);
	/* What was read in place and not released comes again. */
	expect_run(consumer, 0, 3, BIG);
	cr_assert_eq(consumer_info(consumer).lost, 0);
	expect_run(reliable, 0, 3, BIG);
	write_records(producer, 1, BIG);
	expect_run(consumer, 3, 1, BIG);
}

Test(rejoin, tells_the_exact_loss)
{
	for (unsigned int released = 0; released < 3; released++) {
		for (unsigned int in_place = 0; released + in_place <= 3; in_place++) {
			for (unsigned int more = 0; more < 12; more++) {
				const char *name = new_ring(0);
				struct shmring_producer *producer = new_producer(name);
				struct shmring_consumer *consumer = new_deadline(name, "slow", 1);
				struct shmring_record record;
				uint64_t lost = 99, oldest;

				write_records(producer, 3, BIG);
				expect_run(consumer, 0, released, BIG);
				for (unsigned int i = 0; i < in_place; i++)
					expect_next(consumer, released + i, BIG);
				fill_ring(producer, BIG);
				insist_on_room(producer, BIG);
				write_records(producer, more, BIG);
				oldest = ring_info(name).oldest_sequence;
				if (oldest < released)
					oldest = released;
				expect_ok(shmring_rejoin(consumer, &lost));
				cr_assert_eq(lost, oldest - released, "%llu lost, not %llu",
					     (unsigned long long)lost,
					     (unsigned long long)(oldest - released));
				expect_ok(shmring_read(consumer, &record));
				expect_whole(&record, oldest, BIG);
				cr_assert_eq(record.lost, lost);
				cr_assert_eq(consumer_info(consumer).lost, lost);
				expect_ok(shmring_release(consumer));
				expect_ok(shmring_consumer_close(consumer));
				expect_ok(shmring_producer_close(producer));
				expect_ok(shmring_unlink(name));
			}
		}
	}
}

Test(rejoin, counts_the_losses_of_many_evictions)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_deadline(name, "slow", 1);
	struct shmring_record record;
	uint64_t delivered = 0, lost = 0, expected = 0, evictions = 0;

	for (unsigned int round = 0; round < 300; round++) {
		int result;

		for (unsigned int i = 0; i < 30; i++) {
			insist_on_room(producer, 1000);
			write_records(producer, 1, 1000);
		}
		for (unsigned int i = 0; i < round % 40; i++) {
			result = shmring_read(consumer, &record);
			if (result == -EAGAIN)
				break;
			if (result == -ECONNRESET) {
				uint64_t gap;

				expect_ok(shmring_rejoin(consumer, &gap));
				expect_ok(shmring_read(consumer, &record));
				cr_assert_eq(record.lost, gap);
				lost += gap;
				evictions++;
			} else {
				expect_ok(result);
				cr_assert_eq(record.lost, 0);
			}
			cr_assert_eq(record.sequence, expected + record.lost);
			expect_whole(&record, record.sequence, 1000);
			expect_ok(shmring_release(consumer));
			expected = record.sequence + 1;
			delivered++;
		}
	}
	cr_assert_gt(evictions, 10);
	cr_assert_eq(consumer_info(consumer).lost, lost);
	cr_assert_eq(delivered + lost, expected);
}

Test(rejoin, gates_again_after_rejoining)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_evicted(name, producer);

	for (int round = 0; round < 3; round++) {
		uint64_t start;

		expect_ok(shmring_rejoin(consumer, NULL));
		cr_assert_eq(is_evicted(name, "slow"), 0);
		/* It has the full time again, and is evicted again. */
		start = now_ns();
		fill_ring(producer, BIG);
		insist_on_room(producer, BIG);
		cr_assert_geq(now_ns() - start, (uint64_t)SOON, "too early");
		cr_assert_eq(is_evicted(name, "slow"), 1);
	}
}

Test(rejoin, starts_the_deadline_anew)
{
	for (int by_operator = 0; by_operator < 2; by_operator++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);
		struct shmring_consumer *consumer = new_deadline(name, "slow", SOON);

		/* Another one is in the way as well, so the producer gets no further meanwhile. */
		new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
		fill_ring(producer, BIG);
		pass_time(SOON);
		if (by_operator)
			expect_ok(shmring_evict(name, "slow"));
		while (!is_evicted(name, "slow"))
			expect_full(producer, BIG);
		expect_ok(shmring_rejoin(consumer, NULL));
		expect_full(producer, BIG);
		cr_assert_eq(is_evicted(name, "slow"), 0);
		while (!is_evicted(name, "slow"))
			expect_full(producer, BIG);
	}
}

Test(rejoin, works_at_the_end_of_a_stream)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_evicted(name, producer);
	struct shmring_record record;
	uint64_t oldest, lost;

	write_records(producer, 10, BIG);
	expect_ok(shmring_producer_close(producer));
	oldest = ring_info(name).oldest_sequence;
	expect_result(shmring_read(consumer, &record), -ECONNRESET);
	expect_ok(shmring_rejoin(consumer, &lost));
	cr_assert_eq(lost, oldest);
	expect_ok(shmring_read(consumer, &record));
	cr_assert_eq(record.lost, oldest);
	expect_ok(shmring_release(consumer));
	while (shmring_read(consumer, &record) == 0)
		expect_ok(shmring_release(consumer));
	cr_assert_eq(record.sequence, 12);
	expect_result(shmring_read(consumer, &record), -EPIPE);
}

Test(rejoin, is_for_the_evicted)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_deadline(name, "fast", 1);
	struct shmring_consumer *reliable = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *lossy = new_consumer(name, SHMRING_LOSSY, SHMRING_OLDEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);
	uint64_t lost = 99;

	write_records(producer, 2, 100);
	expect_next(consumer, 0, 100);
	expect_result(shmring_rejoin(consumer, &lost), -EALREADY);
	expect_result(shmring_rejoin(reliable, &lost), -EALREADY);
	expect_result(shmring_rejoin(lossy, NULL), -EALREADY);
	expect_result(shmring_rejoin(observer, &lost), -EINVAL);
	expect_result(shmring_rejoin(observer, NULL), -EINVAL);
	cr_assert_eq(lost, 99);
	/* Refusing has changed nothing. */
	expect_next(consumer, 1, 100);
	expect_ok(shmring_release(consumer));
	expect_run(reliable, 0, 2, 100);
	expect_run(lossy, 0, 2, 100);
	expect_run(observer, 0, 2, 100);
	expect_ok(shmring_consumer_close(reliable));
	for (unsigned int i = 0; i < 200; i++) {
		write_records(producer, 1, 1000);
		expect_run(consumer, 2 + i, 1, 1000);
	}
}
