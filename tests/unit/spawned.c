/* SPDX-License-Identifier: MIT */
/*
 * Children that are not made by fork: vfork and posix_spawn run no fork handlers, and share the parent's memory until
 * they execute a program. The program has nothing of the ring, and the parent, whose threads go on meanwhile, loses
 * nothing. That such a child does not keep a dead parent's locks: tests/liveness/forked.c.
 */
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <unistd.h>

#include "../support/belongings.h"

#define CHILDREN 20

extern char **environ;

/* Everything open, and a thread that waits for records until the stream ends. */
struct parent {
	const char *ring;
	struct shmring_producer *producer;
	struct shmring_consumer *reader; /* the thread's */
	struct shmring_consumer *mine;
	struct shmring_consumer *observer;
	pthread_t thread;
	uint64_t written;
};

static void *read_to_the_end(void *argument)
{
	struct shmring_consumer *reader = argument;
	struct shmring_record record;
	uintptr_t count = 0;
	int result;

	while ((result = shmring_wait(reader, -1)) == 0) {
		if (shmring_read(reader, &record) != 0 || record.sequence != count ||
		    record.lost != 0 || shmring_release(reader) != 0)
			return NULL;
		count++;
	}
	return result == -EPIPE ? (void *)count : NULL;
}

static void parent_begin(struct parent *parent)
{
	memset(parent, 0, sizeof(*parent));
	parent->ring = new_ring(0);
	parent->producer = new_producer(parent->ring);
	parent->reader = new_consumer(parent->ring, SHMRING_RELIABLE, SHMRING_OLDEST);
	parent->mine = open_durable(parent->ring, "mine", SHMRING_DEADLINE);
	parent->observer = new_observer(parent->ring, SHMRING_OLDEST);
	cr_assert_eq(pthread_create(&parent->thread, NULL, read_to_the_end, parent->reader), 0);
}

/* All of the parent's handles work, and its places are its own. */
static void parent_goes_on(struct parent *parent)
{
	struct shmring_producer *second = NULL;
	struct shmring_info info = ring_info(parent->ring);

	cr_assert_eq(info.producer_alive, SHMRING_ALIVE);
	cr_assert_eq(info.stream, SHMRING_STREAM_OPEN);
	cr_assert_eq(info.subscriptions, 2);
	expect_result(shmring_producer_open(&second, parent->ring, NULL), -EBUSY);
	write_records(parent->producer, 3, 100);
	expect_run(parent->mine, parent->written, 3, 100);
	expect_run(parent->observer, parent->written, 3, 100);
	parent->written += 3;
}

static void parent_ends(struct parent *parent)
{
	void *count;

	expect_ok(shmring_producer_close(parent->producer));
	pthread_join(parent->thread, &count);
	cr_assert_eq((uintptr_t)count, parent->written, "the thread read %zu records of %llu",
		     (size_t)count, (unsigned long long)parent->written);
}

Test(spawned, vfork_and_exit)
{
	struct parent parent;

	parent_begin(&parent);
	for (int i = 0; i < CHILDREN; i++) {
		pid_t child = vfork();

		if (child == 0)
			_exit(3);
		cr_assert_gt(child, 0);
		cr_assert_eq(child_wait(child), 3);
		parent_goes_on(&parent);
	}
	parent_ends(&parent);
}

/* A program that says that it runs, and goes on until its input ends. */
static char *const program[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
				 (char *)(uintptr_t) "echo; read line", NULL };

/* Its input and output. */
struct pipes {
	int in[2], out[2];
};

static struct pipes pipes_new(void)
{
	struct pipes pipes;

	cr_assert_eq(pipe2(pipes.in, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(pipes.out, O_CLOEXEC), 0);
	return pipes;
}

/* While the program runs it has nothing of the ring, and the parent goes on; then it ends. */
static void expect_stranger(struct parent *parent, pid_t child, const struct pipes *pipes)
{
	char byte;

	cr_assert_eq(read(pipes->out[0], &byte, 1), 1);
	cr_assert_gt(belongings_open(getpid(), parent->ring), 0, "the test sees nothing");
	cr_assert_gt(belongings_mapped(getpid(), parent->ring), 0, "the test sees nothing");
	cr_assert_eq(belongings_open(child, parent->ring), 0);
	cr_assert_eq(belongings_mapped(child, parent->ring), 0);
	parent_goes_on(parent);
	close(pipes->in[1]);
	child_wait(child);
	close(pipes->in[0]);
	close(pipes->out[0]);
	close(pipes->out[1]);
	parent_goes_on(parent);
}

Test(spawned, vfork_and_execute)
{
	struct parent parent;

	parent_begin(&parent);
	for (int i = 0; i < CHILDREN; i++) {
		struct pipes pipes = pipes_new();
		pid_t child = vfork();

		if (child == 0) {
			if (dup2(pipes.in[0], 0) == 0 && dup2(pipes.out[1], 1) == 1)
				execv("/bin/sh", program);
			_exit(127);
		}
		cr_assert_gt(child, 0);
		expect_stranger(&parent, child, &pipes);
	}
	parent_ends(&parent);
}

Test(spawned, vfork_and_fail_to_execute)
{
	struct parent parent;
	pid_t child;

	parent_begin(&parent);
	child = vfork();
	if (child == 0) {
		execv("/nonexistent", program);
		_exit(4);
	}
	cr_assert_gt(child, 0);
	cr_assert_eq(child_wait(child), 4);
	parent_goes_on(&parent);
	parent_ends(&parent);
}

Test(spawned, posix_spawn_without_file_actions)
{
	struct parent parent;

	parent_begin(&parent);
	for (int i = 0; i < CHILDREN; i++) {
		struct pipes pipes = pipes_new();
		int in = dup(0), out = dup(1);
		pid_t child;

		/* What the child is to have as its input and output, the parent has meanwhile. */
		fflush(stdout);
		cr_assert_eq(dup2(pipes.in[0], 0), 0);
		cr_assert_eq(dup2(pipes.out[1], 1), 1);
		cr_assert_eq(posix_spawn(&child, "/bin/sh", NULL, NULL, program, environ), 0);
		cr_assert_eq(dup2(in, 0), 0);
		cr_assert_eq(dup2(out, 1), 1);
		close(in);
		close(out);
		expect_stranger(&parent, child, &pipes);
	}
	parent_ends(&parent);
}

Test(spawned, posix_spawn_with_file_actions)
{
	struct parent parent;

	parent_begin(&parent);
	for (int i = 0; i < CHILDREN; i++) {
		struct pipes pipes = pipes_new();
		posix_spawn_file_actions_t actions;
		pid_t child;

		posix_spawn_file_actions_init(&actions);
		posix_spawn_file_actions_adddup2(&actions, pipes.in[0], 0);
		posix_spawn_file_actions_adddup2(&actions, pipes.out[1], 1);
		posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
		cr_assert_eq(posix_spawn(&child, "/bin/sh", &actions, NULL, program, environ), 0);
		posix_spawn_file_actions_destroy(&actions);
		expect_stranger(&parent, child, &pipes);
	}
	parent_ends(&parent);
}
