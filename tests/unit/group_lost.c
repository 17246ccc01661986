/* SPDX-License-Identifier: MIT */
/* Groups that are overtaken: each record that is lost is told once, to one of the members. */
#include "members.h"

#include "checked.h"

/* The next record, whatever was lost before it; returns how many. */
static uint64_t read_behind_a_gap(struct shmring_consumer *member, uint64_t sequence, size_t length)
{
	struct shmring_record record;

	expect_ok(shmring_read(member, &record));
	expect_whole(&record, sequence, length);
	return record.lost;
}

Test(group_lost, a_lossy_group_is_told_its_losses_once)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *members[3];
	struct tally tally = { 0 };

	for (unsigned int i = 0; i < 3; i++)
		members[i] = open_member(name, "workers", SHMRING_LOSSY, 1 + 2 * i);
	for (unsigned int round = 0; round < 60; round++) {
		/* Overtaken in some rounds, with nothing in hand. */
		write_records(producer, 20 * (round % 5), 1000);
		for (unsigned int i = 0; i < round % 30; i++)
			take_one(members[(round + i) % 3], &tally);
		drain(members, round % 3 + 1, &tally);
		/* The others may have claims that they have not read to the end. */
		drain(members, 3, &tally);
	}
	expect_all_told(producer, members, 3, &tally);
	cr_assert_gt(tally.lost, 0);
	cr_assert_eq(tally.torn, 0);
	expect_sound(name);
}

Test(group_lost, what_is_overtaken_in_hand_is_torn_and_told)
{
	for (unsigned int batch = 1; batch <= 4; batch++) {
		for (unsigned int in_place = 1; in_place <= batch; in_place++) {
			const char *name = new_ring(0);
			struct shmring_producer *producer = new_producer(name);
			struct shmring_consumer *members[2];
			struct shmring_record record;
			struct tally tally = { 0 };

			members[0] = open_member(name, "workers", SHMRING_LOSSY, batch);
			members[1] = open_member(name, "workers", SHMRING_LOSSY, 1);
			for (int round = 0; round < 3; round++) {
				int result = 0;

				write_records(producer, 5, 1000);
				expect_ok(shmring_wait(members[0], 0));
				for (unsigned int i = 0; i < in_place; i++)
					expect_ok(shmring_read(members[0], &record));
				write_records(producer, 100, 1000);
				/* It is told of each that was not released, in place or not yet read. */
				expect_result(shmring_release(members[0]), -EOVERFLOW);
				expect_ok(shmring_release(members[0]));
				cr_assert_eq(count_holders(name, "workers"), 0);
				/* Whoever is first moves the group on. */
				while ((result = shmring_read(members[round % 2], &record)) ==
				       -EAGAIN)
					;
				expect_ok(result);
				expect_whole(&record, record.sequence, 1000);
				tally.lost += record.lost;
				tally.delivered++;
				expect_ok(shmring_release(members[round % 2]));
				drain(members, 2, &tally);
			}
			expect_all_told(producer, members, 2, &tally);
			cr_assert_eq(tally.torn, 0);
			expect_ok(shmring_unlink(name));
		}
	}
}

/* A loss that is told with a record that turns out torn is void with it, and told again. */
Test(group_lost, a_loss_told_with_a_torn_record_is_told_again)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *members[2];
	struct shmring_record record;
	struct tally tally = { 0 };
	int result;

	for (unsigned int i = 0; i < 2; i++)
		members[i] = open_member(name, "workers", SHMRING_LOSSY, 2);
	for (unsigned int round = 0; round < 20; round++) {
		write_records(producer, 200, 1000);
		while ((result = shmring_read(members[0], &record)) == -EAGAIN)
			;
		expect_ok(result);
		cr_assert_gt(record.lost, 0);
		write_records(producer, 200, 1000);
		expect_result(shmring_release(members[0]), -EOVERFLOW);
		cr_assert_eq(consumer_info(members[0]).lost, 0);
	}
	expect_all_told(producer, members, 2, &tally);
}

Test(group_lost, what_the_dead_had_is_lost_when_it_is_overtaken)
{
	for (int killed = 0; killed < 2; killed++) {
		for (unsigned int released = 0; released < 3; released++) {
			struct life life = { new_ring(0), "workers", SHMRING_LOSSY, 0, 4,
					     released,    1 };
			struct shmring_producer *producer = new_producer(life.ring);
			struct shmring_consumer *members[2];
			struct tally tally = { .delivered = released };

			for (unsigned int i = 0; i < 2; i++)
				members[i] = open_member(life.ring, "workers", SHMRING_LOSSY, 2);
			write_records(producer, 6, 1000);
			if (killed) {
				live_and_be_killed(&life);
			} else {
				struct shmring_consumer *member =
					open_member(life.ring, "workers", SHMRING_LOSSY, 4);

				expect_run(member, 0, released, 1000);
				expect_next(member, released, 1000);
				expect_ok(shmring_consumer_close(member));
			}
			write_records(producer, 500, 1000);
			expect_all_told(producer, members, 2, &tally);
			cr_assert_eq(count_holders(life.ring, "workers"), 0);
			expect_sound(life.ring);
		}
	}
}

Test(group_lost, a_number_that_is_gone_is_a_loss)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);

	write_records(producer, 500, 1000);
	for (int policy = SHMRING_RELIABLE; policy <= SHMRING_DEADLINE; policy++) {
		struct shmring_consumer_options options =
			member_options("workers", (enum shmring_policy)policy, 1);
		const uint64_t oldest = ring_info(name).oldest_sequence;
		struct shmring_consumer *one, *other;

		options.start = SHMRING_SEQUENCE;
		options.start_value = 10;
		one = open_consumer(name, &options);
		other = open_consumer(name, &options);
		expect_next(other, oldest, 1000);
		cr_assert_eq(read_behind_a_gap(one, oldest + 1, 1000), oldest - 10);
		cr_assert_eq(consumer_info(one).lost, oldest - 10);
		cr_assert_eq(consumer_info(other).lost, 0);
		expect_ok(shmring_consumer_close(one));
		expect_ok(shmring_consumer_close(other));
	}
}
