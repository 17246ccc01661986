/* SPDX-License-Identifier: MIT */
/* A reader's time on the ring, from joining to leaving: every way to read, in random order and at random speed. */
#ifndef TESTS_STRESS_SESSION_H
#define TESTS_STRESS_SESSION_H

#include "board.h"
#include "../support/random.h"

struct session {
	struct board *board;
	struct role *role;
	struct shmring_consumer *consumer;
	struct random random;
	struct checker checker;
	enum shmring_policy policy;
	int observer;
	int steady; /* neither seeks nor leaves */
	char *buffer;
	struct shmring_record kept; /* sabotage: a record that is taken later */
	int has_kept;
};

/* What a step of reading came to. */
enum step {
	STEP_READ, /* a record or more */
	STEP_NOTHING,
	STEP_ENDED,  /* the last producer has closed, and all is read */
	STEP_FAILED, /* and it was said why */
};

/* Prepares a session; `number` tells apart the roles of one seed. */
void session_init(struct session *session, struct board *board, struct role *role, uint64_t number);

/* Joins. `name` is the subscription's, or null. Returns 0, or a negative errno. */
int session_open(struct session *session, const char *name, enum shmring_start start,
		 uint64_t value);

/* Leaves, and adds what was seen to the role's tally. Returns 0, or 1 after saying why. */
int session_close(struct session *session);

/* Reads a few records in one manner or other. */
enum step session_read(struct session *session);

/* Waits, spins or naps until there may be something. */
enum step session_wait(struct session *session);

/* Goes somewhere else. Returns 0, or 1 after saying why. */
int session_seek(struct session *session);

/* What a checker is to expect after a start that worked. */
void session_expect(struct session *session, enum shmring_start start, uint64_t value,
		    uint64_t published);

#endif
