/* SPDX-License-Identifier: MIT */
/* producer_open.c - a producer's coming and going, and writing copies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomics.h"
#include "copy.h"
#include "index.h"
#include "liveness.h"
#include "options.h"
#include "producer.h"
#include "subscription.h"
#include "wait.h"
#include "walk.h"

/* Longest pieces list of shmring_writev. */
#define PIECES_MAX 1024

/* Everyone who waits is told: to see what a dead predecessor published, a new epoch, or the end. */
static void stream_store(struct shmring_producer *producer, enum shmring_stream_state state)
{
	struct segment *segment = &producer->handle.segment;

	/* [STREAM] release: all records first; pairs with consumer.c:consumer_ended() */
	atomic_store_explicit(&segment->data->stream, stream_word(producer->epoch, state),
			      memory_order_release);
	/* [SLEEP] stream, full fence, then sleepers; pairs with consumer_wait.c:consumer_arm() */
	fence_full();
	wake_sleepers(segment->control, segment->data->bell, true);
}

static void producer_init(struct shmring_producer *producer)
{
	struct segment *segment = &producer->handle.segment;

	segment->gates = true;
	producer->hot.maximum = segment->maximum;
	producer->hot.records = segment->records;
	producer->hot.mask = segment->capacity - 1;
	producer->hot.head = (uint64_t *)&segment->data->head;
	producer->hot.sleepers = (uint64_t *)&segment->control->sleepers;
	producer->hot.looks = segment->header.wake_mode != SHMRING_WAKE_NONE;
	producer->hot.fences = segment->header.wake_mode == SHMRING_WAKE_FENCE;
	/* Before the first record: a sleeper's barrier has to reach this process from then on. */
	if (segment->header.wake_mode == SHMRING_WAKE_MEMBARRIER)
		producer->hot.fences = !membarrier_register();
}

/*
 * Goes on where a predecessor stopped, wherever that was: it may have died after a record's header
 * word and before head. Records are walked first, before anything else is looked at.
 */
static int take_over(struct shmring_producer *producer)
{
	struct segment *segment = &producer->handle.segment;
	struct place place = { 0, 0 };
	uint64_t stream;
	int error;

	producer_init(producer);
	error = walk_end(segment, &place.position);
	if (error)
		return error;
	error = floor_take_over(&producer->floor, segment, place.position);
	if (error)
		return error;
	/*
	 * Before the sequence is counted: entries above are of records that were never published.
	 */
	producer_place(producer, place.position, 0);
	error = walk_sequence(segment, &place);
	if (error)
		return error == -EAGAIN ? -EBADMSG : error;
	producer->hot.sequence = place.sequence;
	atomic_store_explicit(&segment->data->head, place.position, memory_order_release);
	stream = atomic_load_explicit(&segment->data->stream, memory_order_relaxed);
	producer->epoch = stream_epoch(stream) + 1;
	atomic_store_explicit(&segment->data->need, 0, memory_order_relaxed);
	atomic_store_explicit(&segment->data->producer_since_ns, clock_wall_ns(),
			      memory_order_relaxed);
	atomic_store_explicit(&segment->data->producer_pid, (uint32_t)getpid(),
			      memory_order_relaxed);
	stream_store(producer, SHMRING_STREAM_OPEN);
	return 0;
}

/* The child's copy refuses everything on the paths that are slow anyway. */
static void producer_forked(struct handle *handle)
{
	struct shmring_producer *producer = handle_address(handle);

	producer->hot.limit = 0;
	producer->hot.reserved = 0;
	producer->hot.batch_word = 0;
}

/*
 * The lock is dropped, not only closed: a child that another thread is just forking has the
 * descriptor for a moment.
 */
static void producer_leave(struct shmring_producer *producer)
{
	if (!producer->handle.is_forked)
		lock_drop(producer->handle.segment.lock_fd, LOCK_PRODUCER);
	handle_close(&producer->handle);
}

int shmring_producer_open(struct shmring_producer **out, const char *name,
			  const struct shmring_producer_options *given)
{
	struct shmring_producer_options options;
	struct shmring_producer *producer;
	int error;
	KEEP_ERRNO;

	error = options_copy(&options, sizeof(options), given, sizeof(options));
	if (error || !out || options.prefault > 1 || options.interruptible > 1)
		return -EINVAL;
	producer = aligned_alloc(LAYOUT_LINE, sizeof(*producer));
	if (!producer)
		return -ENOMEM;
	memset(producer, 0, sizeof(*producer));
	if (!spin_init(&producer->spin, options.spin_ns)) {
		free(producer);
		return -EINVAL;
	}
	producer->handle.interruptible = options.interruptible;
	producer->handle.offset = offsetof(struct shmring_producer, handle);
	producer->handle.forked = producer_forked;
	error = handle_open(&producer->handle, name, SEGMENT_PRODUCER,
			    (struct tag){ options.tag, options.tag_length }, options.timeout_ns,
			    options.prefault);
	if (!error) {
		error = lock_take(producer->handle.segment.lock_fd, LOCK_PRODUCER);
		if (!error)
			error = take_over(producer);
		if (!error) {
			*out = producer;
			return 0;
		}
		producer_leave(producer);
	}
	free(producer);
	return error;
}

int shmring_producer_close(struct shmring_producer *producer)
{
	KEEP_ERRNO;

	if (!producer)
		return 0;
	if (handle_in_poller(&producer->handle))
		return -EBUSY;
	if (!producer->handle.is_forked) {
		producer_drop(producer);
		stream_store(producer, SHMRING_STREAM_CLOSED);
	}
	producer_leave(producer);
	free(producer);
	return 0;
}

int shmring_producer_info(const struct shmring_producer *producer,
			  struct shmring_producer_info *info)
{
	struct shmring_producer_info report;
	int error = report_check(info, sizeof(report));

	if (error)
		return error;
	report = (struct shmring_producer_info){
		.epoch = producer->epoch,
		.sequence = producer->hot.sequence,
		.position = producer->hot.position,
		.capacity = producer->hot.mask + 1,
		.maximum = producer->hot.maximum,
		.wakeups = producer->wakeups,
		.sleeps = producer->sleeps,
		.late = producer->late,
	};
	report_copy(info, &report, sizeof(report));
	return 0;
}

/* ---- Writing copies -------------------------------------------------------------------------- */

static int reserve_waiting(struct shmring_producer *producer, size_t length, void **data,
			   int64_t timeout_ns)
{
	int error = shmring_reserve(producer, length, data);

	if (unlikely(error == -EAGAIN) && timeout_ns != 0) {
		error = shmring_producer_wait(producer, length, timeout_ns);
		if (!error)
			error = shmring_reserve(producer, length, data);
	}
	return error;
}

int shmring_write(struct shmring_producer *producer, const void *data, size_t length, uint16_t type,
		  int64_t timeout_ns)
{
	void *to;
	int error = reserve_waiting(producer, length, &to, timeout_ns);

	if (unlikely(error))
		return error;
	copy_in(to, data, length);
	return shmring_commit(producer, length, type, 0);
}

int shmring_writev(struct shmring_producer *producer, const struct iovec *pieces, int count,
		   uint16_t type, int64_t timeout_ns)
{
	size_t length = 0;
	void *to;
	int error;

	if (count < 0 || count > PIECES_MAX)
		return -EINVAL;
	for (int i = 0; i < count; i++) {
		/* Checked one by one: the sum of what fits cannot overflow. */
		if (pieces[i].iov_len > producer->hot.maximum - length)
			return -EMSGSIZE;
		length += pieces[i].iov_len;
	}
	error = reserve_waiting(producer, length, &to, timeout_ns);
	if (unlikely(error))
		return error;
	for (int i = 0; i < count; i++) {
		copy_in(to, pieces[i].iov_base, pieces[i].iov_len);
		to = (char *)to + pieces[i].iov_len;
	}
	return shmring_commit(producer, length, type, 0);
}
