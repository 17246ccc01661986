/* SPDX-License-Identifier: MIT */
/*
 * Kills processes of a run with SIGKILL, at random moments, and starts them again: some at once,
 * some later, some to be killed again as they start. Now and then it stops killing and leaves the
 * dead dead, and the living have to show something before it goes on:
 *
 *   room   every consumer that holds the producer, but for durable ones, is dead, and all members
 *          of a group but one: the producer writes two capacities
 *   end    the producer is dead: every reader reads to the end, and is told
 *
 * Nobody is killed out of a wait then, so whoever is stuck is found by the engine's patience.
 */
#ifndef TESTS_STRESS_KILLS_H
#define TESTS_STRESS_KILLS_H

#include "../support/random.h"
#include "runner.h"

enum trial {
	TRIAL_NONE,
	TRIAL_ROOM,
	TRIAL_END,
};

struct killer {
	struct board *board;
	struct runner *runners;
	struct random random;
	uint64_t next_ns; /* when to kill somebody */
	uint64_t killed;
	uint64_t members; /* of the group, among them */
	uint64_t restarts;
	uint64_t trials;
	uint64_t dead_epoch; /* the last producer's that was killed */
	int left_open;       /* it had opened the ring, so nobody knew before that it would die */
	enum trial trial;
	uint64_t trial_ns;    /* when it began */
	uint64_t trial_until; /* room: the position where the producer has to get */
	uint64_t longest_ns;  /* what a trial took at most */
};

void kills_begin(struct killer *killer, struct board *board, struct runner *runners);

/*
 * Does what is due: kills, restarts, looks whether a trial is over. True when all is done, and
 * every role is played.
 */
int kills_look(struct killer *killer, uint64_t now);

/* How long until something is due. */
uint64_t kills_pause(const struct killer *killer, uint64_t now);

#endif
