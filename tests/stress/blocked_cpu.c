/* SPDX-License-Identifier: MIT */
/*
 * How much of a core a process uses that waits for a record, or for room: under 1 % is promised. Measured once they
 * are at rest: those who cannot be woken nap for longer and longer at first.
 *
 * Usage: blocked_cpu [SECONDS]; without, $SHMRING_STRESS_SECONDS, or 10
 */
#include "../support/child.h"
#include "../support/names.h"

#include <shmring/shmring.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define CAPACITY     65536u
#define CORE_PERCENT 1.0
/* Until the naps are as long as they get. */
#define REST_SECONDS 0.5

/* One process that will wait for ever. */
struct blocked {
	const char *what;
	int (*run)(void *argument);
	enum shmring_wake_mode mode;
	char ring[128];
	int ready;
	pid_t process;
	double start;
};

static double seconds_of(clockid_t clock)
{
	struct timespec time;

	if (clock_gettime(clock, &time) != 0) {
		perror("clock_gettime");
		exit(1);
	}
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void sleep_seconds(double seconds)
{
	struct timespec nap = { .tv_sec = (time_t)seconds };

	nap.tv_nsec = (long)((seconds - (double)nap.tv_sec) * 1e9);
	nanosleep(&nap, NULL);
}

static double cpu_seconds(pid_t process)
{
	clockid_t clock;

	if (clock_getcpuclockid(process, &clock) != 0) {
		fprintf(stderr, "no processor clock for another process\n");
		exit(1);
	}
	return seconds_of(clock);
}

static int wait_for_record(void *argument)
{
	struct blocked *blocked = argument;
	struct shmring_consumer *consumer;

	if (shmring_consumer_open(&consumer, blocked->ring, NULL) != 0)
		return 1;
	gate_open(blocked->ready);
	return 10 - shmring_wait(consumer, -1);
}

static int watch_for_record(void *argument)
{
	struct blocked *blocked = argument;
	struct shmring_consumer *observer;

	if (shmring_observer_open(&observer, blocked->ring, NULL) != 0)
		return 1;
	gate_open(blocked->ready);
	return 10 - shmring_wait(observer, -1);
}

static int wait_for_room(void *argument)
{
	struct blocked *blocked = argument;
	struct shmring_producer *producer;
	struct shmring_consumer *consumer;
	static char bytes[CAPACITY / 4];

	/* It holds itself back. */
	if (shmring_consumer_open(&consumer, blocked->ring, NULL) != 0 ||
	    shmring_producer_open(&producer, blocked->ring, NULL) != 0)
		return 1;
	while (shmring_write(producer, bytes, sizeof(bytes), 0, 0) == 0)
		continue;
	gate_open(blocked->ready);
	return 10 - shmring_write(producer, bytes, sizeof(bytes), 0, -1);
}

static void start(struct blocked *blocked)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	options.capacity = CAPACITY;
	options.wake_mode = blocked->mode;
	snprintf(blocked->ring, sizeof(blocked->ring), "%s", unique_name());
	blocked->ready = gate_new();
	if (shmring_create(blocked->ring, &options) != 0) {
		fprintf(stderr, "cannot create a ring\n");
		exit(1);
	}
	blocked->process = child_start(blocked->run, blocked);
	gate_pass(blocked->ready);
}

int main(int argc, char **argv)
{
	struct blocked all[] = {
		{ .what = "consumer", .run = wait_for_record },
		{ .what = "producer", .run = wait_for_room },
		{ .what = "observer", .run = watch_for_record },
		{ .what = "consumer_mode_none", .run = wait_for_record, .mode = SHMRING_WAKE_NONE },
	};
	const unsigned int count = sizeof(all) / sizeof(all[0]);
	const char *seconds = argc > 1 ? argv[1] : getenv("SHMRING_STRESS_SECONDS");
	double duration = seconds ? atof(seconds) : 10, started;
	int failed = 0;

	if (duration <= 0) {
		fprintf(stderr, "Usage: %s [SECONDS]\n", argv[0]);
		return 2;
	}
	for (unsigned int i = 0; i < count; i++)
		start(&all[i]);
	sleep_seconds(REST_SECONDS);
	for (unsigned int i = 0; i < count; i++)
		all[i].start = cpu_seconds(all[i].process);
	started = seconds_of(CLOCK_MONOTONIC);
	sleep_seconds(duration);
	duration = seconds_of(CLOCK_MONOTONIC) - started;
	for (unsigned int i = 0; i < count; i++) {
		double percent = (cpu_seconds(all[i].process) - all[i].start) / duration * 100;

		printf("figure blocked_%s_cpu_percent %.3f\n", all[i].what, percent);
		failed |= percent >= CORE_PERCENT;
		child_kill(all[i].process);
	}
	printf("%s: %s\n", argv[0], failed ? "FAILED" : "passed");
	return failed;
}
