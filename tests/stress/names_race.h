/* SPDX-License-Identifier: MIT */
/*
 * names_race.h - what the racing processes and their judge share, in memory of the test's own.
 *
 * In each race every worker does a few calls, on one or the other of two names, as its random
 * numbers say; some are killed or held up meanwhile, by a timer at a random moment. Each writes
 * down before a call what it is about to do, and after it what came of it. When all have finished
 * or died, the judge looks at what they left.
 */
#ifndef TESTS_STRESS_NAMES_RACE_H
#define TESTS_STRESS_NAMES_RACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "names_history.h"

#define WORKERS     4
#define NAMES       2
#define CALLS_MAX   5               /* of one worker in one race */
#define ENTRIES_MAX (2 * CALLS_MAX) /* a creator also opens what it made */

/* What a call may leave behind if its process is killed in it. */
enum leftover {
	LEAVES_NOTHING,
	LEAVES_ORPHAN,
};

/* One call on one name, as its caller wrote it down. */
struct entry {
	unsigned int name;
	bool counts; /* says something about the name */
	bool pending;
	enum leftover leftover;
	struct event event;
};

struct worker {
	/* Written by the worker. */
	_Atomic uint32_t entries;
	struct entry entry[ENTRIES_MAX];
	uint64_t creations; /* so far, for identities */
	uint64_t span_ns;   /* how long its part of a race takes, about */
	/* Written by the judge between races. */
	uint64_t births; /* processes that were this worker */
	/* Counted by the worker. */
	_Atomic uint64_t calls, attached, created, unlinked, held_up;
};

struct race {
	_Atomic uint32_t number;   /* futex: of the race that is on */
	_Atomic uint32_t finished; /* futex: workers that have finished, or died */
	_Atomic uint64_t clock;
	_Atomic bool over;
	uint64_t seed;
	const char *names[NAMES];
	_Atomic uint64_t mixed, wrong_errors;
	struct worker worker[WORKERS];
};

/* The argument of a worker's process. */
struct worker_start {
	struct race *race;
	unsigned int index;
	uint32_t number; /* of the last race that it has no part in */
};

int worker_run(void *argument);

/* A line on stderr about what went wrong, with the race it was in. */
__attribute__((format(printf, 2, 3))) void race_complain(struct race *race, const char *format,
							 ...);

#endif
