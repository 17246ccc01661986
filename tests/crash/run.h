/* SPDX-License-Identifier: MIT */
/* Steps one victim, and has the survivors recover from each state it leaves. */
#ifndef TESTS_CRASH_RUN_H
#define TESTS_CRASH_RUN_H

#include "victims.h"
#include "world.h"

#define STEP_ALL       UINT64_MAX
#define STARTS_MAX     64
#define OPERATIONS_MAX 64

/* Hashes of what was seen. */
struct seen {
	uint64_t *slot;
	uint64_t size, used;
};

/* A state in which a victim was killed, for another one to start from. */
struct start {
	struct image image;
	struct board board;
	uint64_t step;
};

/* As many of them as wanted, each state of the run as likely as any other. */
struct starts {
	unsigned int wanted, count;
	uint64_t offered;
	struct start start[STARTS_MAX];
};
void starts_free(struct starts *starts);

struct run {
	uint64_t seed, variant;
	unsigned int variants, variants_wanted;
	bool quick;
	bool first; /* the first violation is enough */
	uint64_t step_wanted, from_wanted; /* only there; STEP_ALL: everywhere */
	unsigned int starts_wanted;

	uint64_t points;     /* distinct states of both objects and the locks */
	uint64_t steps;      /* instructions stepped */
	uint64_t recoveries; /* how often the survivors were sent */
	uint64_t violations;
	unsigned int operations;
	struct {
		const char *name;
		uint64_t points;
	} operation[OPERATIONS_MAX];
	struct seen states, contexts, bad; /* bad: contexts in which something was wrong */
};

/* Runs it in the world, from a start or from what the world was made as. Offers its states to
 * `starts`, unless null. */
void run_scenario(struct run *run, struct world *world, const struct scenario *scenario,
		  const struct start *start, struct starts *starts);

void run_free(struct run *run);

#endif
