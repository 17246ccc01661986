/* SPDX-License-Identifier: MIT */
/*
 * stress_wake: does every sleeper get up when it should?
 *
 * Two processes hand records to and fro over a pair of rings, with random delays about as long as a sleep takes to
 * begin, and then one of them fills a small ring that the other empties slowly. The library counts the sleeps that
 * ran into their bound of 100 ms although there was something to get up for: those are wake-ups that were lost. No
 * time is measured here, and none decides.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <shmring/shmring.h>

#include "tests/support/child.h"
#include "tests/support/names.h"
#include "tests/support/random.h"

#define DELAY_LONGEST_NS 120000
#define ROOM_CAPACITY 65536
#define ROOM_RECORD 3000

/* What both processes report; shared memory of the test's own. */
struct tally {
	uint64_t handovers, sleeps, late_wakeups, room_sleeps, late_room;
};

struct job {
	const char *there, *back, *narrow;
	uint64_t seed, handovers;
	struct tally *tally; /* of the process that has this copy */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Busy: a sleep would be rounded up to far more than what is tried here. */
static void delay(struct random *random)
{
	uint64_t until = now_ns() + random_below(random, DELAY_LONGEST_NS);

	while (now_ns() < until)
		;
}

static int expect(struct shmring_consumer *consumer, uint64_t number)
{
	struct shmring_record record;
	uint64_t found;
	int error = shmring_wait(consumer, -1);

	if (!error)
		error = shmring_read_copy(consumer, &found, sizeof(found), &record);
	CHILD_CHECK(error == 0, "hand-over %llu: %s", (unsigned long long)number, shmring_strerror(error));
	CHILD_CHECK(found == number, "found %llu instead of %llu", (unsigned long long)found,
		    (unsigned long long)number);
	return 0;
}

static int hand_to_and_fro(const struct job *job, struct shmring_producer *out, struct shmring_consumer *in, int first)
{
	struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;
	struct random random;

	random_seed(&random, job->seed, (uint64_t)first);
	for (uint64_t number = 0; number < job->handovers; number++) {
		if (!first && expect(in, number) != 0)
			return 1;
		delay(&random);
		CHILD_CHECK(shmring_write(out, &number, sizeof(number), 0, -1) == 0);
		if (first && expect(in, number) != 0)
			return 1;
	}
	CHILD_CHECK(shmring_consumer_info(in, &info) == 0);
	job->tally->handovers += job->handovers;
	job->tally->sleeps += info.sleeps;
	job->tally->late_wakeups += info.late;
	return 0;
}

static int fill(const struct job *job)
{
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;
	static char payload[ROOM_RECORD];
	struct shmring_producer *producer;

	CHILD_CHECK(shmring_producer_open(&producer, job->narrow, NULL) == 0);
	CHILD_CHECK(shmring_producer_wait_consumers(producer, 1, -1) == 0);
	for (uint64_t number = 0; number < job->handovers; number++) {
		memcpy(payload, &number, sizeof(number));
		CHILD_CHECK(shmring_write(producer, payload, sizeof(payload), 0, -1) == 0);
	}
	CHILD_CHECK(shmring_producer_info(producer, &info) == 0);
	job->tally->room_sleeps += info.sleeps;
	job->tally->late_room += info.late;
	return shmring_producer_close(producer);
}

static int drain(const struct job *job)
{
	struct shmring_consumer *consumer;
	struct shmring_record record;
	struct random random;
	int error;

	random_seed(&random, job->seed, 2);
	CHILD_CHECK(shmring_consumer_open(&consumer, job->narrow, NULL) == 0);
	for (uint64_t number = 0; (error = shmring_wait(consumer, -1)) == 0;) {
		while (shmring_read(consumer, &record) == 0) {
			CHILD_CHECK(memcmp(record.data, &number, sizeof(number)) == 0);
			number++;
			if (random_once_in(&random, 8))
				break;
		}
		CHILD_CHECK(shmring_release(consumer) == 0);
		if (random_once_in(&random, 4))
			delay(&random);
	}
	CHILD_CHECK(error == -EPIPE, "%s", shmring_strerror(error));
	return shmring_consumer_close(consumer);
}

static int run_side(const struct job *job, int first)
{
	struct shmring_consumer_options patient = SHMRING_CONSUMER_OPTIONS_INIT;
	struct shmring_producer *out;
	struct shmring_consumer *in;

	patient.timeout_ns = -1;
	CHILD_CHECK(shmring_producer_open(&out, first ? job->there : job->back, NULL) == 0);
	CHILD_CHECK(shmring_consumer_open(&in, first ? job->back : job->there, &patient) == 0);
	CHILD_CHECK(shmring_producer_wait_consumers(out, 1, -1) == 0);
	if (hand_to_and_fro(job, out, in, first) != 0)
		return 1;
	CHILD_CHECK(shmring_producer_close(out) == 0 && shmring_consumer_close(in) == 0);
	return first ? fill(job) : drain(job);
}

static int run_child(void *argument)
{
	struct job job = *(const struct job *)argument;

	job.tally++;
	return run_side(&job, 0);
}

static int make_rings(struct job *job)
{
	struct shmring_create_options narrow = SHMRING_CREATE_OPTIONS_INIT;

	narrow.capacity = ROOM_CAPACITY;
	job->there = unique_name();
	job->back = unique_name();
	job->narrow = unique_name();
	return shmring_create(job->there, NULL) || shmring_create(job->back, NULL) ||
	       shmring_create(job->narrow, &narrow);
}

static int usage(const char *program)
{
	fprintf(stderr, "Usage: %s [--handovers N] [--seed N]\n", program);
	return 2;
}

int main(int argc, char **argv)
{
	struct job job = { .seed = random_fresh_seed(), .handovers = 20000 };
	struct tally *tally;
	pid_t child;
	int failed;

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return usage(argv[0]);
		if (strcmp(argv[i], "--handovers") == 0)
			job.handovers = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--seed") == 0)
			job.seed = strtoull(argv[i + 1], NULL, 0);
		else
			return usage(argv[0]);
	}
	tally = mmap(NULL, 2 * sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED || make_rings(&job) != 0) {
		fprintf(stderr, "stress_wake: no memory for the test\n");
		return 1;
	}
	job.tally = tally;
	child = child_start(run_child, &job);
	failed = run_side(&job, 1);
	if (failed)
		child_kill(child);
	else
		failed = child_wait(child);
	unique_names_sweep();
	tally[0].sleeps += tally[1].sleeps;
	tally[0].late_wakeups += tally[1].late_wakeups;
	if (tally[0].late_wakeups != 0 || tally[0].late_room != 0 || tally[0].sleeps == 0 || tally[0].room_sleeps == 0)
		failed = 1;
	printf("figure handovers %llu\n", (unsigned long long)tally[0].handovers);
	printf("figure sleeps %llu\n", (unsigned long long)tally[0].sleeps);
	printf("figure late_wakeups %llu\n", (unsigned long long)tally[0].late_wakeups);
	printf("figure room_sleeps %llu\n", (unsigned long long)tally[0].room_sleeps);
	printf("figure late_room %llu\n", (unsigned long long)tally[0].late_room);
	if (failed)
		printf("FAILED; repeat: %s --handovers %llu --seed %llu\n", argv[0], (unsigned long long)job.handovers,
		       (unsigned long long)job.seed);
	return failed != 0;
}
