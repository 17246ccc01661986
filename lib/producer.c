/* SPDX-License-Identifier: MIT */
/*
 * producer.c - writing records.
 *
 * The header word is the message: everything else of a record, and a zero where its successor's
 * header word will be, is stored before it; head, the bell and the index are for those who are not
 * at the record's heels.
 */
#include <errno.h>
#include <string.h>

#include "atomics.h"
#include "index.h"
#include "producer.h"
#include "wait.h"

/*
 * What a record may not exceed; the word behind it is zeroed with it, so it must be free as well.
 */
static uint64_t room_limit(const struct shmring_producer *producer)
{
	const uint64_t capacity = producer->hot.mask + 1;
	uint64_t limit = producer->floor.floor + capacity - 8;

	if (producer->hot.batch_word != 0 &&
	    producer->hot.batch_position + layout_batch_maximum(capacity) < limit)
		limit = producer->hot.batch_position + layout_batch_maximum(capacity);
	return limit;
}

void producer_set_limit(struct shmring_producer *producer)
{
	/* Whatever starts in the next block ends above this. */
	const uint64_t block_limit = producer->next_block + RECORD_HEADER - 1;
	const uint64_t limit = room_limit(producer);

	producer->hot.limit = limit < block_limit ? limit : block_limit;
}

/*
 * Enters the record that will start at the position, if it is the first in its block. It may be
 * dropped again: then the next one starts there.
 */
static void index_position(struct shmring_producer *producer)
{
	const struct segment *segment = &producer->handle.segment;

	if (producer->hot.position < producer->next_block)
		return;
	/*
	 * A batch is published later than this; its first record alone is behind all that was
	 * published before.
	 */
	producer->hot.batch_indexed = producer->hot.batch_word != 0;
	index_store(segment, producer->hot.position,
		    producer->hot.batch_indexed ? INDEX_LATER : clock_wall_ns());
	producer->next_block = (index_block(segment, producer->hot.position) + 1)
			       << segment->block_shift;
}

cold_path int producer_make_room(struct shmring_producer *producer, uint64_t stride)
{
	const uint64_t capacity = producer->hot.mask + 1;
	const uint64_t end = producer->hot.position + stride;
	int error;
	KEEP_ERRNO;

	if (producer->handle.is_forked)
		return -EOWNERDEAD;
	if (producer->hot.batch_word != 0 &&
	    end > producer->hot.batch_position + layout_batch_maximum(capacity))
		return -EMSGSIZE;
	if (end > producer->floor.floor + capacity - 8) {
		error = floor_advance(&producer->floor, end + 8 - capacity,
				      producer_published(producer), producer->hot.position);
		if (error)
			return error;
	}
	index_position(producer);
	producer_set_limit(producer);
	return 0;
}

static cold_path int reserve_slowly(struct shmring_producer *producer, size_t maximum, void **data)
{
	int error;

	if (producer->hot.reserved != 0)
		return -EALREADY;
	if (maximum > producer->hot.maximum)
		return -EMSGSIZE;
	error = producer_make_room(producer, record_stride(maximum));
	if (!error)
		shmring_hot_take(&producer->hot, maximum, data);
	return error;
}

int shmring_reserve(struct shmring_producer *producer, size_t maximum, void **data)
{
	return likely(shmring_hot_reserve(&producer->hot, maximum, data))
		       ? 0
		       : reserve_slowly(producer, maximum, data);
}

static cold_path int wake(struct shmring_producer *producer)
{
	KEEP_ERRNO;

	producer->wakeups += wake_sleepers(producer->handle.segment.control,
					   producer->handle.segment.data->bell, false);
	return 0;
}

/* The batch's records exist from here on. */
static bool publish_batch(struct shmring_producer *producer)
{
	const uint64_t first = producer->hot.batch_position;
	const uint64_t word = producer->hot.batch_word;

	producer->hot.batch_word = 0;
	return shmring_hot_publish(&producer->hot, shmring_hot_written(&producer->hot, first), word,
				   producer->hot.position);
}

/* Publishes the batch, if there is one, and wakes who sleeps. */
static __attribute__((noinline)) int finish(struct shmring_producer *producer)
{
	struct shmring_producer_hot *hot = &producer->hot;
	const uint64_t first = hot->batch_position;
	bool sleepers;

	if (hot->batch_word != 0)
		sleepers = publish_batch(producer);
	else
		/* Relaxed: by the fence of the commit that sent us here. */
		sleepers = hot->looks && __atomic_load_n(hot->sleepers, __ATOMIC_RELAXED) != 0;
	if (unlikely(sleepers))
		wake(producer);
	if (hot->batch_indexed) {
		hot->batch_indexed = false;
		/* The next record's entry too: it may have been made while there was a batch. */
		index_touch(&producer->handle.segment, first + 1, hot->position + 1, clock_wall_ns());
	}
	return 0;
}

static cold_path int commit_refused(const struct shmring_producer *producer)
{
	return producer->handle.is_forked ? -EOWNERDEAD : -EINVAL;
}

int shmring_commit(struct shmring_producer *producer, size_t length, uint16_t type,
		   unsigned int flags)
{
	if (unlikely(length >= producer->hot.reserved || flags > SHMRING_MORE))
		return commit_refused(producer);
	return unlikely(shmring_hot_commit(&producer->hot, length, type, flags)) ? finish(producer)
										 : 0;
}

int shmring_flush(struct shmring_producer *producer)
{
	if (producer->handle.is_forked)
		return -EOWNERDEAD;
	if (producer->hot.reserved != 0)
		return -EALREADY;
	return finish(producer);
}

void producer_place(struct shmring_producer *producer, uint64_t position, uint64_t sequence)
{
	const struct segment *segment = &producer->handle.segment;
	const uint64_t block = index_block(segment, position);

	/* Whoever was here before may have entered records that were never published. */
	index_forget(segment, position);
	producer->hot.position = position;
	producer->hot.sequence = sequence;
	producer->next_block = (block + (index_lookup(segment, block) != INDEX_NONE))
			       << segment->block_shift;
	producer->hot.batch_word = 0;
	producer->hot.batch_indexed = false;
	producer_set_limit(producer);
}

void producer_drop(struct shmring_producer *producer)
{
	producer->hot.reserved = 0;
	if (producer->hot.batch_word != 0)
		producer_place(producer, producer->hot.batch_position,
			       producer->hot.batch_sequence);
}

int shmring_abort(struct shmring_producer *producer)
{
	if (producer->handle.is_forked)
		return -EOWNERDEAD;
	producer_drop(producer);
	return 0;
}
