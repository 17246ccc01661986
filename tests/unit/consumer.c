/* SPDX-License-Identifier: MIT */
/* Joining and reading, for all kinds of readers, as long as they keep up. */
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/payload.h"

static int open_as(const char *ring, const char *subscription, struct shmring_consumer **consumer)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;

	options.subscription = subscription;
	return shmring_consumer_open(consumer, ring, &options);
}

Test(consumer, misses_a_ring_that_is_not_there)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer *consumer = NULL;
	const char *name = unique_name();
	uint64_t start = now_ns();

	expect_result(shmring_consumer_open(&consumer, name, NULL), -ENOENT);
	expect_result(shmring_observer_open(&consumer, name, NULL), -ENOENT);
	options.timeout_ns = 20 * NS_PER_MS;
	expect_result(shmring_consumer_open(&consumer, name, &options), -ETIMEDOUT);
	expect_result(shmring_observer_open(&consumer, name, &options), -ETIMEDOUT);
	cr_assert_geq(now_ns() - start, 40 * NS_PER_MS);
	cr_assert_null(consumer);
	cr_assert_eq(shm_files_of(name), 0, "attaching must not create");
}

static int create_it(void *name)
{
	return -shmring_create(name, NULL);
}

Test(consumer, waits_for_a_ring_to_appear)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer *consumer, *observer;
	const char *name = unique_name();
	pid_t child = child_start(create_it, (void *)(uintptr_t)name);

	options.timeout_ns = -1;
	expect_ok(shmring_consumer_open(&consumer, name, &options));
	expect_ok(shmring_observer_open(&observer, name, &options));
	cr_assert_eq(child_wait(child), 0);
}

Test(consumer, refuses_options_it_does_not_understand)
{
	const char *name = new_ring(0);
	struct shmring_consumer_options options;
	struct shmring_consumer *consumer = NULL;
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;
	char tag[SHMRING_TAG_SIZE + 1] = { 0 };

#define refused(change)                                                                   \
	do {                                                                              \
		options = (struct shmring_consumer_options)SHMRING_CONSUMER_OPTIONS_INIT; \
		change;                                                                   \
		expect_result(shmring_consumer_open(&consumer, name, &options), -EINVAL); \
		expect_result(shmring_observer_open(&consumer, name, &options), -EINVAL); \
	} while (0)
	refused(options.size = 0);
	refused(options.size = sizeof(size_t));
	refused(options.interruptible = 2);
	refused(options.spin_ns = SHMRING_SPIN_MAX_NS + 1);
	refused(options.policy = (enum shmring_policy)2);
	refused(options.start = (enum shmring_start)4);
	refused((options.tag = tag, options.tag_length = sizeof(tag)));
	refused(options.prefault = 2);
	refused(options.durable = 2);
#undef refused
	options = (struct shmring_consumer_options)SHMRING_CONSUMER_OPTIONS_INIT;
	options.policy = SHMRING_LOSSY;
	expect_result(shmring_observer_open(&consumer, name, &options), -EINVAL);
	options.policy = SHMRING_RELIABLE;
	options.subscription = "name";
	expect_result(shmring_observer_open(&consumer, name, &options), -EINVAL);
	cr_assert_null(consumer);
	cr_assert_eq(ring_info(name).subscriptions, 0);
	cr_assert_eq(ring_info(name).members, 0);

	consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	info.size = 1;
	expect_result(shmring_consumer_info(consumer, &info), -EINVAL);
	expect_result(shmring_consumer_info(consumer, NULL), -EINVAL);
}

Test(consumer, requires_the_tag)
{
	struct shmring_create_options create = SHMRING_CREATE_OPTIONS_INIT;
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer *consumer = NULL;
	const char *name;

	create.tag = "trades";
	create.tag_length = 6;
	name = new_ring_with(&create);
	options.tag = "trades2";
	options.tag_length = 7;
	expect_result(shmring_consumer_open(&consumer, name, &options), -EPROTOTYPE);
	expect_result(shmring_observer_open(&consumer, name, &options), -EPROTOTYPE);
	cr_assert_null(consumer);
	options.tag_length = 6;
	expect_ok(shmring_consumer_open(&consumer, name, &options));
	expect_ok(shmring_observer_open(&consumer, name, &options));
}

Test(consumer, a_subscription_name_is_used_once)
{
	const char *ring = new_ring(0);
	struct shmring_consumer *first, *second = NULL;

	expect_ok(open_as(ring, "orders", &first));
	cr_assert_str_eq(consumer_info(first).subscription, "orders");
	expect_result(open_as(ring, "orders", &second), -EBUSY);
	cr_assert_null(second);
	cr_assert_eq(ring_info(ring).subscriptions, 1);
	cr_assert_eq(ring_info(ring).members, 1);
	expect_ok(open_as(ring, "Orders", &second));
	expect_ok(shmring_consumer_close(first));
	expect_ok(open_as(ring, "orders", &first));
	expect_ok(shmring_consumer_close(first));
	expect_ok(shmring_consumer_close(second));
	cr_assert_eq(ring_info(ring).subscriptions, 0);
	cr_assert_eq(ring_info(ring).members, 0);
}

static int subscribe_and_die(void *ring)
{
	struct shmring_consumer *consumer;

	if (open_as(ring, "mayfly", &consumer) == 0)
		raise(SIGKILL);
	return 1;
}

Test(consumer, a_name_is_free_again_when_its_process_has_died)
{
	const char *ring = new_ring(0);
	struct shmring_consumer *consumer;

	for (int i = 0; i < 100; i++)
		cr_assert_eq(child_run(subscribe_and_die, (void *)(uintptr_t)ring),
			     CHILD_SIGNAL + SIGKILL);
	expect_ok(open_as(ring, "mayfly", &consumer));
}

Test(consumer, the_table_holds_64_subscriptions_and_then_is_full)
{
	const char *ring = new_ring(0);
	struct shmring_producer *producer = new_producer(ring);
	struct shmring_consumer *consumers[SHMRING_SUBSCRIPTIONS], *more = NULL;
	struct shmring_info info;

	cr_assert_geq(SHMRING_SUBSCRIPTIONS, 64);
	cr_assert_geq(SHMRING_MEMBERS, 256);
	for (unsigned int i = 0; i < SHMRING_SUBSCRIPTIONS; i++)
		consumers[i] = new_consumer(ring, i % 2 ? SHMRING_LOSSY : SHMRING_RELIABLE,
					    SHMRING_OLDEST);
	expect_result(shmring_consumer_open(&more, ring, NULL), -EUSERS);
	cr_assert_null(more);
	/* The ring goes on, and an observer needs no slot. */
	more = new_observer(ring, SHMRING_OLDEST);
	info = ring_info(ring);
	cr_assert_eq(info.subscriptions, SHMRING_SUBSCRIPTIONS);
	cr_assert_eq(info.members, SHMRING_SUBSCRIPTIONS);
	write_records(producer, 10, 50);
	for (unsigned int i = 0; i < SHMRING_SUBSCRIPTIONS; i++)
		expect_run(consumers[i], 0, 10, 50);
	expect_run(more, 0, 10, 50);
	expect_ok(shmring_consumer_close(consumers[40]));
	consumers[40] = new_consumer(ring, SHMRING_RELIABLE, SHMRING_NEWEST);
	expect_result(shmring_consumer_open(&more, ring, NULL), -EUSERS);
}

Test(consumer, everyone_sees_every_record)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *reliable = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *other = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *lossy = new_consumer(name, SHMRING_LOSSY, SHMRING_OLDEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);

	for (unsigned int i = 0; i < 2000; i++) {
		size_t length = payload_length(2, i, 0, 500);

		write_records(producer, 1, length);
		expect_run(reliable, i, 1, length);
		expect_run(lossy, i, 1, length);
		expect_run(observer, i, 1, length);
		expect_run(other, i, 1, length);
	}
	cr_assert_eq(consumer_info(observer).lost, 0);
	cr_assert_eq(consumer_info(lossy).lost, 0);
}

Test(consumer, nothing_to_read_is_no_error)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);
	struct shmring_record record;
	char buffer[8];

	for (int producer_opened = 0; producer_opened < 2; producer_opened++) {
		expect_result(shmring_read(consumer, &record), -EAGAIN);
		expect_result(shmring_read_copy(consumer, buffer, sizeof(buffer), &record),
			      -EAGAIN);
		expect_result(shmring_wait(consumer, 0), -EAGAIN);
		expect_ok(shmring_release(consumer));
		expect_result(shmring_read(observer, &record), -EAGAIN);
		expect_result(shmring_wait(observer, 0), -EAGAIN);
		expect_ok(shmring_release(observer));
		if (!producer_opened)
			new_producer(name);
	}
}

Test(consumer, reads_several_before_one_release)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record records[40], none;

	for (unsigned int round = 0; round < 20; round++) {
		write_records(producer, 40, 1000);
		for (unsigned int i = 0; i < 40; i++)
			expect_ok(shmring_read(consumer, &records[i]));
		expect_result(shmring_read(consumer, &none), -EAGAIN);
		/* All are still there, in place, at once. */
		for (unsigned int i = 0; i < 40; i++)
			expect_whole(&records[i], round * 40 + i, 1000);
		expect_ok(shmring_release(consumer));
	}
}

Test(consumer, what_is_not_released_holds_the_producer)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record records[3];
	void *data;

	write_records(producer, 3, SMALL_MAXIMUM);
	for (unsigned int i = 0; i < 3; i++)
		expect_ok(shmring_read(consumer, &records[i]));
	expect_result(shmring_reserve(producer, SMALL_MAXIMUM, &data), -EAGAIN);
	for (unsigned int i = 0; i < 3; i++)
		expect_whole(&records[i], i, SMALL_MAXIMUM);
	expect_ok(shmring_release(consumer));
	expect_ok(shmring_reserve(producer, SMALL_MAXIMUM, &data));
}

Test(consumer, what_was_read_but_not_released_counts_as_not_read)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_inspector *inspector;
	struct shmring_subscription_info info = SHMRING_SUBSCRIPTION_INFO_INIT;
	unsigned int slot = 0;

	write_records(producer, 10, 10);
	expect_run(consumer, 0, 4, 10);
	expect_next(consumer, 4, 10);
	expect_next(consumer, 5, 10);
	expect_ok(shmring_inspector_open(&inspector, name));
	while (shmring_inspect_subscription(inspector, slot, &info) != 0)
		slot++;
	cr_assert_eq(info.sequence, 4);
	cr_assert_eq(info.lag_records, 6);
	cr_assert_eq(info.lag_bytes, 6 * stride_of(10));
	expect_ok(shmring_inspector_close(inspector));
}

Test(consumer, copies_records_out_and_releases_them)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);
	struct shmring_record record;
	static char buffer[SMALL_MAXIMUM];

	for (unsigned int i = 0; i < 1000; i++) {
		size_t length = payload_length(3, i, 0, SMALL_MAXIMUM);

		write_records(producer, 1, length);
		expect_ok(shmring_read_copy(consumer, buffer, length, &record));
		cr_assert_eq(record.data, (void *)buffer);
		cr_assert_eq(record.lost, 0);
		expect_whole(&record, i, length);
		expect_ok(shmring_read_copy(observer, buffer, sizeof(buffer), &record));
		expect_whole(&record, i, length);
	}
}

Test(consumer, a_buffer_too_small_leaves_the_record)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *readers[] = {
		new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST),
		new_consumer(name, SHMRING_LOSSY, SHMRING_OLDEST),
		new_observer(name, SHMRING_OLDEST),
	};
	struct shmring_record record;
	char buffer[101];

	write_records(producer, 2, 100);
	for (int i = 0; i < 3; i++) {
		memset(buffer, '#', sizeof(buffer));
		expect_result(shmring_read_copy(readers[i], buffer, 99, &record), -EMSGSIZE);
		cr_assert_eq(record.length, 100);
		expect_result(shmring_read_copy(readers[i], NULL, 0, &record), -EMSGSIZE);
		cr_assert_eq(record.length, 100);
		expect_ok(shmring_read_copy(readers[i], buffer, 100, &record));
		expect_whole(&record, 0, 100);
		cr_assert_eq(buffer[100], '#', "wrote behind the buffer");
		expect_next(readers[i], 1, 100);
	}
}

Test(consumer, a_copy_releases_what_was_read_in_place_before)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_record record;
	static char buffer[SMALL_MAXIMUM];
	void *data;

	write_records(producer, 3, SMALL_MAXIMUM);
	expect_next(consumer, 0, SMALL_MAXIMUM);
	expect_next(consumer, 1, SMALL_MAXIMUM);
	expect_ok(shmring_read_copy(consumer, buffer, sizeof(buffer), &record));
	expect_whole(&record, 2, SMALL_MAXIMUM);
	for (int i = 0; i < 3; i++) {
		expect_ok(shmring_reserve(producer, SMALL_MAXIMUM, &data));
		expect_ok(shmring_commit(producer, 0, 0, 0));
	}
}

Test(consumer, drains_before_epipe)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);
	struct shmring_record record;
	char buffer[8];

	write_records(producer, 20, 100);
	expect_ok(shmring_producer_close(producer));
	expect_ok(shmring_wait(consumer, -1));
	expect_run(consumer, 0, 20, 100);
	expect_run(observer, 0, 20, 100);
	for (int again = 0; again < 3; again++) {
		expect_result(shmring_read(consumer, &record), -EPIPE);
		expect_result(shmring_read_copy(consumer, buffer, sizeof(buffer), &record), -EPIPE);
		expect_result(shmring_read(observer, &record), -EPIPE);
	}
}

Test(consumer, tells_about_itself)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *observer = new_observer(name, SHMRING_OLDEST);
	struct shmring_consumer_info info = consumer_info(observer);

	cr_assert_str_eq(info.subscription, "");
	info = consumer_info(consumer);
	cr_assert_eq(info.sequence, 0);
	cr_assert_eq(info.position, 0);
	cr_assert_eq(info.capacity, SMALL);
	cr_assert_eq(info.maximum, SMALL_MAXIMUM);
	cr_assert_eq(info.lost, 0);
	write_records(producer, 7, 9);
	expect_run(consumer, 0, 5, 9);
	info = consumer_info(consumer);
	cr_assert_eq(info.sequence, 5);
	cr_assert_eq(info.position, 5 * stride_of(9));
}

/* Writing where a record was handed out for reading must fault: only the producer can change records. */
static int scribble(void *argument)
{
	struct shmring_consumer *consumer = argument;
	struct shmring_record record;

	if (shmring_read(consumer, &record) != 0)
		return 1;
	*(volatile char *)(uintptr_t)record.data = 'x';
	return 2;
}

static struct scribbler {
	const char *name;
	int kind;
} scribbler;

static int open_and_scribble(void *argument)
{
	struct scribbler *how = argument;
	struct shmring_consumer *consumer = NULL;

	/* The sanitizers' handlers would turn the signal into something else. */
	signal(SIGSEGV, SIG_DFL);
	if (how->kind == 0 ? shmring_consumer_open(&consumer, how->name, NULL)
			   : shmring_observer_open(&consumer, how->name, NULL))
		return 3;
	return scribble(consumer);
}

Test(consumer, cannot_write_to_records)
{
	scribbler.name = new_ring(0);
	write_records(new_producer(scribbler.name), 1, 10);
	for (scribbler.kind = 0; scribbler.kind < 2; scribbler.kind++)
		cr_assert_eq(child_run(open_and_scribble, &scribbler), CHILD_SIGNAL + SIGSEGV);
}
