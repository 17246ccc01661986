/* SPDX-License-Identifier: MIT */
/*
 * A role as the engine has it: the process or thread that plays it, and whether that gets anything
 * done.
 */
#ifndef TESTS_STRESS_RUNNER_H
#define TESTS_STRESS_RUNNER_H

#include <pthread.h>
#include <sys/types.h>

#include "board.h"

#define NS_PER_SECOND 1000000000ULL

struct runner {
	struct board *board;
	struct role *role;
	pid_t process; /* 0: it was killed, and nobody plays the role now */
	pthread_t thread;
	uint64_t ticks;      /* at the last look that saw progress */
	uint64_t since_ns;   /* when that was */
	uint64_t restart_ns; /* when to go on with a role that nobody plays */
	uint64_t kill_ns;    /* when to kill it soon after its start; 0: not so */
	_Atomic int ended;   /* a thread's, or seen for a process */
	_Atomic int status;
};

uint64_t now_ns(void);

void runner_start(struct runner *runner, struct board *board, struct role *role);

/* The next process of a role whose last one was killed. */
void runner_restart(struct runner *runner);

/* Looks whether a process has ended. */
void runner_look_for_end(struct runner *runner);

/* Stops a process where it is. False if it has ended by itself. */
int runner_stop(struct runner *runner);

/*
 * Kills a process and waits until it is gone. True if that killed it; it may have ended by itself.
 */
int runner_kill(struct runner *runner);

/* True if it did anything lately, has ended, or nobody plays it. */
int runner_lively(struct runner *runner, uint64_t now);

#endif
