/* SPDX-License-Identifier: MIT */
/*
 * stepper.h - runs a child process one machine instruction at a time (ptrace, x86-64).
 *
 * The child is forked from the caller, so that code and addresses are the same in both. It sets
 *itself up at full speed, calls stepper_mark(), is stepped from there, and calls stepper_mark()
 *again where stepping is to end:
 *
 *	stepper_start(&stepper, run, argument);
 *	for (event = stepper_go(&stepper); event == STEPPER_STOPPED; event = stepper_step(&stepper))
 *		look_at(stepper.address);
 *	stepper_kill(&stepper);
 *
 * Code outside this program's own text (the C library, the vDSO) is not stepped but run until it
 *returns. What it does to shared memory and files it does with system calls, which the kernel does
 *whole or not at all, so nothing lies between; but for memcpy, whose steps are seen by stepping a
 *loop in the child's own code instead. The program must be linked with -z now: a call that is
 *resolved late does not leave its return address on top of the stack.
 */
#ifndef TESTS_CRASH_STEPPER_H
#define TESTS_CRASH_STEPPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum stepper_event {
	STEPPER_STOPPED, /* before the instruction at `address` */
	STEPPER_MARKED,  /* at a mark, where stepping ends; stepper_go() goes on from there */
	STEPPER_ENDED,   /* exited, or killed by a signal: see `status` */
};

struct stepper {
	pid_t pid;        /* 0: none */
	uint64_t address; /* of the instruction that is next */
	uint64_t steps;   /* stops since stepping began: how to find this place again */
	bool ran_over; /* the last step ran through code outside the program's text: there may have
			  been system calls */
	int status;    /* of waitpid, when it has ended */
	uint64_t text_start, text_end;
};

/* Null, or why processes cannot be stepped here. */
const char *stepper_unavailable(void);

/*
 * Forks a child that runs run(argument), and returns when it has stopped before that. It is killed
 * if this process dies. Both stay on one processor: a step is a switch to the other and back.
 */
void stepper_start(struct stepper *stepper, int (*run)(void *argument), void *argument);

/* Runs the child at full speed up to the next mark, where stepping is to begin. */
enum stepper_event stepper_go(struct stepper *stepper);

/* One instruction; or, where that leaves the program's text, all up to where it comes back. */
enum stepper_event stepper_step(struct stepper *stepper);

/* SIGKILL, as at any instruction; returns when all that the child had is gone, its locks too. */
void stepper_kill(struct stepper *stepper);

/* In the child: where stepping begins, and where it ends. */
void stepper_mark(void);

#endif
