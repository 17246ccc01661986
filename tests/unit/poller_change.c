/* SPDX-License-Identifier: MIT */
/* A poller whose members come and go while it waits; cancelled; and in a forked child. */
#include "polled.h"

#include <pthread.h>

#define ROUNDS 200

struct waiter {
	struct shmring_poller *poller;
	struct shmring_event event;
	int result;
};

static void *wait_for_one(void *argument)
{
	struct waiter *waiter = argument;
	unsigned int count;

	waiter->result = shmring_poller_wait(waiter->poller, &waiter->event, 1, &count, -1);
	return NULL;
}

static pthread_t start_waiting(struct waiter *waiter)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, wait_for_one, waiter), 0);
	return thread;
}

/* A member whose bit says that the poller sleeps, or is about to. */
static struct shmring_consumer *new_sleeper(const char *name)
{
	struct shmring_consumer_options options = options_for("sleeper", SHMRING_RELIABLE);

	return open_consumer(name, &options);
}

/* Where a poller cannot sleep on many words, it naps, and no bit tells of it. */
static void until_asleep(const char *name)
{
	if (!can_sleep_on_many()) {
		pass_time(NS_PER_MS);
		return;
	}
	while (!subscription_info(name, "sleeper").sleeping)
		continue;
}

Test(poller_change, a_sleeper_hears_of_whom_is_put_in)
{
	const char *quiet = new_ring(0), *name = new_ring(0);
	struct shmring_consumer *sleeper = new_sleeper(quiet);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_producer *producer = new_producer(name);
	struct waiter waiter = { .poller = new_poller(0) };

	new_producer(quiet);
	expect_ok(shmring_poller_add_consumer(waiter.poller, sleeper, 0, NULL));
	write_records(producer, 1, 8);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_t thread = start_waiting(&waiter);

		until_asleep(quiet);
		expect_ok(shmring_poller_add_consumer(waiter.poller, consumer, 0, NULL));
		pthread_join(thread, NULL);
		cr_assert_eq(waiter.result, 0);
		cr_assert_eq(waiter.event.handle, consumer);
		expect_ok(shmring_poller_remove(waiter.poller, consumer));
	}
}

Test(poller_change, who_is_taken_out_may_be_closed_at_once)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *last = new_consumer(name, SHMRING_RELIABLE, SHMRING_NEWEST);
	struct waiter waiter = { .poller = new_poller(0) };
	pthread_t thread;

	expect_ok(shmring_poller_add_consumer(waiter.poller, last, 0, NULL));
	thread = start_waiting(&waiter);
	for (int i = 0; i < ROUNDS; i++) {
		struct shmring_consumer *sleeper = new_sleeper(name);

		expect_ok(shmring_poller_add_consumer(waiter.poller, sleeper, i % 3, NULL));
		if (i % 2)
			until_asleep(name);
		expect_ok(shmring_poller_remove(waiter.poller, sleeper));
		/* Nobody is left asleep for it. */
		cr_assert(!subscription_info(name, "sleeper").sleeping);
		expect_result(shmring_wait(sleeper, 0), -EAGAIN);
		expect_ok(shmring_consumer_close(sleeper));
	}
	write_records(producer, 1, 8);
	pthread_join(thread, NULL);
	cr_assert_eq(waiter.result, 0);
	cr_assert_eq(waiter.event.handle, last);
}

Test(poller_change, a_record_wakes_it)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *sleeper = new_sleeper(name);
	struct waiter waiter = { .poller = new_poller(0) };

	expect_ok(shmring_poller_add_consumer(waiter.poller, sleeper, 0, NULL));
	for (uint64_t i = 0; i < ROUNDS; i++) {
		pthread_t thread = start_waiting(&waiter);

		until_asleep(name);
		write_records(producer, 1, 8);
		pthread_join(thread, NULL);
		cr_assert_eq(waiter.result, 0);
		expect_run(sleeper, i, 1, 8);
	}
	cr_assert_eq(consumer_info(sleeper).late, 0);
	/* Nothing was armed when it came out. */
	cr_assert_leq(producer_info(producer).wakeups, ROUNDS);
	write_records(producer, 1, 8);
	cr_assert_leq(producer_info(producer).wakeups, ROUNDS);
}

Test(poller_change, cancel_the_poller_or_a_member)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *sleeper = new_sleeper(name);
	struct waiter waiter = { .poller = new_poller(0) };
	pthread_t thread;

	expect_ok(shmring_poller_add_consumer(waiter.poller, sleeper, 0, NULL));
	thread = start_waiting(&waiter);
	until_asleep(name);
	expect_ok(shmring_cancel(sleeper));
	pthread_join(thread, NULL);
	cr_assert_eq(waiter.result, 0);
	cr_assert_eq(waiter.event.handle, sleeper);
	cr_assert_eq(waiter.event.error, -ECANCELED);
	expect_ok(shmring_poller_remove(waiter.poller, sleeper));
	expect_ok(shmring_consumer_close(sleeper));

	sleeper = new_sleeper(name);
	expect_ok(shmring_poller_add_consumer(waiter.poller, sleeper, 0, NULL));
	thread = start_waiting(&waiter);
	until_asleep(name);
	expect_ok(shmring_cancel(waiter.poller));
	pthread_join(thread, NULL);
	cr_assert_eq(waiter.result, -ECANCELED);
	write_records(producer, 1, 8);
	wait_for_one(&waiter);
	cr_assert_eq(waiter.result, -ECANCELED);
	expect_ok(shmring_poller_close(waiter.poller));
	expect_run(sleeper, 0, 1, 8);
}

/* What a forked child finds. */
struct inherited {
	struct shmring_poller *poller;
	struct shmring_consumer *consumer;
	struct shmring_consumer *other;
	const char *ring;
};

static int is_rid_of_it(void *argument)
{
	struct inherited *inherited = argument;
	struct shmring_poller *poller = inherited->poller;
	struct shmring_consumer *mine;
	struct shmring_event event;
	unsigned int count;

	CHILD_CHECK(shmring_poller_wait(poller, &event, 1, &count, -1) == -EOWNERDEAD);
	CHILD_CHECK(shmring_poller_remove(poller, inherited->consumer) == -EOWNERDEAD);
	CHILD_CHECK(shmring_consumer_open(&mine, inherited->ring, NULL) == 0);
	CHILD_CHECK(shmring_poller_add_consumer(poller, mine, 0, NULL) == -EOWNERDEAD);
	/* In any order. */
	CHILD_CHECK(shmring_consumer_close(inherited->consumer) == 0);
	CHILD_CHECK(shmring_poller_close(poller) == 0);
	CHILD_CHECK(shmring_consumer_close(inherited->other) == 0);
	CHILD_CHECK(shmring_poller_open(&poller, NULL) == 0);
	CHILD_CHECK(shmring_poller_add_consumer(poller, mine, 0, NULL) == 0);
	CHILD_CHECK(shmring_poller_wait(poller, &event, 1, &count, 0) == -EAGAIN);
	return 0;
}

Test(poller_change, a_forked_child_has_no_part_in_it)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct inherited inherited = {
		.poller = new_poller(0),
		.consumer = new_sleeper(name),
		.other = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST),
		.ring = name,
	};
	struct waiter waiter = { .poller = inherited.poller };
	pthread_t thread;

	expect_ok(shmring_poller_add_consumer(waiter.poller, inherited.consumer, 0, NULL));
	expect_ok(shmring_poller_add_consumer(waiter.poller, inherited.other, 0, NULL));
	thread = start_waiting(&waiter);
	until_asleep(name);
	for (int i = 0; i < 20; i++)
		cr_assert_eq(child_run(is_rid_of_it, &inherited), 0);
	write_records(producer, 1, 8);
	pthread_join(thread, NULL);
	cr_assert_eq(waiter.result, 0);
}
