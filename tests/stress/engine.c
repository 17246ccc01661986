/* SPDX-License-Identifier: MIT */
#include "engine.h"
#include "board.h"
#include "kills.h"
#include "runner.h"
#include "verdict.h"
#include "../support/child.h"
#include "../support/names.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define LOOK_NS 50000000ULL

void pause_ns(uint64_t ns)
{
	struct timespec nap = { (time_t)(ns / NS_PER_SECOND), (long)(ns % NS_PER_SECOND) };

	nanosleep(&nap, NULL);
}

int role_fail(const struct board *board, struct role *role, const char *what, int64_t result)
{
	snprintf(role->complaint, sizeof(role->complaint), "%s: %" PRId64 "%s%s%s", what, result,
		 result < 0 ? " (" : "", result < 0 ? shmring_strerror((int)result) : "",
		 result < 0 ? ")" : "");
	fprintf(stderr, "%s: %s: %s\n", board->plan.program, role->name, role->complaint);
	return 1;
}

/* Whether a role has failed, or does nothing. Says so. */
static int in_trouble(struct runner *runner, uint64_t now)
{
	const struct board *board = runner->board;

	runner_look_for_end(runner);
	if (runner->ended && runner->status != 0) {
		verdict_role_failed(board, runner->role, runner->status);
		return 1;
	}
	if (!runner_lively(runner, now)) {
		verdict_stuck(board, runner->role);
		return 1;
	}
	/* A run may be long, and this one has failed. */
	return board->plan.kills && tally_bad(&runner->role->tally);
}

/* Looks after the roles until all have ended (0), one has failed or is stuck (1). */
static int watch(struct board *board, struct runner *runners, struct killer *killer)
{
	uint64_t started = now_ns();
	struct progress progress = PROGRESS_INIT;
	int killing = board->plan.kills != 0;

	for (;;) {
		unsigned int ended = 0;
		uint64_t now = now_ns();

		for (unsigned int i = 0; i < board->roles; i++) {
			if (in_trouble(&runners[i], now)) {
				progress_end(&progress);
				return 1;
			}
			ended += runners[i].ended;
		}
		progress_show(&progress, board, now - started);
		if (ended == board->roles) {
			progress_end(&progress);
			return 0;
		}
		if (killing)
			killing = !kills_look(killer, now);
		else if (now - started >= board->plan.seconds * NS_PER_SECOND)
			atomic_store_explicit(&board->stop, 1, memory_order_relaxed);
		pause_ns(killing ? kills_pause(killer, now_ns()) : LOOK_NS);
	}
}

static struct board *board_new(const struct plan *plan)
{
	unsigned int roles = (unsigned int)(1 + plan->consumers + plan->lossy + plan->deadline +
					    plan->durable + plan->observers + plan->joiners +
					    plan->members);
	size_t size = sizeof(struct board) + roles * sizeof(struct role);
	struct board *board =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (board == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	board->plan = *plan;
	board->stream = (struct stream){ plan->seed, plan->size_minimum, plan->size_maximum };
	if (plan->members)
		board->ledger = ledger_new(plan->policy == SHMRING_RELIABLE);
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
	struct killer killer;
	int error, failed;

	add_roles(board, KIND_RELIABLE, "consumer", plan->consumers);
	add_roles(board, KIND_LOSSY, "lossy", plan->lossy);
	add_roles(board, KIND_DEADLINE, "deadline", plan->deadline);
	add_roles(board, KIND_DURABLE, "durable", plan->durable);
	add_roles(board, KIND_OBSERVER, "observer", plan->observers);
	add_roles(board, KIND_JOINER, "joiner", plan->joiners);
	add_roles(board, KIND_MEMBER, "member", plan->members);
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
		runner_start(&runners[i], board, &board->role[i]);
	kills_begin(&killer, board, runners);
	failed = watch(board, runners, &killer);
	for (unsigned int i = 0; i < board->roles; i++) {
		if (plan->threads && !failed)
			pthread_join(runners[i].thread, NULL);
		else if (!plan->threads && !runners[i].ended && runners[i].process)
			child_kill(runners[i].process);
	}
	failed |= verdict(board, &killer, failed);
	shmring_unlink(board->ring);
	/* Threads that are stuck cannot be ended; leaving the process does. */
	unique_names_sweep();
	if (!failed || !plan->threads)
		free(runners);
	return failed;
}
