/* SPDX-License-Identifier: MIT */
/*
 * What can be seen of rings from outside, by looking at the files in /dev/shm alone: which there
 * are, whether they are whole, who belongs to whom, who holds which lock. Nothing of the library is
 * asked, so that it can be compared with what the library says.
 */
#ifndef TESTS_SUPPORT_OUTSIDE_H
#define TESTS_SUPPORT_OUTSIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <shmring/shmring.h>

#define OUTSIDE_FILES 24

struct outside_file {
	char file[256];                  /* its name in /dev/shm */
	char name[SHMRING_NAME_MAX + 1]; /* of its ring */
	bool control;
	bool magic;         /* begins as an object of its kind must */
	bool whole;         /* and checksum and sizes are as they must be */
	bool orphan;        /* a control object (by its magic) without its data */
	unsigned int locks; /* of a control object: a bit for each of LOCK_... */
	uint8_t uuid[16];   /* as in its header */
	ino_t inode;
	mode_t mode;
	nlink_t links;
	off_t size;
	uint64_t content; /* hash of what all such rings have in common; or 0 */
};

struct outside {
	unsigned int count;
	struct outside_file files[OUTSIDE_FILES];
};

/*
 * Looks at all files whose ring's name begins with `prefix` ("" for all there are), sorted by name.
 * Aborts if there are more than fit.
 */
void outside_look(struct outside *outside, const char *prefix, bool contents);

/*
 * Adds to that the files without a name that a process has open, in the order of their descriptors.
 */
void outside_look_at_unnamed(struct outside *outside, pid_t process, bool contents);

/*
 * A hash of all that, without what differs from one ring to the next of the same making (UUID,
 * inode, times).
 */
uint64_t outside_state(const struct outside *outside);

unsigned int outside_orphans(const struct outside *outside);

/* The data object of a ring, or null. */
const struct outside_file *outside_data(const struct outside *outside, const char *name);

/* Its control object, or null. */
const struct outside_file *outside_control(const struct outside *outside, const char *name);

/* In one line each, on stderr. */
void outside_print(const struct outside *outside);

#endif
