/* SPDX-License-Identifier: MIT */
/* Groups that are evicted: all members are told, and whichever comes first leads the group back. */
#include "members.h"

#include <criterion/parameterized.h>
#include <signal.h>

#include "checked.h"

#define BIG  SMALL_MAXIMUM
#define SOON (3 * NS_PER_MS)

static enum shmring_policy policies[] = { SHMRING_RELIABLE, SHMRING_LOSSY, SHMRING_DEADLINE };

#define EachPolicy(Name)                                                      \
	ParameterizedTestParameters(group_evicted, Name)                      \
	{                                                                     \
		return cr_make_param_array(enum shmring_policy, policies, 3); \
	}                                                                     \
	ParameterizedTest(enum shmring_policy *policy, group_evicted, Name)

static void expect_evicted(struct shmring_consumer *member)
{
	struct shmring_record record;
	char buffer[8];

	expect_result(shmring_read(member, &record), -ECONNRESET);
	expect_result(shmring_release(member), -ECONNRESET);
	expect_result(shmring_wait(member, -1), -ECONNRESET);
	expect_result(shmring_read_copy(member, buffer, sizeof(buffer), &record), -ECONNRESET);
}

/* The next record, whatever was lost before it; returns how many. */
static uint64_t read_behind_a_gap(struct shmring_consumer *member, uint64_t sequence, size_t length)
{
	struct shmring_record record;

	expect_ok(shmring_read(member, &record));
	expect_whole(&record, sequence, length);
	return record.lost;
}

EachPolicy(all_members_are_told)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *members[3];
	uint64_t lost = 99;

	for (unsigned int i = 0; i < 3; i++)
		members[i] = open_member(name, "workers", *policy, 1);
	write_records(producer, 6, 100);
	expect_run(members[0], 0, 2, 100);
	expect_ok(shmring_evict(name, "workers"));
	for (unsigned int i = 0; i < 3; i++)
		expect_evicted(members[i]);
	/* The first one leads the group back, the others follow; nothing was in anybody's hands. */
	for (unsigned int i = 0; i < 3; i++) {
		expect_ok(shmring_rejoin(members[i], &lost));
		cr_assert_eq(lost, 0);
		cr_assert_eq(is_evicted(name, "workers"), 0);
		expect_result(shmring_rejoin(members[i], &lost), -EALREADY);
	}
	for (unsigned int i = 0; i < 3; i++)
		expect_run(members[i], 2 + i, 1, 100);
	cr_assert_eq(subscription_info(name, "workers").members, 3);
	cr_assert_eq(subscription_info(name, "workers").shared, 1);
	expect_sound(name);
}

EachPolicy(what_was_in_hand_is_kept_while_it_is_there)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", *policy, 4);
	struct shmring_consumer *other = open_member(name, "workers", *policy, 2);
	uint64_t lost = 99;

	write_records(producer, 10, 100);
	/* One has released 0, has 1 in place, and 2 and 3 before it; the other has 4 and 5. */
	expect_run(one, 0, 1, 100);
	expect_next(one, 1, 100);
	expect_next(other, 4, 100);
	expect_ok(shmring_evict(name, "workers"));
	expect_ok(shmring_rejoin(other, &lost));
	cr_assert_eq(lost, 0);
	expect_ok(shmring_rejoin(one, &lost));
	cr_assert_eq(lost, 0);
	cr_assert_eq(count_holders(name, "workers"), 2);
	/* It begins again with the first that it had not released, and nobody else gets those. */
	expect_run(one, 1, 3, 100);
	expect_run(other, 4, 4, 100);
	expect_run(one, 8, 2, 100);
	expect_nothing(one);
	expect_nothing(other);
	cr_assert_eq(consumer_info(one).lost + consumer_info(other).lost, 0);
	expect_sound(name);
}

EachPolicy(what_was_in_hand_is_counted_when_it_is_gone)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *members[2];
	struct tally tally = { .delivered = 1 };
	uint64_t lost = 99;

	for (unsigned int i = 0; i < 2; i++)
		members[i] = open_member(name, "workers", *policy, 4);
	write_records(producer, 10, 1000);
	expect_run(members[0], 0, 1, 1000);
	expect_next(members[0], 1, 1000);
	expect_next(members[1], 4, 1000);
	expect_ok(shmring_evict(name, "workers"));
	write_records(producer, 200, 1000);
	for (unsigned int i = 0; i < 2; i++)
		expect_ok(shmring_rejoin(members[i], &lost));
	/* Besides what the group has lost, which the first one tells, or who moves a LOSSY group on. */
	cr_assert_geq(lost, 4);
	cr_assert_eq(count_holders(name, "workers"), 0);
	expect_all_told(producer, members, 2, &tally);
	cr_assert_eq(consumer_info(members[0]).lost + consumer_info(members[1]).lost, tally.lost);
}

Test(group_evicted, an_idle_member_was_not_evicted)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *busy = open_member(name, "workers", SHMRING_RELIABLE, 1);
	struct shmring_consumer *idle = open_member(name, "workers", SHMRING_RELIABLE, 1);

	/* The ring goes round more than once while it claims nothing. */
	for (unsigned int i = 0; i < 200; i++) {
		write_records(producer, 1, 1000);
		expect_run(busy, i, 1, 1000);
	}
	expect_result(shmring_rejoin(idle, NULL), -EALREADY);
	write_records(producer, 1, 1000);
	expect_run(idle, 200, 1, 1000);
}

Test(group_evicted, a_newcomer_leads_the_group_back_too)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", SHMRING_RELIABLE, 1);
	struct shmring_consumer *late;
	uint64_t lost = 99, oldest;

	write_records(producer, 3, BIG);
	expect_run(one, 0, 1, BIG);
	expect_ok(shmring_evict(name, "workers"));
	write_records(producer, 20, BIG);
	oldest = ring_info(name).oldest_sequence;
	late = open_member(name, "workers", SHMRING_RELIABLE, 1);
	cr_assert_eq(is_evicted(name, "workers"), 0);
	expect_evicted(one);
	cr_assert_eq(read_behind_a_gap(late, oldest, BIG), oldest - 1);
	/* It is told once. */
	expect_ok(shmring_rejoin(one, &lost));
	cr_assert_eq(lost, 0);
	expect_run(one, oldest + 1, 1, BIG);
	expect_ok(shmring_release(late));
	cr_assert_eq(consumer_info(late).lost + consumer_info(one).lost, oldest - 1);
}

Test(group_evicted, a_deadline_evicts_all_for_one)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer_options options = member_options("workers", SHMRING_DEADLINE, 1);
	struct shmring_consumer *slow, *fast;
	uint64_t lost, oldest;

	options.deadline_ns = SOON;
	slow = open_consumer(name, &options);
	fast = open_consumer(name, &options);
	for (int round = 0; round < 5; round++) {
		uint64_t first = producer_info(producer).sequence;

		/* One holds what the other one's done work waits behind. */
		if (round == 0)
			cr_assert_eq(fill_ring(producer, BIG), 3);
		else
			write_records(producer, 3, BIG);
		if (round > 0)
			expect_next(slow, first, BIG);
		else
			expect_next(slow, 0, BIG);
		expect_run(fast, first + 1, 2, BIG);
		cr_assert_eq(is_evicted(name, "workers"), 0);
		insist_on_room(producer, BIG);
		cr_assert_eq(is_evicted(name, "workers"), 1);
		write_records(producer, 9, BIG);
		oldest = ring_info(name).oldest_sequence;
		expect_evicted(fast);
		expect_ok(shmring_rejoin(fast, &lost));
		cr_assert_eq(lost, oldest - (first + 3));
		cr_assert_eq(read_behind_a_gap(fast, oldest, BIG), lost);
		expect_ok(shmring_release(fast));
		expect_evicted(slow);
		expect_ok(shmring_rejoin(slow, &lost));
		cr_assert_eq(lost, 1);
		cr_assert_eq(read_behind_a_gap(slow, oldest + 1, BIG), 1);
		expect_ok(shmring_release(slow));
		while (shmring_wait(fast, 0) == 0) {
			struct shmring_record record;

			expect_ok(shmring_read(fast, &record));
			cr_assert_eq(record.lost, 0);
			expect_ok(shmring_release(fast));
		}
		expect_sound(name);
	}
}

Test(group_evicted, gates_again_after_rejoining)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", SHMRING_RELIABLE, 1);
	struct shmring_consumer *other = open_member(name, "workers", SHMRING_RELIABLE, 1);

	write_records(producer, 3, BIG);
	for (int round = 0; round < 5; round++) {
		struct shmring_record record;

		expect_ok(shmring_evict(name, "workers"));
		write_records(producer, 5, BIG);
		expect_ok(shmring_rejoin(one, NULL));
		cr_assert_eq(fill_ring(producer, BIG), 0);
		expect_ok(shmring_rejoin(other, NULL));
		cr_assert_eq(fill_ring(producer, BIG), 0);
		expect_ok(shmring_read(other, &record));
		cr_assert_eq(fill_ring(producer, BIG), 0);
		expect_ok(shmring_release(other));
		cr_assert_eq(fill_ring(producer, BIG), 1);
	}
}

static int hold_and_die(void *argument)
{
	const struct life *life = argument;
	struct shmring_consumer_options options =
		member_options(life->group, life->policy, life->claim_batch);
	struct shmring_consumer *member;
	struct shmring_record record;

	CHILD_CHECK(shmring_consumer_open(&member, life->ring, &options) == 0);
	CHILD_CHECK(shmring_read(member, &record) == 0);
	CHILD_CHECK(shmring_evict(life->ring, life->group) == 0);
	raise(SIGKILL);
	return 1;
}

/* Dead by then, it can discard nothing: what is still there comes again. */
Test(group_evicted, what_a_dead_member_of_an_evicted_group_had)
{
	for (int gone = 0; gone < 2; gone++) {
		struct life life = { new_ring(0), "workers", SHMRING_RELIABLE, 0, 2, 0, 0 };
		struct shmring_producer *producer = new_producer(life.ring);
		struct shmring_consumer *one =
			open_member(life.ring, "workers", SHMRING_RELIABLE, 1);
		struct shmring_record record;
		uint64_t lost = 0, total = 0;

		write_records(producer, 3, BIG);
		cr_assert_eq(child_run(hold_and_die, &life), CHILD_SIGNAL + SIGKILL);
		if (gone)
			write_records(producer, 10, BIG);
		expect_ok(shmring_rejoin(one, &lost));
		while (shmring_wait(one, 0) == 0) {
			expect_ok(shmring_read(one, &record));
			total += 1 + record.lost;
			expect_ok(shmring_release(one));
		}
		cr_assert_eq(total, producer_info(producer).sequence, "%llu of %llu",
			     (unsigned long long)total,
			     (unsigned long long)producer_info(producer).sequence);
		cr_assert_eq(count_holders(life.ring, "workers"), 0);
		expect_sound(life.ring);
	}
}
