/* SPDX-License-Identifier: MIT */
#include "stepper.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)

/* The program's text, from the linker. */
extern const char __executable_start[], etext[];

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#define BREAKPOINT     0xccUL
#define ADDRESS_OFFSET offsetof(struct user_regs_struct, rip)
#define STACK_OFFSET   offsetof(struct user_regs_struct, rsp)

/* The label is at the breakpoint itself: a function may begin with other instructions. */
void stepper_mark_here(void);
__asm__(".text\n"
	".type stepper_mark_here, @function\n"
	"stepper_mark_here:\n"
	"\tint3\n"
	"\tret\n"
	".size stepper_mark_here, . - stepper_mark_here\n");

void stepper_mark(void)
{
	stepper_mark_here();
}

static void give_up(const char *what)
{
	perror(what);
	exit(99);
}

static uint64_t get(const struct stepper *stepper, size_t offset)
{
	long value;

	errno = 0;
	value = ptrace(PTRACE_PEEKUSER, stepper->pid, offset, NULL);
	if (errno)
		give_up("PTRACE_PEEKUSER");
	return (uint64_t)value;
}

static uint64_t peek(const struct stepper *stepper, uint64_t address)
{
	long value;

	errno = 0;
	value = ptrace(PTRACE_PEEKTEXT, stepper->pid, address, NULL);
	if (errno)
		give_up("PTRACE_PEEKTEXT");
	return (uint64_t)value;
}

static void poke(const struct stepper *stepper, uint64_t address, uint64_t word)
{
	if (ptrace(PTRACE_POKETEXT, stepper->pid, address, word) != 0)
		give_up("PTRACE_POKETEXT");
}

/* Lets it go on, and waits until it stops. False if it has ended. Signals other than a trap are its
 * own. */
static bool resume(struct stepper *stepper, long how)
{
	long signal = 0;

	for (;;) {
		if (ptrace(how, stepper->pid, NULL, signal) != 0)
			give_up("ptrace");
		while (waitpid(stepper->pid, &stepper->status, __WALL) != stepper->pid)
			if (errno != EINTR)
				give_up("waitpid");
		if (!WIFSTOPPED(stepper->status)) {
			stepper->pid = 0;
			return false;
		}
		if (WSTOPSIG(stepper->status) == SIGTRAP)
			return true;
		signal = WSTOPSIG(stepper->status);
	}
}

static bool in_text(const struct stepper *stepper)
{
	return stepper->address >= stepper->text_start && stepper->address < stepper->text_end;
}

/* Where it is now. */
static enum stepper_event look(struct stepper *stepper)
{
	stepper->address = get(stepper, ADDRESS_OFFSET);
	return stepper->address == (uint64_t)(uintptr_t)stepper_mark_here ? STEPPER_MARKED
									  : STEPPER_STOPPED;
}

/* At the first instruction of a function outside the text. */
static enum stepper_event run_to_return(struct stepper *stepper)
{
	const uint64_t back = peek(stepper, get(stepper, STACK_OFFSET));
	const uint64_t word = peek(stepper, back);
	bool lives;

	poke(stepper, back, (word & ~0xffUL) | BREAKPOINT);
	lives = resume(stepper, PTRACE_CONT);
	stepper->ran_over = true;
	if (!lives)
		return STEPPER_ENDED;
	poke(stepper, back, word);
	if (get(stepper, ADDRESS_OFFSET) != back + 1) {
		fprintf(stderr, "stepper: stopped at %#llx, expected %#llx\n",
			(unsigned long long)get(stepper, ADDRESS_OFFSET),
			(unsigned long long)back + 1);
		exit(99);
	}
	if (ptrace(PTRACE_POKEUSER, stepper->pid, ADDRESS_OFFSET, back) != 0)
		give_up("PTRACE_POKEUSER");
	return look(stepper);
}

enum stepper_event stepper_step(struct stepper *stepper)
{
	enum stepper_event event;

	stepper->ran_over = false;
	if (!resume(stepper, PTRACE_SINGLESTEP))
		return STEPPER_ENDED;
	stepper->steps++;
	event = look(stepper);
	while (event == STEPPER_STOPPED && !in_text(stepper))
		event = run_to_return(stepper);
	return event;
}

enum stepper_event stepper_go(struct stepper *stepper)
{
	const uint64_t behind = (uint64_t)(uintptr_t)stepper_mark_here + 1;

	/* At a mark where stepping ended, the breakpoint has not been hit yet. */
	if (stepper->address == behind - 1 && !resume(stepper, PTRACE_CONT))
		return STEPPER_ENDED;
	if (!resume(stepper, PTRACE_CONT))
		return STEPPER_ENDED;
	stepper->steps = 0;
	stepper->ran_over = true;
	if (look(stepper) == STEPPER_STOPPED && stepper->address == behind)
		return STEPPER_STOPPED;
	fprintf(stderr, "stepper: trapped at %#llx, which is no mark\n",
		(unsigned long long)stepper->address);
	exit(99);
}

static void stay_here(void)
{
	cpu_set_t here;
	int processor = sched_getcpu();

	CPU_ZERO(&here);
	if (processor >= 0 && processor < CPU_SETSIZE) {
		CPU_SET(processor, &here);
		sched_setaffinity(0, sizeof(here), &here);
	}
}

void stepper_start(struct stepper *stepper, int (*run)(void *argument), void *argument)
{
	*stepper = (struct stepper){
		.text_start = (uint64_t)(uintptr_t)__executable_start,
		.text_end = (uint64_t)(uintptr_t)etext,
	};
	stay_here();
	fflush(NULL);
	stepper->pid = fork();
	if (stepper->pid < 0)
		give_up("fork");
	if (stepper->pid == 0) {
		int status;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(98);
		raise(SIGSTOP);
		status = run(argument);
		fflush(NULL);
		_exit(status);
	}
	while (waitpid(stepper->pid, &stepper->status, __WALL) != stepper->pid)
		if (errno != EINTR)
			give_up("waitpid");
	if (!WIFSTOPPED(stepper->status)) {
		fputs("stepper: the child may not be traced\n", stderr);
		exit(99);
	}
	if (ptrace(PTRACE_SETOPTIONS, stepper->pid, NULL, PTRACE_O_EXITKILL) != 0)
		give_up("PTRACE_SETOPTIONS");
}

void stepper_kill(struct stepper *stepper)
{
	if (stepper->pid == 0)
		return;
	kill(stepper->pid, SIGKILL);
	do {
		if (waitpid(stepper->pid, &stepper->status, __WALL) < 0 && errno != EINTR)
			give_up("waitpid");
	} while (WIFSTOPPED(stepper->status));
	stepper->pid = 0;
}

#ifndef SANITIZED
static int two_instructions(void *argument)
{
	(void)argument;
	stepper_mark();
	return 0;
}

/* Tried out in a child: being refused there must not end this process. */
static bool stepping_works(void)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		struct stepper stepper;
		bool works;

		stepper_start(&stepper, two_instructions, NULL);
		works = stepper_go(&stepper) == STEPPER_STOPPED &&
			stepper_step(&stepper) == STEPPER_STOPPED && stepper.address != 0;
		stepper_kill(&stepper);
		_exit(works ? 0 : 1);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}
#endif

const char *stepper_unavailable(void)
{
#ifdef SANITIZED
	return "a sanitizer's own instructions outnumber the library's by far";
#else
	return stepping_works() ? NULL : "this system does not let a process trace its child";
#endif
}

#else /* another processor */

void stepper_mark(void)
{
}

void stepper_start(struct stepper *stepper, int (*run)(void *argument), void *argument)
{
	(void)run;
	(void)argument;
	*stepper = (struct stepper){ 0 };
}

enum stepper_event stepper_go(struct stepper *stepper)
{
	(void)stepper;
	return STEPPER_ENDED;
}

enum stepper_event stepper_step(struct stepper *stepper)
{
	(void)stepper;
	return STEPPER_ENDED;
}

void stepper_kill(struct stepper *stepper)
{
	(void)stepper;
}

const char *stepper_unavailable(void)
{
	return "stepping is written for x86-64";
}

#endif
