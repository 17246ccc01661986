/* SPDX-License-Identifier: MIT */
/* The two processes of a run: each on a core of its own, in step, and ended with the parent. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_work.h"
#include "report.h"
#include "shmtool.h"
#include "signals.h"

/* Far beyond what any run takes, beside what it was told to take: one that hangs is ended. */
#define RUN_SECONDS 60

uint64_t bench_calls_made;

static struct bench_shared *shared_problem;
static enum bench_side own_side;

void bench_fail(struct bench_run *run, const char *format, ...)
{
	va_list list;

	(void)run;
	va_start(list, format);
	vsnprintf(shared_problem->problem[own_side], BENCH_REASON, format, list);
	va_end(list);
	_exit(1);
}

void bench_fail_errno(struct bench_run *run, const char *call)
{
	bench_fail(run, "%s: %s", call, strerror(errno));
}

enum bench_opened bench_refuse(struct bench_run *run, const char *call)
{
	snprintf(run->reason, sizeof(run->reason), "%s: %s", call, strerror(errno));
	return BENCH_REFUSED;
}

void bench_meet(struct bench_shared *shared)
{
	const unsigned int ticket =
		atomic_fetch_add_explicit(&shared->arrived, 1, memory_order_acq_rel);
	const unsigned int full = ticket - ticket % 2 + 2;

	for (unsigned int spins = 0;
	     (int)(atomic_load_explicit(&shared->arrived, memory_order_acquire) - full) < 0;
	     spins++) {
		bench_pause();
		if (spins > 10000)
			sched_yield();
	}
}

/* In the child: it dies with its parent, by signals, and of old age. */
static void become(const struct bench_plan *plan, enum bench_side side, pid_t parent)
{
	static const int own[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM };
	cpu_set_t set;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		signal(own[i], SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	own_side = side;
	alarm(RUN_SECONDS + (unsigned int)(2 * plan->seconds));
	CPU_ZERO(&set);
	CPU_SET(plan->cpus[side], &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		bench_fail(NULL, "cannot run on CPU %d: %s", plan->cpus[side], strerror(errno));
	/* Less disturbed, where that is allowed. */
	setpriority(PRIO_PROCESS, 0, -10);
}

/* The first that fails, or a signal, ends both. Returns 0, the wait status, or -1 for a signal. */
static int wait_for_both(pid_t children[2])
{
	int result = 0;

	for (int left = 2; left > 0;) {
		int how = 0;
		pid_t child = waitpid(-1, &how, 0);
		bool stop = false;

		if (signals_came() && result == 0) {
			result = -1;
			stop = true;
		}
		if (child == children[0] || child == children[1]) {
			children[child == children[1]] = 0;
			left--;
			if (how != 0 && result == 0) {
				result = how;
				stop = true;
			}
		} else if (child < 0 && errno != EINTR) {
			return result ? result : 1 << 8;
		}
		for (int i = 0; stop && i < 2; i++)
			if (children[i] > 0)
				kill(children[i], SIGKILL);
	}
	return result;
}

static int report_end(const struct bench_shared *shared, const char *what, int how)
{
	for (int side = 0; side < 2; side++)
		if (shared->problem[side][0] != '\0')
			return report("bench", "%s: %s; this is an error, not a result", what,
				      shared->problem[side]);
	if (WIFSIGNALED(how) && WTERMSIG(how) == SIGALRM)
		return report("bench",
			      "%s: a run did not end within %d seconds; leave it out with "
			      "--transports",
			      what, RUN_SECONDS);
	if (WIFSIGNALED(how))
		return report("bench", "%s: a process was ended by signal %d (%s); try again", what,
			      WTERMSIG(how), strsignal(WTERMSIG(how)));
	return report("bench", "%s: a process failed; try again", what);
}

void *bench_map_shared(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

int bench_fork_two(struct bench_plan *plan, const char *what,
		   void (*work)(enum bench_side side, void *argument), void *argument)
{
	const pid_t parent = getpid();
	pid_t children[2] = { 0, 0 };
	int how;

	memset(plan->shared, 0, sizeof(*plan->shared));
	shared_problem = plan->shared;
	fflush(stdout);
	for (int side = 0; side < 2; side++) {
		children[side] = fork();
		if (children[side] < 0) {
			const int error = errno;

			if (side == 1) {
				kill(children[0], SIGKILL);
				waitpid(children[0], NULL, 0);
			}
			return report("bench", "cannot start a process: %s; end others first",
				      strerror(error));
		}
		if (children[side] == 0) {
			become(plan, (enum bench_side)side, parent);
			work((enum bench_side)side, argument);
			_exit(0);
		}
	}
	how = wait_for_both(children);
	if (signals_came())
		return signals_status();
	return how == 0 ? STATUS_DONE : report_end(plan->shared, what, how);
}
