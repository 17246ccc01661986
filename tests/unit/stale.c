/* SPDX-License-Identifier: MIT */
/*
 * A ring that is removed, or replaced by another of its name, under somebody who waits or polls:
 * nobody tells them, and they notice at the next bounded look. What counts is how often they slept,
 * not how long.
 */
#include "unit.h"

#include <pthread.h>
#include <sched.h>

/* The sleep during which it happened, and one more if it happened before that sleep began. */
#define SLEEPS_MOST 2

struct waiter {
	const char *name;
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;
	int (*wait)(struct waiter *waiter);
	pthread_t thread;
	int result;
};

static void *in_thread(void *argument)
{
	struct waiter *waiter = argument;

	waiter->result = waiter->wait(waiter);
	return NULL;
}

static void start(struct waiter *waiter)
{
	cr_assert_eq(pthread_create(&waiter->thread, NULL, in_thread, waiter), 0);
}

static void expect_stale(struct waiter *waiter)
{
	pthread_join(waiter->thread, NULL);
	cr_assert_eq(waiter->result, -ESTALE, "%s", shmring_strerror(waiter->result));
}

static void replace(const char *name)
{
	expect_ok(shmring_unlink(name));
	expect_ok(shmring_create(name, NULL));
}

static int wait_for_record(struct waiter *waiter)
{
	return shmring_wait(waiter->consumer, -1);
}

static int poll_for_record(struct waiter *waiter)
{
	return read_until_told(waiter->consumer);
}

static int wait_for_room(struct waiter *waiter)
{
	return shmring_producer_wait(waiter->producer, SMALL_MAXIMUM, -1);
}

static int write_when_full(struct waiter *waiter)
{
	return shmring_write(waiter->producer, "", SMALL_MAXIMUM, 0, -1);
}

static int wait_for_consumers(struct waiter *waiter)
{
	return shmring_producer_wait_consumers(waiter->producer, 9, -1);
}

/* Until the ring shows that the one subscription sleeps, or is about to. */
static void until_asleep(struct shmring_inspector *inspector)
{
	struct shmring_subscription_info info = SHMRING_SUBSCRIPTION_INFO_INIT;

	do
		sched_yield();
	while (shmring_inspect_subscription(inspector, 0, &info) != 0 || !info.sleeping);
}

static void until_producer_waits(struct shmring_inspector *inspector)
{
	struct shmring_info info = SHMRING_INFO_INIT;

	do
		expect_ok((sched_yield(), shmring_inspect(inspector, &info)));
	while (!info.producer_waits);
}

static struct shmring_inspector *new_inspector(const char *name)
{
	struct shmring_inspector *inspector;

	expect_ok(shmring_inspector_open(&inspector, name));
	return inspector;
}

static void sleeping_reader(enum shmring_policy policy, void (*end)(const char *name))
{
	struct waiter waiter = { .name = new_ring(0), .wait = wait_for_record };
	struct shmring_inspector *inspector = new_inspector(waiter.name);

	waiter.producer = new_producer(waiter.name);
	waiter.consumer = new_consumer(waiter.name, policy, SHMRING_OLDEST);
	start(&waiter);
	until_asleep(inspector);
	end(waiter.name);
	expect_stale(&waiter);
	cr_assert_leq(consumer_info(waiter.consumer).sleeps, SLEEPS_MOST);
}

static void unlink_it(const char *name)
{
	expect_ok(shmring_unlink(name));
}

Test(stale, a_sleeping_reader_notices_that_the_ring_was_removed)
{
	sleeping_reader(SHMRING_RELIABLE, unlink_it);
	sleeping_reader(SHMRING_LOSSY, unlink_it);
}

Test(stale, a_sleeping_reader_notices_that_the_ring_was_replaced)
{
	sleeping_reader(SHMRING_RELIABLE, replace);
	sleeping_reader(SHMRING_LOSSY, replace);
}

/* Nobody sees an observer wait; it is all the same to it when the ring goes. */
Test(stale, a_waiting_observer_notices)
{
	struct waiter waiter = { .name = new_ring(0), .wait = wait_for_record };

	waiter.producer = new_producer(waiter.name);
	waiter.consumer = new_observer(waiter.name, SHMRING_OLDEST);
	start(&waiter);
	expect_ok(shmring_unlink(waiter.name));
	expect_stale(&waiter);
}

static void polling_reader(struct shmring_consumer *consumer, const char *name,
			   struct shmring_producer *producer, void (*end)(const char *name))
{
	struct shmring_record record;

	/* It has looked for the ring, so the next look is due in a while. */
	for (int i = 0; i < 10000; i++)
		expect_result(shmring_read(consumer, &record), -EAGAIN);
	end(name);
	/* What is written to a ring without a name is read all the same. */
	write_records(producer, 1, 100);
	expect_next(consumer, 0, 100);
	cr_assert_eq(read_until_told(consumer), -ESTALE);
	expect_result(shmring_read(consumer, &record), -ESTALE);
	cr_assert_eq(consumer_info(consumer).sleeps, 0);
}

Test(stale, a_polling_reader_notices)
{
	void (*const ends[])(const char *name) = { unlink_it, replace };

	for (int i = 0; i < 2; i++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);

		polling_reader(new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST), name, producer,
			       ends[i]);
	}
}

Test(stale, a_polling_observer_notices)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);

	polling_reader(new_observer(name, SHMRING_OLDEST), name, producer, unlink_it);
}

/* One that polls in another thread as the ring goes. */
Test(stale, a_reader_notices_while_it_polls)
{
	struct waiter waiter = { .name = new_ring(0), .wait = poll_for_record };

	new_producer(waiter.name);
	waiter.consumer = new_consumer(waiter.name, SHMRING_RELIABLE, SHMRING_OLDEST);
	start(&waiter);
	replace(waiter.name);
	expect_stale(&waiter);
}

static void full_producer(int (*wait)(struct waiter *waiter), void (*end)(const char *name))
{
	struct waiter waiter = { .name = new_ring(0), .wait = wait };
	struct shmring_inspector *inspector = new_inspector(waiter.name);

	new_consumer(waiter.name, SHMRING_RELIABLE, SHMRING_OLDEST);
	waiter.producer = new_producer(waiter.name);
	write_records(waiter.producer, 3, SMALL_MAXIMUM);
	start(&waiter);
	until_producer_waits(inspector);
	end(waiter.name);
	expect_stale(&waiter);
	cr_assert_leq(producer_info(waiter.producer).sleeps, SLEEPS_MOST);
}

Test(stale, a_producer_that_waits_for_room_notices)
{
	full_producer(wait_for_room, unlink_it);
	full_producer(wait_for_room, replace);
}

Test(stale, a_producer_that_writes_notices)
{
	full_producer(write_when_full, unlink_it);
	full_producer(write_when_full, replace);
}

Test(stale, a_producer_that_waits_for_consumers_notices)
{
	struct waiter waiter = { .name = new_ring(0), .wait = wait_for_consumers };

	waiter.producer = new_producer(waiter.name);
	start(&waiter);
	replace(waiter.name);
	expect_stale(&waiter);
	cr_assert_leq(producer_info(waiter.producer).sleeps, SLEEPS_MOST);
}

/* A producer that is not full has nothing to wait for, and goes on. */
Test(stale, a_producer_with_room_goes_on)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);

	replace(name);
	write_records(producer, 3, 100);
}
