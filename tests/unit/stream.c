/* SPDX-License-Identifier: MIT */
/* The end of a stream, clean or not, and its next producer. */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

Test(stream, wait_tells_of_a_clean_close_once_and_read_always)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *readers[] = {
		new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST),
		new_consumer(name, SHMRING_LOSSY, SHMRING_OLDEST),
		new_observer(name, SHMRING_OLDEST),
	};
	struct shmring_record record;

	write_records(producer, 3, 10);
	expect_ok(shmring_producer_close(producer));
	for (int i = 0; i < 3; i++) {
		expect_ok(shmring_wait(readers[i], -1));
		expect_run(readers[i], 0, 3, 10);
		expect_result(shmring_wait(readers[i], -1), -EPIPE);
		expect_result(shmring_wait(readers[i], 0), -EAGAIN);
		expect_result(shmring_wait(readers[i], NS_PER_MS), -ETIMEDOUT);
		expect_result(shmring_read(readers[i], &record), -EPIPE);
		expect_result(shmring_read(readers[i], &record), -EPIPE);
	}
	/* The next producer goes on where this one stopped; its end is told again. */
	producer = new_producer(name);
	cr_assert_eq(producer_info(producer).epoch, 2);
	cr_assert_eq(producer_info(producer).sequence, 3);
	for (int i = 0; i < 3; i++)
		expect_result(shmring_read(readers[i], &record), -EAGAIN);
	write_records(producer, 2, 20);
	for (int i = 0; i < 3; i++) {
		expect_ok(shmring_wait(readers[i], -1));
		expect_run(readers[i], 3, 2, 20);
	}
	expect_ok(shmring_producer_close(producer));
	for (int i = 0; i < 3; i++) {
		expect_result(shmring_wait(readers[i], -1), -EPIPE);
		expect_result(shmring_wait(readers[i], 0), -EAGAIN);
	}
}

Test(stream, whoever_comes_after_the_close_reads_it_all_too)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *late;
	struct shmring_record record;

	write_records(producer, 5, 10);
	expect_ok(shmring_producer_close(producer));
	late = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	expect_run(late, 0, 5, 10);
	expect_result(shmring_read(late, &record), -EPIPE);
	expect_result(shmring_wait(late, -1), -EPIPE);
	late = new_consumer(name, SHMRING_RELIABLE, SHMRING_NEWEST);
	expect_result(shmring_wait(late, -1), -EPIPE);
}

Test(stream, without_a_producer_so_far_it_has_not_ended)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);

	cr_assert_eq(ring_info(name).stream, SHMRING_STREAM_NEW);
	expect_result(shmring_wait(consumer, 20 * NS_PER_MS), -ETIMEDOUT);
}

Test(stream, hundreds_of_producers_one_after_the_other)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);

	for (unsigned int epoch = 1; epoch <= 300; epoch++) {
		struct shmring_producer *producer = new_producer(name);

		cr_assert_eq(producer_info(producer).epoch, epoch);
		cr_assert_eq(producer_info(producer).sequence, (epoch - 1) * 7);
		write_records(producer, 7, 900);
		expect_ok(shmring_producer_close(producer));
		expect_run(consumer, (epoch - 1) * 7, 7, 900);
		expect_run(observer, (epoch - 1) * 7, 7, 900);
		expect_result(shmring_wait(consumer, -1), -EPIPE);
		expect_result(shmring_wait(observer, -1), -EPIPE);
	}
	cr_assert_eq(ring_info(name).epoch, 300);
}

struct mortal {
	const char *name;
	unsigned int count;
	unsigned int withheld;
};

/* Publishes some records, withholds some more, and dies without a word. */
static int write_and_die(void *argument)
{
	struct mortal *mortal = argument;
	struct shmring_producer *producer = new_producer(mortal->name);
	void *data;

	write_records(producer, mortal->count, 700);
	for (unsigned int i = 0; i < mortal->withheld; i++) {
		if (shmring_reserve(producer, 700, &data) != 0 ||
		    shmring_commit(producer, 700, 0, SHMRING_MORE) != 0)
			return 1;
	}
	if (shmring_reserve(producer, SMALL_MAXIMUM, &data) != 0)
		return 2;
	memset(data, 0xff, SMALL_MAXIMUM);
	raise(SIGKILL);
	return 3;
}

Test(stream, tells_of_a_producer_that_died_and_goes_on_with_the_next)
{
	const char *name = new_ring(0);
	struct shmring_consumer *readers[] = {
		new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST),
		new_consumer(name, SHMRING_LOSSY, SHMRING_OLDEST),
		new_observer(name, SHMRING_OLDEST),
	};
	uint64_t sequence = 0;

	for (unsigned int epoch = 1; epoch <= 20; epoch++) {
		struct mortal mortal = { name, epoch, epoch % 5 };

		cr_assert_eq(child_run(write_and_die, &mortal), CHILD_SIGNAL + SIGKILL);
		for (int i = 0; i < 3; i++) {
			expect_ok(shmring_wait(readers[i], -1));
			expect_run(readers[i], sequence, epoch, 700);
			expect_result(shmring_wait(readers[i], -1), -EOWNERDEAD);
			expect_result(shmring_wait(readers[i], 0), -EAGAIN);
			expect_result(read_until_told(readers[i]), -EOWNERDEAD);
			expect_result(read_until_told(readers[i]), -EOWNERDEAD);
		}
		sequence += epoch;
	}
	cr_assert_eq(ring_info(name).producer_alive, SHMRING_DEAD);
	cr_assert_eq(ring_info(name).stream, SHMRING_STREAM_OPEN);
}

/* Opens, writes one record, closes; again and again. */
static void *successors(void *name)
{
	for (unsigned int i = 0; i < 50; i++) {
		struct shmring_producer *producer;

		if (shmring_producer_open(&producer, name, NULL) != 0 ||
		    shmring_write(producer, &i, sizeof(i), 0, -1) != 0 ||
		    shmring_producer_close(producer) != 0)
			return name;
	}
	return NULL;
}

Test(stream, a_waiting_reader_follows_from_producer_to_producer)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;
	void *failed = NULL;
	pthread_t thread;
	unsigned int next = 0;

	cr_assert_eq(pthread_create(&thread, NULL, successors, (void *)(uintptr_t)name), 0);
	while (next < 50) {
		int result = shmring_wait(consumer, -1);

		cr_assert(result == 0 || result == -EPIPE, "%d", result);
		while (shmring_read(consumer, &record) == 0) {
			unsigned int value;

			memcpy(&value, record.data, sizeof(value));
			cr_assert_eq(value, next);
			next++;
		}
		expect_ok(shmring_release(consumer));
	}
	expect_result(shmring_wait(consumer, -1), -EPIPE);
	pthread_join(thread, &failed);
	cr_assert_null(failed);
}
