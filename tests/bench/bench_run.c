/* SPDX-License-Identifier: MIT */
/* The two processes, and the schedule that they go through in step. */
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Far beyond what any run takes, also on a slow machine: a run that hangs ends with SIGALRM. */
#define RUN_SECONDS 120

/* How often a run is tried again if another process took a core from it meanwhile. */
#define TRIES 5

struct shared {
	alignas(128) _Atomic unsigned int arrived;
	alignas(128) struct bench_result results[2];
	alignas(128) long preempted[2]; /* times that either process was, in the run just ended */
	long runs, tries, disturbed;
	alignas(128) double ns[]; /* [heat][contender][round] */
};

const char *bench_program;
static struct shared *shared;
static volatile sig_atomic_t stopped;

void bench_complain(const char *format, va_list arguments)
{
	fprintf(stderr, "%s: ", bench_program);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

void bench_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	bench_complain(format, arguments);
	va_end(arguments);
	_exit(1);
}

/* Both sides have come this far. What either did before is seen by both after. */
static void meet(void)
{
	unsigned int ticket = atomic_fetch_add_explicit(&shared->arrived, 1, memory_order_acq_rel);
	unsigned int full = ticket - ticket % 2 + 2;

	for (unsigned int spins = 0;
	     (int)(atomic_load_explicit(&shared->arrived, memory_order_acquire) - full) < 0;
	     spins++) {
		bench_pause();
		if (spins > 10000)
			sched_yield();
	}
}

static long preemptions(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nivcsw;
}

static uint64_t expected_sum(const struct bench_job *job)
{
	uint64_t total = bench_total(job);

	return job->size / 8 * (total * (total + 1) / 2);
}

/* One run: the time of a record. */
static double run_one(const struct bench_contender *contender, const struct bench_job *given,
		      enum bench_side side)
{
	struct bench_job own = *given, *job = &own;
	struct bench_result *result = &shared->results[side];
	uint64_t lap = contender->lap(job);

	if (contender->slow)
		job->records =
			(job->records / contender->slow + BENCH_BATCH) / BENCH_BATCH * BENCH_BATCH;
	job->warm_up = (lap + BENCH_BATCH - 1) / BENCH_BATCH * BENCH_BATCH;
	job->cool_down = job->task == BENCH_STREAM ? job->warm_up : 0;
	memset(result, 0, sizeof(*result));
	alarm(RUN_SECONDS);

	for (enum bench_side turn = BENCH_NEAR; turn <= BENCH_FAR; turn++) {
		if (turn == side && contender->open(contender, job, side) != 0)
			_exit(1);
		meet();
	}
	shared->preempted[side] = -preemptions();
	contender->run(job, side, result);
	shared->preempted[side] += preemptions();
	meet();
	if (side == BENCH_FAR)
		contender->close(side);
	meet();
	if (side == BENCH_NEAR)
		contender->close(side);

	/* In a stream the reader's clock counts; for one way either, there and back makes two. */
	for (enum bench_side reader = BENCH_NEAR; reader <= BENCH_FAR; reader++) {
		if (job->task == BENCH_STREAM && reader == BENCH_NEAR)
			continue;
		if (shared->results[reader].sum != expected_sum(job))
			bench_fail("%s: %zu-byte records did not arrive as they were sent",
				   contender->label, job->size);
	}
	result = &shared->results[BENCH_FAR];
	return (double)result->ns / (double)result->records / (job->task == BENCH_ONE_WAY ? 2 : 1);
}

/* One contender's turn, again if it was disturbed. All contenders have the same chances. */
static double run_in_peace(const struct bench_contender *contender, const struct bench_job *job,
			   enum bench_side side, int tries_most)
{
	bool disturbed;
	double ns;
	int tries = 0;

	do {
		meet();
		ns = run_one(contender, job, side);
		meet();
		disturbed = !contender->threads &&
			    shared->preempted[BENCH_NEAR] + shared->preempted[BENCH_FAR] > 0;
		tries++;
	} while (disturbed && tries < tries_most);
	if (side == BENCH_NEAR) {
		shared->runs++;
		shared->tries += tries;
		shared->disturbed += disturbed;
	}
	return ns;
}

/* Each round begins with another heat, and each heat with another contender. */
static void run_all(struct bench_plan *plan, enum bench_side side)
{
	for (int round = 0; round < plan->rounds; round++) {
		for (int i = 0; i < plan->count; i++) {
			struct bench_heat *heat = &plan->heats[(i + round) % plan->count];

			for (int j = 0; j < heat->count; j++) {
				int which = (j + round + i) % heat->count;
				double ns;

				ns = run_in_peace(heat->contenders[which], &heat->job, side,
						  plan->quick ? 1 : TRIES);
				if (side == BENCH_NEAR)
					heat->ns[which][round] = ns;
			}
		}
		if (side == BENCH_NEAR && plan->progress)
			fprintf(stderr, "\rround %d of %d ", round + 1, plan->rounds);
	}
	if (side == BENCH_NEAR && plan->progress)
		fprintf(stderr, "\r                          \r");
}

void *bench_share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		bench_fail("no memory: %s", strerror(errno));
	return memory;
}

pid_t bench_fork(int cpu)
{
	const pid_t parent = getpid(), child = fork();

	if (child < 0)
		bench_fail("fork: %s", strerror(errno));
	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	bench_stay_on(cpu);
	return 0;
}

bool bench_ended_well(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) == child && status == 0;
}

static pid_t start(struct bench_plan *plan, enum bench_side side)
{
	const pid_t child = bench_fork(plan->cpus[side]);

	if (child != 0)
		return child;
	/* Less disturbed, where that is allowed. */
	setpriority(PRIO_PROCESS, 0, -10);
	run_all(plan, side);
	_exit(0);
}

static void stop(int signal)
{
	stopped = signal;
}

/* Waits for both. The first that fails takes the other with it. */
static int wait_for_both(pid_t children[2])
{
	int status = 0;

	for (int left = 2; left > 0;) {
		int how;
		pid_t child = waitpid(-1, &how, 0);

		if (child < 0 && errno == EINTR && stopped && status == 0) {
			status = 128 + stopped;
			kill(children[0], SIGKILL);
			kill(children[1], SIGKILL);
		}
		if (child < 0 && errno == EINTR)
			continue;
		if (child < 0) {
			perror("bench: waitpid");
			return 1;
		}
		if (child != children[0] && child != children[1])
			continue;
		left--;
		if (how == 0 || status != 0)
			continue;
		status = 1;
		kill(child == children[0] ? children[1] : children[0], SIGKILL);
		if (WIFSIGNALED(how) && WTERMSIG(how) == SIGALRM)
			fprintf(stderr, "%s: a run did not end within %d s\n", bench_program,
				RUN_SECONDS);
		else if (WIFSIGNALED(how))
			fprintf(stderr, "%s: a process was ended by signal %d (%s)\n",
				bench_program, WTERMSIG(how), strsignal(WTERMSIG(how)));
	}
	return status;
}

int bench_execute(struct bench_plan *plan)
{
	size_t numbers = (size_t)BENCH_HEATS * BENCH_CONTENDERS * (size_t)plan->rounds;
	struct sigaction action = { .sa_handler = stop };
	pid_t children[2];
	double *next;
	int status;

	plan->arena = mmap(NULL, BENCH_ARENA_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	shared = mmap(NULL, sizeof(*shared) + numbers * sizeof(double), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (plan->arena == MAP_FAILED || shared == MAP_FAILED) {
		perror("bench: mmap");
		return 1;
	}
	next = shared->ns;
	for (int i = 0; i < plan->count; i++) {
		struct bench_heat *heat = &plan->heats[i];

		heat->job.arena = plan->arena;
		heat->job.name[0] = plan->name[0];
		heat->job.name[1] = plan->name[1];
		for (int j = 0; j < heat->count; j++, next += plan->rounds)
			heat->ns[j] = next;
	}

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	for (int side = 0; side < 2; side++) {
		children[side] = start(plan, (enum bench_side)side);
	}
	status = wait_for_both(children);
	plan->runs = shared->runs;
	plan->tries = shared->tries;
	plan->disturbed = shared->disturbed;
	return status;
}
