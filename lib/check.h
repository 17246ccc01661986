/* SPDX-License-Identifier: MIT */
/*
 * check.h - verifying a ring that others use at the same time.
 *
 * Each check holds at every moment of a sound ring's life, also of one whose processes were killed
 * at any instruction; what changes while it is looked at is looked at again, or passed over.
 */
#ifndef SHMRING_CHECK_H
#define SHMRING_CHECK_H

#include "segment.h"

struct check {
	const struct segment *segment;
	int (*visit)(const struct shmring_problem *problem, void *argument);
	void *argument;
	int result; /* what `visit` last returned: not 0 ends the check */
};

enum check_object {
	CHECK_DATA,
	CHECK_CONTROL,
};

/*
 * Tells of a word. `low` to `high` is what it may be; both 0: `what` says it. `slot` as in struct
 * shmring_problem.
 */
void check_report(struct check *check, enum check_object object, uint64_t offset, uint64_t found,
		  uint64_t low, uint64_t high, int slot, const char *what);

/* check_data.c: positions, records and the index. */
void check_data(struct check *check);

/* check_control.c: subscriptions and members. */
void check_control(struct check *check);

#endif
