/* SPDX-License-Identifier: MIT */
/* Groups: what an inspector sees of them and of their members. */
#include "members.h"

#include <unistd.h>

#include "checked.h"

/* The only member of the table that holds something. */
static struct shmring_member_info the_holder(const char *ring)
{
	struct shmring_member_info found = SHMRING_MEMBER_INFO_INIT, info;
	unsigned int count = 0;

	for (unsigned int member = 0; member < SHMRING_MEMBERS; member++) {
		if (look_at_member(ring, member, &info) != 0 || !info.holds)
			continue;
		found = info;
		count++;
	}
	cr_assert_eq(count, 1, "%u hold something", count);
	return found;
}

Test(group_look, refuses_bad_arguments)
{
	const char *name = new_ring(0);
	struct shmring_member_info info = SHMRING_MEMBER_INFO_INIT;
	struct shmring_inspector *inspector;

	expect_ok(shmring_inspector_open(&inspector, name));
	expect_result(shmring_inspect_member(inspector, 0, NULL), -EINVAL);
	expect_result(shmring_inspect_member(inspector, SHMRING_MEMBERS, &info), -EINVAL);
	expect_result(shmring_inspect_member(inspector, UINT32_MAX, &info), -EINVAL);
	info.size = 0;
	expect_result(shmring_inspect_member(inspector, 0, &info), -EINVAL);
	info.size = sizeof(info);
	for (unsigned int member = 0; member < SHMRING_MEMBERS; member++)
		expect_result(shmring_inspect_member(inspector, member, &info), -ENOENT);
	/* What is not there changes nothing. */
	info.pid = 77;
	expect_result(shmring_inspect_member(inspector, 0, &info), -ENOENT);
	cr_assert_eq(info.pid, 77);
	new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	expect_ok(shmring_inspect_member(inspector, 0, &info));
	cr_assert_eq(info.alive, SHMRING_ALIVE);
	cr_assert_eq(info.pid, getpid());
	expect_ok(shmring_inspector_close(inspector));
}

Test(group_look, a_group_is_shown)
{
	const char *name = new_ring(0);
	struct shmring_subscription_info info;
	struct shmring_consumer *members[3];

	new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	for (unsigned int i = 0; i < 3; i++) {
		members[i] = open_member(name, "workers", SHMRING_DEADLINE, 1);
		info = subscription_info(name, "workers");
		cr_assert_eq(info.shared, 1);
		cr_assert_eq(info.members, i + 1);
		cr_assert_eq(info.alive, SHMRING_ALIVE);
		cr_assert_eq(info.policy, SHMRING_DEADLINE);
		cr_assert_eq(info.deadline_ns, NEVER);
		cr_assert_eq(info.durable, 0);
		cr_assert_eq(info.joining, 0);
		cr_assert_eq(info.evicted, 0);
		cr_assert_eq(info.pid, getpid());
	}
	open_consumer(name, &(struct shmring_consumer_options){
				    .size = sizeof(struct shmring_consumer_options),
				    .subscription = "alone" });
	cr_assert_eq(subscription_info(name, "alone").shared, 0);
	cr_assert_eq(subscription_info(name, "alone").members, 1);
	expect_ok(shmring_evict(name, "workers"));
	info = subscription_info(name, "workers");
	cr_assert_eq(info.evicted, 1);
	cr_assert_eq(info.shared, 1);
	cr_assert_eq(info.members, 3);
	for (unsigned int i = 0; i < 3; i++)
		expect_ok(shmring_consumer_close(members[i]));
	cr_assert_eq(ring_info(name).subscriptions, 2);
}

Test(group_look, what_a_member_holds_is_shown)
{
	const char *name = new_ring_from(1 << 20, 1000);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one, *other;
	struct shmring_member_info info;
	const uint64_t before = wall_ns();

	one = open_member(name, "workers", SHMRING_RELIABLE, 4);
	other = open_member(name, "workers", SHMRING_RELIABLE, 3);
	cr_assert_eq(count_holders(name, "workers"), 0);
	write_records(producer, 9, 100);
	expect_next(one, 1000, 100);
	info = the_holder(name);
	cr_assert_eq(info.slot, slot_of(name, "workers"));
	cr_assert_eq(info.alive, SHMRING_ALIVE);
	cr_assert_eq(info.pid, getpid());
	cr_assert_geq(info.since_ns, before);
	cr_assert_leq(info.since_ns, wall_ns());
	cr_assert_eq(info.position, 1 << 20);
	cr_assert_eq(info.end, (1 << 20) + 4 * stride_of(100));
	cr_assert_eq(info.bytes, 4 * stride_of(100));
	cr_assert_eq(info.records, 4);
	/* What it has read makes no difference, what it has released does. */
	expect_next(one, 1001, 100);
	cr_assert_eq(the_holder(name).records, 4);
	expect_ok(shmring_release(one));
	info = the_holder(name);
	cr_assert_eq(info.position, (1 << 20) + 2 * stride_of(100));
	cr_assert_eq(info.end, (1 << 20) + 4 * stride_of(100));
	cr_assert_eq(info.bytes, 2 * stride_of(100));
	cr_assert_eq(info.records, 2);
	expect_next(other, 1004, 100);
	cr_assert_eq(count_holders(name, "workers"), 2);
	expect_run(one, 1002, 2, 100);
	info = the_holder(name);
	cr_assert_eq(info.position, (1 << 20) + 4 * stride_of(100));
	cr_assert_eq(info.records, 3);
	expect_run(other, 1005, 2, 100);
	cr_assert_eq(count_holders(name, "workers"), 0);
	expect_ok(look_at_member(name, 0, &info));
	cr_assert_eq(info.holds + info.position + info.end + info.bytes + info.records, 0);
	cr_assert_eq(info.held_ns, 0);
}

Test(group_look, for_how_long_is_shown)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", SHMRING_RELIABLE, 1);
	const int64_t pause = 300 * NS_PER_MS;
	const uint64_t start = wall_ns();

	for (unsigned int i = 0; i < 2; i++) {
		write_records(producer, 1, 100);
		/* It had nothing for a while, which does not count. */
		expect_next(one, i, 100);
		cr_assert_leq(the_holder(name).held_ns, wall_ns() - start);
		pass_time(pause);
		/* To a few milliseconds, the coarse clock's steps and those in which it is looked at. */
		cr_assert_geq(the_holder(name).held_ns, (uint64_t)(pause - 20 * NS_PER_MS));
		cr_assert_leq(the_holder(name).held_ns, wall_ns() - start);
		expect_ok(shmring_release(one));
	}
}

Test(group_look, a_dead_member_is_shown_while_it_has_something)
{
	struct life life = { new_ring(0), "workers", SHMRING_RELIABLE, 0, 3, 1, 1 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *one = open_member(life.ring, "workers", SHMRING_RELIABLE, 1);
	struct shmring_member_info info;

	write_records(producer, 3, 100);
	live_and_be_killed(&life);
	info = the_holder(life.ring);
	cr_assert_eq(info.alive, SHMRING_DEAD);
	cr_assert_neq(info.pid, getpid());
	cr_assert_eq(info.records, 2);
	cr_assert_eq(info.position, stride_of(100));
	cr_assert_eq(subscription_info(life.ring, "workers").members, 2);
	cr_assert_eq(subscription_info(life.ring, "workers").alive, SHMRING_ALIVE);
	/* While it is delivered again, by somebody who lives. */
	expect_run_again(one, 1, 1, 100);
	info = the_holder(life.ring);
	cr_assert_eq(info.records, 1);
	cr_assert_eq(info.position, 2 * stride_of(100));
	expect_run_again(one, 2, 1, 100);
	cr_assert_eq(count_holders(life.ring, "workers"), 0);
	cr_assert_eq(subscription_info(life.ring, "workers").members, 1);
	cr_assert_eq(ring_info(life.ring).members, 1);
}

/* A group stands at the first record that is not released, be it in somebody's hands or not. */
Test(group_look, its_place_is_the_first_record_not_released)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", SHMRING_RELIABLE, 2);
	struct shmring_consumer *other = open_member(name, "workers", SHMRING_RELIABLE, 1);
	struct shmring_subscription_info info;

	write_records(producer, 10, 100);
	expect_next(one, 0, 100);
	expect_run(other, 2, 3, 100);
	info = subscription_info(name, "workers");
	cr_assert_eq(info.sequence, 0, "%llu", (unsigned long long)info.sequence);
	cr_assert_eq(info.position, 0);
	cr_assert_eq(info.lag_records, 10);
	cr_assert_eq(info.lag_bytes, 10 * stride_of(100));
	expect_ok(shmring_release(one));
	info = subscription_info(name, "workers");
	cr_assert_eq(info.sequence, 1);
	cr_assert_eq(info.lag_records, 9);
	expect_run(one, 1, 1, 100);
	info = subscription_info(name, "workers");
	cr_assert_eq(info.sequence, 5);
	cr_assert_eq(info.lag_records, 5);
}

Test(group_look, the_one_that_blocks_the_producer_is_shown)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *slow = open_member(name, "workers", SHMRING_RELIABLE, 1);
	struct shmring_consumer *fast = open_member(name, "workers", SHMRING_RELIABLE, 1);

	open_member(name, "lossy", SHMRING_LOSSY, 1);
	cr_assert_eq(fill_ring(producer, SMALL_MAXIMUM), 3);
	expect_next(slow, 0, SMALL_MAXIMUM);
	expect_run(fast, 1, 2, SMALL_MAXIMUM);
	cr_assert_eq(fill_ring(producer, SMALL_MAXIMUM), 0);
	cr_assert_eq(subscription_info(name, "workers").blocking, 1);
	cr_assert_eq(subscription_info(name, "lossy").blocking, 0);
	expect_ok(shmring_release(slow));
	cr_assert_eq(subscription_info(name, "workers").blocking, 0);
}

Test(group_look, other_subscriptions_have_a_member_that_holds_nothing)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *alone = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_member_info info;

	write_records(producer, 3, 100);
	expect_next(alone, 0, 100);
	expect_ok(look_at_member(name, 0, &info));
	cr_assert_eq(info.alive, SHMRING_ALIVE);
	cr_assert_eq(info.pid, getpid());
	cr_assert_eq(info.holds, 0);
	expect_ok(shmring_consumer_close(alone));
	expect_result(look_at_member(name, 0, &info), -ENOENT);
}
