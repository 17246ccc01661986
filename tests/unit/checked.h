/* SPDX-License-Identifier: MIT */
/* What shmring_check has to say about a ring. */
#ifndef TESTS_UNIT_CHECKED_H
#define TESTS_UNIT_CHECKED_H

#include <shmring/shmring.h>

/* Nothing is wrong with the ring. Prints what was found otherwise. */
void expect_sound(const char *name);

/* The same, but the ring may be overwritten too fast to be looked at: then it returns 0. */
int expect_sound_or_busy(const char *name);

/*
 * Something is wrong, and the word at this offset of the object, which holds `value`, is named; `subscription` is the
 * slot it is about, or -1.
 */
void expect_named(const char *name, const char *object, uint64_t offset, uint64_t value,
		  int64_t subscription);

/* At least one thing is wrong, wherever. */
void expect_unsound(const char *name);

#endif
