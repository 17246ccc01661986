/* SPDX-License-Identifier: MIT */
/* Durable subscriptions: outlive their process, and the next one goes on at the first record not released. */
#include "unit.h"

#include <criterion/parameterized.h>
#include <signal.h>
#include <stdio.h>

static enum shmring_policy policies[] = { SHMRING_RELIABLE, SHMRING_LOSSY, SHMRING_DEADLINE };

#define EachPolicy(Name)                                                      \
	ParameterizedTestParameters(durable, Name)                            \
	{                                                                     \
		return cr_make_param_array(enum shmring_policy, policies, 3); \
	}                                                                     \
	ParameterizedTest(enum shmring_policy *policy, durable, Name)

static void expect_open(const char *ring, struct shmring_consumer_options options, int error)
{
	struct shmring_consumer *consumer = NULL;

	expect_result(shmring_consumer_open(&consumer, ring, &options), error);
	cr_assert_null(consumer);
}

Test(durable, needs_a_name)
{
	const char *name = new_ring(0);
	struct shmring_consumer_options options = durable_options(NULL, SHMRING_RELIABLE);
	struct shmring_consumer *observer = NULL;

	expect_open(name, options, -EINVAL);
	options.subscription = "one";
	options.durable = 2;
	expect_open(name, options, -EINVAL);
	options.durable = UINT32_MAX;
	expect_open(name, options, -EINVAL);
	options.subscription = NULL;
	options.durable = 1;
	expect_result(shmring_observer_open(&observer, name, &options), -EINVAL);
	cr_assert_null(observer);
	cr_assert_eq(ring_info(name).subscriptions, 0);
}

Test(durable, is_shown)
{
	const char *name = new_ring(0);
	struct shmring_consumer *consumer = open_durable(name, "one", SHMRING_DEADLINE);
	struct shmring_subscription_info info = subscription_info(name, "one");

	cr_assert_eq(info.durable, 1);
	cr_assert_eq(info.alive, SHMRING_ALIVE);
	cr_assert_eq(info.deadline_ns, NEVER);
	cr_assert_neq(info.pid, 0);
	cr_assert_eq(ring_info(name).members, 1);
	expect_ok(shmring_consumer_close(consumer));
	info = subscription_info(name, "one");
	cr_assert_eq(info.durable, 1);
	cr_assert_eq(info.alive, SHMRING_DEAD);
	cr_assert_eq(info.deadline_ns, NEVER);
	cr_assert_eq(info.pid, 0);
	cr_assert_eq(info.evicted, 0);
	cr_assert_eq(info.joining, 0);
	cr_assert_eq(info.sleeping, 0);
	cr_assert_eq(ring_info(name).subscriptions, 1);
	cr_assert_eq(ring_info(name).members, 0);
}

/* ---- Resuming ---------------------------------------------------------------------------------------------- */

EachPolicy(resumes_after_a_close)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = open_durable(name, "one", *policy);
	struct shmring_subscription_info info;

	/* Before anything was written, before anything was read, and after some was read and not released. */
	for (int empty = 0; empty < 3; empty++) {
		expect_ok(shmring_consumer_close(consumer));
		consumer = open_durable(name, "one", *policy);
	}
	write_records(producer, 10, 100);
	expect_ok(shmring_consumer_close(consumer));
	consumer = open_durable(name, "one", *policy);
	expect_run(consumer, 0, 3, 100);
	expect_next(consumer, 3, 100);
	expect_next(consumer, 4, 100);
	expect_ok(shmring_consumer_close(consumer));
	write_records(producer, 10, 100);
	info = subscription_info(name, "one");
	cr_assert_eq(info.sequence, 3);
	cr_assert_eq(info.position, 3 * stride_of(100));
	cr_assert_eq(info.lag_records, 17);
	consumer = open_durable(name, "one", *policy);
	cr_assert_eq(consumer_info(consumer).sequence, 3);
	cr_assert_eq(consumer_info(consumer).position, 3 * stride_of(100));
	expect_run(consumer, 3, 17, 100);
	cr_assert_eq(consumer_info(consumer).lost, 0);
	/* At the end of the stream. */
	expect_ok(shmring_consumer_close(consumer));
	consumer = open_durable(name, "one", *policy);
	expect_result(shmring_wait(consumer, 0), -EAGAIN);
	write_records(producer, 1, 100);
	expect_run(consumer, 20, 1, 100);
}

struct worker {
	const char *ring;
	enum shmring_policy policy;
	int durable; /* subscriptions */
};

static int read_some_and_die(void *argument)
{
	struct worker *worker = argument;
	struct shmring_consumer *consumer = open_durable(worker->ring, "one", worker->policy);
	uint64_t sequence = consumer_info(consumer).sequence;

	expect_run(consumer, sequence, 7, 100);
	expect_next(consumer, sequence + 7, 100);
	expect_next(consumer, sequence + 8, 100);
	raise(SIGKILL);
	return 1;
}

EachPolicy(resumes_after_a_kill)
{
	struct worker worker = { new_ring(0), *policy, 0 };
	struct shmring_producer *producer = new_producer(worker.ring);
	struct shmring_consumer *consumer;

	/* Made and killed before there is anything, so that it starts at the first. */
	write_records(producer, 9, 100);
	for (unsigned int life = 0; life < 50; life++) {
		cr_assert_eq(child_run(read_some_and_die, &worker), CHILD_SIGNAL + SIGKILL);
		cr_assert_eq(subscription_info(worker.ring, "one").alive, SHMRING_DEAD);
		cr_assert_eq(subscription_info(worker.ring, "one").sequence, 7 * (life + 1));
		write_records(producer, 7, 100);
	}
	consumer = open_durable(worker.ring, "one", *policy);
	expect_run(consumer, 7 * 50, 9, 100);
	cr_assert_eq(ring_info(worker.ring).members, 1);
}

EachPolicy(where_to_start_is_for_the_first_time)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer_options options = durable_options("one", *policy);
	struct shmring_consumer *consumer;

	write_records(producer, 10, 100);
	options.start = SHMRING_SEQUENCE;
	options.start_value = 4;
	consumer = open_consumer(name, &options);
	expect_run(consumer, 4, 1, 100);
	expect_ok(shmring_consumer_close(consumer));
	for (int start = SHMRING_OLDEST; start <= SHMRING_TIME; start++) {
		static const uint64_t values[] = { 0, 3, UINT64_MAX };

		for (int v = 0; v < 3; v++) {
			options.start = (enum shmring_start)start;
			options.start_value = values[v];
			consumer = open_consumer(name, &options);
			expect_next(consumer, 5, 100);
			expect_ok(shmring_consumer_close(consumer));
		}
	}
	options.start = SHMRING_TIME;
	consumer = open_consumer(name, &options);
	expect_run(consumer, 5, 5, 100);
}

EachPolicy(a_first_time_that_fails_leaves_nothing)
{
	const char *name = new_ring(0);
	struct shmring_consumer_options options = durable_options("one", *policy);

	options.start = SHMRING_SEQUENCE;
	options.start_value = 1;
	expect_open(name, options, -ERANGE);
	cr_assert_eq(ring_info(name).subscriptions, 0);
	options.durable = 0;
	options.start = SHMRING_OLDEST;
	open_consumer(name, &options);
}

EachPolicy(resumes_where_it_sought)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = open_durable(name, "one", *policy);

	write_records(producer, 20, 100);
	expect_run(consumer, 0, 10, 100);
	expect_ok(shmring_seek(consumer, SHMRING_SEQUENCE, 15));
	expect_ok(shmring_consumer_close(consumer));
	consumer = open_durable(name, "one", *policy);
	expect_run(consumer, 15, 2, 100);
	/* Back, and refused. */
	expect_ok(shmring_seek(consumer, SHMRING_OLDEST, 0));
	expect_run(consumer, 0, 2, 100);
	expect_result(shmring_seek(consumer, SHMRING_SEQUENCE, 99), -ERANGE);
	expect_ok(shmring_consumer_close(consumer));
	consumer = open_durable(name, "one", *policy);
	expect_run(consumer, 2, 18, 100);
}

EachPolicy(resumes_many_times)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	uint64_t next = 0;

	expect_ok(shmring_consumer_close(open_durable(name, "one", *policy)));
	for (unsigned int i = 0; i < 1500; i++) {
		struct shmring_consumer *consumer = open_durable(name, "one", *policy);

		write_records(producer, i % 3, 500);
		for (; next < producer_info(producer).sequence - (i % 2 && next); next++)
			expect_run(consumer, next, 1, 500);
		expect_ok(shmring_consumer_close(consumer));
	}
	cr_assert_gt(next, 1400);
	cr_assert_eq(ring_info(name).subscriptions, 1);
	cr_assert_eq(ring_info(name).members, 0);
}

/* ---- Another one under its name ---------------------------------------------------------------------------- */

EachPolicy(must_be_opened_as_it_was)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer_options options = durable_options("one", *policy);
	struct shmring_consumer *consumer = open_consumer(name, &options);

	write_records(producer, 5, 100);
	expect_run(consumer, 0, 2, 100);
	/* In use. */
	expect_open(name, options, -EBUSY);
	expect_ok(shmring_consumer_close(consumer));
	options.durable = 0;
	expect_open(name, options, -EEXIST);
	for (int other = SHMRING_RELIABLE; other <= SHMRING_DEADLINE; other++) {
		if (other == (int)*policy)
			continue;
		expect_open(name, durable_options("one", (enum shmring_policy)other), -EEXIST);
		options = durable_options("one", (enum shmring_policy)other);
		options.durable = 0;
		expect_open(name, options, -EEXIST);
	}
	if (*policy == SHMRING_DEADLINE) {
		options = durable_options("one", *policy);
		options.deadline_ns++;
		expect_open(name, options, -EEXIST);
	}
	/* Refusing has changed nothing. */
	cr_assert_eq(ring_info(name).subscriptions, 1);
	cr_assert_eq(ring_info(name).members, 0);
	consumer = open_durable(name, "one", *policy);
	expect_run(consumer, 2, 3, 100);
}

Test(durable, an_ordinary_one_is_not_made_durable)
{
	const char *name = new_ring(0);
	struct shmring_consumer_options options = options_for("one", SHMRING_RELIABLE);
	struct shmring_consumer *consumer = open_consumer(name, &options);

	expect_open(name, durable_options("one", SHMRING_RELIABLE), -EBUSY);
	expect_ok(shmring_consumer_close(consumer));
	cr_assert_eq(ring_info(name).subscriptions, 0);
	expect_ok(shmring_consumer_close(open_durable(name, "one", SHMRING_LOSSY)));
	cr_assert_eq(ring_info(name).subscriptions, 1);
}

/* Takes every slot, all but the first `durable` for subscriptions that are not durable, and dies. */
static int fill_the_table_and_die(void *argument)
{
	const struct worker *worker = argument;

	for (int i = 0; i < SHMRING_SUBSCRIPTIONS; i++) {
		char subscription[20];
		struct shmring_consumer_options options;

		snprintf(subscription, sizeof(subscription), "number-%d", i);
		options = durable_options(subscription, SHMRING_LOSSY);
		options.durable = i < worker->durable;
		open_consumer(worker->ring, &options);
	}
	raise(SIGKILL);
	return 1;
}

Test(durable, its_slot_is_not_taken_when_the_table_is_full)
{
	struct worker worker = { new_ring(0), SHMRING_LOSSY, 60 };
	struct shmring_producer *producer = new_producer(worker.ring);
	struct shmring_consumer *consumer;

	cr_assert_eq(child_run(fill_the_table_and_die, &worker), CHILD_SIGNAL + SIGKILL);
	cr_assert_eq(ring_info(worker.ring).subscriptions, SHMRING_SUBSCRIPTIONS);
	/* Four were not durable: what they left is taken by others, and nothing more. */
	for (int i = 0; i < SHMRING_SUBSCRIPTIONS - 60; i++)
		new_consumer(worker.ring, SHMRING_RELIABLE, SHMRING_NEWEST);
	expect_open(worker.ring, options_for(NULL, SHMRING_LOSSY), -EUSERS);
	expect_open(worker.ring, durable_options("number-64", SHMRING_LOSSY), -EUSERS);
	write_records(producer, 2, 100);
	for (int i = 0; i < 60; i++) {
		char subscription[20];

		snprintf(subscription, sizeof(subscription), "number-%d", i);
		cr_assert_eq(subscription_info(worker.ring, subscription).durable, 1);
		consumer = open_durable(worker.ring, subscription, SHMRING_LOSSY);
		expect_run(consumer, 0, 2, 100);
		expect_ok(shmring_consumer_close(consumer));
	}
	cr_assert_eq(ring_info(worker.ring).members, SHMRING_SUBSCRIPTIONS - 60);
}
