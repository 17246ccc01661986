/* SPDX-License-Identifier: MIT */
#include "engine.h"
#include "board.h"
#include "verdict.h"
#include "../support/child.h"
#include "../support/names.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS       50000000ULL
#define NS_PER_SECOND 1000000000ULL

/* A role as the engine has it. */
struct runner {
	struct board *board;
	struct role *role;
	pid_t process;
	pthread_t thread;
	uint64_t ticks;    /* at the last look that saw progress */
	uint64_t since_ns; /* when that was */
	_Atomic int ended; /* a thread's, or seen for a process */
	_Atomic int status;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

void pause_ns(uint64_t ns)
{
	struct timespec nap = { (time_t)(ns / NS_PER_SECOND), (long)(ns % NS_PER_SECOND) };

	nanosleep(&nap, NULL);
}

int role_fail(const struct board *board, struct role *role, const char *what, int64_t result)
{
	snprintf(role->complaint, sizeof(role->complaint), "%s: %" PRId64 " (%s)", what, result,
		 shmring_strerror((int)result));
	fprintf(stderr, "%s: %s: %s\n", board->plan.program, role->name, role->complaint);
	return 1;
}

static int run_role(struct board *board, struct role *role)
{
	int status;

	if (role->kind == KIND_PRODUCER)
		status = run_producer(board, role);
	else if (role->kind == KIND_JOINER)
		status = run_joiner(board, role);
	else
		status = run_reader(board, role);
	if (status == 0)
		atomic_store_explicit(&role->done, 1, memory_order_release);
	return status;
}

static int in_process(void *argument)
{
	struct runner *runner = argument;

	return run_role(runner->board, runner->role);
}

static void *in_thread(void *argument)
{
	struct runner *runner = argument;

	runner->status = run_role(runner->board, runner->role);
	runner->ended = 1;
	return NULL;
}

static void start(struct runner *runner, struct board *board, struct role *role)
{
	runner->board = board;
	runner->role = role;
	runner->since_ns = now_ns();
	if (!board->plan.threads) {
		runner->process = child_start(in_process, runner);
	} else if (pthread_create(&runner->thread, NULL, in_thread, runner) != 0) {
		fprintf(stderr, "%s: no more threads\n", board->plan.program);
		exit(1);
	}
}

static void look_for_end(struct runner *runner)
{
	int status;

	if (runner->ended || runner->board->plan.threads ||
	    waitpid(runner->process, &status, WNOHANG) != runner->process)
		return;
	runner->ended = 1;
	runner->status = WIFEXITED(status) ? WEXITSTATUS(status) : CHILD_SIGNAL + WTERMSIG(status);
}

/* True if it did anything lately, or has ended. */
static int lively(struct runner *runner, uint64_t now)
{
	uint64_t ticks = atomic_load_explicit(&runner->role->ticks, memory_order_relaxed);

	if (runner->ended || ticks != runner->ticks) {
		runner->ticks = ticks;
		runner->since_ns = now;
		return 1;
	}
	return now - runner->since_ns < runner->board->plan.patience * NS_PER_SECOND;
}

/* Looks after the roles until all have ended (0), one has failed or is stuck (1). */
static int watch(struct board *board, struct runner *runners)
{
	uint64_t started = now_ns();
	struct progress progress = PROGRESS_INIT;

	for (;;) {
		unsigned int ended = 0;
		uint64_t now = now_ns();

		for (unsigned int i = 0; i < board->roles; i++) {
			look_for_end(&runners[i]);
			ended += runners[i].ended;
			if (runners[i].ended && runners[i].status != 0) {
				verdict_role_failed(board, runners[i].role, runners[i].status);
				return 1;
			}
			if (!lively(&runners[i], now)) {
				verdict_stuck(board, runners[i].role);
				return 1;
			}
		}
		progress_show(&progress, board, now - started);
		if (ended == board->roles) {
			progress_end(&progress);
			return 0;
		}
		if (now - started >= board->plan.seconds * NS_PER_SECOND)
			atomic_store_explicit(&board->stop, 1, memory_order_relaxed);
		pause_ns(LOOK_NS);
	}
}

static struct board *board_new(const struct plan *plan)
{
	unsigned int roles =
		(unsigned int)(1 + plan->consumers + plan->lossy + plan->observers + plan->joiners);
	size_t size = sizeof(struct board) + roles * sizeof(struct role);
	struct board *board =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (board == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	board->plan = *plan;
	board->stream = (struct stream){ plan->seed, plan->size_minimum, plan->size_maximum };
	snprintf(board->ring, sizeof(board->ring), "%s", unique_name());
	return board;
}

static void add_roles(struct board *board, enum kind kind, const char *name, uint64_t count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct role *role = &board->role[board->roles++];

		role->kind = kind;
		role->number = i;
		snprintf(role->name, sizeof(role->name), "%s-%u", name, i);
	}
}

int engine_run(const struct plan *plan)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	struct board *board = board_new(plan);
	struct runner *runners;
	int error, failed;

	add_roles(board, KIND_RELIABLE, "consumer", plan->consumers);
	add_roles(board, KIND_LOSSY, "lossy", plan->lossy);
	add_roles(board, KIND_OBSERVER, "observer", plan->observers);
	add_roles(board, KIND_JOINER, "joiner", plan->joiners);
	add_roles(board, KIND_PRODUCER, "producer", 1);
	options.capacity = plan->capacity;
	options.wake_mode = plan->wake_none ? SHMRING_WAKE_NONE : SHMRING_WAKE_FENCE;
	error = shmring_create(board->ring, &options);
	if (error) {
		fprintf(stderr, "%s: %s: %s\n", plan->program, board->ring,
			shmring_strerror(error));
		return 1;
	}
	printf("# ");
	plan_print_command(plan);
	fflush(stdout);
	runners = calloc(board->roles, sizeof(*runners));
	if (!runners)
		return 1;
	for (unsigned int i = 0; i < board->roles; i++)
		start(&runners[i], board, &board->role[i]);
	failed = watch(board, runners);
	for (unsigned int i = 0; i < board->roles; i++) {
		if (plan->threads && !failed)
			pthread_join(runners[i].thread, NULL);
		else if (!plan->threads && !runners[i].ended)
			child_kill(runners[i].process);
	}
	failed |= verdict(board, failed);
	shmring_unlink(board->ring);
	/* Threads that are stuck cannot be ended; leaving the process does. */
	unique_names_sweep();
	if (!failed)
		free(runners);
	return failed;
}
