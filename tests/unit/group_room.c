/* SPDX-License-Identifier: MIT */
/* Groups: the producer waits for what members have in their hands, and for nothing else. */
#include "members.h"

#include <pthread.h>

#include "checked.h"

#define BIG SMALL_MAXIMUM /* three of these fit */

/* All orders of three. */
static const unsigned int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					   { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

Test(group_room, members_release_in_any_order)
{
	for (int deadline = 0; deadline < 2; deadline++) {
		for (unsigned int order = 0; order < 6; order++) {
			const char *name = new_ring(0);
			struct shmring_producer *producer = new_producer(name);
			struct shmring_consumer *members[3];
			unsigned int done = 0, prefix = 0;

			for (unsigned int i = 0; i < 3; i++)
				members[i] = open_member(
					name, "workers",
					deadline ? SHMRING_DEADLINE : SHMRING_RELIABLE, 1);
			cr_assert_eq(fill_ring(producer, BIG), 3);
			for (unsigned int i = 0; i < 3; i++)
				expect_next(members[i], i, BIG);
			/* All claimed, and nothing done. */
			cr_assert_eq(fill_ring(producer, BIG), 0);
			for (unsigned int i = 0; i < 3; i++) {
				unsigned int before = prefix;

				expect_ok(shmring_release(members[orders[order][i]]));
				done |= 1U << orders[order][i];
				while (done >> prefix & 1)
					prefix++;
				cr_assert_eq(fill_ring(producer, BIG), prefix - before);
				expect_sound(name);
			}
			for (unsigned int i = 0; i < 3; i++)
				expect_run(members[i], 3 + i, 1, BIG);
			expect_ok(shmring_unlink(name));
		}
	}
}

Test(group_room, a_claim_holds_from_its_first_record_not_released)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", SHMRING_RELIABLE, 3);
	struct shmring_consumer *other = open_member(name, "workers", SHMRING_RELIABLE, 3);

	cr_assert_eq(fill_ring(producer, BIG), 3);
	expect_next(one, 0, BIG);
	expect_nothing(other);
	cr_assert_eq(fill_ring(producer, BIG), 0);
	expect_ok(shmring_release(one));
	cr_assert_eq(fill_ring(producer, BIG), 1);
	expect_run(other, 3, 1, BIG);
	expect_next(one, 1, BIG);
	expect_next(one, 2, BIG);
	cr_assert_eq(fill_ring(producer, BIG), 0);
	expect_ok(shmring_release(one));
	cr_assert_eq(fill_ring(producer, BIG), 3);
}

/* So long that each begins a block, where the floor can go. */
#define BLOCKWISE (SMALL_BLOCK - 16)

Test(group_room, a_slow_member_holds_back_what_it_holds)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *fast = open_member(name, "workers", SHMRING_RELIABLE, 1);
	struct shmring_consumer *slow = open_member(name, "workers", SHMRING_RELIABLE, 1);
	const unsigned int all = fill_ring(producer, BLOCKWISE);
	uint64_t next = 0, held;

	expect_run(fast, next, all, BLOCKWISE);
	next += all;
	for (int round = 0; round < 20; round++) {
		/* With nothing in anybody's hands all of the ring is free. */
		cr_assert_eq(fill_ring(producer, BLOCKWISE), all);
		expect_run(fast, next, round, BLOCKWISE);
		held = next + (uint64_t)round;
		expect_next(slow, held, BLOCKWISE);
		expect_run(fast, held + 1, all - (unsigned int)round - 1, BLOCKWISE);
		/* The others go on until the ring has gone round to it. */
		cr_assert_eq(fill_ring(producer, BLOCKWISE), (unsigned int)round);
		expect_run(fast, next + all, (unsigned int)round, BLOCKWISE);
		cr_assert_eq(fill_ring(producer, BLOCKWISE), 0);
		expect_ok(shmring_release(slow));
		next += all + (uint64_t)round;
	}
	expect_sound(name);
}

/* The producer has looked at the members before the last one came. */
Test(group_room, a_newcomer_holds_back_what_it_holds)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *first = open_member(name, "workers", SHMRING_RELIABLE, 1);
	struct shmring_consumer *newcomer;

	cr_assert_eq(fill_ring(producer, BIG), 3);
	expect_run(first, 0, 1, BIG);
	cr_assert_eq(fill_ring(producer, BIG), 1);
	newcomer = open_member(name, "workers", SHMRING_RELIABLE, 1);
	expect_next(newcomer, 1, BIG);
	expect_run(first, 2, 2, BIG);
	cr_assert_eq(fill_ring(producer, BIG), 0);
	expect_ok(shmring_release(newcomer));
	cr_assert_eq(fill_ring(producer, BIG), 3);
}

Test(group_room, what_nobody_has_claimed_holds_too)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", SHMRING_RELIABLE, 1);

	open_member(name, "workers", SHMRING_RELIABLE, 1);
	cr_assert_eq(fill_ring(producer, BIG), 3);
	expect_run(one, 0, 1, BIG);
	cr_assert_eq(fill_ring(producer, BIG), 1);
	cr_assert_eq(fill_ring(producer, BIG), 0);
	expect_run(one, 1, 3, BIG);
}

Test(group_room, a_dead_member_holds_until_it_is_delivered_again)
{
	for (int part = 0; part < 2; part++) {
		struct life life = { new_ring(0), "workers", SHMRING_RELIABLE, 0, 3, part, 1 };
		struct shmring_producer *producer = new_producer(life.ring);
		struct shmring_consumer *one =
			open_member(life.ring, "workers", SHMRING_RELIABLE, 1);

		cr_assert_eq(fill_ring(producer, BIG), 3);
		live_and_be_killed(&life);
		cr_assert_eq(fill_ring(producer, BIG), (unsigned int)part);
		/* However often it looks for the dead: the group lives. */
		for (int i = 0; i < 10; i++) {
			pass_time(NS_PER_MS);
			cr_assert_eq(fill_ring(producer, BIG), 0);
		}
		for (unsigned int i = (unsigned int)part; i < 3; i++) {
			expect_again(one, i, BIG);
			cr_assert_eq(fill_ring(producer, BIG), 0);
			expect_ok(shmring_release(one));
			cr_assert_eq(fill_ring(producer, BIG), 1);
			expect_sound(life.ring);
		}
		expect_run(one, 3, 3, BIG);
	}
}

Test(group_room, all_dead_hold_nothing)
{
	struct life life = { new_ring(0), "workers", SHMRING_RELIABLE, 0, 2, 0, 1 };
	struct shmring_producer *producer = new_producer(life.ring);

	write_records(producer, 3, BIG);
	live_and_be_killed(&life);
	insist_on_room(producer, BIG);
	cr_assert_eq(ring_info(life.ring).subscriptions, 0);
	cr_assert_eq(ring_info(life.ring).members, 0);
	write_records(producer, 20, BIG);
}

Test(group_room, a_lossy_group_holds_nothing)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", SHMRING_LOSSY, 2);

	write_records(producer, 2, BIG);
	expect_next(one, 0, BIG);
	write_records(producer, 20, BIG);
}

static void *write_one(void *producer)
{
	static char bytes[BIG];

	return (void *)(intptr_t)shmring_write(producer, bytes, sizeof(bytes), 0, -1);
}

/* A producer that sleeps is woken by the member that gives back what it waits for, whoever that is. */
Test(group_room, a_sleeping_producer_is_woken)
{
	for (unsigned int order = 0; order < 6; order++) {
		const char *name = new_ring(0);
		struct shmring_producer *producer = new_producer(name);
		struct shmring_consumer *members[3];
		pthread_t thread;
		void *result;

		for (unsigned int i = 0; i < 3; i++)
			members[i] = open_member(name, "workers", SHMRING_RELIABLE, 1);
		fill_ring(producer, BIG);
		for (unsigned int i = 0; i < 3; i++)
			expect_next(members[i], i, BIG);
		cr_assert_eq(pthread_create(&thread, NULL, write_one, producer), 0);
		while (!ring_info(name).producer_waits)
			;
		for (unsigned int i = 0; i < 3; i++)
			expect_ok(shmring_release(members[orders[order][i]]));
		pthread_join(thread, &result);
		cr_assert_eq((int)(intptr_t)result, 0);
		cr_assert_eq(producer_info(producer).late, 0);
	}
}

/* What it needs may lie far above what this member had: the others have done that before. */
Test(group_room, a_sleeping_producer_is_woken_by_the_one_who_is_last)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *slow = open_member(name, "workers", SHMRING_RELIABLE, 1);
	struct shmring_consumer *fast = open_member(name, "workers", SHMRING_RELIABLE, 1);
	const unsigned int all = fill_ring(producer, 500);
	pthread_t thread;
	void *result;

	expect_next(slow, 0, 500);
	expect_run(fast, 1, all - 1, 500);
	cr_assert_eq(pthread_create(&thread, NULL, write_one, producer), 0);
	/* Asleep, or nearly so. */
	while (!ring_info(name).producer_waits)
		;
	pass_time(NS_PER_MS);
	expect_ok(shmring_release(slow));
	pthread_join(thread, &result);
	cr_assert_eq((int)(intptr_t)result, 0);
	cr_assert_eq(producer_info(producer).late, 0);
}
