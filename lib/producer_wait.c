/* SPDX-License-Identifier: MIT */
/*
 * producer_wait.c - a producer's waiting, for room or for consumers.
 *
 * It says how far the tails have to come (`need`), and whoever moves one there rings the room bell.
 */
#include <errno.h>

#include "atomics.h"
#include "index.h"
#include "producer.h"
#include "subscription.h"
#include "wait.h"

/* A producer that had to sleep does not get up for less room than this share of the capacity. */
#define ROOM_SHARE 8

/* Pause between two looks at the consumers' tails: looking takes the cache lines they write to. */
#define ROOM_LOOK_NS 1000

int producer_disturbed(const struct shmring_producer *producer)
{
	if (handle_cancelled(&producer->handle))
		return -ECANCELED;
	return segment_removed(&producer->handle.segment) ? -ESTALE : 0;
}

/* Slept past the re-check though all tails are where somebody had to ring. */
static bool rang_too_late(const struct shmring_producer *producer)
{
	/* Relaxed: our own word. */
	return producer->floor.minimum >=
	       atomic_load_explicit(&producer->handle.segment.data->need, memory_order_relaxed);
}

/* Sleeps until the room bell rings, or for so long. */
static enum sleep_end sleep_on_room(struct shmring_producer *producer, uint32_t bell,
				    int64_t sleep_ns)
{
	struct handle *handle = &producer->handle;

	return handle_sleep(handle, &handle->segment.control->room_bell, bell, sleep_ns,
			    &producer->sleeps);
}

/* The position that every gating tail must reach before it is worth getting up. */
static uint64_t room_needed(const struct shmring_producer *producer, uint64_t stride)
{
	const uint64_t capacity = producer->hot.mask + 1;
	uint64_t least = producer->hot.position + stride + 8 - capacity;
	uint64_t share = producer->floor.floor + capacity / ROOM_SHARE;

	return index_first_at(&producer->handle.segment, least > share ? least : share,
			      producer_published(producer));
}

int producer_arm(struct shmring_producer *producer, uint64_t stride, struct sleep_word *on)
{
	struct segment *segment = &producer->handle.segment;
	int error;

	on->word = &segment->control->room_bell;
	/* Acquire: the bell, then what it rings for. */
	on->expected = atomic_load_explicit(on->word, memory_order_acquire);
	error = producer_disturbed(producer);
	if (error)
		return error;
	/* Release: whoever looks at it on its own finds head where it counts from. */
	atomic_store_explicit(&segment->data->need, room_needed(producer, stride),
			      memory_order_release);
	/* [ROOM] need, full fence, then tails; pairs with consumer.c:consumer_room_look() */
	fence_full();
	error = producer_make_room(producer, stride);
	on->bound_ns = floor_patience(&producer->floor, RECHECK_NS);
	return error;
}

void producer_disarm(struct shmring_producer *producer)
{
	atomic_store_explicit(&producer->handle.segment.data->need, 0, memory_order_relaxed);
}

/* Spins while that has paid off lately. */
static int spin_for_room(struct shmring_producer *producer, uint64_t stride,
			 struct deadline deadline)
{
	const uint64_t until = clock_ns() + producer->spin.budget_ns;

	if (producer->spin.budget_ns == 0)
		return -EAGAIN;
	while (clock_ns() < until && deadline_left(deadline, 1) != 0) {
		int error;

		pause_for_ns(ROOM_LOOK_NS);
		error = producer_make_room(producer, stride);
		if (error != -EAGAIN) {
			spin_paid(&producer->spin);
			return error;
		}
		if (handle_cancelled(&producer->handle))
			break;
	}
	return -EAGAIN;
}

static int wait_for_room(struct shmring_producer *producer, uint64_t stride, int64_t timeout_ns)
{
	struct deadline deadline = deadline_after(timeout_ns);
	enum sleep_end end = SLEEP_NOT;
	bool overslept = false;
	int error = spin_for_room(producer, stride, deadline);

	if (error != -EAGAIN)
		return error;
	for (;;) {
		struct sleep_word on;
		uint64_t start;
		int64_t left;

		error = producer_arm(producer, stride, &on);
		if (error != -EAGAIN) {
			producer->late += error == 0 && overslept && rang_too_late(producer);
			break;
		}
		if (end == SLEEP_INTERRUPTED && producer->handle.interruptible) {
			error = -EINTR;
			break;
		}
		left = deadline_left(deadline, on.bound_ns);
		if (left == 0) {
			error = -ETIMEDOUT;
			break;
		}
		if (spin_counts_next(&producer->spin))
			producer->spin.peer = floor_awaits(&producer->floor);
		start = clock_ns();
		end = sleep_on_room(producer, on.expected, left);
		overslept = end == SLEEP_TIMED_OUT && left == RECHECK_NS;
		spin_slept(&producer->spin, end == SLEEP_WOKEN ? clock_ns() - start : UINT64_MAX);
	}
	producer_disarm(producer);
	return error;
}

/* The stride of what is asked for, if that is a question at all. */
static int check_wait(const struct shmring_producer *producer, size_t bytes, uint64_t *stride)
{
	if (producer->handle.is_forked)
		return -EOWNERDEAD;
	if (handle_cancelled(&producer->handle))
		return -ECANCELED;
	if (bytes > producer->hot.maximum)
		return -EMSGSIZE;
	*stride = record_stride(bytes);
	return 0;
}

int producer_look(struct shmring_producer *producer, uint64_t stride)
{
	if (handle_cancelled(&producer->handle))
		return -ECANCELED;
	if (producer->hot.position + stride <= producer->hot.limit)
		return 0;
	return producer_make_room(producer, stride);
}

int shmring_producer_wait(struct shmring_producer *producer, size_t bytes, int64_t timeout_ns)
{
	uint64_t stride;
	int error;
	KEEP_ERRNO;

	error = check_wait(producer, bytes, &stride);
	if (!error)
		error = producer_look(producer, stride);
	if (error == -EAGAIN && timeout_ns != 0)
		error = wait_for_room(producer, stride, timeout_ns);
	return error;
}

int shmring_producer_arm(struct shmring_producer *producer, size_t bytes,
			 struct shmring_futex *futex)
{
	struct sleep_word on;
	uint64_t stride;
	int error;
	KEEP_ERRNO;

	if (!futex)
		return -EINVAL;
	error = check_wait(producer, bytes, &stride);
	if (error)
		return error;
	error = producer_look(producer, stride);
	if (error == -EAGAIN)
		error = producer_arm(producer, stride, &on);
	if (error == -EAGAIN && handle_arm(&producer->handle, on.word)) {
		sleep_word_tell(&on, futex);
		return 0;
	}
	producer_disarm(producer);
	if (error == -EAGAIN)
		return -ECANCELED;
	return error == 0 ? -EALREADY : error;
}

int shmring_producer_disarm(struct shmring_producer *producer)
{
	if (producer->handle.is_forked)
		return -EOWNERDEAD;
	handle_disarm(&producer->handle);
	producer_disarm(producer);
	return 0;
}

int shmring_producer_wait_consumers(struct shmring_producer *producer, unsigned int count,
				    int64_t timeout_ns)
{
	struct segment *segment = &producer->handle.segment;
	struct deadline deadline = deadline_after(timeout_ns);
	enum sleep_end end = SLEEP_NOT;
	KEEP_ERRNO;

	if (count > SHMRING_SUBSCRIPTIONS)
		return -EINVAL;
	if (producer->handle.is_forked)
		return -EOWNERDEAD;
	for (;;) {
		/* The bell first: whoever joins after the count rings it. */
		uint32_t bell =
			atomic_load_explicit(&segment->control->room_bell, memory_order_acquire);
		int64_t left;
		int error = producer_disturbed(producer);

		if (error)
			return error;
		if (subscription_count(segment) >= count)
			return 0;
		if (timeout_ns == 0)
			return -EAGAIN;
		if (end == SLEEP_INTERRUPTED && producer->handle.interruptible)
			return -EINTR;
		left = deadline_left(deadline, RECHECK_NS);
		if (left == 0)
			return -ETIMEDOUT;
		end = sleep_on_room(producer, bell, left);
	}
}
