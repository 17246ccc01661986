/* SPDX-License-Identifier: MIT */
#include "members.h"

#include <signal.h>

struct shmring_consumer_options member_options(const char *group, enum shmring_policy policy,
					       unsigned int claim_batch)
{
	struct shmring_consumer_options options = durable_options(group, policy);

	options.durable = 0;
	options.shared = 1;
	options.claim_batch = claim_batch;
	return options;
}

struct shmring_consumer *open_member(const char *ring, const char *group,
				     enum shmring_policy policy, unsigned int claim_batch)
{
	struct shmring_consumer_options options = member_options(group, policy, claim_batch);

	return open_consumer(ring, &options);
}

void expect_again(struct shmring_consumer *member, uint64_t sequence, size_t length)
{
	struct shmring_record record;

	/* Who only reads looks for the dead now and then; who waits, at once. */
	expect_ok(shmring_wait(member, 0));
	expect_ok(shmring_read(member, &record));
	cr_assert_eq(record.flags, SHMRING_REDELIVERED, "%llu: flags %d",
		     (unsigned long long)record.sequence, record.flags);
	cr_assert_eq(record.lost, 0);
	record.flags = 0;
	expect_whole(&record, sequence, length);
}

void expect_run_again(struct shmring_consumer *member, uint64_t sequence, unsigned int count,
		      size_t length)
{
	for (unsigned int i = 0; i < count; i++) {
		expect_again(member, sequence + i, length);
		expect_ok(shmring_release(member));
	}
}

void expect_nothing(struct shmring_consumer *member)
{
	struct shmring_record record;

	expect_result(shmring_wait(member, 0), -EAGAIN);
	expect_result(shmring_read(member, &record), -EAGAIN);
}

int look_at_member(const char *ring, unsigned int member, struct shmring_member_info *info)
{
	struct shmring_inspector *inspector;
	int result;

	*info = (struct shmring_member_info)SHMRING_MEMBER_INFO_INIT;
	expect_ok(shmring_inspector_open(&inspector, ring));
	result = shmring_inspect_member(inspector, member, info);
	expect_ok(shmring_inspector_close(inspector));
	return result;
}

unsigned int count_holders(const char *ring, const char *group)
{
	const unsigned int slot = slot_of(ring, group);
	unsigned int count = 0;

	for (unsigned int member = 0; member < SHMRING_MEMBERS; member++) {
		struct shmring_member_info info;

		if (look_at_member(ring, member, &info) == 0 && info.slot == slot)
			count += info.holds;
	}
	return count;
}

static int live(void *argument)
{
	const struct life *life = argument;
	struct shmring_consumer_options options =
		member_options(life->group, life->policy, life->claim_batch);
	struct shmring_consumer *member;
	struct shmring_record record;

	options.durable = life->durable;
	CHILD_CHECK(shmring_consumer_open(&member, life->ring, &options) == 0);
	for (unsigned int i = 0; i < life->released + life->read; i++) {
		int result;

		if (i == life->released)
			CHILD_CHECK(shmring_release(member) == 0);
		CHILD_CHECK((result = shmring_read(member, &record)) == 0, "read: %d", result);
		/* All but the last ones may be of other claims. */
		if (i + 1 < life->released &&
		    (i + 1) % (life->claim_batch ? life->claim_batch : 1) == 0)
			CHILD_CHECK(shmring_release(member) == 0);
	}
	if (life->read == 0)
		CHILD_CHECK(shmring_release(member) == 0);
	raise(SIGKILL);
	return 1;
}

void live_and_be_killed(const struct life *life)
{
	struct life copy = *life;

	cr_assert_eq(child_run(live, &copy), CHILD_SIGNAL + SIGKILL);
}

int take_one(struct shmring_consumer *member, struct tally *tally)
{
	struct shmring_record record;
	int result = shmring_read(member, &record);

	if (result == -EAGAIN)
		return 0;
	expect_ok(result);
	result = shmring_release(member);
	if (result == -EOVERFLOW) {
		tally->torn++;
		return 1;
	}
	expect_ok(result);
	tally->delivered++;
	tally->lost += record.lost;
	return 1;
}

void drain(struct shmring_consumer **members, unsigned int number, struct tally *tally)
{
	for (unsigned int i = 0, idle = 0; idle < 3 * number; i++) {
		/* Waiting finds what the dead left. */
		if (shmring_wait(members[i % number], 0) == 0 &&
		    take_one(members[i % number], tally))
			idle = 0;
		else
			idle++;
	}
}

void expect_all_told(struct shmring_producer *producer, struct shmring_consumer **members,
		     unsigned int number, struct tally *tally)
{
	for (unsigned int i = 0; i < number; i++) {
		drain(members, number, tally);
		write_records(producer, 1, 1000);
		cr_assert(take_one(members[i], tally));
	}
	cr_assert_eq(tally->delivered + tally->lost, producer_info(producer).sequence,
		     "%llu delivered, %llu lost, of %llu", (unsigned long long)tally->delivered,
		     (unsigned long long)tally->lost,
		     (unsigned long long)producer_info(producer).sequence);
}
