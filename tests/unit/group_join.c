/* SPDX-License-Identifier: MIT */
/* Groups: who may join, how many there can be, and members that come and go. */
#include "members.h"

#include <criterion/parameterized.h>
#include <stdio.h>

#include "checked.h"

static enum shmring_policy policies[] = { SHMRING_RELIABLE, SHMRING_LOSSY, SHMRING_DEADLINE };

#define EachPolicy(Name)                                                      \
	ParameterizedTestParameters(group_join, Name)                         \
	{                                                                     \
		return cr_make_param_array(enum shmring_policy, policies, 3); \
	}                                                                     \
	ParameterizedTest(enum shmring_policy *policy, group_join, Name)

static void expect_open(const char *ring, struct shmring_consumer_options options, int error)
{
	struct shmring_consumer *consumer = NULL;

	expect_result(shmring_consumer_open(&consumer, ring, &options), error);
	cr_assert_null(consumer);
}

Test(group_join, refuses_bad_options)
{
	const char *name = new_ring(0);
	struct shmring_consumer_options options = member_options(NULL, SHMRING_RELIABLE, 1);
	struct shmring_consumer *observer = NULL;

	/* A group needs a name. */
	expect_open(name, options, -EINVAL);
	options.subscription = "workers";
	options.shared = 2;
	expect_open(name, options, -EINVAL);
	options.shared = UINT32_MAX;
	expect_open(name, options, -EINVAL);
	options.shared = 1;
	options.claim_batch = SHMRING_CLAIM_MAX + 1;
	expect_open(name, options, -EINVAL);
	options.claim_batch = UINT32_MAX;
	expect_open(name, options, -EINVAL);
	/* Who is alone claims nothing. */
	options.shared = 0;
	options.claim_batch = 1;
	expect_open(name, options, -EINVAL);
	cr_assert_eq(ring_info(name).subscriptions, 0);
	/* Nor can observers be members. */
	options = (struct shmring_consumer_options)SHMRING_CONSUMER_OPTIONS_INIT;
	options.shared = 1;
	expect_result(shmring_observer_open(&observer, name, &options), -EINVAL);
	options.shared = 0;
	options.claim_batch = 1;
	expect_result(shmring_observer_open(&observer, name, &options), -EINVAL);
	cr_assert_null(observer);
	options.claim_batch = 0;
	expect_ok(shmring_observer_open(&observer, name, &options));
}

EachPolicy(is_for_those_who_ask_for_the_same)
{
	for (uint32_t durable = 0; durable < 2; durable++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);
		struct shmring_consumer_options options = member_options("workers", *policy, 1);
		struct shmring_consumer *one;

		options.durable = durable;
		one = open_consumer(name, &options);
		options.durable = !durable;
		expect_open(name, options, -EEXIST);
		for (int other = SHMRING_RELIABLE; other <= SHMRING_DEADLINE; other++) {
			if (other == (int)*policy)
				continue;
			options = member_options("workers", (enum shmring_policy)other, 1);
			options.durable = durable;
			expect_open(name, options, -EEXIST);
		}
		options = member_options("workers", *policy, 1);
		options.durable = durable;
		if (*policy == SHMRING_DEADLINE) {
			options.deadline_ns++;
			expect_open(name, options, -EEXIST);
			options.deadline_ns--;
		}
		/* Alone: the name is in use. */
		options.shared = options.claim_batch = 0;
		expect_open(name, options, -EBUSY);
		options.durable = !durable;
		expect_open(name, options, -EBUSY);
		/* Refusing has changed nothing. */
		cr_assert_eq(ring_info(name).members, 1);
		/* How many it takes at once is each one's own affair. */
		options.durable = durable;
		options.shared = 1;
		options.claim_batch = 7;
		write_records(producer, 3, 100);
		expect_run(one, 0, 1, 100);
		expect_run(open_consumer(name, &options), 1, 2, 100);
		cr_assert_eq(ring_info(name).subscriptions, 1);
		cr_assert_eq(ring_info(name).members, 2);
		expect_ok(shmring_unlink(name));
	}
}

EachPolicy(one_who_is_alone_is_not_made_a_group)
{
	const char *name = new_ring(0);
	struct shmring_consumer_options alone = member_options("workers", *policy, 0);
	struct shmring_consumer *consumer;

	alone.shared = 0;
	consumer = open_consumer(name, &alone);
	expect_open(name, member_options("workers", *policy, 1), -EBUSY);
	expect_ok(shmring_consumer_close(consumer));
	consumer = open_member(name, "workers", *policy, 1);
	expect_open(name, alone, -EBUSY);
	expect_ok(shmring_consumer_close(consumer));
	expect_ok(shmring_consumer_close(open_consumer(name, &alone)));
	/* Durable, and nobody has it open: it is still not the same. */
	alone.durable = 1;
	expect_ok(shmring_consumer_close(open_consumer(name, &alone)));
	alone.shared = 1;
	expect_open(name, alone, -EEXIST);
	alone.shared = 0;
	expect_ok(shmring_consumer_close(open_consumer(name, &alone)));
}

EachPolicy(where_to_start_is_for_the_first)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer_options options = member_options("workers", *policy, 1);
	struct shmring_consumer *one, *other;

	write_records(producer, 10, 100);
	options.start = SHMRING_SEQUENCE;
	options.start_value = 11;
	expect_open(name, options, -ERANGE);
	cr_assert_eq(ring_info(name).subscriptions, 0);
	options.start_value = 4;
	one = open_consumer(name, &options);
	options.start = SHMRING_OLDEST;
	other = open_consumer(name, &options);
	expect_run(other, 4, 1, 100);
	expect_run(one, 5, 1, 100);
	for (int start = SHMRING_OLDEST; start <= SHMRING_TIME; start++) {
		options.start = (enum shmring_start)start;
		options.start_value = UINT64_MAX;
		expect_run(open_consumer(name, &options), 6 + (unsigned int)start, 1, 100);
	}
	expect_nothing(one);
}

Test(group_join, starts_at_the_newest_and_at_a_time)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer_options options = member_options("new", SHMRING_RELIABLE, 1);
	struct shmring_consumer *newest, *timed;

	write_records(producer, 10, 100);
	options.start = SHMRING_NEWEST;
	newest = open_consumer(name, &options);
	options.subscription = "timed";
	options.start = SHMRING_TIME;
	timed = open_consumer(name, &options);
	expect_nothing(newest);
	write_records(producer, 2, 100);
	expect_run(newest, 10, 2, 100);
	expect_run(timed, 0, 12, 100);
}

EachPolicy(members_come_and_go)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *members[8] = { NULL };

	/* One of them leaves and comes back each time; what it had is done. */
	for (unsigned int i = 0; i < 8; i++)
		members[i] = open_member(name, "workers", *policy, 1 + i % 3);
	for (unsigned int i = 0; i < 2000; i++) {
		struct shmring_consumer **member = &members[i * 5 % 8];

		write_records(producer, 1, 100);
		expect_run(*member, i, 1, 100);
		expect_ok(shmring_consumer_close(*member));
		*member = open_member(name, "workers", *policy, 1 + i % 3);
		if (i % 100 == 0)
			expect_sound(name);
	}
	cr_assert_eq(ring_info(name).subscriptions, 1);
	cr_assert_eq(ring_info(name).members, 8);
	for (unsigned int i = 0; i < 8; i++) {
		cr_assert_eq(consumer_info(members[i]).lost, 0);
		expect_ok(shmring_consumer_close(members[i]));
	}
	/* It ends with its last member. */
	cr_assert_eq(ring_info(name).subscriptions, 0);
	cr_assert_eq(ring_info(name).members, 0);
	members[0] = open_member(name, "workers", *policy, 1);
	cr_assert_lt(consumer_info(members[0]).position, 2000 * stride_of(100));
	expect_sound(name);
}

Test(group_join, one_group_may_have_all_members)
{
	static struct shmring_consumer *members[SHMRING_MEMBERS];
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);

	for (unsigned int i = 0; i < SHMRING_MEMBERS; i++)
		members[i] = open_member(name, "workers", SHMRING_RELIABLE, 1);
	expect_open(name, member_options("workers", SHMRING_RELIABLE, 1), -EUSERS);
	expect_open(name, options_for(NULL, SHMRING_LOSSY), -EUSERS);
	cr_assert_eq(ring_info(name).members, SHMRING_MEMBERS);
	cr_assert_eq(subscription_info(name, "workers").members, SHMRING_MEMBERS);
	/* All of them have one at once. */
	write_records(producer, SHMRING_MEMBERS, 40);
	for (unsigned int i = 0; i < SHMRING_MEMBERS; i++)
		expect_next(members[i], i, 40);
	cr_assert_eq(count_holders(name, "workers"), SHMRING_MEMBERS);
	expect_sound(name);
	for (unsigned int i = 0; i < SHMRING_MEMBERS; i++)
		expect_ok(shmring_release(members[i * 37 % SHMRING_MEMBERS]));
	cr_assert_eq(count_holders(name, "workers"), 0);
	expect_ok(shmring_consumer_close(members[77]));
	members[77] = open_member(name, "workers", SHMRING_RELIABLE, 1);
	write_records(producer, 1, 40);
	expect_run(members[77], SHMRING_MEMBERS, 1, 40);
}

Test(group_join, all_subscriptions_may_be_groups)
{
	enum { EACH = SHMRING_MEMBERS / SHMRING_SUBSCRIPTIONS };
	static struct shmring_consumer *members[SHMRING_SUBSCRIPTIONS][EACH];
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);

	for (unsigned int k = 0; k < EACH; k++) {
		for (unsigned int i = 0; i < SHMRING_SUBSCRIPTIONS; i++) {
			char group[20];

			snprintf(group, sizeof(group), "group-%u", i);
			members[i][k] = open_member(name, group, SHMRING_RELIABLE, 1);
		}
	}
	expect_open(name, member_options("another", SHMRING_RELIABLE, 1), -EUSERS);
	cr_assert_eq(ring_info(name).subscriptions, SHMRING_SUBSCRIPTIONS);
	cr_assert_eq(ring_info(name).members, SHMRING_MEMBERS);
	for (unsigned int round = 0; round < 300; round++) {
		write_records(producer, EACH, 40);
		for (unsigned int i = 0; i < SHMRING_SUBSCRIPTIONS; i++)
			for (unsigned int k = 0; k < EACH; k++)
				expect_run(members[i][k], round * EACH + k, 1, 40);
	}
	expect_sound(name);
}

static int join_many_times(void *argument)
{
	const char *ring = argument;
	struct shmring_consumer_options options = member_options("workers", SHMRING_RELIABLE, 1);
	struct shmring_consumer *member;

	for (int i = 0; i < 300; i++) {
		int error = shmring_consumer_open(&member, ring, &options);

		CHILD_CHECK(error == 0, "open %d: %d", i, error);
		CHILD_CHECK(shmring_consumer_close(member) == 0);
	}
	return 0;
}

/* One may be the first member or not, as it comes: nobody is refused. */
Test(group_join, who_comes_as_others_go_is_let_in)
{
	const char *name = new_ring(0);
	pid_t children[4];

	for (int i = 0; i < 4; i++)
		children[i] = child_start(join_many_times, (void *)(uintptr_t)name);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(child_wait(children[i]), 0);
	cr_assert_eq(ring_info(name).subscriptions, 0);
	cr_assert_eq(ring_info(name).members, 0);
}
