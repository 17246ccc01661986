/* SPDX-License-Identifier: MIT */
/*
 * A reader's time on the ring, from joining to leaving: every way to read, in random order and at
 * random speed.
 */
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
	struct tally before; /* what this role's earlier processes saw */
	enum shmring_policy policy;
	int durable;
	int observer;
	int steady; /* neither seeks nor leaves */
	char *buffer;
	int rejoined; /* it was evicted, and then told how many it lost: */
	uint64_t rejoin_lost;
	uint64_t late; /* as this handle last told */
};

/* How long the producer waits for DEADLINE consumers. */
#define DEADLINE_NS 3000000

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

/* What was known of the stream before it was read from. */
struct known {
	uint64_t published;
	uint64_t deaths;
	int finished;
};
struct known known_now(const struct board *board);

/* Why there is nothing to read. */
enum step session_nothing(struct session *session, int result, const struct known *known);

/* Reads a few records in one manner or other. */
enum step session_read(struct session *session);

/* Waits, spins or naps until there may be something. */
enum step session_wait(struct session *session);

/*
 * A durable subscription: leaves and comes back, or ends it and begins anew. Returns 0, or 1 after
 * saying why.
 */
int session_come_back(struct session *session, const char *name);
int session_begin_anew(struct session *session, const char *name);

/* Goes somewhere else. Returns 0, or 1 after saying why. */
int session_seek(struct session *session);

/* After an eviction. */
enum step session_rejoin(struct session *session);

/* Tells the board what was seen so far. */
void session_report(struct session *session);

/*
 * Tells the board what a release is about to come to, and what it came to. Only of durable
 * subscriptions it matters.
 */
static inline void session_releasing(struct session *session, uint64_t sequence)
{
	atomic_store_explicit(&session->role->releasing, sequence, memory_order_release);
}

static inline void session_released(struct session *session, uint64_t sequence)
{
	atomic_store_explicit(&session->role->released, sequence, memory_order_release);
}

/* What a checker is to expect after a start that worked. */
void session_expect(struct session *session, enum shmring_start start, uint64_t value,
		    uint64_t published);

#endif
