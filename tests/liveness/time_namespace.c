/* SPDX-License-Identifier: MIT */
/*
 * Processes whose CLOCK_MONOTONIC differs by years (a container that was moved here): nobody counts
 * as dead or late for that, a wait is as long as it says, and who is late is evicted.
 */
#include "namespace.h"
#include "watch.h"
#include "../support/names.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define YEARS_S     (5 * 365 * 86400L)
#define DEADLINE_NS 1000000
#define CAPACITY    65536u

static const char *program;

/* A ring with one reader, whose deadline is short, and a producer. */
struct late {
	const char *ring;
	int ready, go; /* gates */
};

static long clock_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)now.tv_sec;
}

/* Does not read until it is told to, and has been evicted by then. */
static int be_late(void *argument)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	const struct late *late = argument;
	struct shmring_consumer *consumer;
	struct shmring_record record;
	uint64_t lost;

	options.policy = SHMRING_DEADLINE;
	options.deadline_ns = DEADLINE_NS;
	CHILD_CHECK(shmring_consumer_open(&consumer, late->ring, &options) == 0);
	gate_open(late->ready);
	gate_pass(late->go);
	CHILD_CHECK(shmring_read(consumer, &record) == -ECONNRESET);
	CHILD_CHECK(shmring_rejoin(consumer, &lost) == 0 && lost > 0);
	CHILD_CHECK(shmring_read(consumer, &record) == 0 && record.lost == lost &&
		    record.sequence == lost);
	return 0;
}

static int write_past(void *argument)
{
	const struct late *late = argument;
	struct shmring_producer *producer;
	static char bytes[CAPACITY / 8];

	gate_pass(late->ready);
	CHILD_CHECK(shmring_producer_open(&producer, late->ring, NULL) == 0);
	for (int i = 0; i < 20; i++)
		CHILD_CHECK(shmring_write(producer, bytes, sizeof(bytes), 0, -1) == 0);
	gate_open(late->go);
	return 0;
}

/* One of the two runs with the caller's clock, the other one, a child's, with its children's. */
static int expect_late_evicted(int (*shifted)(void *argument), int (*unshifted)(void *argument))
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;
	struct late late = { unique_name(), gate_new(), gate_new() };
	pid_t child;

	options.capacity = CAPACITY;
	CHILD_CHECK(shmring_create(late.ring, &options) == 0);
	child = child_start(shifted, &late);
	return unshifted(&late) || child_wait(child);
}

static int watch_all(struct watch *watch)
{
	return watch_begin(watch) || expect_alive(watch) || expect_goes_on(watch) ||
	       expect_alive(watch);
}

static int is_shifted(void *argument)
{
	const long *before = argument;

	CHILD_CHECK(clock_s() - *before > YEARS_S / 2);
	return 0;
}

/* The peer's clock is ahead. */
static int shifted_peer(void *argument)
{
	struct watch *watch = argument;
	long now = clock_s();
	int result = shift_clock_of_children(YEARS_S);
	pid_t peer;

	if (result)
		return skip(program, "no time namespaces here", result);
	if (child_run(is_shifted, &now))
		return 1;
	peer = child_start(peer_run, watch);
	if (watch_all(watch))
		return 1;
	child_kill(peer);
	if (expect_dead(watch))
		return 1;
	return expect_late_evicted(be_late, write_past) || expect_late_evicted(write_past, be_late);
}

struct both {
	struct watch *watch;
	pid_t peer;
};

static int watch_and_kill(void *argument)
{
	struct both *both = argument;

	if (watch_all(both->watch))
		return 1;
	kill(both->peer, SIGKILL);
	return expect_dead(both->watch);
}

/* The watcher's clock is ahead. */
static int shifted_watcher(void *argument)
{
	struct both *both = argument;
	int result = shift_clock_of_children(YEARS_S);

	return result ? skip(program, "no time namespaces here", result)
		      : child_run(watch_and_kill, both);
}

int main(int argc, char **argv)
{
	struct both both = { .watch = watch_new() };
	int result;

	(void)argc;
	program = argv[0];
	result = child_run(shifted_peer, watch_new());
	if (result)
		return result;
	both.peer = child_start(peer_run, both.watch);
	return child_run(shifted_watcher, &both);
}
