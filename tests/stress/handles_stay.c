/* SPDX-License-Identifier: MIT */
/* handles_stay.c - those that stay: producers, and readers that see every record. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "handles.h"

void *produce(void *argument)
{
	const unsigned int ring = (unsigned int)(uintptr_t)argument;
	struct random random;
	uint64_t number = 0;
	int error = 0;

	random_seed(&random, world.seed, 100 + ring);
	while (error == 0 && !STOPPED) {
		for (uint64_t burst = random_between(&random, 1, 100); burst > 0 && !error;
		     burst--) {
			error = shmring_write(world.producer[ring], &number, sizeof(number), 0, -1);
			number++;
		}
		pause_at_random(&random, 400);
	}
	CHECK(error == 0, "%s", shmring_strerror(error));
	atomic_store_explicit(&world.written[ring], number, memory_order_release);
	error = shmring_producer_close(world.producer[ring]);
	CHECK(error == 0, "%s", shmring_strerror(error));
	return NULL;
}

/* Reads what is there; -EAGAIN if that was all for now. */
static int stay_and_read(struct stayer *stayer)
{
	struct shmring_record record;
	int error;

	while ((error = shmring_read(stayer->consumer, &record)) == 0) {
		uint64_t number;

		memcpy(&number, record.data, sizeof(number));
		CHECK(number == stayer->next && record.lost == 0, "%llu, not %llu",
		      (unsigned long long)number, (unsigned long long)stayer->next);
		stayer->next = number + 1;
		error = shmring_release(stayer->consumer);
		CHECK(error == 0, "%s", shmring_strerror(error));
	}
	CHECK(error == -EAGAIN || error == -EPIPE, "%s", shmring_strerror(error));
	return error;
}

void *stay_waiting(void *argument)
{
	struct stayer *stayer = argument;
	int error;

	while ((error = stay_and_read(stayer)) == -EAGAIN) {
		error = shmring_wait(stayer->consumer, -1);
		CHECK(error == 0 || error == -EPIPE, "%s", shmring_strerror(error));
	}
	return NULL;
}

void *stay_in_a_loop(void *unused)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), fd = -1;
	unsigned int open = RINGS;

	(void)unused;
	for (unsigned int i = 0; i < RINGS; i++) {
		/* Level- and edge-triggered ones by turns. */
		struct epoll_event event = { EPOLLIN | (i % 2 ? EPOLLET : 0),
					     { .ptr = &world.looped[i] } };
		int error = shmring_consumer_fd(world.looped[i].consumer, &fd);

		CHECK(error == 0, "%s", shmring_strerror(error));
		CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
	}
	while (open > 0) {
		struct epoll_event event;
		struct stayer *stayer;

		if (epoll_wait(epoll, &event, 1, -1) != 1)
			continue;
		stayer = event.data.ptr;
		if (stay_and_read(stayer) == -EAGAIN || stayer->ended)
			continue;
		stayer->ended = 1;
		open--;
		(void)shmring_consumer_fd(stayer->consumer, &fd);
		CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL) == 0);
	}
	close(epoll);
	return NULL;
}

/* A guest may have left since it was told of. */
static void attend_to(struct guest *guest)
{
	struct shmring_record record;

	pthread_mutex_lock(&guest->lock);
	while (guest->consumer && shmring_read(guest->consumer, &record) == 0) {
		COUNT(read);
		(void)shmring_release(guest->consumer);
	}
	pthread_mutex_unlock(&guest->lock);
}

void *stay_in_the_poller(void *unused)
{
	unsigned int open = RINGS;

	(void)unused;
	while (open > 0) {
		struct shmring_event events[RINGS];
		unsigned int count = 0;
		int error = shmring_poller_wait(world.poller, events, RINGS, &count, -1);

		CHECK(error == 0, "%s", shmring_strerror(error));
		for (unsigned int i = 0; i < count; i++) {
			struct stayer *stayer = events[i].context;

			if (stayer < world.polled || stayer >= world.polled + RINGS) {
				attend_to(events[i].context);
				continue;
			}
			/* What was written last is read before the end is told. */
			if (events[i].error == 0) {
				(void)stay_and_read(stayer);
				continue;
			}
			CHECK(events[i].error == -EPIPE, "%s", shmring_strerror(events[i].error));
			open--;
		}
	}
	return NULL;
}
