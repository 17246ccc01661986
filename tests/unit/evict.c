/* SPDX-License-Identifier: MIT */
/* Ending other people's subscriptions: shmring_evict tells those who have it open, shmring_unsubscribe refuses then. */
#include "unit.h"

#include <criterion/parameterized.h>
#include <pthread.h>
#include <signal.h>

#define BIG SMALL_MAXIMUM

static enum shmring_policy policies[] = { SHMRING_RELIABLE, SHMRING_LOSSY, SHMRING_DEADLINE };

#define EachPolicy(Name)                                                      \
	ParameterizedTestParameters(evict, Name)                              \
	{                                                                     \
		return cr_make_param_array(enum shmring_policy, policies, 3); \
	}                                                                     \
	ParameterizedTest(enum shmring_policy *policy, evict, Name)

static struct shmring_consumer *open_ordinary(const char *ring, const char *subscription,
					      enum shmring_policy policy)
{
	struct shmring_consumer_options options = durable_options(subscription, policy);

	options.durable = 0;
	return open_consumer(ring, &options);
}

static void *write_one(void *producer)
{
	static char bytes[BIG];

	return (void *)(intptr_t)shmring_write(producer, bytes, sizeof(bytes), 0, -1);
}

static void *wait_for_ever(void *consumer)
{
	return (void *)(intptr_t)shmring_wait(consumer, -1);
}

static int in_thread(pthread_t thread)
{
	void *result;

	pthread_join(thread, &result);
	return (int)(intptr_t)result;
}

/* ---- Arguments --------------------------------------------------------------------------------------------- */

static int (*const calls[])(const char *, const char *) = { shmring_evict, shmring_unsubscribe };

Test(evict, refuses_bad_arguments)
{
	char long_ring[SHMRING_NAME_MAX + 2], long_name[SHMRING_SUBSCRIPTION_NAME_MAX + 2];
	static const char *const bad[] = { "", ".one", "a/b", "a b", "\xc3\xa4" };
	const char *name = new_ring(0);

	memset(long_ring, 'a', sizeof(long_ring) - 1);
	long_ring[sizeof(long_ring) - 1] = '\0';
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	for (int c = 0; c < 2; c++) {
		expect_result(calls[c](unique_name(), "one"), -ENOENT);
		expect_result(calls[c](name, "one"), -ESRCH);
		expect_result(calls[c](NULL, "one"), -EINVAL);
		expect_result(calls[c](name, NULL), -EINVAL);
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			expect_result(calls[c](name, bad[i]), -EINVAL);
			expect_result(calls[c](bad[i], "one"), -EINVAL);
		}
		expect_result(calls[c](long_ring, "one"), -ENAMETOOLONG);
		expect_result(calls[c](name, long_name), -ENAMETOOLONG);
		/* The longest there can be. */
		long_name[SHMRING_SUBSCRIPTION_NAME_MAX] = '\0';
		expect_result(calls[c](name, long_name), -ESRCH);
		expect_ok(shmring_consumer_close(open_durable(name, long_name, SHMRING_LOSSY)));
		expect_ok(calls[c](name, long_name));
		if (calls[c] == shmring_evict)
			expect_ok(shmring_unsubscribe(name, long_name));
		long_name[SHMRING_SUBSCRIPTION_NAME_MAX] = 'a';
	}
	cr_assert_eq(ring_info(name).subscriptions, 0);
}

Test(evict, takes_a_name_whole)
{
	const char *name = new_ring(0);
	static const char *const others[] = { "on", "one1", "One", "o", "one-" };
	struct shmring_consumer *consumer = open_ordinary(name, "one", SHMRING_RELIABLE);
	struct shmring_producer *producer = new_producer(name);

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		expect_result(shmring_evict(name, others[i]), -ESRCH);
		expect_result(shmring_unsubscribe(name, others[i]), -ESRCH);
	}
	write_records(producer, 1, 100);
	expect_run(consumer, 0, 1, 100);
	expect_ok(shmring_consumer_close(consumer));
	/* What is left in a free slot is no name. */
	expect_result(shmring_evict(name, "one"), -ESRCH);
	expect_result(shmring_unsubscribe(name, "one"), -ESRCH);
}

Test(evict, finds_no_ring_that_was_removed)
{
	const char *name = new_ring(0);

	open_ordinary(name, "one", SHMRING_RELIABLE);
	expect_ok(shmring_unlink(name));
	expect_result(shmring_evict(name, "one"), -ENOENT);
	expect_result(shmring_unsubscribe(name, "one"), -ENOENT);
}

/* ---- Evicting ---------------------------------------------------------------------------------------------- */

EachPolicy(tells_the_one_who_has_it_open)
{
	for (int with_producer = 0; with_producer < 2; with_producer++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);
		struct shmring_consumer *consumer = open_ordinary(name, "one", *policy);
		struct shmring_consumer *other = open_ordinary(name, "two", *policy);
		struct shmring_record record;
		uint64_t lost = 99;

		write_records(producer, 5, 100);
		expect_run(consumer, 0, 2, 100);
		expect_next(consumer, 2, 100);
		if (!with_producer)
			expect_ok(shmring_producer_close(producer));
		expect_ok(shmring_evict(name, "one"));
		cr_assert_eq(is_evicted(name, "one"), 1);
		cr_assert_eq(is_evicted(name, "two"), 0);
		/* Once more makes no difference. */
		expect_ok(shmring_evict(name, "one"));
		expect_result(shmring_read(consumer, &record), -ECONNRESET);
		expect_result(shmring_release(consumer), -ECONNRESET);
		expect_result(shmring_wait(consumer, -1), -ECONNRESET);
		expect_result(shmring_seek(consumer, SHMRING_NEWEST, 0), -ECONNRESET);
		expect_result(shmring_unsubscribe(name, "one"), -EBUSY);
		expect_ok(shmring_rejoin(consumer, &lost));
		cr_assert_eq(lost, 0);
		cr_assert_eq(is_evicted(name, "one"), 0);
		expect_run(consumer, 2, 3, 100);
		expect_run(other, 0, 5, 100);
		cr_assert_eq(subscription_info(name, "one").policy, *policy);
	}
}

EachPolicy(is_told_the_exact_loss)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = open_ordinary(name, "one", *policy);
	struct shmring_record record;
	uint64_t lost, oldest, expected = 0;

	for (unsigned int round = 0; round < 30; round++) {
		write_records(producer, 9, 1000);
		expect_run(consumer, expected, round % 9, 1000);
		expected += round % 9;
		expect_ok(shmring_evict(name, "one"));
		write_records(producer, 100 * (round % 3), 1000);
		oldest = ring_info(name).oldest_sequence;
		expect_ok(shmring_rejoin(consumer, &lost));
		/* A LOSSY one that was overtaken goes on further ahead, as always. */
		cr_assert_geq(expected + lost, oldest);
		if (*policy != SHMRING_LOSSY || oldest <= expected)
			cr_assert_eq(lost, oldest > expected ? oldest - expected : 0);
		expect_ok(shmring_read(consumer, &record));
		cr_assert_eq(record.lost, lost);
		cr_assert_eq(record.sequence, expected + lost);
		expect_whole(&record, record.sequence, 1000);
		expected = producer_info(producer).sequence;
		expect_ok(shmring_seek(consumer, SHMRING_NEWEST, 0));
	}
}

Test(evict, lets_a_blocked_producer_go_on)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	pthread_t thread;

	open_ordinary(name, "one", SHMRING_RELIABLE);
	fill_ring(producer, BIG);
	cr_assert_eq(pthread_create(&thread, NULL, write_one, producer), 0);
	/* Asleep by then, most likely: otherwise it goes on by itself. */
	pass_time(5 * NS_PER_MS);
	expect_ok(shmring_evict(name, "one"));
	cr_assert_eq(in_thread(thread), 0);
	/* It was told, and did not find out by itself. */
	cr_assert_eq(producer_info(producer).late, 0);
}

EachPolicy(wakes_the_one_that_sleeps)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = open_ordinary(name, "one", *policy);
	pthread_t thread;

	for (int round = 0; round < 12; round++) {
		/* With no producer, and with one. */
		if (round == 6)
			new_producer(name);
		cr_assert_eq(pthread_create(&thread, NULL, wait_for_ever, consumer), 0);
		while (!subscription_info(name, "one").sleeping)
			;
		expect_ok(shmring_evict(name, "one"));
		cr_assert_eq(in_thread(thread), -ECONNRESET);
		expect_ok(shmring_rejoin(consumer, NULL));
	}
	/* Shown as asleep is a moment before asleep; but not every time. */
	cr_assert_gt(consumer_info(consumer).wakeups, 0);
}

Test(evict, one_left_alone_holds_nobody_back_and_is_opened_again_with_the_exact_loss)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = open_durable(name, "one", SHMRING_RELIABLE);
	struct shmring_record record;
	uint64_t oldest;
	void *data;

	write_records(producer, 3, BIG);
	expect_run(consumer, 0, 1, BIG);
	expect_ok(shmring_consumer_close(consumer));
	cr_assert_eq(fill_ring(producer, BIG), 1);
	expect_ok(shmring_producer_close(producer));
	/* With no producer alive. */
	expect_ok(shmring_evict(name, "one"));
	producer = new_producer(name);
	write_records(producer, 20, BIG);
	oldest = ring_info(name).oldest_sequence;
	consumer = open_durable(name, "one", SHMRING_RELIABLE);
	cr_assert_eq(is_evicted(name, "one"), 0);
	expect_ok(shmring_read(consumer, &record));
	expect_whole(&record, oldest, BIG);
	cr_assert_eq(record.lost, oldest - 1);
	expect_ok(shmring_release(consumer));
	/* It has joined again, and stays durable. */
	fill_ring(producer, BIG);
	expect_result(shmring_reserve(producer, BIG, &data), -EAGAIN);
	expect_ok(shmring_consumer_close(consumer));
	expect_result(shmring_reserve(producer, BIG, &data), -EAGAIN);
	cr_assert_eq(subscription_info(name, "one").durable, 1);
}

Test(evict, one_left_alone_and_opened_at_once_has_lost_nothing)
{
	for (unsigned int released = 0; released < 4; released++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);
		struct shmring_consumer *consumer = open_durable(name, "one", SHMRING_RELIABLE);

		write_records(producer, 3, BIG);
		expect_run(consumer, 0, released, BIG);
		expect_ok(shmring_consumer_close(consumer));
		expect_ok(shmring_evict(name, "one"));
		cr_assert_eq(subscription_info(name, "one").durable, 1);
		consumer = open_durable(name, "one", SHMRING_RELIABLE);
		expect_run(consumer, released, 3 - released, BIG);
		cr_assert_eq(consumer_info(consumer).lost, 0);
	}
}

/* ---- Unsubscribing ----------------------------------------------------------------------------------------- */

EachPolicy(unsubscribe_ends_a_durable_one_that_nobody_has_open)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = open_durable(name, "one", *policy);
	struct shmring_record record;

	write_records(producer, 4, 100);
	expect_run(consumer, 0, 2, 100);
	expect_next(consumer, 2, 100);
	expect_result(shmring_unsubscribe(name, "one"), -EBUSY);
	/* Refusing has changed nothing. */
	expect_next(consumer, 3, 100);
	expect_result(shmring_read(consumer, &record), -EAGAIN);
	expect_ok(shmring_consumer_close(consumer));
	expect_ok(shmring_unsubscribe(name, "one"));
	expect_result(shmring_unsubscribe(name, "one"), -ESRCH);
	cr_assert_eq(ring_info(name).subscriptions, 0);
	cr_assert_eq(ring_info(name).members, 0);
	/* The next one of that name starts from scratch, as it likes. */
	consumer = open_ordinary(name, "one",
				 *policy == SHMRING_LOSSY ? SHMRING_RELIABLE : SHMRING_LOSSY);
	expect_run(consumer, 0, 4, 100);
}

static int subscribe_and_die(void *argument)
{
	open_ordinary(argument, "ordinary", SHMRING_RELIABLE);
	open_durable(argument, "durable", SHMRING_RELIABLE);
	raise(SIGKILL);
	return 1;
}

Test(evict, unsubscribe_ends_what_a_dead_process_left)
{
	const char *name = new_ring(0);

	cr_assert_eq(child_run(subscribe_and_die, (void *)(uintptr_t)name), CHILD_SIGNAL + SIGKILL);
	cr_assert_eq(ring_info(name).subscriptions, 2);
	cr_assert_eq(ring_info(name).members, 2);
	expect_ok(shmring_unsubscribe(name, "ordinary"));
	expect_ok(shmring_unsubscribe(name, "durable"));
	cr_assert_eq(ring_info(name).subscriptions, 0);
	cr_assert_eq(ring_info(name).members, 0);
}

Test(evict, unsubscribe_lets_a_blocked_producer_go_on)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	pthread_t thread;

	expect_ok(shmring_consumer_close(open_durable(name, "one", SHMRING_RELIABLE)));
	fill_ring(producer, BIG);
	cr_assert_eq(pthread_create(&thread, NULL, write_one, producer), 0);
	/* Asleep by then, most likely: otherwise it goes on by itself. */
	pass_time(5 * NS_PER_MS);
	expect_ok(shmring_unsubscribe(name, "one"));
	cr_assert_eq(in_thread(thread), 0);
	cr_assert_eq(producer_info(producer).late, 0);
}

Test(evict, unsubscribe_takes_an_evicted_one_that_nobody_has_open)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = open_durable(name, "one", SHMRING_RELIABLE);

	expect_ok(shmring_evict(name, "one"));
	expect_result(shmring_unsubscribe(name, "one"), -EBUSY);
	expect_ok(shmring_consumer_close(consumer));
	cr_assert_eq(is_evicted(name, "one"), 1);
	expect_ok(shmring_unsubscribe(name, "one"));
	cr_assert_eq(ring_info(name).subscriptions, 0);
}
