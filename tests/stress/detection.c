/* SPDX-License-Identifier: MIT */
/*
 * How soon a death is known: from SIGKILL of a RELIABLE consumer that holds the producer up until
 * the producer goes on, and from SIGKILL of the producer until its sleeping reader is told. Nobody
 * rings a bell for the dead: it is found at the next bounded look, every 100 ms, and the kills come
 * at any moment between two looks. It measures, and no time decides it; it fails when somebody goes
 * on too early, with anything but what is due, or not at all.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <shmring/shmring.h>

#include "../support/child.h"
#include "../support/names.h"
#include "../support/random.h"

#define CAPACITY   65536u
#define LOOK_NS    100000000u /* time between two looks of a sleeper */
#define KILLS_MOST 100000u

/* Memory of all processes of a measurement. */
struct round {
	const char *ring;
	int ready, go, done;      /* gates */
	_Atomic uint64_t told_ns; /* when the survivor knew; 0: not yet */
	_Atomic uint32_t ended;   /* 1: the survivor has, which it should not */
};

/*
 * One measurement: who is killed, and who lives through all rounds; both return only when something
 * is wrong.
 */
struct measurement {
	const char *what;
	int (*victim)(void *round);
	int (*survivor)(void *round);
	int (*is_waiting)(struct shmring_inspector *inspector, uint64_t number);
	struct round *round;
	uint64_t *took_ns;
};

static uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void know(struct round *round)
{
	atomic_store_explicit(&round->told_ns, clock_now(), memory_order_release);
	gate_open(round->done);
}

static void wait_to_be_killed(void)
{
	for (;;)
		pause();
}

/*
 * ---- A consumer dies, and the producer goes on
 * ----------------------------------------------------
 */

static int hold_up(void *argument)
{
	struct round *round = argument;
	struct shmring_consumer *consumer;

	CHILD_CHECK(shmring_consumer_open(&consumer, round->ring, NULL) == 0);
	gate_open(round->ready);
	wait_to_be_killed();
	return 1;
}

static int produce(void *argument)
{
	struct round *round = argument;
	struct shmring_producer *producer;
	static char bytes[CAPACITY / 8];
	int result;

	CHILD_CHECK(shmring_producer_open(&producer, round->ring, NULL) == 0);
	for (;;) {
		gate_pass(round->go);
		result = 0;
		for (unsigned int i = 0; i < CAPACITY / sizeof(bytes) && result == 0; i++)
			result = shmring_write(producer, bytes, sizeof(bytes), 0, 0);
		CHILD_CHECK(result == -EAGAIN, "nobody holds it: %s", shmring_strerror(result));
		result = shmring_write(producer, bytes, sizeof(bytes), 0, -1);
		know(round);
		CHILD_CHECK(result == 0, "%s", shmring_strerror(result));
	}
}

static int producer_waits(struct shmring_inspector *inspector, uint64_t number)
{
	struct shmring_info info = SHMRING_INFO_INIT;

	(void)number;
	return shmring_inspect(inspector, &info) == 0 && info.producer_waits;
}

/*
 * ---- The producer dies, and its reader is told
 * ----------------------------------------------------
 */

static int publish_one(void *argument)
{
	struct round *round = argument;
	struct shmring_producer *producer;

	CHILD_CHECK(shmring_producer_open(&producer, round->ring, NULL) == 0);
	CHILD_CHECK(shmring_producer_wait_consumers(producer, 1, -1) == 0);
	CHILD_CHECK(shmring_write(producer, "x", 1, 0, -1) == 0);
	gate_open(round->ready);
	wait_to_be_killed();
	return 1;
}

static int read_on(void *argument)
{
	struct round *round = argument;
	struct shmring_consumer *consumer;
	struct shmring_record record;

	CHILD_CHECK(shmring_consumer_open(&consumer, round->ring, NULL) == 0);
	for (;;) {
		int result = shmring_wait(consumer, -1);

		if (result == -EOWNERDEAD) {
			know(round);
			gate_pass(round->go);
			continue;
		}
		CHILD_CHECK(result == 0, "%s", shmring_strerror(result));
		CHILD_CHECK(shmring_read(consumer, &record) == 0);
		CHILD_CHECK(shmring_release(consumer) == 0);
	}
}

/* Asleep after it has read record `number`. */
static int reader_sleeps(struct shmring_inspector *inspector, uint64_t number)
{
	struct shmring_subscription_info info = SHMRING_SUBSCRIPTION_INFO_INIT;

	return shmring_inspect_subscription(inspector, 0, &info) == 0 && info.sequence > number &&
	       info.sleeping;
}

/* Says that it is over also when it ends by itself, which is a failure. */
static int survive(void *argument)
{
	struct measurement *measurement = argument;

	measurement->survivor(measurement->round);
	atomic_store_explicit(&measurement->round->ended, 1, memory_order_release);
	gate_open(measurement->round->done);
	return 1;
}

static int has_ended(const struct round *round)
{
	return (int)atomic_load_explicit(&round->ended, memory_order_acquire);
}

/*
 * ---- Measuring
 * ------------------------------------------------------------------------------------
 */

static void pause_up_to(struct random *random, uint64_t ns)
{
	struct timespec nap = { .tv_nsec = (long)random_below(random, ns) };

	nanosleep(&nap, NULL);
}

/* One kill. Returns 0, or 1 after saying what went wrong. */
static int measure_one(const struct measurement *measurement, struct shmring_inspector *inspector,
		       struct random *random, uint64_t number)
{
	struct round *round = measurement->round;
	pid_t victim = child_start(measurement->victim, round);
	uint64_t killed_ns, told_ns;
	int status;

	gate_pass(round->ready);
	gate_open(round->go);
	while (!measurement->is_waiting(inspector, number) && !has_ended(measurement->round))
		sched_yield();
	pause_up_to(random, LOOK_NS);
	CHILD_CHECK(!has_ended(round), "%s: the survivor ended", measurement->what);
	CHILD_CHECK(atomic_load_explicit(&round->told_ns, memory_order_acquire) == 0,
		    "%s: it went on although nobody had died", measurement->what);
	killed_ns = clock_now();
	kill(victim, SIGKILL);
	gate_pass(round->done);
	told_ns = atomic_exchange_explicit(&round->told_ns, 0, memory_order_acq_rel);
	status = child_wait(victim);
	CHILD_CHECK(told_ns >= killed_ns, "%s: the survivor ended, or knew too early",
		    measurement->what);
	measurement->took_ns[number] = told_ns - killed_ns;
	CHILD_CHECK(status == CHILD_SIGNAL + SIGKILL, "the victim ended with %d", status);
	return 0;
}

static int compare(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return (a > b) - (a < b);
}

static void report(const struct measurement *measurement, uint64_t kills)
{
	uint64_t *took_ns = measurement->took_ns;

	qsort(took_ns, kills, sizeof(took_ns[0]), compare);
	printf("figure detect_%s_p50_us %.1f\n", measurement->what,
	       (double)took_ns[kills / 2] / 1e3);
	printf("figure detect_%s_p99_us %.1f\n", measurement->what,
	       (double)took_ns[kills * 99 / 100] / 1e3);
	printf("figure detect_%s_most_us %.1f\n", measurement->what,
	       (double)took_ns[kills - 1] / 1e3);
}

static struct round *round_new(void)
{
	struct round *round = mmap(NULL, sizeof(*round), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	options.capacity = CAPACITY;
	if (round == MAP_FAILED)
		abort();
	round->ring = unique_name();
	round->ready = gate_new();
	round->go = gate_new();
	round->done = gate_new();
	return shmring_create(round->ring, &options) == 0 ? round : NULL;
}

static int measure(struct measurement *measurement, uint64_t kills, uint64_t seed)
{
	struct shmring_inspector *inspector;
	struct random random;
	pid_t survivor;
	int failed = 0;

	measurement->round = round_new();
	measurement->took_ns = calloc(kills, sizeof(uint64_t));
	CHILD_CHECK(measurement->round && measurement->took_ns);
	CHILD_CHECK(shmring_inspector_open(&inspector, measurement->round->ring) == 0);
	random_seed(&random, seed, 0);
	survivor = child_start(survive, measurement);
	for (uint64_t number = 0; number < kills && !failed; number++)
		failed = measure_one(measurement, inspector, &random, number);
	child_kill(survivor);
	if (!failed)
		report(measurement, kills);
	shmring_inspector_close(inspector);
	free(measurement->took_ns);
	return failed;
}

static int usage(const char *program)
{
	fprintf(stderr, "Usage: %s [--kills N] [--seed N]\n", program);
	return 2;
}

int main(int argc, char **argv)
{
	struct measurement consumer = {
		.what = "consumer",
		.victim = hold_up,
		.survivor = produce,
		.is_waiting = producer_waits,
	};
	struct measurement producer = {
		.what = "producer",
		.victim = publish_one,
		.survivor = read_on,
		.is_waiting = reader_sleeps,
	};
	uint64_t kills = 20, seed = random_fresh_seed();

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return usage(argv[0]);
		if (strcmp(argv[i], "--kills") == 0)
			kills = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 0);
		else
			return usage(argv[0]);
	}
	if (kills == 0 || kills > KILLS_MOST)
		return usage(argv[0]);
	printf("figure detect_kills %llu\n", (unsigned long long)kills);
	if (measure(&consumer, kills, seed) || measure(&producer, kills, seed)) {
		printf("FAILED; repeat: %s --kills %llu --seed %llu\n", argv[0],
		       (unsigned long long)kills, (unsigned long long)seed);
		return 1;
	}
	return 0;
}
