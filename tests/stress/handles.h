/* SPDX-License-Identifier: MIT */
/* What the threads of stress_handles share: see there. */
#ifndef TESTS_STRESS_HANDLES_H
#define TESTS_STRESS_HANDLES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <shmring/shmring.h>

#include "../support/random.h"

#define RINGS     4u
#define MOVERS    4u
#define NS_PER_MS 1000000LL

/* One that stays. */
struct stayer {
	struct shmring_consumer *consumer;
	uint64_t next; /* the number expected */
	int ended;
};

/* A mover's consumer in the poller of those that stay; the lock is held by whoever touches it. */
struct guest {
	pthread_mutex_t lock;
	struct shmring_consumer *consumer; /* null: it is not there */
};

struct counts {
	_Atomic uint64_t opened, cancelled, cancels, descriptors, polled, waits, read;
	_Atomic uint64_t forks, undecided; /* children that lived; that a sanitizer stopped */
};

struct world {
	uint64_t seed;
	const char *ring[RINGS];
	struct shmring_producer *producer[RINGS];
	_Atomic uint64_t written[RINGS];
	struct stayer waiting[RINGS], looped[RINGS], polled[RINGS];
	struct shmring_poller *poller;
	struct guest guest[MOVERS];
	const void *_Atomic prey[MOVERS]; /* to be cancelled, open or not */
	_Atomic int stop;                 /* movers and producers */
	_Atomic int failed;
	struct counts counts;
};
extern struct world world;

#define COUNT(what) atomic_fetch_add_explicit(&world.counts.what, 1, memory_order_relaxed)
#define STOPPED     atomic_load_explicit(&world.stop, memory_order_acquire)

/* In any thread: says what is wrong, and ends all. */
#define CHECK(condition, ...)                                                                 \
	do {                                                                                  \
		if (!(condition)) {                                                           \
			fprintf(stderr, "%s:%d: not so: %s", __FILE__, __LINE__, #condition); \
			fprintf(stderr, " " __VA_ARGS__);                                     \
			fputc('\n', stderr);                                                  \
			atomic_store_explicit(&world.failed, 1, memory_order_relaxed);        \
			atomic_store_explicit(&world.stop, 1, memory_order_release);          \
		}                                                                             \
	} while (0)

/* For less than so many microseconds. */
void pause_at_random(struct random *random, long most_us);

/* handles_stay.c: threads of those that stay. */
void *produce(void *ring_number);
void *stay_waiting(void *stayer);
void *stay_in_a_loop(void *unused);
void *stay_in_the_poller(void *unused);

/* handles_move.c: a thread that does anything with its handles, and one that cancels them, until no mover is left. */
struct mover {
	unsigned int number;
	struct random random;
};
void *move(void *mover);
void *cancel(void *movers_left);

#endif
