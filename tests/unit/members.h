/* SPDX-License-Identifier: MIT */
/* What the units about groups share: members, what they hold, and members that are killed. */
#ifndef TESTS_UNIT_MEMBERS_H
#define TESTS_UNIT_MEMBERS_H

#include "unit.h"

/* Options for a member; a DEADLINE group's deadline is NEVER. */
struct shmring_consumer_options member_options(const char *group, enum shmring_policy policy,
					       unsigned int claim_batch);

struct shmring_consumer *open_member(const char *ring, const char *group,
				     enum shmring_policy policy, unsigned int claim_batch);

/* Reads one record and asserts that it is that one, delivered again, with nothing lost before it. */
void expect_again(struct shmring_consumer *member, uint64_t sequence, size_t length);

/* The same for `count` records, released one by one. */
void expect_run_again(struct shmring_consumer *member, uint64_t sequence, unsigned int count,
		      size_t length);

/* Nothing is to be read, and dead members have left nothing either. */
void expect_nothing(struct shmring_consumer *member);

/* Looks at a member of the table. Returns what shmring_inspect_member does. */
int look_at_member(const char *ring, unsigned int member, struct shmring_member_info *info);

/* Those of a group that hold something. */
unsigned int count_holders(const char *ring, const char *group);

/* A member's life in a process of its own. */
struct life {
	const char *ring;
	const char *group;
	enum shmring_policy policy;
	uint32_t durable;
	unsigned int claim_batch;
	unsigned int released; /* records read and released first */
	unsigned int read;     /* records read then, which it still has when it is killed */
};

/* Lives it, and waits until the process is gone. */
void live_and_be_killed(const struct life *life);

/* What all members of a group together were told. */
struct tally {
	uint64_t delivered; /* and found whole when released */
	uint64_t lost;
	uint64_t torn;
};

/* Reads and releases one record, if there is one for this member. True if so. */
int take_one(struct shmring_consumer *member, struct tally *tally);

/* The members by turns, until there is nothing for any of them, nor anything that the dead had. */
void drain(struct shmring_consumer **members, unsigned int number, struct tally *tally);

/*
 * Has each of them read one more, so that none keeps a loss to itself: then what was delivered and what was lost are
 * all that was written.
 */
void expect_all_told(struct shmring_producer *producer, struct shmring_consumer **members,
		     unsigned int number, struct tally *tally);

#endif
