/* SPDX-License-Identifier: MIT */
/* Looking at a ring from outside; the texts of errors; the version. */
#include "unit.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static struct shmring_inspector *new_inspector(const char *name)
{
	struct shmring_inspector *inspector;

	expect_ok(shmring_inspector_open(&inspector, name));
	return inspector;
}

static struct shmring_info look(struct shmring_inspector *inspector)
{
	struct shmring_info info = SHMRING_INFO_INIT;

	expect_ok(shmring_inspect(inspector, &info));
	return info;
}

/* The slot of the subscription of that name. */
static struct shmring_subscription_info look_at(struct shmring_inspector *inspector,
						const char *name)
{
	struct shmring_subscription_info info = SHMRING_SUBSCRIPTION_INFO_INIT;

	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++)
		if (shmring_inspect_subscription(inspector, slot, &info) == 0 &&
		    strcmp(info.name, name) == 0)
			return info;
	cr_assert_fail("no subscription %s", name);
	return info;
}

static struct shmring_consumer *subscribe(const char *ring, const char *name,
					  enum shmring_policy policy)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer *consumer;

	options.subscription = name;
	options.policy = policy;
	expect_ok(shmring_consumer_open(&consumer, ring, &options));
	return consumer;
}

Test(inspect, misses_a_ring_that_is_not_there)
{
	struct shmring_inspector *inspector = NULL;

	expect_result(shmring_inspector_open(&inspector, unique_name()), -ENOENT);
	cr_assert_null(inspector);
}

Test(inspect, shows_a_new_ring)
{
	uint64_t before = wall_ns();
	const char *name = new_ring(0);
	struct shmring_inspector *inspector = new_inspector(name);
	struct shmring_info info = look(inspector);
	uint8_t zeros[16] = { 0 };

	cr_assert_eq(info.size, sizeof(info));
	cr_assert_eq(info.capacity, SMALL);
	cr_assert_eq(info.oldest_position, 0);
	cr_assert_eq(info.oldest_sequence, 0);
	cr_assert_eq(info.head_position, 0);
	cr_assert_eq(info.head_sequence, 0);
	cr_assert_eq(info.epoch, 0);
	cr_assert_eq(info.wake_mode, SHMRING_WAKE_FENCE);
	cr_assert_eq(info.stream, SHMRING_STREAM_NEW);
	cr_assert_eq(info.producer_alive, SHMRING_DEAD);
	cr_assert_eq(info.producer_pid, 0);
	cr_assert_eq(info.control_visible, 1);
	cr_assert_eq(info.subscriptions, 0);
	cr_assert_eq(info.members, 0);
	cr_assert_neq(info.layout_version, 0);
	cr_assert_arr_neq(info.uuid, zeros, sizeof(zeros));
	/* Coarse clocks lag by some milliseconds. */
	cr_assert_geq(info.created_ns + 100 * NS_PER_MS, before);
	cr_assert_leq(info.created_ns, wall_ns());
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++) {
		struct shmring_subscription_info subscription = SHMRING_SUBSCRIPTION_INFO_INIT;

		expect_result(shmring_inspect_subscription(inspector, slot, &subscription),
			      -ENOENT);
	}
	expect_ok(shmring_inspector_close(inspector));
}

Test(inspect, follows_the_stream)
{
	const char *name = new_ring(0);
	struct shmring_inspector *inspector = new_inspector(name);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_info info = look(inspector);

	cr_assert_eq(info.stream, SHMRING_STREAM_OPEN);
	cr_assert_eq(info.producer_alive, SHMRING_ALIVE);
	cr_assert_eq(info.producer_pid, getpid());
	cr_assert_eq(info.epoch, 1);
	cr_assert_leq(info.producer_since_ns, wall_ns());
	for (unsigned int i = 0; i < 300; i++) {
		write_records(producer, i % 7, 650);
		info = look(inspector);
		cr_assert_eq(info.head_sequence, producer_info(producer).sequence);
		cr_assert_eq(info.head_position, producer_info(producer).position);
		cr_assert_eq(info.oldest_position, info.oldest_sequence * stride_of(650));
		cr_assert_leq(info.head_position - info.oldest_position, SMALL - 8);
	}
	cr_assert_gt(info.oldest_sequence, 0);
	expect_ok(shmring_producer_close(producer));
	info = look(inspector);
	cr_assert_eq(info.stream, SHMRING_STREAM_CLOSED);
	cr_assert_eq(info.producer_alive, SHMRING_DEAD);
	cr_assert_eq(info.epoch, 1);
}

Test(inspect, shows_each_subscription_and_its_lag)
{
	uint64_t before = wall_ns();
	const char *name = new_ring(0);
	struct shmring_inspector *inspector = new_inspector(name);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *reliable = subscribe(name, "reliable", SHMRING_RELIABLE);
	struct shmring_subscription_info info;

	subscribe(name, "lossy", SHMRING_LOSSY);
	write_records(producer, 100, 100);
	expect_run(reliable, 0, 30, 100);
	info = look_at(inspector, "reliable");
	cr_assert_eq(info.policy, SHMRING_RELIABLE);
	cr_assert_eq(info.alive, SHMRING_ALIVE);
	cr_assert_eq(info.pid, getpid());
	cr_assert_eq(info.joining, 0);
	cr_assert_eq(info.sleeping, 0);
	cr_assert_eq(info.evicted, 0);
	cr_assert_geq(info.since_ns + 100 * NS_PER_MS, before);
	cr_assert_leq(info.since_ns, wall_ns());
	cr_assert_eq(info.sequence, 30);
	cr_assert_eq(info.position, 30 * stride_of(100));
	cr_assert_eq(info.lag_records, 70);
	cr_assert_eq(info.lag_bytes, 70 * stride_of(100));
	cr_assert_leq(info.lag_ns, wall_ns() - before + 100 * NS_PER_MS);
	info = look_at(inspector, "lossy");
	cr_assert_eq(info.policy, SHMRING_LOSSY);
	cr_assert_eq(info.lag_records, 100);
	expect_run(reliable, 30, 70, 100);
	info = look_at(inspector, "reliable");
	cr_assert_eq(info.lag_records, 0);
	cr_assert_eq(info.lag_bytes, 0);
	cr_assert_eq(info.lag_ns, 0);

	/* Lapped: what it will read next is the oldest. */
	for (unsigned int i = 0; i < 20; i++) {
		write_records(producer, 100, 100);
		expect_run(reliable, 100 + 100 * i, 100, 100);
	}
	info = look_at(inspector, "lossy");
	cr_assert_eq(info.sequence, look(inspector).oldest_sequence);
	cr_assert_eq(info.lag_records, 2100 - info.sequence);
	cr_assert_eq(look(inspector).subscriptions, 2);
	cr_assert_eq(look(inspector).members, 2);
	expect_ok(shmring_consumer_close(reliable));
	cr_assert_eq(look(inspector).subscriptions, 1);
}

struct sleeper {
	const char *ring;
	int subscribed;
};

static int sleep_for_ever(void *argument)
{
	struct sleeper *sleeper = argument;
	struct shmring_consumer *consumer = subscribe(sleeper->ring, "sleeper", SHMRING_RELIABLE);

	gate_open(sleeper->subscribed);
	shmring_wait(consumer, -1);
	return 1;
}

Test(inspect, tells_who_sleeps_and_who_is_dead)
{
	struct sleeper sleeper = { new_ring(0), gate_new() };
	struct shmring_inspector *inspector = new_inspector(sleeper.ring);
	pid_t child = child_start(sleep_for_ever, &sleeper);
	struct shmring_subscription_info info;

	gate_pass(sleeper.subscribed);
	do
		info = look_at(inspector, "sleeper");
	while (!info.sleeping);
	cr_assert_eq(info.alive, SHMRING_ALIVE);
	cr_assert_eq(info.pid, child);
	child_kill(child);
	info = look_at(inspector, "sleeper");
	cr_assert_eq(info.alive, SHMRING_DEAD);
}

Test(inspect, still_looks_after_the_ring_was_removed)
{
	const char *name = new_ring(0);
	struct shmring_inspector *inspector = new_inspector(name);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_info info = SHMRING_INFO_INIT;

	write_records(producer, 5, 5);
	expect_ok(shmring_unlink(name));
	expect_result(shmring_inspect(inspector, &info), -ESTALE);
	cr_assert_eq(info.head_sequence, 5);
	expect_ok(shmring_inspector_close(inspector));
}

Test(inspect, refuses_bad_arguments)
{
	const char *name = new_ring(0);
	struct shmring_inspector *inspector = new_inspector(name);
	struct shmring_subscription_info subscription = SHMRING_SUBSCRIPTION_INFO_INIT;
	struct shmring_info info = SHMRING_INFO_INIT;

	expect_result(shmring_inspect_subscription(inspector, SHMRING_SUBSCRIPTIONS, &subscription),
		      -EINVAL);
	expect_result(shmring_inspect_subscription(inspector, UINT32_MAX, &subscription), -EINVAL);
	subscription.size = 0;
	expect_result(shmring_inspect_subscription(inspector, 0, &subscription), -EINVAL);
	expect_result(shmring_inspect_subscription(inspector, 0, NULL), -EINVAL);
	info.size = 0;
	expect_result(shmring_inspect(inspector, &info), -EINVAL);
	expect_result(shmring_inspect(inspector, NULL), -EINVAL);
	expect_result(shmring_inspector_open(NULL, name), -EINVAL);
}

Test(inspect, changes_nothing)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = subscribe(name, "one", SHMRING_RELIABLE);

	for (unsigned int i = 0; i < 100; i++) {
		struct shmring_inspector *inspector = new_inspector(name);

		write_records(producer, 10, 200);
		look(inspector);
		look_at(inspector, "one");
		expect_run(consumer, i * 10, 10, 200);
		expect_ok(shmring_inspector_close(inspector));
	}
}

Test(strerror, knows_every_documented_error)
{
	static const int errors[] = {
		EAGAIN, EALREADY,  EACCES,     EBADMSG,      EBUSY,           ECONNRESET, ECANCELED,
		EEXIST, EINVAL,    EMSGSIZE,   ENAMETOOLONG, ENOENT,          ENOMEM,     ENOSPC,
		ENOSYS, EOVERFLOW, EOWNERDEAD, EPIPE,        EPROTONOSUPPORT, EPROTOTYPE, ERANGE,
		ESRCH,  ESTALE,    ETIMEDOUT,  EUCLEAN,      EUSERS,
	};
	const char *unknown = shmring_strerror(54321);

	cr_assert_not_null(unknown);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		const char *text = shmring_strerror(errors[i]);

		cr_assert_not_null(text);
		cr_assert_eq(text, shmring_strerror(-errors[i]), "takes either sign");
		cr_assert_gt(strlen(text), 3);
		cr_assert_str_neq(text, unknown, "%d", errors[i]);
		for (const char *c = text; *c; c++)
			cr_assert(isprint((unsigned char)*c));
		for (size_t other = 0; other < i; other++)
			cr_assert_str_neq(text, shmring_strerror(errors[other]), "%d and %d",
					  errors[i], errors[other]);
	}
	cr_assert_not_null(shmring_strerror(0));
	cr_assert_not_null(shmring_strerror(INT32_MIN));
	cr_assert_not_null(shmring_strerror(INT32_MAX));
	/* Others are the kernel's. */
	cr_assert_not_null(shmring_strerror(EMFILE));
	cr_assert_not_null(shmring_strerror(EIO));
}

Test(version, is_the_headers)
{
	cr_assert_eq(shmring_version(), SHMRING_VERSION);
}
