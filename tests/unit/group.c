/* SPDX-License-Identifier: MIT */
/* Groups: members that share a subscription. Each record is claimed by one of them, and given back when it is done. */
#include "members.h"

#include <criterion/parameterized.h>

#include "checked.h"

#include "../support/random.h"

static unsigned int batches[] = { 0, 1, 2, 3, 16, SHMRING_CLAIM_MAX };

#define EachBatch(Name)                                                           \
	ParameterizedTestParameters(group, Name)                                  \
	{                                                                         \
		return cr_make_param_array(unsigned int, batches,                 \
					   sizeof(batches) / sizeof(batches[0])); \
	}                                                                         \
	ParameterizedTest(unsigned int *batch, group, Name)

#define MEMBERS 5

EachBatch(gives_each_record_to_one_member)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *broadcast = new_consumer(name, SHMRING_RELIABLE, SHMRING_OLDEST);
	struct shmring_consumer *members[MEMBERS];
	uint64_t next[MEMBERS] = { 0 };
	unsigned int times[1500] = { 0 }, done = 0;
	const uint64_t seed = random_fresh_seed();
	struct random random;

	random_seed(&random, seed, 0);
	for (unsigned int i = 0; i < MEMBERS; i++)
		members[i] = open_member(name, "workers", SHMRING_RELIABLE, *batch);
	for (unsigned int round = 0; done < 1500; round++) {
		const unsigned int i = (unsigned int)random_below(&random, MEMBERS);
		struct shmring_record record;
		int result;

		if (producer_info(producer).sequence < 1500 && round % 3 == 0)
			write_records(producer, 1, 20);
		result = shmring_read(members[i], &record);
		if (result == 0) {
			expect_whole(&record, record.sequence, 20);
			cr_assert_eq(record.lost, 0, "SHMRING_TEST_SEED=%llu",
				     (unsigned long long)seed);
			cr_assert_geq(record.sequence, next[i], "SHMRING_TEST_SEED=%llu",
				      (unsigned long long)seed);
			next[i] = record.sequence + 1;
			times[record.sequence]++;
			done++;
		} else {
			cr_assert(result == -EAGAIN || result == -EALREADY,
				  "%d, SHMRING_TEST_SEED=%llu", result, (unsigned long long)seed);
			expect_ok(shmring_release(members[i]));
		}
	}
	for (unsigned int i = 0; i < 1500; i++)
		cr_assert_eq(times[i], 1, "%u came %u times, SHMRING_TEST_SEED=%llu", i, times[i],
			     (unsigned long long)seed);
	expect_run(broadcast, 0, 1500, 20);
	expect_sound(name);
}

EachBatch(takes_that_many_at_once_and_no_more)
{
	const unsigned int most = *batch ? *batch : 1;
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", SHMRING_RELIABLE, *batch);
	struct shmring_consumer *other = open_member(name, "workers", SHMRING_RELIABLE, *batch);
	struct shmring_record record;

	write_records(producer, 2 * most + 1, 8);
	expect_next(one, 0, 8);
	/* The rest of that is not for others. */
	expect_next(other, most, 8);
	for (unsigned int i = 1; i < most; i++)
		expect_next(one, i, 8);
	expect_result(shmring_read(one, &record), -EALREADY);
	expect_result(shmring_read(one, &record), -EALREADY);
	for (unsigned int i = 1; i < most; i++)
		expect_next(other, most + i, 8);
	expect_result(shmring_read(other, &record), -EALREADY);
	expect_ok(shmring_release(one));
	/* Fewer, if there are no more. */
	expect_next(one, 2 * most, 8);
	expect_result(shmring_read(one, &record), -EALREADY);
	expect_ok(shmring_release(other));
	expect_nothing(other);
	expect_ok(shmring_release(one));
	expect_nothing(one);
	write_records(producer, 1, 8);
	expect_next(other, 2 * most + 1, 8);
	expect_nothing(one);
}

Test(group, part_of_a_claim_is_released)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", SHMRING_RELIABLE, 4);
	struct shmring_consumer *other = open_member(name, "workers", SHMRING_RELIABLE, 4);
	struct shmring_record record;

	write_records(producer, 8, 100);
	expect_run(one, 0, 3, 100);
	/* Again, with nothing read since. */
	expect_ok(shmring_release(one));
	expect_run(other, 4, 1, 100);
	expect_next(one, 3, 100);
	expect_result(shmring_read(one, &record), -EALREADY);
	expect_ok(shmring_release(one));
	expect_nothing(one);
	expect_run(other, 5, 3, 100);
	expect_nothing(other);
}

Test(group, releases_nothing_while_nothing_is_read)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", SHMRING_RELIABLE, 2);

	for (int i = 0; i < 3; i++)
		expect_ok(shmring_release(one));
	write_records(producer, 2, 100);
	expect_ok(shmring_release(one));
	expect_run(one, 0, 2, 100);
	expect_ok(shmring_release(one));
	expect_nothing(one);
}

Test(group, copies_are_released_at_once)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", SHMRING_RELIABLE, 2);
	struct shmring_consumer *other = open_member(name, "workers", SHMRING_RELIABLE, 2);
	struct shmring_record record;
	char buffer[100];

	write_records(producer, 5, 100);
	expect_ok(shmring_read_copy(one, buffer, sizeof(buffer), &record));
	expect_whole(&record, 0, 100);
	/* Too small: it stays this member's. */
	expect_result(shmring_read_copy(one, buffer, 99, &record), -EMSGSIZE);
	cr_assert_eq(record.length, 100);
	expect_ok(shmring_read_copy(other, buffer, sizeof(buffer), &record));
	expect_whole(&record, 2, 100);
	expect_ok(shmring_read_copy(one, buffer, sizeof(buffer), &record));
	expect_whole(&record, 1, 100);
	expect_ok(shmring_read_copy(one, buffer, sizeof(buffer), &record));
	expect_whole(&record, 4, 100);
	expect_ok(shmring_read_copy(other, buffer, sizeof(buffer), &record));
	expect_whole(&record, 3, 100);
	expect_result(shmring_read_copy(one, buffer, sizeof(buffer), &record), -EAGAIN);
	expect_result(shmring_read_copy(other, buffer, sizeof(buffer), &record), -EAGAIN);
	/* What it had read in place goes with the copy. */
	write_records(producer, 2, 100);
	expect_next(one, 5, 100);
	expect_ok(shmring_read_copy(one, buffer, sizeof(buffer), &record));
	expect_whole(&record, 6, 100);
	cr_assert_eq(count_holders(name, "workers"), 0);
}

static enum shmring_policy policies[] = { SHMRING_RELIABLE, SHMRING_LOSSY, SHMRING_DEADLINE };

ParameterizedTestParameters(group, cannot_seek)
{
	return cr_make_param_array(enum shmring_policy, policies, 3);
}

ParameterizedTest(enum shmring_policy *policy, group, cannot_seek)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *one = open_member(name, "workers", *policy, 2);

	write_records(producer, 4, 100);
	expect_next(one, 0, 100);
	for (int start = SHMRING_OLDEST; start <= SHMRING_TIME + 1; start++)
		expect_result(shmring_seek(one, (enum shmring_start)start, 0), -EINVAL);
	/* Refusing has changed nothing. */
	expect_next(one, 1, 100);
	expect_ok(shmring_release(one));
	expect_run(one, 2, 2, 100);
}

Test(group, groups_do_not_disturb_each_other)
{
	const char *name = new_ring(0);
	struct shmring_producer *producer = new_producer(name);
	struct shmring_consumer *ones[2], *others[2];

	for (int i = 0; i < 2; i++) {
		ones[i] = open_member(name, "ones", SHMRING_RELIABLE, 1);
		others[i] = open_member(name, "others", SHMRING_LOSSY, 3);
	}
	for (unsigned int i = 0; i < 1000; i++) {
		write_records(producer, 6, 30);
		for (unsigned int k = 0; k < 6; k++)
			expect_run(ones[k % 2], 6 * i + k, 1, 30);
		for (unsigned int k = 0; k < 6; k++)
			expect_run(others[k / 3], 6 * i + k, 1, 30);
	}
	expect_sound(name);
}
