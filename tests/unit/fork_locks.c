/* SPDX-License-Identifier: MIT */
/*
 * A process that is killed leaves no lock behind in a child that another of its threads had just forked, whatever it
 * was doing.
 */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "../support/random.h"
#include "../support/sandbox.h"

/* Forks at random moments; each leaves a lock behind, if one can be left, in a fair share of them. */
#define FORKS 100

struct scene {
	const char *ring;
	void (*act)(const char *ring);
	uint64_t moment; /* of the fork: after so many looks at the clock */
	int forked;      /* the gate that the child opens */
	int children[2]; /* a pipe: who waits at its reading end goes when the test does */
};

static void *act_for_ever(void *argument)
{
	const struct scene *scene = argument;

	for (;;)
		scene->act(scene->ring);
	return NULL;
}

/* Forks a child that stays, and dies. */
static int fork_and_die(void *argument)
{
	struct scene *scene = argument;
	pthread_t thread;
	char byte;

	if (pthread_create(&thread, NULL, act_for_ever, scene) != 0)
		return 1;
	for (uint64_t i = 0; i < scene->moment; i++)
		now_ns();
	if (fork() == 0) {
		gate_open(scene->forked);
		close(scene->children[1]);
		if (read(scene->children[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	raise(SIGKILL);
	return 2;
}

/* Does that many times, and asks each time, while the child lives, whether all is well. */
static void expect_no_lock_left(const char *ring, void (*act)(const char *ring),
				void (*expect_free)(const char *ring))
{
	struct random random;
	uint64_t seed = random_fresh_seed();

	fprintf(stderr, "repeat with SHMRING_TEST_SEED=%llu\n", (unsigned long long)seed);
	random_seed(&random, seed, 0);
	for (int i = 0; i < FORKS; i++) {
		struct scene scene = {
			ring, act, random_below(&random, 20000), gate_new(), { 0, 0 }
		};

		cr_assert_eq(pipe(scene.children), 0);
		cr_assert_eq(child_run(fork_and_die, &scene), CHILD_SIGNAL + SIGKILL);
		gate_pass(scene.forked);
		expect_free(ring);
		close(scene.forked);
		close(scene.children[0]);
		close(scene.children[1]);
	}
}

/* ---- The table of subscriptions ---------------------------------------------------------------------------- */

static void unsubscribe(const char *ring)
{
	shmring_unsubscribe(ring, "nobody");
}

static void join_and_leave(const char *ring)
{
	struct shmring_consumer *consumer;

	if (shmring_consumer_open(&consumer, ring, NULL) == 0)
		shmring_consumer_close(consumer);
}

static void expect_joining(const char *ring)
{
	/* -ETIMEDOUT, if the table stays locked; -EUSERS, if the dead one's member does. */
	for (int i = 0; i < 2; i++)
		expect_ok(shmring_consumer_close(
			new_consumer(ring, SHMRING_RELIABLE, SHMRING_OLDEST)));
}

Test(fork_locks, of_the_table)
{
	expect_no_lock_left(new_ring(0), unsubscribe, expect_joining);
	expect_no_lock_left(new_ring(0), join_and_leave, expect_joining);
}

static void come_and_close(const char *ring)
{
	struct shmring_producer *producer;

	if (shmring_producer_open(&producer, ring, NULL) == 0)
		shmring_producer_close(producer);
}

static void expect_producing(const char *ring)
{
	/* -EBUSY, if the dead one seems to live. */
	expect_ok(shmring_producer_close(new_producer(ring)));
}

Test(fork_locks, of_the_producer)
{
	expect_no_lock_left(new_ring(0), come_and_close, expect_producing);
}

/* ---- Names ------------------------------------------------------------------------------------------------- */

static void make_and_remove(const char *ring)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	/* A small one takes less time to clear, and so is more of its time locked. */
	options.capacity = SMALL;
	shmring_create(ring, &options);
	shmring_unlink(ring);
}

static int find(const struct shmring_entry *entry, void *argument)
{
	return strcmp(entry->name, argument) == 0 ? 1 : 0;
}

static void expect_collectable(const char *ring)
{
	expect_result(shmring_collect(1, find, (void *)(uintptr_t)ring), 1);
}

/* Collecting looks at, and locks, every orphan there is: other tests' as well, in a /dev/shm that is theirs, too. */
static void own_shm(void)
{
	if (sandbox_small_shm(16 << 20) != 0)
		cr_skip("cannot have a /dev/shm of its own");
}

static void expect_removing(const char *ring)
{
	int result = shmring_unlink(ring);

	cr_assert(result == 0 || result == -ENOENT, "%d (%s)", result, shmring_strerror(result));
	if (shm_files_of(ring) != 0)
		expect_collectable(ring);
	/* From scratch for the next one. */
	unique_names_sweep();
}

Test(fork_locks, of_names)
{
	own_shm();
	expect_no_lock_left(unique_name(), make_and_remove, expect_removing);
}

static void look_for_orphans(const char *ring)
{
	(void)ring;
	shmring_collect(1, NULL, NULL);
}

Test(fork_locks, of_an_orphan)
{
	const char *ring;
	char path[SHM_PATH_SIZE];

	own_shm();
	ring = new_ring(0);
	shm_data_path(path, ring);
	cr_assert_eq(unlink(path), 0);
	expect_no_lock_left(ring, look_for_orphans, expect_collectable);
}
