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
};

/* Each returns the status to end with. */
int stat_print_table(const struct view *view);
int stat_print_json(const struct view *view);

#endif
