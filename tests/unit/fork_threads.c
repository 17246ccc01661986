/* SPDX-License-Identifier: MIT */
/*
 * A fork while other threads wait, or are being cancelled: the child, which has but the thread that forked, is rid of
 * the ring, and the parent's threads do not notice.
 */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "../support/belongings.h"
#include "../support/random.h"

#define FORKS 60

/* The handles of a process whose threads use them. */
struct shared {
	const char *ring;
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;
	struct shmring_consumer *observer;
	const char *full; /* another ring, whose producer waits for room */
	struct shmring_producer *blocked;
};

#define dead(call) CHILD_CHECK((call) == -EOWNERDEAD)

/* In the child; what it opens itself works, cancelling included. */
static int be_rid_of_all(void *argument)
{
	struct shared *shared = argument;
	struct shmring_consumer *mine;
	struct shmring_record record;

	CHILD_CHECK(belongings_open(getpid(), shared->ring) == 0);
	CHILD_CHECK(belongings_mapped(getpid(), shared->ring) == 0);
	dead(shmring_wait(shared->consumer, -1));
	dead(shmring_wait(shared->observer, -1));
	dead(shmring_read(shared->consumer, &record));
	dead(shmring_write(shared->producer, "x", 1, 0, -1));
	dead(shmring_producer_wait(shared->blocked, SMALL_MAXIMUM, -1));
	CHILD_CHECK(shmring_consumer_open(&mine, shared->ring, NULL) == 0);
	CHILD_CHECK(shmring_cancel(mine) == 0);
	CHILD_CHECK(shmring_wait(mine, -1) == -ECANCELED);
	CHILD_CHECK(shmring_consumer_close(mine) == 0);
	/* Also those that were waited on at the moment of the fork. */
	CHILD_CHECK(shmring_consumer_close(shared->consumer) == 0);
	CHILD_CHECK(shmring_consumer_close(shared->observer) == 0);
	CHILD_CHECK(shmring_producer_close(shared->producer) == 0);
	CHILD_CHECK(shmring_producer_close(shared->blocked) == 0);
	return 0;
}

static struct shared open_shared(void)
{
	struct shared shared = { .ring = new_ring(0), .full = new_ring(0) };

	shared.producer = new_producer(shared.ring);
	shared.consumer =
		open_consumer(shared.ring, &(struct shmring_consumer_options){
						   .size = sizeof(struct shmring_consumer_options),
						   .subscription = "sleeper",
					   });
	shared.observer = new_observer(shared.ring, SHMRING_OLDEST);
	shared.blocked = new_producer(shared.full);
	new_consumer(shared.full, SHMRING_RELIABLE, SHMRING_OLDEST);
	fill_ring(shared.blocked, SMALL_MAXIMUM);
	return shared;
}

static void *wait_consumer(void *argument)
{
	return (void *)(intptr_t)shmring_wait(((struct shared *)argument)->consumer, -1);
}

static void *wait_observer(void *argument)
{
	return (void *)(intptr_t)shmring_wait(((struct shared *)argument)->observer, -1);
}

static void *wait_for_room(void *argument)
{
	struct shared *shared = argument;

	return (void *)(intptr_t)shmring_producer_wait(shared->blocked, SMALL_MAXIMUM, -1);
}

static void *(*const waits[])(void *) = { wait_consumer, wait_observer, wait_for_room };
#define WAITS 3

static void start_waiting(struct shared *shared, pthread_t threads[WAITS])
{
	for (int i = 0; i < WAITS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, waits[i], shared), 0);
	/* The bit is set as it goes to sleep; the others sleep some time soon. */
	while (!subscription_info(shared->ring, "sleeper").sleeping)
		continue;
}

static void expect_waits(const pthread_t threads[WAITS], int first, int last, int expected)
{
	for (int i = first; i <= last; i++) {
		void *result;

		pthread_join(threads[i], &result);
		cr_assert_eq((intptr_t)result, expected, "wait %d: %d", i, (int)(intptr_t)result);
	}
}

Test(fork_threads, that_wait)
{
	struct shared shared = open_shared();
	pthread_t threads[WAITS];

	start_waiting(&shared, threads);
	for (int i = 0; i < FORKS; i++)
		cr_assert_eq(child_run(be_rid_of_all, &shared), 0);
	/* The two readers' waits end as they would have without. */
	write_records(shared.producer, 1, 100);
	expect_waits(threads, 0, 1, 0);
	expect_next(shared.consumer, 0, 100);
	expect_next(shared.observer, 0, 100);
	expect_ok(shmring_cancel(shared.blocked));
	expect_waits(threads, 2, 2, -ECANCELED);
}

static _Atomic int started;

static void *cancel_all(void *argument)
{
	struct shared *shared = argument;

	atomic_store_explicit(&started, 1, memory_order_relaxed);
	if (shmring_cancel(shared->consumer) != 0 || shmring_cancel(shared->observer) != 0 ||
	    shmring_cancel(shared->blocked) != 0)
		return argument;
	return NULL;
}

static void fork_among_cancels(uint64_t moment)
{
	struct shared shared = open_shared();
	pthread_t threads[WAITS], canceller;
	void *failed;
	pid_t child;

	start_waiting(&shared, threads);
	atomic_store_explicit(&started, 0, memory_order_relaxed);
	cr_assert_eq(pthread_create(&canceller, NULL, cancel_all, &shared), 0);
	while (!atomic_load_explicit(&started, memory_order_relaxed))
		continue;
	for (uint64_t i = 0; i < moment; i++)
		atomic_load_explicit(&started, memory_order_seq_cst);
	child = child_start(be_rid_of_all, &shared);
	pthread_join(canceller, &failed);
	cr_assert_null(failed);
	expect_waits(threads, 0, 2, -ECANCELED);
	cr_assert_eq(child_wait(child), 0);
	expect_ok(shmring_consumer_close(shared.consumer));
	expect_ok(shmring_consumer_close(shared.observer));
	expect_ok(shmring_producer_close(shared.blocked));
	expect_ok(shmring_producer_close(shared.producer));
	unique_names_sweep();
}

Test(fork_threads, that_are_being_cancelled)
{
	struct random random;
	uint64_t seed = random_fresh_seed();

	fprintf(stderr, "repeat with SHMRING_TEST_SEED=%llu\n", (unsigned long long)seed);
	random_seed(&random, seed, 0);
	for (int i = 0; i < FORKS; i++)
		fork_among_cancels(random_below(&random, 5000));
}
