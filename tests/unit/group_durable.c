/* SPDX-License-Identifier: MIT */
/* Durable groups: they stay when all members are gone, with what those had in their hands. */
#include "members.h"

#include <criterion/parameterized.h>

#include "checked.h"

#define BIG SMALL_MAXIMUM

static enum shmring_policy policies[] = { SHMRING_RELIABLE, SHMRING_LOSSY, SHMRING_DEADLINE };

#define EachPolicy(Name)                                                      \
	ParameterizedTestParameters(group_durable, Name)                      \
	{                                                                     \
		return cr_make_param_array(enum shmring_policy, policies, 3); \
	}                                                                     \
	ParameterizedTest(enum shmring_policy *policy, group_durable, Name)

static struct shmring_consumer *open_durable_member(const char *ring, enum shmring_policy policy,
						    unsigned int claim_batch)
{
	struct shmring_consumer_options options = member_options("workers", policy, claim_batch);

	options.durable = 1;
	return open_consumer(ring, &options);
}

EachPolicy(goes_on_where_it_was)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *members[3];

	/* Before there is anything, too. */
	expect_ok(shmring_consumer_close(open_durable_member(name, *policy, 1)));
	for (unsigned int round = 0; round < 20; round++) {
		write_records(producer, 4, 100);
		for (unsigned int i = 0; i < 3; i++)
			members[i] = open_durable_member(name, *policy, 1);
		for (unsigned int i = 0; i < 3; i++)
			expect_next(members[i], 4 * round + i, 100);
		expect_ok(shmring_release(members[1]));
		expect_run(members[1], 4 * round + 3, 1, 100);
		for (unsigned int i = 0; i < 3; i++) {
			if (i != 1)
				expect_ok(shmring_release(members[i]));
			expect_ok(shmring_consumer_close(members[i]));
		}
		cr_assert_eq(ring_info(name).subscriptions, 1);
		cr_assert_eq(ring_info(name).members, 0);
		cr_assert_eq(subscription_info(name, "workers").durable, 1);
		cr_assert_eq(subscription_info(name, "workers").shared, 1);
		cr_assert_eq(subscription_info(name, "workers").alive, SHMRING_DEAD);
		expect_sound(name);
	}
	expect_nothing(open_durable_member(name, *policy, 1));
}

EachPolicy(what_the_dead_had_comes_first)
{
	struct life life = { new_ring(0), "workers", *policy, 1, 3, 4, 1 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *member;

	for (unsigned int round = 0; round < 20; round++) {
		const uint64_t first = 6 * round;

		write_records(producer, 6, 100);
		/* It has released three, and then one of the next three. */
		live_and_be_killed(&life);
		cr_assert_eq(ring_info(life.ring).members, 1);
		expect_sound(life.ring);
		member = open_durable_member(life.ring, *policy, 1);
		expect_run_again(member, first + 4, 2, 100);
		expect_nothing(member);
		expect_ok(shmring_consumer_close(member));
		cr_assert_eq(ring_info(life.ring).members, 0);
	}
}

EachPolicy(what_a_closed_one_had_comes_first)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one, *other;

	write_records(producer, 8, 100);
	one = open_durable_member(name, *policy, 3);
	other = open_durable_member(name, *policy, 3);
	expect_next(one, 0, 100);
	expect_run(other, 3, 2, 100);
	/* Both leave, the last one with something in its hands as well. */
	expect_ok(shmring_consumer_close(one));
	expect_ok(shmring_consumer_close(other));
	cr_assert_eq(ring_info(name).members, 2);
	cr_assert_eq(count_holders(name, "workers"), 2);
	expect_sound(name);
	one = open_durable_member(name, *policy, 4);
	expect_run_again(one, 0, 3, 100);
	expect_run_again(one, 5, 1, 100);
	expect_run(one, 6, 2, 100);
	expect_nothing(one);
	cr_assert_eq(ring_info(name).members, 1);
	expect_sound(name);
}

Test(group_durable, left_alone_it_holds_what_was_in_hand)
{
	struct life life = { new_ring(0), "workers", SHMRING_RELIABLE, 1, 2, 0, 1 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *one;

	write_records(producer, 3, BIG);
	live_and_be_killed(&life);
	for (int i = 0; i < 10; i++) {
		pass_time(NS_PER_MS);
		cr_assert_eq(fill_ring(producer, BIG), 0);
	}
	cr_assert_eq(subscription_info(life.ring, "workers").blocking, 1);
	one = open_durable_member(life.ring, SHMRING_RELIABLE, 1);
	cr_assert_eq(fill_ring(producer, BIG), 0);
	expect_run_again(one, 0, 2, BIG);
	expect_run(one, 2, 1, BIG);
	cr_assert_eq(fill_ring(producer, BIG), 3);
}

Test(group_durable, unsubscribe_ends_it)
{
	struct life life = { new_ring(0), "workers", SHMRING_RELIABLE, 1, 2, 0, 1 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *one = open_durable_member(life.ring, SHMRING_RELIABLE, 1);
	struct shmring_consumer *fresh;

	cr_assert_eq(fill_ring(producer, BIG), 3);
	live_and_be_killed(&life);
	expect_result(shmring_unsubscribe(life.ring, "workers"), -EBUSY);
	expect_ok(shmring_consumer_close(one));
	expect_ok(shmring_unsubscribe(life.ring, "workers"));
	cr_assert_eq(ring_info(life.ring).subscriptions, 0);
	cr_assert_eq(ring_info(life.ring).members, 0);
	/* Nobody gets what its dead had. */
	fresh = open_member(life.ring, "workers", SHMRING_RELIABLE, 1);
	expect_run(fresh, 0, 3, BIG);
	expect_nothing(fresh);
	cr_assert_eq(fill_ring(producer, BIG), 3);
	expect_sound(life.ring);
}

EachPolicy(evicted_while_nobody_has_it_open)
{
	for (int gone = 0; gone < 2; gone++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);
		struct shmring_consumer *one = open_durable_member(name, *policy, 1), *other;
		struct shmring_record record;
		uint64_t expected = 2;
		int result;

		write_records(producer, 6, 1000);
		expect_run(one, 0, 2, 1000);
		expect_ok(shmring_consumer_close(one));
		expect_ok(shmring_evict(name, "workers"));
		cr_assert_eq(is_evicted(name, "workers"), 1);
		if (gone) {
			write_records(producer, 200, 1000);
			expected = ring_info(name).oldest_sequence;
		}
		one = open_durable_member(name, *policy, 1);
		other = open_durable_member(name, *policy, 1);
		cr_assert_eq(is_evicted(name, "workers"), 0);
		cr_assert_eq(subscription_info(name, "workers").durable, 1);
		while ((result = shmring_read(one, &record)) == -EAGAIN)
			;
		expect_ok(result);
		expect_whole(&record, record.sequence, 1000);
		/* A LOSSY one goes on further ahead. */
		if (*policy == SHMRING_LOSSY && gone)
			cr_assert_gt(record.sequence, expected);
		else
			cr_assert_eq(record.sequence, expected);
		cr_assert_eq(record.lost, record.sequence - 2);
		expect_ok(shmring_release(one));
		expect_run(other, record.sequence + 1, 1, 1000);
		expect_sound(name);
	}
}

/* The number of its tail is known when all who knew it are gone, and the records too. */
EachPolicy(its_losses_are_exact_when_all_members_were_gone)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct tally tally = { 0 }, others = { 0 };

	for (unsigned int round = 0; round < 60; round++) {
		struct shmring_consumer *members[3];

		for (unsigned int i = 0; i < 3; i++)
			members[i] = open_durable_member(name, *policy, 1 + i);
		expect_all_told(producer, members, 3, &tally);
		/* Somebody else is the last one to know where it is; and all leave in different orders. */
		write_records(producer, 1, 1000);
		cr_assert(take_one(members[round % 3], &tally));
		for (unsigned int i = 0; i < 3; i++)
			expect_ok(shmring_consumer_close(members[(round / 3 + i) % 3]));
		/* Others get their lines, and write there. */
		for (unsigned int i = 0; i < 3; i++) {
			struct shmring_consumer_options options =
				member_options("others", SHMRING_LOSSY, 1);

			options.start = SHMRING_NEWEST;
			members[i] = open_consumer(name, &options);
			write_records(producer, 1, 1000);
			cr_assert(take_one(members[i], &others));
		}
		for (unsigned int i = 0; i < 3; i++)
			expect_ok(shmring_consumer_close(members[i]));
		write_records(producer, round % 5, 1000);
		if (round % 2) {
			expect_ok(shmring_evict(name, "workers"));
			write_records(producer, 150 * (round % 3), 1000);
		}
		expect_sound(name);
	}
	cr_assert_gt(tally.lost, 0);
}
