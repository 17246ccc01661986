/* SPDX-License-Identifier: MIT */
/*
 * stress_handles: in one process, handles come, go, are cancelled, closed, forked and polled at
 * random, and those that stay do not notice.
 *
 * Each of RINGS rings has a producer that writes numbered records, and three readers that stay: one
 * that waits, one in an event loop, and one in a poller. Meanwhile MOVERS threads do with handles of
 * their own what programs do: read, wait until they are cancelled, ask for a file descriptor, go into
 * that poller and out again, have a poller of their own, close in the middle of anything, and fork.
 * One more thread cancels whatever movers have, or had.
 *
 * Checked: who stays reads every record, in order; every call that blocks returns; a child finds its
 * parent's handles dead and its own alive; and when all is closed no descriptor, thread or mapping
 * is left. An alarm ends what hangs.
 *
 * Usage: stress_handles [--seconds N] [--seed N]; without, $SHMRING_STRESS_SECONDS, or 5
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../support/belongings.h"
#include "../support/census.h"
#include "../support/names.h"
#include "handles.h"

#define CAPACITY 65536u

struct world world;

static bool failed(void)
{
	return atomic_load_explicit(&world.failed, memory_order_relaxed) != 0;
}

void pause_at_random(struct random *random, long most_us)
{
	struct timespec pause = { 0, (long)random_below(random, (uint64_t)most_us * 1000) };

	nanosleep(&pause, NULL);
}

static struct shmring_consumer *settle(const char *ring)
{
	struct shmring_consumer *consumer = NULL;
	int error = shmring_consumer_open(&consumer, ring, NULL);

	CHECK(error == 0, "%s", shmring_strerror(error));
	return consumer;
}

/* All that is not to be cancelled is opened before anything is closed, whose address it might have. */
static int prepare(void)
{
	struct shmring_create_options options = SHMRING_CREATE_OPTIONS_INIT;

	options.capacity = CAPACITY;
	CHECK(shmring_poller_open(&world.poller, NULL) == 0);
	for (unsigned int i = 0; i < MOVERS; i++)
		pthread_mutex_init(&world.guest[i].lock, NULL);
	for (unsigned int i = 0; i < RINGS && !failed(); i++) {
		/* One with naps, and one with other fences, if they can be had. */
		options.wake_mode = i == 1   ? SHMRING_WAKE_NONE
				    : i == 2 ? SHMRING_WAKE_MEMBARRIER
					     : SHMRING_WAKE_FENCE;
		world.ring[i] = unique_name();
		CHECK(shmring_create(world.ring[i], &options) == 0);
		CHECK(shmring_producer_open(&world.producer[i], world.ring[i], NULL) == 0);
		world.waiting[i].consumer = settle(world.ring[i]);
		world.looped[i].consumer = settle(world.ring[i]);
		world.polled[i].consumer = settle(world.ring[i]);
		CHECK(shmring_poller_add_consumer(world.poller, world.polled[i].consumer, 0,
						  &world.polled[i]) == 0);
	}
	return failed();
}

static pthread_t start(void *(*run)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, argument) != 0)
		abort();
	return thread;
}

static void *do_nothing(void *nothing)
{
	return nothing;
}

static void run_for(int64_t seconds)
{
	static struct mover movers[MOVERS];
	pthread_t threads[2 * RINGS + 3], moving[MOVERS];
	static _Atomic int movers_left = 1;
	unsigned int count = 0;

	for (unsigned int i = 0; i < RINGS; i++)
		threads[count++] = start(stay_waiting, &world.waiting[i]);
	threads[count++] = start(stay_in_a_loop, NULL);
	threads[count++] = start(stay_in_the_poller, NULL);
	for (unsigned int i = 0; i < RINGS; i++)
		threads[count++] = start(produce, (void *)(uintptr_t)i);
	threads[count++] = start(cancel, &movers_left);
	for (unsigned int i = 0; i < MOVERS; i++) {
		movers[i].number = i;
		random_seed(&movers[i].random, world.seed, 10 + i);
		moving[i] = start(move, &movers[i]);
	}
	for (int64_t i = 0; i < seconds * 20 && !STOPPED; i++)
		nanosleep(&(struct timespec){ 0, 50 * NS_PER_MS }, NULL);
	atomic_store_explicit(&world.stop, 1, memory_order_release);
	for (unsigned int i = 0; i < MOVERS; i++)
		pthread_join(moving[i], NULL);
	atomic_store_explicit(&movers_left, 0, memory_order_release);
	while (count > 0)
		pthread_join(threads[--count], NULL);
}

/* What the readers of one kind missed, and how often they were woken late. */
static void leave(const char *what, struct stayer *stayers)
{
	uint64_t records = 0, lost = 0, late = 0;

	for (unsigned int i = 0; i < RINGS; i++) {
		struct shmring_consumer_info info = SHMRING_CONSUMER_INFO_INIT;

		(void)shmring_consumer_info(stayers[i].consumer, &info);
		records += stayers[i].next;
		lost += world.written[i] - stayers[i].next;
		late += info.late;
		CHECK(shmring_consumer_close(stayers[i].consumer) == 0);
	}
	CHECK(lost == 0 && records > 0);
	printf("figure %s_records %llu\n", what, (unsigned long long)records);
	printf("figure %s_lost %llu\n", what, (unsigned long long)lost);
	printf("figure %s_late %llu\n", what, (unsigned long long)late);
}

static void print_counts(void)
{
	const struct {
		const char *name;
		const _Atomic uint64_t *count;
	} counts[] = {
		{ "handles_opened", &world.counts.opened },
		{ "descriptors", &world.counts.descriptors },
		{ "cancels", &world.counts.cancels },
		{ "handles_cancelled", &world.counts.cancelled },
		{ "waits", &world.counts.waits },
		{ "poller_visits", &world.counts.polled },
		{ "forks", &world.counts.forks },
		{ "records_read_by_movers", &world.counts.read },
	};

	for (unsigned int i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const uint64_t count = atomic_load_explicit(counts[i].count, memory_order_relaxed);

		printf("figure %s %llu\n", counts[i].name, (unsigned long long)count);
		CHECK(count > 0, "%s", counts[i].name);
	}
	printf("figure forks_undecided %llu\n", (unsigned long long)world.counts.undecided);
	CHECK(world.counts.undecided <= world.counts.forks / 5, "too few children lived");
}

/* True if anything is. */
static bool count_what_is_left(struct census before)
{
	struct census after = census_take();
	int mappings = 0;

	/* One that has been joined may be seen for a little while. */
	while (after.threads > before.threads)
		after = census_take();
	for (unsigned int i = 0; i < RINGS; i++)
		mappings += belongings_mapped(getpid(), world.ring[i]);
	printf("figure descriptors_left %d\n", (int)after.descriptors - (int)before.descriptors);
	printf("figure threads_left %d\n", (int)after.threads - (int)before.threads);
	printf("figure mappings_left %d\n", mappings);
	return after.descriptors != before.descriptors || mappings != 0;
}

int main(int argc, char **argv)
{
	const char *given = getenv("SHMRING_STRESS_SECONDS");
	int64_t seconds = given ? strtoll(given, NULL, 0) : 5;
	int failed_at_the_end;
	struct census before;

	world.seed = random_fresh_seed();
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seconds") == 0)
			seconds = strtoll(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--seed") == 0)
			world.seed = strtoull(argv[i + 1], NULL, 0);
	}
	printf("seed %llu\n", (unsigned long long)world.seed);
	fflush(stdout);
	/* Nothing timed decides but this: what has come to nothing so long after the end hangs. */
	alarm((unsigned int)seconds + 120);
	(void)unique_name();
	/* A sanitizer's own thread comes with the first. */
	pthread_join(start(do_nothing, NULL), NULL);
	before = census_take();
	if (prepare() == 0)
		run_for(seconds);
	CHECK(shmring_poller_close(world.poller) == 0);
	leave("waiting", world.waiting);
	leave("looped", world.looped);
	leave("polled", world.polled);
	print_counts();
	failed_at_the_end = count_what_is_left(before) || failed();
	unique_names_sweep();
	if (failed_at_the_end)
		printf("FAILED; repeat: %s --seconds %lld --seed %llu\n", argv[0],
		       (long long)seconds, (unsigned long long)world.seed);
	return failed_at_the_end;
}
