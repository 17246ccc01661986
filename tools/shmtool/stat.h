/* SPDX-License-Identifier: MIT */
/* One look at a ring, and how it is told. */
#ifndef SHMTOOL_STAT_H
#define SHMTOOL_STAT_H

#include <shmring/shmring.h>

struct view {
	const char *name;
	struct shmring_info info;
	uint64_t records, bytes, elapsed_ns; /* published between two looks; 0 ns: there was only one look */
	unsigned int subscriptions;
	struct shmring_subscription_info subscription[SHMRING_SUBSCRIPTIONS];
	unsigned int slot[SHMRING_SUBSCRIPTIONS]; /* of each of them */
	unsigned int members;                     /* of groups */
	struct shmring_member_info member[SHMRING_MEMBERS];
};

/* The first member of a group, or the one after another; null: there are no more, or it is no group. */
const struct shmring_member_info *stat_member(const struct view *view, unsigned int subscription,
					      const struct shmring_member_info *after);

/* Each returns the status to end with. */
int stat_print_table(const struct view *view);
int stat_print_json(const struct view *view);

#endif
