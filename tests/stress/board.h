/* SPDX-License-Identifier: MIT */
/* What the roles of a run tell each other and the engine, in memory that all of them share. */
#ifndef TESTS_STRESS_BOARD_H
#define TESTS_STRESS_BOARD_H

#include <stdatomic.h>
#include <stdint.h>

#include "checker.h"
#include "ledger.h"
#include "plan.h"

enum kind {
	KIND_PRODUCER,
	KIND_RELIABLE,
	KIND_LOSSY,
	KIND_DEADLINE,
	KIND_DURABLE,
	KIND_OBSERVER,
	KIND_JOINER,
	KIND_MEMBER, /* of the group */
};

#define ROLE_NAME_SIZE 32

/*
 * One role. Its owner writes, the engine looks now and then: nothing but `done` orders anything.
 * All of it outlives a process that is killed, and the next one goes on with it.
 */
struct role {
	enum kind kind;
	unsigned int number; /* of its kind */
	char name[ROLE_NAME_SIZE];
	_Atomic uint64_t ticks; /* things it got done */
	_Atomic uint32_t doing; /* enum doing */
	_Atomic uint64_t done;  /* 1: it has ended well; all below is final */
	_Atomic uint64_t seen;  /* records delivered, for the progress line */
	_Atomic uint64_t joins; /* times it joined */
	unsigned int life;      /* 0, and 1 more for every process that was killed */

	/*
	 * Of a durable subscription: sequence numbers of the first record that is not released, if
	 * the release in progress has been done, and if it has not; the same while there is none.
	 */
	_Atomic uint64_t releasing;
	_Atomic uint64_t released;
	_Atomic uint32_t settled; /* 1: the subscription is there, and the two above are right */

	_Atomic uint64_t told;    /* board->deaths when it last learned that there is no producer */
	_Atomic uint64_t resumed; /* times it went on with a durable subscription */
	_Atomic uint64_t evictions; /* times it was evicted, and joined again */
	_Atomic uint64_t late; /* sleeps that came to their bound with something to get up for */
	_Atomic uint64_t unexplained; /* ... and nobody was killed who was to end them */
	struct holding holding; /* a member's */
	struct tally tally;
	char complaint[160];
};

enum doing {
	DOING_NOTHING,
	DOING_OPEN,
	DOING_CLOSE,
	DOING_READ,
	DOING_WAIT,
	DOING_SEEK,
	DOING_WRITE,
	DOING_WAIT_FOR_ROOM,
	DOING_WAIT_FOR_READERS,
	DOING_PAUSE,
};

struct board {
	struct plan plan;
	struct stream stream;
	char ring[128];
	unsigned int roles;
	_Atomic uint32_t ready;     /* readers that have joined for the first time */
	_Atomic uint32_t stop;      /* the time is up */
	_Atomic uint64_t published; /* records that exist at least */
	_Atomic uint64_t intended;  /* records that exist if what is being published has been */
	_Atomic uint64_t kills;     /* processes that were killed, or are just being killed */
	_Atomic uint64_t deaths;    /* producers among them */
	_Atomic uint64_t buried;    /* of the kills, those that are over */
	_Atomic uint64_t buried_producers;
	_Atomic uint64_t epochs;
	_Atomic uint32_t finished; /* the last producer is about to close; `published` is final */
	_Atomic uint64_t farewell; /* the first record after the run; 0: it goes on */
	_Atomic uint64_t parked;   /* members that have read one of those */
	struct ledger *ledger;     /* of what the group was given; null: there is none */
	struct role role[];
};

static inline void role_does(struct role *role, enum doing doing)
{
	atomic_store_explicit(&role->doing, (uint32_t)doing, memory_order_relaxed);
}

static inline void role_tick(struct role *role)
{
	atomic_fetch_add_explicit(&role->ticks, 1, memory_order_relaxed);
}

static inline void role_was_late(struct role *role, uint64_t sleeps, int explained)
{
	atomic_fetch_add_explicit(&role->late, sleeps, memory_order_relaxed);
	if (!explained)
		atomic_fetch_add_explicit(&role->unexplained, sleeps, memory_order_relaxed);
}

static inline int board_stopped(const struct board *board)
{
	return atomic_load_explicit(&board->stop, memory_order_relaxed) != 0;
}

/* Notes a failure that is not a record's: a call that answered something it must not. Returns 1. */
int role_fail(const struct board *board, struct role *role, const char *what, int64_t result);

/* Does nothing for so long. */
void pause_ns(uint64_t ns);

/* The roles. Each returns 0, or 1 if anything was wrong, after saying so. */
int run_producer(struct board *board, struct role *role);
int run_reader(struct board *board, struct role *role);
int run_joiner(struct board *board, struct role *role);
int run_member(struct board *board, struct role *role);

#endif
