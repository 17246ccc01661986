/* SPDX-License-Identifier: MIT */
/* Groups: waiting for a record, the ends of a stream, and what a forked child has of a member. */
#include "members.h"

#include <pthread.h>
#include <signal.h>

#include "checked.h"

#include "../support/objects.h"

#include "../../lib/layout.h"

static void *wait_and_release(void *member)
{
	struct shmring_record record;
	int result = shmring_wait(member, -1);

	if (result == 0)
		result = shmring_read(member, &record);
	if (result == 0)
		result = shmring_release(member);
	return (void *)(intptr_t)result;
}

static void *wait_for_ever(void *member)
{
	return (void *)(intptr_t)shmring_wait(member, -1);
}

static int in_thread(pthread_t thread)
{
	void *result;

	pthread_join(thread, &result);
	return (int)(intptr_t)result;
}

static pthread_t start(void *(*run)(void *), struct shmring_consumer *member)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, run, member), 0);
	return thread;
}

Test(group_wait, tells_when_there_is_something)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", SHMRING_RELIABLE, 2);
	struct shmring_consumer *other = open_member(name, "workers", SHMRING_RELIABLE, 2);

	expect_result(shmring_wait(one, 0), -EAGAIN);
	expect_result(shmring_wait(one, NS_PER_MS), -ETIMEDOUT);
	write_records(producer, 2, 100);
	expect_ok(shmring_wait(one, -1));
	expect_ok(shmring_wait(other, 0));
	expect_next(one, 0, 100);
	/* The rest of its claim is for it alone. */
	expect_ok(shmring_wait(one, 0));
	expect_result(shmring_wait(other, 0), -EAGAIN);
	expect_next(one, 1, 100);
	expect_ok(shmring_release(one));
	expect_result(shmring_wait(one, 0), -EAGAIN);
}

Test(group_wait, waiting_leaves_what_is_in_hand_alone)
{
	struct life life = { new_ring(0), "workers", SHMRING_RELIABLE, 0, 1, 0, 1 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *one = open_member(life.ring, "workers", SHMRING_RELIABLE, 1);
	struct shmring_member_info info;
	struct shmring_record record;

	write_records(producer, 2, 100);
	expect_next(one, 0, 100);
	/* There is what a dead one had, but first it has to release. */
	live_and_be_killed(&life);
	(void)shmring_wait(one, 0);
	expect_result(shmring_read(one, &record), -EALREADY);
	expect_ok(look_at_member(life.ring, 0, &info));
	cr_assert_eq(info.holds, 1);
	cr_assert_eq(info.position, 0);
	expect_ok(shmring_release(one));
	expect_ok(look_at_member(life.ring, 0, &info));
	cr_assert_eq(info.holds, 0);
	expect_run_again(one, 1, 1, 100);
	expect_nothing(one);
}

#define SLEEPERS 8

Test(group_wait, all_sleepers_get_their_share)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *members[SLEEPERS];
	pthread_t threads[SLEEPERS];

	for (unsigned int i = 0; i < SLEEPERS; i++)
		members[i] = open_member(name, "workers", SHMRING_RELIABLE, 1);
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int i = 0; i < SLEEPERS; i++)
			threads[i] = start(wait_and_release, members[i]);
		while (!subscription_info(name, "workers").sleeping)
			;
		/* The producer wakes two, who wake the others. */
		write_records(producer, SLEEPERS, 100);
		for (unsigned int i = 0; i < SLEEPERS; i++) {
			int result = in_thread(threads[i]);

			/* Told of one that another one has taken. */
			cr_assert(result == 0 || result == -EAGAIN, "%d", result);
		}
		while (shmring_wait(members[0], 0) == 0)
			cr_assert_eq((int)(intptr_t)wait_and_release(members[0]), 0);
	}
	cr_assert_eq(subscription_info(name, "workers").lag_records, 0);
	expect_sound(name);
}

Test(group_wait, a_sleeper_finds_what_a_dead_one_had)
{
	struct life life = { new_ring(0), "workers", SHMRING_RELIABLE, 0, 1, 0, 1 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *one = open_member(life.ring, "workers", SHMRING_RELIABLE, 1);
	struct shmring_record record;

	for (unsigned int i = 0; i < 3; i++) {
		pthread_t thread;

		write_records(producer, 1, 100);
		live_and_be_killed(&life);
		thread = start(wait_for_ever, one);
		cr_assert_eq(in_thread(thread), 0);
		expect_ok(shmring_read(one, &record));
		cr_assert_eq(record.flags, SHMRING_REDELIVERED);
		cr_assert_eq(record.sequence, i);
		expect_ok(shmring_release(one));
	}
}

Test(group_wait, cancel_ends_one_members_wait)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *members[3];
	pthread_t threads[3];

	for (unsigned int i = 0; i < 3; i++) {
		members[i] = open_member(name, "workers", SHMRING_RELIABLE, 1);
		threads[i] = start(wait_for_ever, members[i]);
	}
	while (!subscription_info(name, "workers").sleeping)
		;
	expect_ok(shmring_cancel(members[1]));
	cr_assert_eq(in_thread(threads[1]), -ECANCELED);
	expect_result(shmring_wait(members[1], -1), -ECANCELED);
	write_records(producer, 1, 100);
	/* The others were not cancelled, and each of them finds that there is one. */
	cr_assert_eq(in_thread(threads[0]), 0);
	cr_assert_eq(in_thread(threads[2]), 0);
	/* Reading is no waiting. */
	expect_run(members[1], 0, 1, 100);
}

Test(group_wait, an_eviction_ends_all_waits)
{
	const char *name = new_ring(0);
	struct shmring_consumer *members[3];
	pthread_t threads[3];

	for (unsigned int i = 0; i < 3; i++) {
		members[i] = open_member(name, "workers", SHMRING_RELIABLE, 1);
		threads[i] = start(wait_for_ever, members[i]);
	}
	while (!subscription_info(name, "workers").sleeping)
		;
	expect_ok(shmring_evict(name, "workers"));
	for (unsigned int i = 0; i < 3; i++)
		cr_assert_eq(in_thread(threads[i]), -ECONNRESET);
}

/*
 * Two of a group are rung for, and their bit is cleared; until one of them runs, the others sleep without. In a round in
 * which the machine took too long, or the member was not asleep yet, nobody had to be woken.
 */
Test(group_wait, a_closed_stream_is_told_to_who_sleeps_without_a_bit)
{
	const char *name = new_ring(0);
	struct shmring_consumer *member = open_member(name, "workers", SHMRING_RELIABLE, 1);
	size_t size;
	struct layout_control *control = object_map(name, OBJECT_CONTROL, &size);

	for (int epoch = 0; epoch < 20; epoch++) {
		struct shmring_producer *producer = new_producer(name);
		pthread_t thread;

		cr_assert_eq(shmring_wait(member, 0), -EAGAIN);
		thread = start(wait_for_ever, member);
		while (!subscription_info(name, "workers").sleeping)
			;
		atomic_store_explicit(&control->sleepers, 0, memory_order_seq_cst);
		expect_ok(shmring_producer_close(producer));
		cr_assert_eq(in_thread(thread), -EPIPE);
	}
	cr_assert_gt(consumer_info(member).wakeups, 0);
	object_unmap(control, size);
}

Test(group_wait, a_closed_stream_is_told_to_all)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *members[3];
	struct shmring_record record;

	for (unsigned int i = 0; i < 3; i++)
		members[i] = open_member(name, "workers", SHMRING_RELIABLE, 1);
	for (int epoch = 0; epoch < 3; epoch++) {
		pthread_t threads[3];

		write_records(producer, 2, 100);
		expect_next(members[0], 2 * (uint64_t)epoch, 100);
		expect_ok(shmring_producer_close(producer));
		expect_run(members[1], 2 * (uint64_t)epoch + 1, 1, 100);
		expect_result(shmring_read(members[0], &record), -EALREADY);
		expect_ok(shmring_release(members[0]));
		for (unsigned int i = 0; i < 3; i++) {
			expect_result(shmring_read(members[i], &record), -EPIPE);
			expect_result(shmring_wait(members[i], -1), -EPIPE);
			/* Once for each producer: from then on it waits for the next one. */
			expect_result(shmring_wait(members[i], 0), -EAGAIN);
			expect_result(shmring_read(members[i], &record), -EPIPE);
		}
		producer = new_producer(name);
		for (unsigned int i = 0; i < 3; i++)
			expect_result(shmring_read(members[i], &record), -EAGAIN);
		/* Asleep when it comes. */
		for (unsigned int i = 0; i < 3; i++)
			threads[i] = start(wait_for_ever, members[i]);
		while (!subscription_info(name, "workers").sleeping)
			;
		expect_ok(shmring_producer_close(producer));
		for (unsigned int i = 0; i < 3; i++)
			cr_assert_eq(in_thread(threads[i]), -EPIPE);
		producer = new_producer(name);
	}
}

static int write_and_die(void *argument)
{
	write_records(new_producer(argument), 2, 100);
	raise(SIGKILL);
	return 1;
}

Test(group_wait, a_dead_producer_is_told_to_all)
{
	const char *name = new_ring(0);
	struct shmring_consumer *members[2];
	struct shmring_record record;

	for (unsigned int i = 0; i < 2; i++)
		members[i] = open_member(name, "workers", SHMRING_RELIABLE, 1);
	cr_assert_eq(child_run(write_and_die, (void *)(uintptr_t)name), CHILD_SIGNAL + SIGKILL);
	expect_run(members[0], 0, 1, 100);
	expect_run(members[1], 1, 1, 100);
	for (unsigned int i = 0; i < 2; i++) {
		expect_result(shmring_wait(members[i], -1), -EOWNERDEAD);
		expect_result(shmring_read(members[i], &record), -EOWNERDEAD);
		expect_result(shmring_wait(members[i], 0), -EAGAIN);
	}
}

Test(group_wait, a_removed_ring_is_told_to_all)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *members[2];
	struct shmring_record record;

	for (unsigned int i = 0; i < 2; i++)
		members[i] = open_member(name, "workers", SHMRING_RELIABLE, 1);
	write_records(producer, 2, 100);
	expect_ok(shmring_unlink(name));
	for (unsigned int i = 0; i < 2; i++)
		expect_run(members[i], i, 1, 100);
	for (unsigned int i = 0; i < 2; i++) {
		expect_result(shmring_wait(members[i], -1), -ESTALE);
		expect_result(shmring_read(members[i], &record), -ESTALE);
	}
}

/* Closed first: that is told first, and then that it is gone. */
Test(group_wait, a_closed_and_removed_ring_is_told_to_all)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *members[2];
	struct shmring_record record;

	for (unsigned int i = 0; i < 2; i++)
		members[i] = open_member(name, "workers", SHMRING_RELIABLE, 1);
	expect_ok(shmring_producer_close(producer));
	expect_ok(shmring_unlink(name));
	for (unsigned int i = 0; i < 2; i++) {
		cr_assert_eq(read_until_told(members[i]), -EPIPE);
		expect_result(shmring_wait(members[i], -1), -EPIPE);
		expect_result(shmring_wait(members[i], -1), -ESTALE);
		expect_result(shmring_read(members[i], &record), -ESTALE);
	}
}

/* ---- After fork -------------------------------------------------------------------------------------------- */

#define dead(call)                                                          \
	do {                                                                \
		int result_ = (call);                                       \
		CHILD_CHECK(result_ == -EOWNERDEAD, #call ": %d", result_); \
	} while (0)

static int all_is_dead(void *argument)
{
	struct shmring_consumer *member = argument;
	struct shmring_record record;
	char buffer[8];

	dead(shmring_read(member, &record));
	dead(shmring_release(member));
	dead(shmring_read_copy(member, buffer, sizeof(buffer), &record));
	dead(shmring_wait(member, 0));
	dead(shmring_wait(member, -1));
	dead(shmring_seek(member, SHMRING_OLDEST, 0));
	dead(shmring_rejoin(member, NULL));
	dead(shmring_read(member, &record));
	CHILD_CHECK(shmring_consumer_close(member) == 0);
	return 0;
}

Test(group_wait, a_forked_child_has_no_part_in_it)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", SHMRING_RELIABLE, 2);
	struct shmring_consumer *other = open_member(name, "workers", SHMRING_RELIABLE, 1);
	struct shmring_record record;

	write_records(producer, 3, 100);
	cr_assert_eq(child_run(all_is_dead, other), 0);
	expect_next(one, 0, 100);
	cr_assert_eq(child_run(all_is_dead, one), 0);
	/* The parent has what it had. */
	expect_next(one, 1, 100);
	expect_run(other, 2, 1, 100);
	expect_nothing(other);
	expect_result(shmring_read(one, &record), -EALREADY);
	expect_ok(shmring_release(one));
	expect_nothing(one);
	cr_assert_eq(ring_info(name).members, 2);
	expect_sound(name);
}

static int hold_the_lock(void *argument)
{
	gate_pass(*(const int *)argument);
	return 0;
}

/* Its child's life is not the member's. */
Test(group_wait, a_forked_child_does_not_keep_a_member_alive)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", SHMRING_RELIABLE, 1);
	struct shmring_consumer *other = open_member(name, "workers", SHMRING_RELIABLE, 1);
	int gate = gate_new();
	pid_t child;

	write_records(producer, 1, 100);
	expect_next(one, 0, 100);
	child = child_start(hold_the_lock, &gate);
	expect_ok(shmring_consumer_close(one));
	expect_run_again(other, 0, 1, 100);
	gate_open(gate);
	cr_assert_eq(child_wait(child), 0);
}
