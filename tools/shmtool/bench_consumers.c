/* SPDX-License-Identifier: MIT */
/*
 * What a record costs the producer as consumers grow. All consumers are in one process, on a core
 * of its own, so that it works on few cores too; the producer's clock runs only while it writes.
 *
 * Caught up: all have read everything when it starts to write a quarter of the ring, and read on
 * meanwhile. Asleep: each is a thread that sleeps, and has to be woken. Idle: one reads, the others
 * are there and do nothing (as LOSSY subscriptions, or as members of the group).
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shmring/shmring.h>

#include "bench_bar.h"
#include "bench_consumers.h"
#include "bench_work.h"
#include "report.h"
#include "shmtool.h"
#include "signals.h"

/* Long enough, on any machine, for those who are about to sleep to do so. */
#define SETTLE_NS 300000

#define BURSTS_MAX 1000 /* on the clock */

/* Sleepers are woken so often at least, if they can be, and at most. */
#define WAKES_MIN 5
#define WAKES_MAX 500

static struct {
	struct bench_plan *plan;
	const struct bench_crowd *crowd;
	char name[64];
	size_t size;
	struct shmring_consumer *consumers[BENCH_CONSUMERS];
} here;

/* What both processes see, in the place of a transport's results. */
static struct shared {
	alignas(128) _Atomic uint64_t done;        /* records that all have read */
	alignas(128) _Atomic unsigned int waiting; /* threads that are about to sleep */
	double ns;
} * shared;

static void must(const char *call, int error)
{
	if (error != 0)
		bench_fail(NULL, "%s: %s", call, shmring_strerror(error));
}

/* ---- the producer ---- */

static void write_record(struct shmring_producer *producer, uint64_t number)
{
	void *data;
	int error;

	while ((error = shmring_reserve(producer, here.size, &data)) == -EAGAIN)
		bench_pause();
	must("reserving", error);
	bench_fill(data, here.size, number);
	must("committing", shmring_commit(producer, here.size, 0, 0));
}

static void wait_until_read(uint64_t number)
{
	while (atomic_load_explicit(&shared->done, memory_order_acquire) < number)
		bench_pause();
}

static void write_bursts(struct shmring_producer *producer)
{
	const uint64_t burst = SHMRING_CAPACITY_DEFAULT / 4 / (here.size + 16);
	const uint64_t run_ns = (uint64_t)(here.plan->seconds * 1e9);
	const uint64_t start = monotonic_ns();
	double times[BURSTS_MAX];
	uint64_t number = 0;
	int count = 0;
	bool last = false;

	while (!last) {
		uint64_t before = monotonic_ns();
		/* The first laps are for warming up. */
		const bool counts = before - start > run_ns / 5 && number > 8 * burst;

		last = count == BURSTS_MAX || (count > 0 && before - start > run_ns + run_ns / 5);
		for (uint64_t i = 0; i < burst; i++, number++)
			write_record(producer,
				     last && i + 1 == burst ? number | BENCH_LAST : number);
		if (counts && !last)
			times[count++] = (double)(monotonic_ns() - before) / (double)burst;
		wait_until_read(number);
	}
	/* The median: what else the machine does spoils some of them. */
	shared->ns = bench_quartiles(times, count).median;
}

static void wait_until_asleep(void)
{
	uint64_t until;

	while (atomic_load_explicit(&shared->waiting, memory_order_acquire) != here.crowd->count)
		bench_pause();
	until = monotonic_ns() + SETTLE_NS;
	while (monotonic_ns() < until)
		bench_pause();
}

static void wake_sleepers(struct shmring_producer *producer)
{
	const uint64_t woken = here.crowd->shared ? 1 : here.crowd->count;
	const uint64_t end = monotonic_ns() + (uint64_t)(here.plan->seconds * 1e9);
	struct shmring_producer_info info = SHMRING_PRODUCER_INFO_INIT;
	double times[WAKES_MAX];
	uint64_t number;
	int count = 0;

	/* Records that did not have to wake as many do not count; so there is a bound. */
	for (number = 0; number < WAKES_MAX && (count < WAKES_MIN || monotonic_ns() < end);
	     number++) {
		uint64_t before, wakeups;

		wait_until_asleep();
		shmring_producer_info(producer, &info);
		wakeups = info.wakeups;
		if (!here.crowd->shared)
			atomic_store_explicit(&shared->waiting, 0, memory_order_relaxed);
		else
			atomic_fetch_sub_explicit(&shared->waiting, 1, memory_order_relaxed);
		before = monotonic_ns();
		write_record(producer, number);
		times[count] = (double)(monotonic_ns() - before);
		wait_until_read(number + 1);
		shmring_producer_info(producer, &info);
		count += info.wakeups - wakeups == woken;
	}
	shared->ns = count > 0 ? bench_quartiles(times, count).median : 0;
	/* Each thread takes one. */
	for (unsigned int i = 0; i < (here.crowd->shared ? here.crowd->count : 1); i++)
		write_record(producer, (number + i) | BENCH_LAST);
}

/* ---- the consumers ---- */

static void open_consumers(void)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;

	for (unsigned int i = 0; i < here.crowd->count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "consumer-%u", here.crowd->shared ? 0 : i);
		options.subscription = name;
		options.shared = here.crowd->shared;
		options.policy = here.crowd->state == BENCH_IDLE && i > 0 && !here.crowd->shared
					 ? SHMRING_LOSSY
					 : SHMRING_RELIABLE;
		options.prefault = i == 0;
		options.spin_ns = here.crowd->state == BENCH_ASLEEP ? -1 : 0;
		must("subscribing", shmring_consumer_open(&here.consumers[i], here.name, &options));
	}
}

/* Takes one record, if there is one; *number is the one that comes next. */
static bool take(struct shmring_consumer *consumer, uint64_t *number, bool *last)
{
	struct shmring_record record;
	int error = shmring_read(consumer, &record);

	if (error == -EAGAIN)
		return false;
	must("reading", error);
	/* A group's member gets those that others have not taken. */
	if (here.crowd->shared)
		*number = record.sequence;
	if (record.length != here.size || record.sequence != *number ||
	    !bench_right(record.data, here.size, *number, last))
		bench_fail(NULL, "record %llu did not arrive as it was sent",
			   (unsigned long long)*number);
	must("releasing", shmring_release(consumer));
	++*number;
	return true;
}

/* Those that are to read go round and round, up to 32 records each; the slowest is what counts. */
static void read_all(unsigned int readers)
{
	uint64_t next[BENCH_CONSUMERS] = { 0 };
	uint64_t all = UINT64_MAX; /* records there are, once the last has come */
	uint64_t taken = 0, told = 0;

	while (told != all) {
		uint64_t slowest = UINT64_MAX;

		for (unsigned int i = 0; i < readers; i++) {
			bool last = false;

			for (int more = 0; more < 32 && take(here.consumers[i], &next[i], &last);
			     more++) {
				taken += here.crowd->shared;
				if (last)
					all = next[i];
			}
			if (next[i] < slowest)
				slowest = next[i];
		}
		if (!here.crowd->shared)
			taken = slowest;
		if (taken != told)
			atomic_store_explicit(&shared->done, taken, memory_order_release);
		told = taken;
	}
}

static _Atomic uint64_t readings;

static void *sleep_and_read(void *argument)
{
	struct shmring_consumer *consumer = argument;
	const unsigned int share = here.crowd->shared ? 1 : here.crowd->count;
	uint64_t number = 0;
	bool last = false;

	while (!last) {
		atomic_fetch_add_explicit(&shared->waiting, 1, memory_order_release);
		while (!take(consumer, &number, &last))
			must("waiting", shmring_wait(consumer, -1));
		/* Done once all have it. */
		atomic_store_explicit(
			&shared->done,
			(atomic_fetch_add_explicit(&readings, 1, memory_order_acq_rel) + 1) / share,
			memory_order_release);
	}
	return NULL;
}

static void sleep_all(void)
{
	pthread_t threads[BENCH_CONSUMERS];

	for (unsigned int i = 0; i < here.crowd->count; i++)
		if (pthread_create(&threads[i], NULL, sleep_and_read, here.consumers[i]) != 0)
			bench_fail(NULL, "cannot start thread %u", i);
	for (unsigned int i = 0; i < here.crowd->count; i++)
		pthread_join(threads[i], NULL);
}

static void run_side(enum bench_side side, void *argument)
{
	struct shmring_producer *producer = NULL;
	struct bench_shared *step = argument;
	const bool asleep = here.crowd->state == BENCH_ASLEEP;

	if (side == BENCH_NEAR) {
		struct shmring_producer_options options = SHMRING_PRODUCER_OPTIONS_INIT;

		options.prefault = 1;
		must("opening the ring", shmring_producer_open(&producer, here.name, &options));
	} else {
		open_consumers();
	}
	bench_meet(step);
	if (side == BENCH_NEAR && asleep)
		wake_sleepers(producer);
	else if (side == BENCH_NEAR)
		write_bursts(producer);
	else if (asleep)
		sleep_all();
	else
		read_all(here.crowd->state == BENCH_IDLE ? 1 : here.crowd->count);
	bench_meet(step);
	/* The handles end with the process. */
}

/* ---- all of them ---- */

static int run_crowd(struct bench_plan *plan, struct bench_crowd *crowd, int round)
{
	int error, status;

	here.plan = plan;
	here.crowd = crowd;
	here.size = bench_detail_size(plan);
	snprintf(here.name, sizeof(here.name), "shmtool-bench-%ld-crowd", (long)getpid());
	atomic_store_explicit(&shared->done, 0, memory_order_relaxed);
	atomic_store_explicit(&shared->waiting, 0, memory_order_relaxed);
	error = shmring_create(here.name, NULL);
	if (error != 0)
		return report_error(here.name, error, TO_CREATE);
	status = bench_fork_two(plan, "consumers", run_side, plan->shared);
	shmring_unlink(here.name);
	crowd->ns[round] = shared->ns;
	return status;
}

static int run_rounds(struct bench_plan *plan, struct bench_crowd *crowds, int count)
{
	struct bench_bar bar;
	int status = STATUS_DONE;

	bench_bar_start(&bar, (uint64_t)count * (uint64_t)plan->rounds);
	for (int round = 0; round < plan->rounds; round++) {
		for (int i = 0; i < count && status == STATUS_DONE; i++) {
			status = run_crowd(plan, &crowds[(i + round) % count], round);
			bench_bar_step(&bar);
		}
	}
	plan->elapsed = bench_bar_end(&bar);
	return status;
}

int bench_consumers(struct bench_plan *plan)
{
	static struct bench_crowd crowds[BENCH_CROWDS];
	int count = 0;
	int status;

	for (int group = 0; group < 2; group++)
		for (int state = 0; state < BENCH_STATES; state++)
			for (unsigned int n = 1; n <= BENCH_CONSUMERS; n *= 2) {
				if (n / 2 >= plan->consumers)
					break;
				/* Then the number asked for, which need not be a power of two. */
				crowds[count++] = (struct bench_crowd){
					.count = n < plan->consumers ? n : plan->consumers,
					.shared = group == 1,
					.state = (enum bench_crowd_state)state,
					.ns = calloc((size_t)plan->rounds, sizeof(double)),
				};
				if (!crowds[count - 1].ns)
					return report("bench",
						      "this process is out of memory; ask for "
						      "fewer rounds");
			}
	shared = bench_map_shared(sizeof(*shared));
	if (!shared)
		return report("bench", "cannot share memory; free some");
	status = run_rounds(plan, crowds, count);
	if (status != STATUS_DONE)
		return status;
	return plan->json ? bench_print_crowds_json(plan, crowds, count)
			  : bench_print_crowds(plan, crowds, count);
}
