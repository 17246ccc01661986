/* SPDX-License-Identifier: MIT */
/* handles_move.c - those that come and go. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "../support/belongings.h"
#include "../support/child.h"
#include "handles.h"

/* Children of a process with threads may have none of their own under ThreadSanitizer. */
#if defined(__SANITIZE_THREAD__)
#define CHILD_HAS_THREADS 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CHILD_HAS_THREADS 0
#endif
#endif
#ifndef CHILD_HAS_THREADS
#define CHILD_HAS_THREADS 1
#endif

/* What any call may say to one that others cancel, evict or overtake. */
static bool is_usual(int error)
{
	switch (error) {
	case 0:
	case -EAGAIN:
	case -ETIMEDOUT:
	case -ECANCELED:
	case -EALREADY:
	case -EOVERFLOW:
	case -EPIPE:
		return true;
	default:
		return false;
	}
}

#define USUAL(call)                                                        \
	do {                                                               \
		int result_ = (call);                                      \
		CHECK(is_usual(result_), "%s", shmring_strerror(result_)); \
	} while (0)

static struct shmring_consumer *come(struct mover *mover)
{
	struct shmring_consumer_options options = SHMRING_CONSUMER_OPTIONS_INIT;
	const char *ring = world.ring[random_below(&mover->random, RINGS)];
	struct shmring_consumer *consumer = NULL;
	int kind = (int)random_below(&mover->random, 4), error, fd;

	options.start = SHMRING_NEWEST;
	if (kind == 1)
		options.policy = SHMRING_LOSSY;
	if (kind == 2) {
		options.subscription = "crew";
		options.shared = 1;
		options.claim_batch = 1 + (uint32_t)random_below(&mover->random, 8);
	}
	error = kind == 3 ? shmring_observer_open(&consumer, ring, &options)
			  : shmring_consumer_open(&consumer, ring, &options);
	CHECK(error == 0, "%s", shmring_strerror(error));
	if (error)
		return NULL;
	COUNT(opened);
	/* Others' signals to end reach it from here on. */
	atomic_store_explicit(&world.prey[mover->number], consumer, memory_order_release);
	if (random_once_in(&mover->random, 2)) {
		error = shmring_consumer_fd(consumer, &fd);
		CHECK(error == 0, "%s", shmring_strerror(error));
		COUNT(descriptors);
	}
	return consumer;
}

static int read_some(struct mover *mover, struct shmring_consumer *consumer)
{
	struct shmring_record record;
	int error = 0;

	for (uint64_t most = random_below(&mover->random, 30); most > 0 && !error; most--) {
		error = shmring_read(consumer, &record);
		USUAL(error);
		if (error == 0) {
			COUNT(read);
			if (random_once_in(&mover->random, 2))
				error = shmring_release(consumer);
		}
	}
	USUAL(shmring_release(consumer));
	return error;
}

/* Until another thread cancels it, or the stream ends. */
static void wait_for_the_end(struct mover *mover, struct shmring_consumer *consumer)
{
	struct pollfd poll_fd = { .events = POLLIN };
	const int by_descriptor = random_once_in(&mover->random, 2);
	int error;

	atomic_store_explicit(&world.prey[mover->number], consumer, memory_order_release);
	if (by_descriptor)
		CHECK(shmring_consumer_fd(consumer, &poll_fd.fd) == 0);
	do {
		if (by_descriptor)
			(void)poll(&poll_fd, 1, -1);
		else
			USUAL(shmring_wait(consumer, -1));
		COUNT(waits);
		error = read_some(mover, consumer);
		if (error == -EAGAIN || error == 0)
			/* Without a descriptor, reading does not tell. */
			error = shmring_wait(consumer, 0);
	} while (error == 0 || error == -EAGAIN || error == -EALREADY || error == -EOVERFLOW);
	CHECK(error == -ECANCELED || error == -EPIPE, "%s", shmring_strerror(error));
}

static void visit_the_poller(struct mover *mover, struct shmring_consumer *consumer)
{
	struct guest *guest = &world.guest[mover->number];

	pthread_mutex_lock(&guest->lock);
	guest->consumer = consumer;
	pthread_mutex_unlock(&guest->lock);
	CHECK(shmring_poller_add_consumer(world.poller, consumer, 0, guest) == 0);
	pause_at_random(&mover->random, 500);
	CHECK(shmring_consumer_close(consumer) == -EBUSY);
	pthread_mutex_lock(&guest->lock);
	CHECK(shmring_poller_remove(world.poller, consumer) == 0);
	guest->consumer = NULL;
	pthread_mutex_unlock(&guest->lock);
	COUNT(polled);
}

static void poll_by_itself(struct mover *mover, struct shmring_consumer *consumer)
{
	struct shmring_poller *poller;
	struct shmring_event event;
	unsigned int count;
	int error = shmring_poller_open(&poller, NULL);

	CHECK(error == 0, "%s", shmring_strerror(error));
	if (error)
		return;
	if (random_once_in(&mover->random, 2))
		atomic_store_explicit(&world.prey[mover->number], poller, memory_order_release);
	CHECK(shmring_poller_add_consumer(poller, consumer, 0, NULL) == 0);
	for (uint64_t i = random_below(&mover->random, 4); i > 0; i--) {
		USUAL(shmring_poller_wait(poller, &event, 1, &count, NS_PER_MS / 2));
		(void)read_some(mover, consumer);
	}
	CHECK(shmring_poller_close(poller) == 0);
	COUNT(polled);
}

/*
 * AddressSanitizer of gcc 12 and clang 14 does not see to its allocator's locks before a fork: some
 * thread, which the child does not have, may hold one of them. Such a child is ended, and decides
 * nothing.
 */
#if defined(__SANITIZE_ADDRESS__)
#define CHILD_MAY_HANG 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHILD_MAY_HANG 1
#endif
#endif
#ifndef CHILD_MAY_HANG
#define CHILD_MAY_HANG 0
#endif
#define CHILD_SECONDS 5

static int live_as_a_child(void *argument)
{
	struct shmring_consumer *parents = argument, *own;
	struct shmring_record record;
	struct pollfd poll_fd = { .events = POLLIN };

	if (CHILD_MAY_HANG)
		alarm(CHILD_SECONDS);
	CHILD_CHECK(shmring_read(parents, &record) == -EOWNERDEAD);
	CHILD_CHECK(shmring_wait(parents, -1) == -EOWNERDEAD);
	CHILD_CHECK(shmring_consumer_fd(parents, &poll_fd.fd) == -EOWNERDEAD);
	for (unsigned int i = 0; i < RINGS; i++)
		CHILD_CHECK(belongings_mapped(getpid(), world.ring[i]) == 0);
	CHILD_CHECK(shmring_consumer_open(&own, world.ring[0], NULL) == 0);
	if (CHILD_HAS_THREADS)
		CHILD_CHECK(shmring_consumer_fd(own, &poll_fd.fd) == 0);
	CHILD_CHECK(shmring_cancel(own) == 0);
	CHILD_CHECK(!CHILD_HAS_THREADS || poll(&poll_fd, 1, -1) == 1);
	CHILD_CHECK(shmring_wait(own, -1) == -ECANCELED);
	CHILD_CHECK(shmring_consumer_close(own) == 0);
	CHILD_CHECK(shmring_consumer_close(parents) == 0);
	return 0;
}

static void have_a_child(struct shmring_consumer *consumer)
{
	const int status = child_run(live_as_a_child, consumer);

	if (CHILD_MAY_HANG && status == CHILD_SIGNAL + SIGALRM) {
		COUNT(undecided);
		return;
	}
	CHECK(status == 0, "a child ended with %d", status);
	COUNT(forks);
}

void *move(void *argument)
{
	struct mover *mover = argument;

	while (!STOPPED) {
		struct shmring_consumer *consumer = come(mover);

		if (!consumer)
			break;
		for (uint64_t i = random_below(&mover->random, 4); i > 0; i--) {
			switch (random_below(&mover->random, 6)) {
			case 0:
				visit_the_poller(mover, consumer);
				break;
			case 1:
				poll_by_itself(mover, consumer);
				break;
			case 2:
				have_a_child(consumer);
				break;
			case 3:
				wait_for_the_end(mover, consumer);
				break;
			case 4:
				USUAL(shmring_wait(consumer, (int64_t)random_below(&mover->random,
										   NS_PER_MS)));
				break;
			default:
				(void)read_some(mover, consumer);
				break;
			}
		}
		CHECK(shmring_consumer_close(consumer) == 0);
	}
	return NULL;
}

/* Until the movers are gone: they may be waiting for it. */
void *cancel(void *movers_left)
{
	struct random random;

	random_seed(&random, world.seed, 1);
	while (atomic_load_explicit((_Atomic int *)movers_left, memory_order_acquire)) {
		const void *prey = atomic_load_explicit(&world.prey[random_below(&random, MOVERS)],
							memory_order_acquire);
		int error = shmring_cancel(prey);

		CHECK(error == 0 || error == -EINVAL, "%s", shmring_strerror(error));
		COUNT(cancels);
		if (error == 0)
			COUNT(cancelled);
		pause_at_random(&random, 2000);
	}
	return NULL;
}
