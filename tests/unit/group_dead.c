/* SPDX-License-Identifier: MIT */
/* Groups: what a dead member had not released is delivered again, flagged, to a living one; and nothing else is. */
#include "members.h"

#include <criterion/parameterized.h>
#include <signal.h>

#include "checked.h"

static enum shmring_policy policies[] = { SHMRING_RELIABLE, SHMRING_LOSSY, SHMRING_DEADLINE };

#define EachPolicy(Name)                                                      \
	ParameterizedTestParameters(group_dead, Name)                         \
	{                                                                     \
		return cr_make_param_array(enum shmring_policy, policies, 3); \
	}                                                                     \
	ParameterizedTest(enum shmring_policy *policy, group_dead, Name)

EachPolicy(what_a_closed_one_had_comes_again)
{
	for (unsigned int batch = 1; batch <= 4; batch++) {
		for (unsigned int released = 0; released <= batch; released++) {
			const char *name = new_ring(0);
			struct shmring_producer *producer = new_producer(name);
			struct shmring_consumer *one = open_member(name, "workers", *policy, batch);
			struct shmring_consumer *other = open_member(name, "workers", *policy, 1);

			write_records(producer, batch + 1, 100);
			/* Also what it had claimed and not yet read. */
			expect_run(one, 0, released, 100);
			if (released == 0)
				expect_next(one, 0, 100);
			expect_ok(shmring_consumer_close(one));
			cr_assert_eq(subscription_info(name, "workers").members,
				     released < batch ? 2 : 1);
			/* It comes before what is new. */
			expect_run_again(other, released, batch - released, 100);
			expect_run(other, batch, 1, 100);
			expect_nothing(other);
			/* And once. */
			cr_assert_eq(subscription_info(name, "workers").members, 1);
			write_records(producer, 2, 100);
			expect_run(other, batch + 1, 2, 100);
			expect_nothing(open_member(name, "workers", *policy, 1));
			expect_sound(name);
			expect_ok(shmring_unlink(name));
		}
	}
}

EachPolicy(what_a_killed_one_had_comes_again)
{
	for (unsigned int batch = 1; batch <= 4; batch++) {
		for (unsigned int released = 0; released < batch; released++) {
			for (unsigned int read = 0; released + read <= batch; read++) {
				struct life life = { new_ring(0), "workers", *policy, 0,
						     batch,       released,  read };
				struct shmring_producer *producer = new_producer(life.ring);
				struct shmring_consumer *other =
					open_member(life.ring, "workers", *policy, 1);

				if (released + read == 0)
					continue;
				write_records(producer, batch, 100);
				live_and_be_killed(&life);
				expect_sound(life.ring);
				cr_assert_eq(count_holders(life.ring, "workers"), 1);
				expect_run_again(other, released, batch - released, 100);
				cr_assert_eq(count_holders(life.ring, "workers"), 0);
				write_records(producer, 2, 100);
				expect_run(other, batch, 2, 100);
				expect_nothing(other);
				cr_assert_eq(subscription_info(life.ring, "workers").members, 1);
				expect_sound(life.ring);
				expect_ok(shmring_unlink(life.ring));
			}
		}
	}
}

EachPolicy(one_who_had_released_all_leaves_nothing)
{
	struct life life = { new_ring(0), "workers", *policy, 0, 4, 6, 0 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *other = open_member(life.ring, "workers", *policy, 1);

	write_records(producer, 6, 100);
	live_and_be_killed(&life);
	cr_assert_eq(count_holders(life.ring, "workers"), 0);
	expect_nothing(other);
	write_records(producer, 3, 100);
	expect_run(other, 6, 3, 100);
	expect_nothing(other);
	/* Its place goes to whoever joins next. */
	expect_ok(shmring_consumer_close(open_member(life.ring, "workers", *policy, 1)));
	cr_assert_eq(ring_info(life.ring).members, 1);
	expect_sound(life.ring);
}

EachPolicy(one_who_delivers_again_may_be_killed_too)
{
	struct life life = { new_ring(0), "workers", *policy, 0, 5, 0, 2 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *other = open_member(life.ring, "workers", *policy, 1);

	write_records(producer, 5, 100);
	/* The first one claims them; those that come after it begin with them, and release one each. */
	live_and_be_killed(&life);
	life.released = 1;
	life.read = 1;
	for (unsigned int death = 1; death < 5; death++) {
		cr_assert_eq(count_holders(life.ring, "workers"), 1);
		if (death == 4)
			life.read = 0;
		live_and_be_killed(&life);
		expect_sound(life.ring);
	}
	expect_run_again(other, 4, 1, 100);
	expect_nothing(other);
	write_records(producer, 1, 100);
	expect_run(other, 5, 1, 100);
	cr_assert_eq(count_holders(life.ring, "workers"), 0);
	expect_ok(shmring_consumer_close(open_member(life.ring, "workers", *policy, 1)));
	cr_assert_eq(ring_info(life.ring).members, 1);
	expect_sound(life.ring);
}

EachPolicy(one_who_delivers_again_may_close)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *last = open_member(name, "workers", *policy, 1), *member;

	write_records(producer, 6, 100);
	member = open_member(name, "workers", *policy, 6);
	expect_next(member, 0, 100);
	expect_ok(shmring_consumer_close(member));
	for (unsigned int i = 0; i < 5; i++) {
		member = open_member(name, "workers", *policy, 2);
		expect_run_again(member, i, 1, 100);
		if (i % 2)
			expect_again(member, i + 1, 100);
		expect_ok(shmring_consumer_close(member));
		cr_assert_eq(count_holders(name, "workers"), 1);
	}
	expect_run_again(last, 5, 1, 100);
	expect_nothing(last);
	cr_assert_eq(ring_info(name).members, 1);
}

enum { DEAD = 20, EACH = 3 };

/* So many members of one process, each with a claim of its own. */
static int claim_and_die(void *argument)
{
	const struct life *life = argument;
	struct shmring_consumer_options options = member_options(life->group, life->policy, EACH);
	struct shmring_consumer *member;
	struct shmring_record record;

	for (unsigned int i = 0; i < DEAD; i++) {
		CHILD_CHECK(shmring_consumer_open(&member, life->ring, &options) == 0);
		CHILD_CHECK(shmring_read(member, &record) == 0);
		CHILD_CHECK(record.flags == 0);
	}
	raise(SIGKILL);
	return 1;
}

EachPolicy(many_dead_ones_are_delivered_again_once_each)
{
	struct life life = { new_ring(0), "workers", *policy, 0, 0, 0, 0 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *members[3];
	unsigned int times[DEAD * EACH + 10] = { 0 };

	for (unsigned int i = 0; i < 3; i++)
		members[i] = open_member(life.ring, "workers", *policy, 1 + i);
	write_records(producer, DEAD * EACH, 100);
	cr_assert_eq(child_run(claim_and_die, &life), CHILD_SIGNAL + SIGKILL);
	cr_assert_eq(count_holders(life.ring, "workers"), DEAD);
	expect_sound(life.ring);
	/* Among new ones, which are not flagged. */
	write_records(producer, 10, 100);
	for (unsigned int idle = 0, i = 0; idle < 3; i++) {
		struct shmring_consumer *member = members[i % 3];
		struct shmring_record record;

		if (shmring_wait(member, 0) != 0) {
			idle++;
			continue;
		}
		idle = 0;
		expect_ok(shmring_read(member, &record));
		cr_assert_eq(record.flags, record.sequence < DEAD * EACH ? SHMRING_REDELIVERED : 0);
		cr_assert_eq(record.lost, 0);
		times[record.sequence]++;
		expect_ok(shmring_release(member));
	}
	for (unsigned int i = 0; i < DEAD * EACH + 10; i++)
		cr_assert_eq(times[i], 1, "%u came %u times", i, times[i]);
	cr_assert_eq(count_holders(life.ring, "workers"), 0);
	cr_assert_eq(subscription_info(life.ring, "workers").members, 3);
	expect_sound(life.ring);
}

EachPolicy(it_comes_in_one_claim_whatever_the_new_one_takes_at_once)
{
	struct life life = { new_ring(0), "workers", *policy, 0, 5, 0, 2 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *one = open_member(life.ring, "workers", *policy, 2);
	struct shmring_consumer *other = open_member(life.ring, "workers", *policy, 2);
	struct shmring_record record;

	write_records(producer, 5, 100);
	live_and_be_killed(&life);
	for (unsigned int i = 0; i < 5; i++)
		expect_again(one, i, 100);
	expect_nothing(other);
	expect_result(shmring_read(one, &record), -EALREADY);
	write_records(producer, 3, 100);
	expect_result(shmring_read(one, &record), -EALREADY);
	expect_run(other, 5, 2, 100);
	expect_ok(shmring_release(one));
	/* From here on, its own again. */
	expect_run(one, 7, 1, 100);
	expect_nothing(one);
	expect_nothing(other);
}

EachPolicy(it_comes_to_whoever_joins)
{
	struct life life = { new_ring(0), "workers", *policy, 0, 2, 0, 1 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *one = open_member(life.ring, "workers", *policy, 1);
	struct shmring_consumer *other;
	struct shmring_record record;

	write_records(producer, 2, 100);
	live_and_be_killed(&life);
	other = open_member(life.ring, "workers", *policy, 1);
	/* At its first read, without waiting. */
	expect_ok(shmring_read(other, &record));
	cr_assert_eq(record.flags, SHMRING_REDELIVERED);
	cr_assert_eq(record.sequence, 0);
	expect_nothing(one);
}

EachPolicy(who_only_reads_gets_it_too)
{
	struct life life = { new_ring(0), "workers", *policy, 0, 2, 0, 1 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *one = open_member(life.ring, "workers", *policy, 1);
	struct shmring_record record;

	write_records(producer, 2, 100);
	live_and_be_killed(&life);
	for (unsigned int i = 0; i < 2; i++) {
		int result;

		while ((result = shmring_read(one, &record)) == -EAGAIN)
			;
		expect_ok(result);
		cr_assert_eq(record.flags, SHMRING_REDELIVERED);
		cr_assert_eq(record.sequence, i);
	}
	expect_ok(shmring_release(one));
	expect_nothing(one);
}

EachPolicy(copies_are_flagged)
{
	struct life life = { new_ring(0), "workers", *policy, 0, 2, 0, 1 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *one = open_member(life.ring, "workers", *policy, 1);
	struct shmring_record record;
	char buffer[100];

	write_records(producer, 3, 100);
	live_and_be_killed(&life);
	for (unsigned int i = 0; i < 3; i++) {
		expect_ok(shmring_read_copy(one, buffer, sizeof(buffer), &record));
		cr_assert_eq(record.flags, i < 2 ? SHMRING_REDELIVERED : 0);
		record.flags = 0;
		expect_whole(&record, i, 100);
	}
	expect_nothing(one);
	cr_assert_eq(count_holders(life.ring, "workers"), 0);
}

Test(group_dead, the_end_is_told_after_it)
{
	for (int by_wait = 0; by_wait < 2; by_wait++) {
		struct life life = { new_ring(0), "workers", SHMRING_RELIABLE, 0, 2, 0, 1 };
		struct shmring_producer *producer = new_producer(life.ring);
		struct shmring_consumer *one =
			open_member(life.ring, "workers", SHMRING_RELIABLE, 1);
		struct shmring_record record;

		write_records(producer, 2, 100);
		live_and_be_killed(&life);
		expect_ok(shmring_producer_close(producer));
		for (unsigned int i = 0; i < 2; i++) {
			if (by_wait)
				expect_ok(shmring_wait(one, -1));
			expect_ok(shmring_read(one, &record));
			cr_assert_eq(record.sequence, i);
			cr_assert_eq(record.flags, SHMRING_REDELIVERED);
			expect_ok(shmring_release(one));
		}
		if (by_wait)
			expect_result(shmring_wait(one, -1), -EPIPE);
		expect_result(shmring_read(one, &record), -EPIPE);
	}
}

EachPolicy(the_last_one_takes_the_group_with_it)
{
	struct life life = { new_ring(0), "workers", *policy, 0, 2, 1, 1 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *one;

	write_records(producer, 3, 100);
	live_and_be_killed(&life);
	/* Not durable: another group of that name begins from scratch, as it likes. */
	one = open_member(life.ring, "workers", SHMRING_RELIABLE, 1);
	cr_assert_eq(ring_info(life.ring).members, 1);
	expect_run(one, 0, 3, 100);
	expect_nothing(one);
	expect_sound(life.ring);
}

/* What one group's dead left is not for the others. */
EachPolicy(it_comes_to_its_own_group)
{
	struct life life = { new_ring(0), "workers", *policy, 0, 2, 0, 1 };
	struct shmring_producer *producer = new_producer(life.ring);
	struct shmring_consumer *one = open_member(life.ring, "workers", *policy, 1);
	struct shmring_consumer *other = open_member(life.ring, "others", *policy, 1);
	struct shmring_consumer *broadcast =
		new_consumer(life.ring, *policy == SHMRING_LOSSY ? SHMRING_LOSSY : SHMRING_RELIABLE,
			     SHMRING_OLDEST);

	write_records(producer, 2, 100);
	live_and_be_killed(&life);
	expect_run(other, 0, 2, 100);
	expect_nothing(other);
	expect_run(broadcast, 0, 2, 100);
	expect_run_again(one, 0, 2, 100);
}
