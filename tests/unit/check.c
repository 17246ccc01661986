/* SPDX-License-Identifier: MIT */
/* shmring_check: finds nothing wrong with a sound ring, whatever its state, and names each damaged word for what it is. */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "checked.h"

#include "../support/objects.h"
#include "../support/payload.h"

#include "../../lib/layout.h"

#define BIG SMALL_MAXIMUM

/* At a ring that is being used. */
#ifndef LOOKS
#define LOOKS 3000
#endif

/* ---- Sound rings ------------------------------------------------------------------------------------------- */

Test(check, a_new_ring)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	expect_sound(new_ring(0));
	expect_sound(new_ring(1 << 20));
	options.wake_mode = SHMRING_WAKE_NONE;
	options.tag = "tag";
	options.tag_length = 3;
	options.data_mode = 0644;
	options.control_mode = 0660;
	expect_sound(new_ring_with(&options));
}

/* A ring in use, step by step: sound after each record, whatever its length, whoever reads or does not. */
static void use_from(uint64_t first_position, uint64_t first_sequence)
{
	const char *name = new_ring_from(first_position, first_sequence);
	struct shmring_consumer *reliable = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *lossy = new_consumer(name, SHMRING_LOSSY, SHMRING_OLDEST);
	const uint64_t end = first_position + 3 * SMALL;
	struct shmring_producer *producer;

	expect_sound(name);
	producer = new_producer(name);
	expect_sound(name);
	for (unsigned int i = 0; producer_info(producer).position < end; i++) {
		size_t length = payload_length(9, i, 0, i % 10 ? 900 : BIG);
		struct shmring_record record;

		insist_on_room(producer, length);
		write_records(producer, 1, length);
		expect_sound(name);
		expect_run(reliable, first_sequence + i, 1, length);
		if (i % 50 == 0 && shmring_read(lossy, &record) == 0)
			expect_ok(shmring_release(lossy));
	}
	cr_assert_gt(ring_info(name).oldest_position, first_position);
	expect_ok(shmring_producer_close(producer));
	expect_sound(name);
	producer = new_producer(name);
	write_records(producer, 3, 100);
	expect_sound(name);
}

Test(check, a_ring_in_use)
{
	use_from(0, 0);
	use_from((1ULL << 32) - SMALL / 2, UINT32_MAX - 10ULL);
	use_from((1ULL << 63) + (1ULL << 62) - 8, (1ULL << 63) + (1ULL << 62) - 1);
}

Test(check, a_full_ring)
{
	static const size_t lengths[] = { 0, 8, 100, 1000, BIG };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);

		new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
		new_consumer(name, SHMRING_RELIABLE, SHMRING_NEWEST);
		fill_ring(producer, lengths[i]);
		expect_sound(name);
		/* Waiting for room. */
		expect_result(shmring_producer_wait(producer, lengths[i], NS_PER_MS), -ETIMEDOUT);
		expect_sound(name);
	}
}

Test(check, a_reservation_or_batch_in_progress)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	void *data;

	for (unsigned int i = 0; i < 40; i++) {
		expect_ok(shmring_reserve(producer, 5000, &data));
		memset(data, 0xff, 5000);
		expect_sound(name);
		expect_ok(shmring_commit(producer, 4000, 1, SHMRING_MORE));
		expect_sound(name);
		expect_ok(shmring_reserve(producer, 1000, &data));
		memset(data, 0xff, 1000);
		expect_ok(shmring_commit(producer, 1000, 1, SHMRING_MORE));
		expect_sound(name);
		expect_ok(shmring_reserve(producer, 9000, &data));
		memset(data, 0xff, 9000);
		expect_sound(name);
		if (i % 3 == 2)
			expect_ok(shmring_abort(producer));
		else
			expect_ok(shmring_commit(producer, 300, 1, 0));
		expect_sound(name);
	}
}

struct mortal {
	const char *ring;
	int lives; /* how far it gets */
};

static int produce_and_die(void *argument)
{
	const struct mortal *mortal = argument;
	struct shmring_producer *producer = new_producer(mortal->ring);
	void *data;

	if (mortal->lives > 0)
		write_records(producer, 200, 700);
	for (int i = 1; i < mortal->lives; i++) {
		/* Half of what was reserved is published by nobody. */
		expect_ok(shmring_reserve(producer, 5000, &data));
		memset(data, 0xff, 5000);
		if (i + 1 < mortal->lives)
			expect_ok(shmring_commit(producer, 4000, 1, SHMRING_MORE));
	}
	raise(SIGKILL);
	return 1;
}

Test(check, a_ring_whose_producer_died)
{
	for (int lives = 0; lives < 5; lives++) {
		struct mortal mortal = { new_ring(0), lives };
		struct shmring_producer *producer;

		new_consumer(mortal.ring, SHMRING_LOSSY, SHMRING_OLDEST);
		cr_assert_eq(child_run(produce_and_die, &mortal), CHILD_SIGNAL + SIGKILL);
		expect_sound(mortal.ring);
		producer = new_producer(mortal.ring);
		expect_sound(mortal.ring);
		write_records(producer, 100, 300);
		expect_sound(mortal.ring);
	}
}

static int consume_and_die(void *ring)
{
	struct shmring_consumer *reliable = new_consumer(ring, SHMRING_RELIABLE, SHMRING_OLDEST);

	open_durable(ring, "durable", SHMRING_RELIABLE);
	open_durable(ring, "durable-lossy", SHMRING_LOSSY);
	new_deadline(ring, "deadline", 1);
	expect_next(reliable, 0, 100);
	raise(SIGKILL);
	return 1;
}

Test(check, subscriptions_in_every_state)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer;

	write_records(producer, 20, 100);
	cr_assert_eq(child_run(consume_and_die, (void *)(uintptr_t)name), CHILD_SIGNAL + SIGKILL);
	expect_sound(name);
	expect_ok(shmring_evict(name, "durable"));
	consumer = new_deadline(name, "evicted", 1);
	expect_sound(name);
	fill_ring(producer, BIG);
	insist_on_room(producer, BIG);
	cr_assert_eq(is_evicted(name, "evicted"), 1);
	expect_sound(name);
	/* Overtaken by far, evicted or not. */
	write_records(producer, 100, 3000);
	expect_sound(name);
	expect_ok(shmring_rejoin(consumer, NULL));
	expect_sound(name);
	expect_ok(shmring_seek(consumer, SHMRING_NEWEST, 0));
	expect_sound(name);
	expect_ok(shmring_seek(consumer, SHMRING_OLDEST, 0));
	expect_sound(name);
	consumer = open_durable(name, "durable", SHMRING_RELIABLE);
	expect_sound(name);
	expect_ok(shmring_consumer_close(consumer));
	expect_sound(name);
	expect_ok(shmring_consumer_close(open_durable(name, "durable-lossy", SHMRING_LOSSY)));
	expect_ok(shmring_unsubscribe(name, "durable"));
	expect_sound(name);
}

Test(check, a_full_table)
{
	const char *name = new_ring(0);

	for (int i = 0; i < SHMRING_SUBSCRIPTIONS; i++)
		new_consumer(name, (enum shmring_policy)(i % 2), SHMRING_OLDEST);
	expect_sound(name);
}

/* ---- Sound rings that change meanwhile --------------------------------------------------------------------- */

struct bustle {
	const char *ring;
	_Atomic int over;
};

static int is_over(struct bustle *bustle)
{
	return atomic_load_explicit(&bustle->over, memory_order_relaxed);
}

static void *write_at_full_speed(void *argument)
{
	static char bytes[BIG];
	struct bustle *bustle = argument;
	struct shmring_producer *producer;

	for (uint64_t i = 0; !is_over(bustle);) {
		if (shmring_producer_open(&producer, bustle->ring, NULL) != 0)
			return argument;
		for (uint64_t next = i + 100000; i < next && !is_over(bustle); i++) {
			size_t length = payload_length(3, i, 0, i % 1000 ? 200 : BIG);

			if (shmring_write(producer, bytes, length, 0, 100 * NS_PER_SECOND) != 0)
				return argument;
		}
		shmring_producer_close(producer);
	}
	return NULL;
}

/* With a deadline of a nanosecond, anybody may be evicted at any time, also while joining. */
static int unless_evicted(const char *call, int error)
{
	if (error && error != -ECONNRESET)
		fprintf(stderr, "%s: %s\n", call, shmring_strerror(error));
	return error && error != -ECONNRESET;
}

/* Opens, reads a little, seeks, and closes. Returns 0 if all went as it may. */
static int come_once(const char *ring, const struct shmring_consumer_options *options)
{
	struct shmring_consumer *consumer;
	struct shmring_record record;
	int error = shmring_consumer_open(&consumer, ring, options);

	if (error)
		return unless_evicted("open", error);
	for (int i = 0; i < 50 && !error; i++) {
		error = shmring_read(consumer, &record);
		if (!error && i % 7 == 0)
			error = shmring_release(consumer);
		if (error == -ECONNRESET &&
		    unless_evicted("rejoin", shmring_rejoin(consumer, NULL)))
			return 1;
	}
	shmring_release(consumer);
	error = shmring_seek(consumer, SHMRING_OLDEST, 0);
	if (unless_evicted("seek", error))
		return 1;
	return shmring_consumer_close(consumer);
}

/* Under each policy, durable or not; a durable one comes twice. */
static void *come_and_go(void *argument)
{
	struct bustle *bustle = argument;

	for (unsigned int i = 0; !is_over(bustle); i++) {
		static const char *const names[] = { "one", "two", "three" };
		struct shmring_consumer_options options =
			durable_options(names[i % 3], (enum shmring_policy)(i % 3));
		int error;

		options.durable = i & 1;
		options.start = i & 2 ? SHMRING_NEWEST : SHMRING_OLDEST;
		options.deadline_ns = options.policy == SHMRING_DEADLINE ? 1 : 0;
		if (come_once(bustle->ring, &options) != 0 ||
		    come_once(bustle->ring, &options) != 0)
			return argument;
		error = shmring_unsubscribe(bustle->ring, names[i % 3]);
		if (error && error != -ESRCH) {
			fprintf(stderr, "unsubscribe: %s\n", shmring_strerror(error));
			return argument;
		}
	}
	return NULL;
}

Test(check, a_ring_that_changes_meanwhile)
{
	struct bustle bustle = { new_ring(0), 0 };
	void *(*const rest[])(void *) = { write_at_full_speed, come_and_go };
	pthread_t threads[2];
	unsigned int whole = 0;
	void *failed;

	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, rest[i], &bustle), 0);
	/* Overwritten faster than it could be looked at is a fair answer, but not always. */
	for (unsigned int looks = 0; looks < LOOKS || whole < LOOKS / 20; looks++)
		whole += expect_sound_or_busy(bustle.ring);
	atomic_store_explicit(&bustle.over, 1, memory_order_relaxed);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &failed);
		cr_assert_null(failed);
	}
	expect_sound(bustle.ring);
}

/* ---- Arguments --------------------------------------------------------------------------------------------- */

static int stop_at_once(const struct shmring_problem *problem, void *argument)
{
	int *calls = argument;

	(void)problem;
	return ++*calls == 1 ? -4321 : 0;
}

Test(check, passes_on_what_the_visitor_returns)
{
	const char *name = new_ring(0);
	struct layout_data *data;
	int calls = 0;
	size_t size;

	write_records(new_producer(name), 10, 100);
	expect_ok(shmring_check(name, stop_at_once, &calls));
	cr_assert_eq(calls, 0);
	data = object_map(name, OBJECT_DATA, &size);
	atomic_store_explicit(&data->stream, stream_word(1, (enum shmring_stream_state)77),
			      memory_order_relaxed);
	atomic_store_explicit(&data->need, 3, memory_order_relaxed);
	expect_result(shmring_check(name, stop_at_once, &calls), -4321);
	cr_assert_eq(calls, 1);
	/* Once it returns 0, it is told the rest. */
	expect_ok(shmring_check(name, stop_at_once, &calls));
	cr_assert_gt(calls, 2);
	object_unmap(data, size);
}

Test(check, refuses_what_is_no_ring)
{
	char name[SHMRING_NAME_MAX + 2];
	int calls = 0;

	expect_result(shmring_check(unique_name(), stop_at_once, &calls), -ENOENT);
	expect_result(shmring_check("", stop_at_once, &calls), -EINVAL);
	expect_result(shmring_check(NULL, stop_at_once, &calls), -EINVAL);
	expect_result(shmring_check("a/b", stop_at_once, &calls), -EINVAL);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	expect_result(shmring_check(name, stop_at_once, &calls), -ENAMETOOLONG);
	cr_assert_eq(calls, 0);
}
