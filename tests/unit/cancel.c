/* SPDX-License-Identifier: MIT */
/* shmring_cancel: from any thread or a signal handler, for every call that waits, for good. */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

static void *cancel_it(void *handle)
{
	return (void *)(intptr_t)shmring_cancel(handle);
}

/* Cancels from another thread while this one waits (or is about to). */
#define expect_cancelled(call, handle)                                                        \
	do {                                                                                  \
		pthread_t thread_;                                                            \
		void *error_;                                                                 \
		cr_assert_eq(pthread_create(&thread_, NULL, cancel_it, (void *)(handle)), 0); \
		expect_result(call, -ECANCELED);                                              \
		pthread_join(thread_, &error_);                                               \
		cr_assert_null(error_);                                                       \
		/* It stays so. */                                                            \
		expect_result(call, -ECANCELED);                                              \
	} while (0)

Test(cancel, ends_a_readers_wait)
{
	const char *name = new_ring(0);

	new_producer(name);
	for (int i = 0; i < 50; i++) {
		struct shmring_consumer *consumer =
			i % 2 ? new_observer(name, SHMRING_OLDEST)
			      : new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);

		expect_cancelled(shmring_wait(consumer, -1), consumer);
		expect_ok(shmring_consumer_close(consumer));
	}
}

Test(cancel, ends_a_producers_waits)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);

	expect_cancelled(shmring_producer_wait_consumers(producer, 1, -1), producer);
	expect_ok(shmring_producer_close(producer));
	new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	producer = new_producer(name);
	write_records(producer, 3, SMALL_MAXIMUM);
	for (int i = 0; i < 30; i++) {
		expect_cancelled(shmring_producer_wait(producer, SMALL_MAXIMUM, -1), producer);
		expect_ok(shmring_producer_close(producer));
		producer = new_producer(name);
		expect_cancelled(shmring_write(producer, "", SMALL_MAXIMUM, 0, -1), producer);
		expect_ok(shmring_producer_close(producer));
		producer = new_producer(name);
	}
}

Test(cancel, before_the_wait_counts)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);

	expect_ok(shmring_cancel(consumer));
	expect_ok(shmring_cancel(consumer));
	expect_result(shmring_wait(consumer, -1), -ECANCELED);
	expect_result(shmring_wait(consumer, NS_PER_SECOND), -ECANCELED);
}

Test(cancel, leaves_reading_and_other_handles_alone)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *other = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);

	expect_ok(shmring_cancel(consumer));
	write_records(producer, 3, 30);
	expect_run(consumer, 0, 3, 30);
	expect_ok(shmring_wait(other, -1));
	expect_run(other, 0, 3, 30);
	expect_ok(shmring_consumer_close(consumer));
}

Test(cancel, a_write_that_need_not_wait_still_succeeds)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;

	expect_ok(shmring_cancel(producer));
	expect_ok(shmring_write(producer, "x", 1, 0, -1));
	expect_ok(shmring_read(consumer, &record));
	write_records(producer, 3, SMALL_MAXIMUM - 16);
	expect_result(shmring_write(producer, "", SMALL_MAXIMUM, 0, -1), -ECANCELED);
}

Test(cancel, refuses_what_is_no_open_handle)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_producer *producer = new_producer(name);
	int not_a_handle = 0;

	expect_result(shmring_cancel(NULL), -EINVAL);
	expect_result(shmring_cancel(&not_a_handle), -EINVAL);
	expect_result(shmring_cancel((const char *)consumer + 8), -EINVAL);
	expect_result(shmring_cancel((const void *)1), -EINVAL);
	expect_ok(shmring_consumer_close(consumer));
	expect_result(shmring_cancel(consumer), -EINVAL);
	expect_ok(shmring_producer_close(producer));
	expect_result(shmring_cancel(producer), -EINVAL);
}

static const void *to_cancel;

static void cancel_in_handler(int signal)
{
	(void)signal;
	shmring_cancel(to_cancel);
}

Test(cancel, works_in_a_signal_handler)
{
	const char *name = new_ring(0);
	struct sigaction action = { .sa_handler = cancel_in_handler };
	struct itimerval once = { { 0, 0 }, { 0, 2000 } };

	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < 20; i++) {
		struct shmring_consumer *consumer =
			new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);

		to_cancel = consumer;
		setitimer(ITIMER_REAL, &once, NULL);
		expect_result(shmring_wait(consumer, -1), -ECANCELED);
		expect_ok(shmring_consumer_close(consumer));
	}
}

/* The handle that is being opened, waited on and closed by another thread; cancelled over and over. */
static const void *_Atomic current;
static _Atomic int done;

static void *cancel_whatever(void *unused)
{
	(void)unused;
	while (!done)
		shmring_cancel(current);
	return NULL;
}

Test(cancel, while_another_thread_closes_the_handle)
{
	const char *name = new_ring(0);
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, cancel_whatever, NULL), 0);
	for (int i = 0; i < 500; i++) {
		struct shmring_consumer *consumer =
			new_consumer(name, SHMRING_LOSSY, SHMRING_OLDEST);
		int result;

		current = consumer;
		result = shmring_wait(consumer, i % 4 ? NS_PER_MS / 10 : -1);
		cr_assert(result == -ECANCELED || result == -ETIMEDOUT, "%d", result);
		expect_ok(shmring_consumer_close(consumer));
	}
	done = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}
