/* SPDX-License-Identifier: MIT */
/*
 * DEADLINE subscriptions: evicted when they have kept the producer waiting for longer than they may, and only while
 * they do. What comes after is in rejoin.c.
 */
#include "unit.h"

#include <criterion/parameterized.h>
#include <pthread.h>

#define BIG  SMALL_MAXIMUM
#define SOON (3 * NS_PER_MS)

static char bytes[BIG];

static void expect_full(struct shmring_producer *producer, size_t length)
{
	void *data;

	expect_result(shmring_reserve(producer, length, &data), -EAGAIN);
}

Test(deadline, must_be_positive_and_is_for_that_policy_alone)
{
	static const int64_t bad[] = { 0, -1, INT64_MIN };
	const char *name = new_ring(0);
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_consumer *consumer = NULL;

	options.policy = SHMRING_DEADLINE;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		options.deadline_ns = bad[i];
		expect_result(shmring_consumer_open(&consumer, name, &options), -EINVAL);
	}
	for (int policy = SHMRING_RELIABLE; policy <= SHMRING_LOSSY; policy++) {
		options.policy = (enum shmring_policy)policy;
		options.deadline_ns = 1;
		expect_result(shmring_consumer_open(&consumer, name, &options), -EINVAL);
		options.deadline_ns = -1;
		expect_result(shmring_consumer_open(&consumer, name, &options), -EINVAL);
	}
	options.policy = (enum shmring_policy)(SHMRING_DEADLINE + 1);
	expect_result(shmring_consumer_open(&consumer, name, &options), -EINVAL);
	options.policy = SHMRING_RELIABLE;
	options.deadline_ns = 1;
	expect_result(shmring_observer_open(&consumer, name, &options), -EINVAL);
	options.policy = SHMRING_DEADLINE;
	expect_result(shmring_observer_open(&consumer, name, &options), -EINVAL);
	cr_assert_null(consumer);
	cr_assert_eq(ring_info(name).subscriptions, 0);
}

Test(deadline, is_shown)
{
	const char *name = new_ring(0);
	struct shmring_consumer_options options;
	struct shmring_subscription_info info;

	new_deadline(name, "one", 1234567890123);
	new_deadline(name, "two", INT64_MAX);
	info = subscription_info(name, "one");
	cr_assert_eq(info.policy, SHMRING_DEADLINE);
	cr_assert_eq(info.deadline_ns, 1234567890123);
	cr_assert_eq(info.evicted, 0);
	cr_assert_eq(info.durable, 0);
	cr_assert_eq(subscription_info(name, "two").deadline_ns, INT64_MAX);
	options = options_for("three", SHMRING_RELIABLE);
	open_consumer(name, &options);
	cr_assert_eq(subscription_info(name, "three").deadline_ns, 0);
}

Test(deadline, gates_like_a_reliable_one_until_then)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_deadline(name, "slow", NEVER);

	for (unsigned int first = 0, count; first < 2000; first += count) {
		count = fill_ring(producer, 500);
		expect_full(producer, 500);
		expect_run(consumer, first, count, 500);
	}
	cr_assert_eq(is_evicted(name, "slow"), 0);
	cr_assert_eq(consumer_info(consumer).lost, 0);
}

static int64_t deadlines[] = { 1, 1000, NS_PER_MS, 7 * NS_PER_MS, 30 * NS_PER_MS };

ParameterizedTestParameters(deadline, does_not_evict_before_it_has_passed)
{
	return cr_make_param_array(int64_t, deadlines, sizeof(deadlines) / sizeof(deadlines[0]));
}

ParameterizedTest(int64_t *deadline_ns, deadline, does_not_evict_before_it_has_passed)
{
	for (int blocks = 0; blocks < 2; blocks++) {
		for (int round = 0; round < 8; round++) {
			const char *name = new_ring(0);
			struct shmring_producer *producer = new_producer(name);
			struct shmring_consumer *consumer =
				new_deadline(name, "slow", *deadline_ns);
			struct shmring_record record;
			uint64_t start;

			/* However long it lags: it keeps nobody waiting before the ring is full. */
			write_records(producer, 3, BIG);
			pass_time(2 * *deadline_ns);
			cr_assert_eq(is_evicted(name, "slow"), 0);
			start = now_ns();
			if (blocks)
				expect_ok(shmring_write(producer, bytes, BIG, 0, -1));
			else
				insist_on_room(producer, BIG);
			cr_assert_geq(now_ns() - start, (uint64_t)*deadline_ns, "too early");
			expect_result(shmring_read(consumer, &record), -ECONNRESET);
			expect_ok(shmring_unlink(name));
		}
	}
}

Test(deadline, a_blocked_producer_wakes_up_for_it)
{
	/* One that overslept until the next bounded look would count that as late. */
	for (int round = 0; round < 5; round++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);

		new_deadline(name, "slow", 5 * NS_PER_MS);
		fill_ring(producer, BIG);
		expect_ok(shmring_producer_wait(producer, BIG, -1));
		cr_assert_eq(producer_info(producer).late, 0);
		cr_assert_eq(is_evicted(name, "slow"), 1);
		expect_ok(shmring_producer_close(producer));
		expect_ok(shmring_unlink(name));
	}
}

Test(deadline, a_write_that_may_not_wait_so_long_times_out)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_deadline(name, "slow", NEVER);

	fill_ring(producer, BIG);
	expect_result(shmring_write(producer, bytes, BIG, 0, 2 * NS_PER_MS), -ETIMEDOUT);
	expect_result(shmring_write(producer, bytes, BIG, 0, 0), -EAGAIN);
	cr_assert_eq(is_evicted(name, "slow"), 0);
	expect_run(consumer, 0, 3, BIG);
}

/* ---- Only while it does keep the producer waiting ---------------------------------------------------------- */

Test(deadline, starts_anew_when_there_was_room)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_deadline(name, "slow", SOON);
	unsigned int next = 0;

	/* Kept waiting by it many times, far longer in all than it may, but each time it makes room in between. */
	fill_ring(producer, BIG);
	for (int round = 0; round < 20; round++) {
		pass_time(SOON);
		expect_run(consumer, next++, 1, BIG);
		write_records(producer, 1, BIG);
		/* Full again, for the first time since. */
		pass_time(SOON);
		expect_full(producer, BIG);
		cr_assert_eq(is_evicted(name, "slow"), 0, "round %d", round);
	}
}

Test(deadline, room_that_is_not_used_counts)
{
	for (int looks = 0; looks < 2; looks++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);
		struct shmring_consumer *consumer = new_deadline(name, "slow", SOON);

		/* Kept waiting for a little room, which is made in time; only then there is none for a large record. */
		fill_ring(producer, 600);
		expect_run(consumer, 0, 2, 600);
		if (looks)
			expect_ok(shmring_producer_wait(producer, 600, 0));
		pass_time(SOON);
		expect_full(producer, BIG);
		cr_assert_eq(is_evicted(name, "slow"), 0);
		insist_on_room(producer, BIG);
		cr_assert_eq(is_evicted(name, "slow"), 1);
	}
}

Test(deadline, progress_that_makes_no_room_does_not_help)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *consumer = new_deadline(name, "slow", SOON);
	struct shmring_record record;
	unsigned int next = 0;
	void *data;
	int result;

	fill_ring(producer, 8);
	do {
		pass_time(NS_PER_MS / 5);
		if (next < 100 && shmring_read(consumer, &record) == 0 &&
		    shmring_release(consumer) == 0)
			next++;
		result = shmring_reserve(producer, BIG, &data);
	} while (result == -EAGAIN);
	expect_ok(result);
	cr_assert_eq(is_evicted(name, "slow"), 1);
	expect_result(shmring_read(consumer, &record), -ECONNRESET);
	/* It goes on where it was, told what it has lost, if anything. */
	expect_ok(shmring_abort(producer));
	expect_ok(shmring_rejoin(consumer, NULL));
	expect_ok(shmring_read(consumer, &record));
	cr_assert_eq(record.sequence, next + record.lost);
}

Test(deadline, one_that_keeps_up_is_not_evicted_for_another)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *fast = new_deadline(name, "fast", 1);
	struct shmring_consumer *behind = new_deadline(name, "behind", 1);
	struct shmring_consumer_options options = options_for("reliable", SHMRING_RELIABLE);
	struct shmring_consumer *reliable = open_consumer(name, &options);

	for (unsigned int i = 0; i < 3; i++) {
		write_records(producer, 1, BIG);
		expect_run(fast, i, 1, BIG);
	}
	/* Behind, but not in the way: the producer wants the first record's room. */
	expect_run(behind, 0, 1, BIG);
	for (int i = 0; i < 50; i++) {
		expect_full(producer, BIG);
		pass_time(NS_PER_MS / 4);
	}
	cr_assert_eq(is_evicted(name, "fast"), 0);
	cr_assert_eq(is_evicted(name, "behind"), 0);
	cr_assert_eq(is_evicted(name, "reliable"), 0);
	expect_run(reliable, 0, 3, BIG);
	expect_run(behind, 1, 2, BIG);
	write_records(producer, 1, BIG);
	expect_run(fast, 3, 1, BIG);
}

Test(deadline, each_has_its_own)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *soon = new_deadline(name, "soon", SOON);
	struct shmring_consumer *late = new_deadline(name, "late", NEVER);
	struct shmring_record record;
	uint64_t start = now_ns();
	void *data;

	fill_ring(producer, BIG);
	while (!is_evicted(name, "soon"))
		expect_full(producer, BIG);
	cr_assert_geq(now_ns() - start, (uint64_t)SOON);
	expect_full(producer, BIG);
	cr_assert_eq(is_evicted(name, "late"), 0);
	expect_result(shmring_read(soon, &record), -ECONNRESET);
	expect_run(late, 0, 3, BIG);
	expect_ok(shmring_reserve(producer, BIG, &data));
}

Test(deadline, both_are_evicted_when_both_are_in_the_way)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	uint64_t start;

	new_deadline(name, "soon", SOON);
	new_deadline(name, "later", 4 * SOON);
	fill_ring(producer, BIG);
	start = now_ns();
	expect_ok(shmring_write(producer, bytes, BIG, 0, -1));
	cr_assert_geq(now_ns() - start, 4 * (uint64_t)SOON);
	cr_assert_eq(is_evicted(name, "soon"), 1);
	cr_assert_eq(is_evicted(name, "later"), 1);
	cr_assert_eq(producer_info(producer).late, 0);
}

Test(deadline, reliable_and_lossy_ones_are_never_evicted)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer_options options = options_for("reliable", SHMRING_RELIABLE);
	struct shmring_consumer *reliable = open_consumer(name, &options);

	options = options_for("lossy", SHMRING_LOSSY);
	open_consumer(name, &options);
	new_deadline(name, "slow", 1);
	fill_ring(producer, BIG);
	expect_result(shmring_write(producer, bytes, BIG, 0, 60 * NS_PER_MS), -ETIMEDOUT);
	cr_assert_eq(is_evicted(name, "slow"), 1);
	cr_assert_eq(is_evicted(name, "reliable"), 0);
	cr_assert_eq(is_evicted(name, "lossy"), 0);
	expect_run(reliable, 0, 3, BIG);
}

Test(deadline, one_too_long_to_count_does_not_pass_at_once)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);

	new_deadline(name, "slow", INT64_MAX);
	fill_ring(producer, BIG);
	expect_result(shmring_write(producer, bytes, BIG, 0, 120 * NS_PER_MS), -ETIMEDOUT);
	cr_assert_eq(is_evicted(name, "slow"), 0);
}

Test(deadline, counts_anew_for_a_successor)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	uint64_t start;

	new_deadline(name, "slow", 10 * NS_PER_MS);
	fill_ring(producer, BIG);
	pass_time(10 * NS_PER_MS);
	expect_ok(shmring_producer_close(producer));
	start = now_ns();
	producer = new_producer(name);
	insist_on_room(producer, BIG);
	cr_assert_geq(now_ns() - start, 10 * (uint64_t)NS_PER_MS);
	cr_assert_eq(is_evicted(name, "slow"), 1);
}
