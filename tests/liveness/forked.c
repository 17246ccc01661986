/* SPDX-License-Identifier: MIT */
/*
 * A child that outlives its parent does not keep the parent alive, whether it was forked, has
 * executed another program after fork or vfork, was spawned, or was forked or spawned in the middle
 * of other threads' opening and closing of handles.
 */
#include "watch.h"
#include "../support/names.h"
#include "../support/random.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define OPENERS    2
#define FORKS      28
#define LOOKS_MOST 200000 /* of a busy wait, up to some 100 us */

extern char **environ;

/* A parent, which is the peer, and its children. */
struct family {
	struct watch *watch;
	const char *program;
	int (*breed)(struct family *family); /* makes children; returns 0, or 1 if it cannot */
	int (*one)(struct family *family);   /* among threads: makes one of them */
	_Atomic unsigned int rounds;
	uint64_t seed;
	_Atomic int children;
	_Atomic int child[FORKS];
	int die; /* a gate */
};

/* What a child that has executed a program does: it lives until somebody kills it. */
static int live_on(void)
{
	for (;;)
		pause();
	return 0;
}

static int note_child(struct family *family, pid_t child)
{
	int number = atomic_load_explicit(&family->children, memory_order_relaxed);

	if (child < 0)
		return 1;
	atomic_store_explicit(&family->child[number], child, memory_order_relaxed);
	atomic_store_explicit(&family->children, number + 1, memory_order_release);
	return 0;
}

static int fork_one(struct family *family)
{
	pid_t child = fork();

	if (child == 0)
		_exit(live_on());
	return note_child(family, child);
}

static int fork_and_execute(struct family *family)
{
	pid_t child = fork();

	if (child == 0) {
		execl(family->program, family->program, "--live-on", (char *)NULL);
		_exit(127);
	}
	return note_child(family, child);
}

/* No fork handlers here: the child shares the parent's memory until it executes. */
static int vfork_and_execute(struct family *family)
{
	char live[] = "--live-on",
	     *arguments[] = { (char *)(uintptr_t)family->program, live, NULL };
	pid_t child = vfork();

	if (child == 0) {
		execv(family->program, arguments);
		_exit(127);
	}
	return note_child(family, child);
}

/*
 * The C library need not run fork handlers for this, and the child has all descriptors until it
 * executes.
 */
static int spawn(struct family *family, const posix_spawn_file_actions_t *actions)
{
	char live[] = "--live-on",
	     *arguments[] = { (char *)(uintptr_t)family->program, live, NULL };
	pid_t child;

	if (posix_spawn(&child, family->program, actions, NULL, arguments, environ) != 0)
		return 1;
	return note_child(family, child);
}

static int spawn_one(struct family *family)
{
	return spawn(family, NULL);
}

static int spawn_with_actions(struct family *family)
{
	posix_spawn_file_actions_t actions;
	int failed = posix_spawn_file_actions_init(&actions) != 0 ||
		     posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) != 0 ||
		     posix_spawn_file_actions_adddup2(&actions, 2, 1) != 0 ||
		     spawn(family, &actions) != 0;

	posix_spawn_file_actions_destroy(&actions);
	return failed;
}

/*
 * Opens a subscription in each round, and keeps it; opens and closes other handles meanwhile, for
 * ever.
 */
static void *open_and_close(void *argument)
{
	struct family *family = argument;
	struct shmring_consumer *consumer;
	struct shmring_producer *producer;
	unsigned int kept = 0;

	for (;;) {
		if (kept < atomic_load_explicit(&family->rounds, memory_order_relaxed)) {
			kept++;
			if (shmring_consumer_open(&consumer, family->watch->produced, NULL) != 0)
				abort();
		} else if (kept == FORKS) {
			/* There is one: it opens everything, and gives up. */
			if (shmring_producer_open(&producer, family->watch->produced, NULL) == 0)
				abort();
			if (shmring_observer_open(&consumer, family->watch->held, NULL) == 0)
				shmring_consumer_close(consumer);
		}
	}
	return NULL;
}

static int one_after_another(struct family *family)
{
	struct random random;
	pthread_t thread;

	random_seed(&random, family->seed, 0);
	for (int i = 0; i < OPENERS; i++)
		if (pthread_create(&thread, NULL, open_and_close, family) != 0)
			return 1;
	for (unsigned int round = 1; round <= FORKS; round++) {
		uint64_t looks = random_below(&random, LOOKS_MOST);

		atomic_store_explicit(&family->rounds, round, memory_order_relaxed);
		/* Somewhere in the middle of what they do. */
		while (looks-- > 0)
			atomic_load_explicit(&family->rounds, memory_order_seq_cst);
		if (family->one(family))
			return 1;
	}
	return 0;
}

static int fork_among_threads(struct family *family)
{
	family->one = fork_one;
	return one_after_another(family);
}

static int spawn_among_threads(struct family *family)
{
	family->one = spawn_one;
	return one_after_another(family);
}

static int be_a_parent(void *argument)
{
	struct family *family = argument;

	if (peer_open(family->watch))
		return 1;
	gate_pass(family->die);
	if (family->breed(family))
		return 1;
	raise(SIGKILL);
	return 1;
}

/*
 * On the ring that the parent wrote to, the watcher's subscription is the only one with a living
 * process.
 */
static int expect_alone(const struct family *family)
{
	struct shmring_inspector *inspector;
	unsigned int alive = 0;

	CHILD_CHECK(shmring_inspector_open(&inspector, family->watch->produced) == 0);
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++) {
		struct shmring_subscription_info info = SHMRING_SUBSCRIPTION_INFO_INIT;

		if (shmring_inspect_subscription(inspector, slot, &info) == 0)
			alive += info.alive == SHMRING_ALIVE;
	}
	CHILD_CHECK(shmring_inspector_close(inspector) == 0);
	CHILD_CHECK(alive == 1, "%u are alive", alive);
	return 0;
}

static int expect_children_live(struct family *family)
{
	int children = atomic_load_explicit(&family->children, memory_order_acquire);

	CHILD_CHECK(children > 0);
	for (int i = 0; i < children; i++)
		CHILD_CHECK(kill(family->child[i], 0) == 0, "child %d", i);
	return 0;
}

static void end_children(struct family *family)
{
	for (int i = 0; i < family->children; i++)
		child_kill(family->child[i]);
}

static int try_family(const char *what, const char *program, int (*breed)(struct family *family))
{
	struct family *family = mmap(NULL, sizeof(*family), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, failed;
	pid_t parent;

	CHILD_CHECK(family != MAP_FAILED);
	*family = (struct family){ .watch = watch_new(), .program = program, .breed = breed };
	family->seed = random_fresh_seed();
	family->die = gate_new();
	parent = child_start(be_a_parent, family);
	if (watch_begin(family->watch) || expect_alive(family->watch))
		return 1;
	gate_open(family->die);
	status = child_wait(parent);
	CHILD_CHECK(status == CHILD_SIGNAL + SIGKILL, "%d", status);
	/*
	 * Nobody waits for a death to be noticed: the kernel has dropped the locks by now, or never
	 * will.
	 */
	failed = expect_dead(family->watch) || expect_alone(family) || expect_children_live(family);
	end_children(family);
	if (failed)
		fprintf(stderr, "a child %s; repeat with SHMRING_TEST_SEED=%llu\n", what,
			(unsigned long long)family->seed);
	return failed;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--live-on") == 0)
		return live_on();
	/* Orphans become this process's children, so that it can end them and wait for it. */
	CHILD_CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
	return try_family("that was forked", "/proc/self/exe", fork_one) ||
	       try_family("that executes a program", "/proc/self/exe", fork_and_execute) ||
	       try_family("of vfork that executes a program", "/proc/self/exe",
			  vfork_and_execute) ||
	       try_family("that was spawned", "/proc/self/exe", spawn_one) ||
	       try_family("that was spawned with file actions", "/proc/self/exe",
			  spawn_with_actions) ||
	       try_family("that was forked among threads", "/proc/self/exe", fork_among_threads) ||
	       try_family("that was spawned among threads", "/proc/self/exe", spawn_among_threads);
}
