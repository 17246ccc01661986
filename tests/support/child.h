/* SPDX-License-Identifier: MIT */
/* Child processes of a test, and gates by which they wait for each other without sleeping. */
#ifndef TESTS_SUPPORT_CHILD_H
#define TESTS_SUPPORT_CHILD_H

#include <stdio.h>
#include <sys/types.h>

/* Added to a signal's number in what child_wait returns. */
#define CHILD_SIGNAL 256

/* In a child, or anything else that returns 0 when all is well: says what is wrong, and returns 1. */
#define CHILD_CHECK(condition, ...)                                                           \
	do {                                                                                  \
		if (!(condition)) {                                                           \
			fprintf(stderr, "%s:%d: not so: %s", __FILE__, __LINE__, #condition); \
			fprintf(stderr, " " __VA_ARGS__);                                     \
			fputc('\n', stderr);                                                  \
			return 1;                                                             \
		}                                                                             \
	} while (0)

/* Starts a process that ends with what `run` returns, and is killed if its parent dies. */
pid_t child_start(int (*run)(void *argument), void *argument);

/* Waits for a child: its exit status, or CHILD_SIGNAL + the signal that killed it. */
int child_wait(pid_t child);

/* Both. */
int child_run(int (*run)(void *argument), void *argument);

/* Kills it, and waits until it is gone. */
void child_kill(pid_t child);

/* A closed gate; parent and children, or threads, share it. */
int gate_new(void);

/* Lets one waiter through. */
void gate_open(int gate);

/* Waits until somebody opens it. */
void gate_pass(int gate);

#endif
