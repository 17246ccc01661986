/* SPDX-License-Identifier: MIT */
#include "runner.h"
#include "../support/child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static int run_role(struct board *board, struct role *role)
{
	int status;

	if (role->kind == KIND_PRODUCER)
		status = run_producer(board, role);
	else if (role->kind == KIND_JOINER)
		status = run_joiner(board, role);
	else if (role->kind == KIND_MEMBER)
		status = run_member(board, role);
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

void runner_start(struct runner *runner, struct board *board, struct role *role)
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

void runner_restart(struct runner *runner)
{
	runner->role->life++;
	runner_start(runner, runner->board, runner->role);
}

static void note_end(struct runner *runner, int status)
{
	runner->ended = 1;
	runner->status = WIFEXITED(status) ? WEXITSTATUS(status) : CHILD_SIGNAL + WTERMSIG(status);
}

void runner_look_for_end(struct runner *runner)
{
	int status;

	if (!runner->ended && runner->process &&
	    waitpid(runner->process, &status, WNOHANG) == runner->process)
		note_end(runner, status);
}

int runner_stop(struct runner *runner)
{
	int status;

	kill(runner->process, SIGSTOP);
	while (waitpid(runner->process, &status, WUNTRACED) != runner->process)
		continue;
	if (WIFSTOPPED(status))
		return 1;
	note_end(runner, status);
	return 0;
}

int runner_kill(struct runner *runner)
{
	int status;

	kill(runner->process, SIGKILL);
	while (waitpid(runner->process, &status, 0) != runner->process)
		continue;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
		note_end(runner, status);
		return 0;
	}
	runner->process = 0;
	return 1;
}

int runner_lively(struct runner *runner, uint64_t now)
{
	uint64_t ticks = atomic_load_explicit(&runner->role->ticks, memory_order_relaxed);

	if (runner->ended || ticks != runner->ticks ||
	    (!runner->board->plan.threads && !runner->process)) {
		runner->ticks = ticks;
		runner->since_ns = now;
		return 1;
	}
	return now - runner->since_ns < runner->board->plan.patience * NS_PER_SECOND;
}
