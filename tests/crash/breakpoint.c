/* SPDX-License-Identifier: MIT */
#include "breakpoint.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#if defined(__x86_64__)

#define BREAKPOINT     0xccUL
#define ADDRESS_OFFSET offsetof(struct user_regs_struct, rip)

static void give_up(const char *what)
{
	perror(what);
	exit(99);
}

/* Goes on to the next trap; false if it has ended. */
static bool go_on(struct stepper *stepper)
{
	long signal = 0;

	for (;;) {
		if (ptrace(PTRACE_CONT, stepper->pid, NULL, signal) != 0)
			give_up("PTRACE_CONT");
		while (waitpid(stepper->pid, &stepper->status, __WALL) != stepper->pid)
			if (errno != EINTR)
				give_up("waitpid");
		if (!WIFSTOPPED(stepper->status)) {
			stepper->pid = 0;
			return false;
		}
		signal = WSTOPSIG(stepper->status);
		if (signal == SIGTRAP)
			return true;
	}
}

static void poke(const struct stepper *stepper, uint64_t address, uint64_t word)
{
	if (ptrace(PTRACE_POKETEXT, stepper->pid, address, word) != 0)
		give_up("PTRACE_POKETEXT");
}

enum stepper_event breakpoint_run(struct stepper *stepper, uint64_t address)
{
	enum stepper_event event;
	uint64_t word;

	if (stepper->address == address) {
		event = stepper_step(stepper);
		if (event != STEPPER_STOPPED || stepper->address == address)
			return event;
	}
	errno = 0;
	word = (uint64_t)ptrace(PTRACE_PEEKTEXT, stepper->pid, address, NULL);
	if (errno)
		give_up("PTRACE_PEEKTEXT");
	poke(stepper, address, (word & ~0xffUL) | BREAKPOINT);
	if (!go_on(stepper))
		return STEPPER_ENDED;
	poke(stepper, address, word);
	errno = 0;
	stepper->address = (uint64_t)ptrace(PTRACE_PEEKUSER, stepper->pid, ADDRESS_OFFSET, NULL);
	if (errno)
		give_up("PTRACE_PEEKUSER");
	if (stepper->address != address + 1)
		return STEPPER_MARKED;
	if (ptrace(PTRACE_POKEUSER, stepper->pid, ADDRESS_OFFSET, address) != 0)
		give_up("PTRACE_POKEUSER");
	stepper->address = address;
	return STEPPER_STOPPED;
}

int breakpoint_finish(struct stepper *stepper)
{
	while (stepper->pid != 0 && go_on(stepper))
		;
	return stepper->status;
}

#else /* another processor */

enum stepper_event breakpoint_run(struct stepper *stepper, uint64_t address)
{
	(void)stepper;
	(void)address;
	return STEPPER_ENDED;
}

int breakpoint_finish(struct stepper *stepper)
{
	return stepper->status;
}

#endif
