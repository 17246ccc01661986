/* SPDX-License-Identifier: MIT */
/*
 * How many instructions a record costs: valgrind counts them, for this program marks where. One
 * process writes and reads by turns, so nobody ever waits, and every count is the same each time.
 * Without valgrind it runs, and counts nothing.
 *
 * Then what the producer does with as many subscriptions as a ring can have.
 *
 * The payload is one word stored, and one word loaded, whatever its size: what is counted is the
 * library.
 */
#include <shmring/inline.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

#include "../support/names.h"

#define RECORDS 65536u
#define ROUND   512u /* they fit into the ring */
#define BATCH   32u

static struct shmring_producer *producer;
static struct shmring_consumer *consumer;
static const char *ring;
static uint64_t sum;

static void check(int error)
{
	if (error == 0)
		return;
	fprintf(stderr, "instructions: %s\n", shmring_strerror(error));
	exit(1);
}

/* The same twice: what is written as calls, and expanded. */
#define WAY(way, reserve, commit, read, release)                                             \
	static __attribute__((noinline)) void way##_produce(size_t size, unsigned int batch) \
	{                                                                                    \
		for (unsigned int i = 1; i <= ROUND; i++) {                                  \
			void *payload;                                                       \
                                                                                             \
			check(reserve(producer, size, &payload));                            \
			*(uint64_t *)payload = i;                                            \
			check(commit(producer, size, 0, i % batch ? SHMRING_MORE : 0));      \
		}                                                                            \
	}                                                                                    \
	static __attribute__((noinline)) void way##_consume(unsigned int batch)              \
	{                                                                                    \
		for (unsigned int i = 1; i <= ROUND; i++) {                                  \
			struct shmring_record record;                                        \
                                                                                             \
			check(read(consumer, &record));                                      \
			sum += *(const uint64_t *)record.data;                               \
			if (i % batch == 0)                                                  \
				check(release(consumer));                                    \
		}                                                                            \
	}

WAY(calls, (shmring_reserve), (shmring_commit), (shmring_read), (shmring_release))
WAY(inline, shmring_reserve, shmring_commit, shmring_read, shmring_release)

static void count(const char *way, size_t size, unsigned int batch,
		  void (*produce)(size_t, unsigned int), void (*consume)(unsigned int))
{
	char name[64];

	for (int side = 0; side < 2; side++) {
		for (unsigned int done = 0; done < RECORDS; done += ROUND) {
			if (side == 0)
				CALLGRIND_TOGGLE_COLLECT;
			produce(size, batch);
			if (side == 0)
				CALLGRIND_TOGGLE_COLLECT;
			if (side == 1)
				CALLGRIND_TOGGLE_COLLECT;
			consume(batch);
			if (side == 1)
				CALLGRIND_TOGGLE_COLLECT;
		}
		snprintf(name, sizeof(name), "%s_%s_%zu_%u", side == 0 ? "producer" : "consumer",
			 way, size, batch);
		CALLGRIND_DUMP_STATS_AT(name);
	}
}

/* With all subscriptions, which read by turns with the producer. */
static void count_crowd(size_t size, unsigned int batch)
{
	struct shmring_consumer *first = consumer, *others[SHMRING_SUBSCRIPTIONS - 1];
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	const unsigned int count = SHMRING_SUBSCRIPTIONS - 1;
	char name[64];

	options.start = SHMRING_NEWEST;
	for (unsigned int i = 0; i < count; i++)
		check(shmring_consumer_open(&others[i], ring, &options));
	for (unsigned int done = 0; done < RECORDS; done += ROUND) {
		CALLGRIND_TOGGLE_COLLECT;
		calls_produce(size, batch);
		CALLGRIND_TOGGLE_COLLECT;
		calls_consume(batch);
		for (unsigned int i = 0; i < count; i++) {
			consumer = others[i];
			calls_consume(batch);
		}
		consumer = first;
	}
	snprintf(name, sizeof(name), "producer_for_%u_%zu_%u", SHMRING_SUBSCRIPTIONS, size, batch);
	CALLGRIND_DUMP_STATS_AT(name);
	for (unsigned int i = 0; i < count; i++)
		check(shmring_consumer_close(others[i]));
}

int main(void)
{
	static const size_t sizes[] = { 8, 64 };
	static const unsigned int batches[] = { 1, BATCH };

#ifndef __OPTIMIZE__
	fprintf(stderr, "instructions: compiled without optimisation: nothing worth counting\n");
	return 77;
#endif
	ring = unique_name();
	check(shmring_create(ring, NULL));
	check(shmring_producer_open(&producer, ring, NULL));
	check(shmring_consumer_open(&consumer, ring, NULL));
	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < 2; j++) {
			count("calls", sizes[i], batches[j], calls_produce, calls_consume);
			count("inline", sizes[i], batches[j], inline_produce, inline_consume);
		}
	}
	for (int j = 0; j < 2; j++)
		count_crowd(64, batches[j]);
	check(shmring_consumer_close(consumer));
	check(shmring_producer_close(producer));
	check(shmring_unlink(ring));
	printf("%u records each\n", RECORDS);
	return sum == 0;
}
