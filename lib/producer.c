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
 * The line this far ahead is fetched for writing as a record is committed. Readers have it from the
 * last lap; without this, a full fence waits for it to come back, and a batch for many of them.
 */
#define PREFETCH_AHEAD 1536

static inline shared_u64 *word_at(const struct shmring_producer *producer, uint64_t position)
{
	return (shared_u64 *)(void *)(producer->records + (position & producer->mask));
}

/*
 * What a record may not exceed; the word behind it is zeroed with it, so it must be free as well.
 */
static uint64_t room_limit(const struct shmring_producer *producer)
{
	const uint64_t capacity = producer->mask + 1;
	uint64_t limit = producer->floor.floor + capacity - 8;

	if (producer->batch_word != 0 &&
	    producer->batch_position + layout_batch_maximum(capacity) < limit)
		limit = producer->batch_position + layout_batch_maximum(capacity);
	return limit;
}

void producer_set_limit(struct shmring_producer *producer)
{
	/* Whatever starts in the next block ends above this. */
	const uint64_t block_limit = producer->next_block + RECORD_HEADER - 1;
	const uint64_t limit = room_limit(producer);

	producer->limit = limit < block_limit ? limit : block_limit;
}

/*
 * Enters the record that will start at the position, if it is the first in its block. It may be
 * dropped again: then the next one starts there.
 */
static void index_position(struct shmring_producer *producer)
{
	const struct segment *segment = &producer->handle.segment;

	if (producer->position < producer->next_block)
		return;
	/*
	 * A batch is published later than this; its first record alone is behind all that was
	 * published before.
	 */
	producer->batch_indexed = producer->batch_word != 0;
	index_store(segment, producer->position,
		    producer->batch_indexed ? INDEX_LATER : clock_wall_ns());
	producer->next_block = (index_block(segment, producer->position) + 1)
			       << segment->block_shift;
}

cold_path int producer_make_room(struct shmring_producer *producer, uint64_t stride)
{
	const uint64_t capacity = producer->mask + 1;
	const uint64_t end = producer->position + stride;
	int error;
	KEEP_ERRNO;

	if (producer->handle.is_forked)
		return -EOWNERDEAD;
	if (producer->batch_word != 0 &&
	    end > producer->batch_position + layout_batch_maximum(capacity))
		return -EMSGSIZE;
	if (end > producer->floor.floor + capacity - 8) {
		error = floor_advance(&producer->floor, end + 8 - capacity,
				      producer_published(producer), producer->position);
		if (error)
			return error;
	}
	index_position(producer);
	producer_set_limit(producer);
	return 0;
}

static cold_path int reserve_refused(const struct shmring_producer *producer)
{
	return producer->reserved != 0 ? -EALREADY : -EMSGSIZE;
}

/* Sets the reservation and its payload's address. */
static inline int reserve(struct shmring_producer *producer, size_t maximum, void **data)
{
	producer->reserved = (uint64_t)maximum + 1;
	*data = (char *)word_at(producer, producer->position) + RECORD_HEADER;
	return 0;
}

static cold_path int reserve_slowly(struct shmring_producer *producer, size_t maximum, void **data)
{
	int error = producer_make_room(producer, record_stride(maximum));

	return error ? error : reserve(producer, maximum, data);
}

int shmring_reserve(struct shmring_producer *producer, size_t maximum, void **data)
{
	if (unlikely(producer->reserved != 0 || maximum > producer->maximum))
		return reserve_refused(producer);
	if (unlikely(producer->position + record_stride(maximum) > producer->limit))
		return reserve_slowly(producer, maximum, data);
	return reserve(producer, maximum, data);
}

static cold_path int wake(struct shmring_producer *producer)
{
	KEEP_ERRNO;

	producer->wakeups += wake_sleepers(producer->handle.segment.control,
					   producer->handle.segment.data->bell, false);
	return 0;
}

/*
 * The records from `first`, whose header word is given, up to `next` exist from here on. Returns 0.
 */
static inline int publish(struct shmring_producer *producer, shared_u64 *first, uint64_t word,
			  uint64_t next)
{
	/*
	 * [ZERO] before the header word: behind the last is "not yet"; pairs with
	 * consumer.c:shmring_read()
	 */
	atomic_store_explicit(word_at(producer, next), 0, memory_order_relaxed);
	/*
	 * [PUBLISH] release: payload, sequence, next zero first; pairs with
	 * consumer.c:shmring_read()
	 */
	atomic_store_explicit(first, word, memory_order_release);
	/* [HEAD] release: records and index first; pairs with walk.c:walk_head() */
	atomic_store_explicit(producer->head, next, memory_order_release);
	if (producer->looks) {
		/*
		 * [SLEEP] header word, full fence, then sleepers; pairs with
		 * consumer_wait.c:consumer_arm()
		 */
		if (producer->fences)
			fence_full();
		else
			/* The sleeper's membarrier is the fence; this keeps the compiler's order. */
			atomic_signal_fence(memory_order_seq_cst);
		if (unlikely(atomic_load_explicit(producer->sleepers, memory_order_relaxed) != 0))
			return wake(producer);
	}
	return 0;
}

static __attribute__((noinline)) int publish_batch(struct shmring_producer *producer)
{
	const uint64_t first = producer->batch_position;
	const uint64_t word = producer->batch_word;

	producer->batch_word = 0;
	producer_set_limit(producer);
	publish(producer, word_at(producer, first), word, producer->position);
	if (producer->batch_indexed) {
		producer->batch_indexed = false;
		index_touch(&producer->handle.segment, first + 1, producer->position,
			    clock_wall_ns());
	}
	return 0;
}

static __attribute__((noinline)) int batch_start(struct shmring_producer *producer, uint64_t at,
						 uint64_t word)
{
	producer->batch_word = word;
	producer->batch_position = at;
	producer->batch_sequence = producer->sequence - 1;
	producer_set_limit(producer);
	return 0;
}

/*
 * Everything of a record but its header word, and then that: at once, or, in a batch, with its
 * first one's.
 */
static inline int commit(struct shmring_producer *producer, size_t length, uint16_t type,
			 unsigned int flags)
{
	const uint64_t at = producer->position;
	const uint64_t next = at + record_stride(length);
	const uint64_t sequence = producer->sequence;
	const uint64_t batch_word = producer->batch_word;
	const uint64_t word = record_word((uint32_t)length, type);
	shared_u64 *const header = word_at(producer, at);

	producer->position = next;
	producer->sequence = sequence + 1;
	producer->reserved = 0;
	/* Relaxed: the release of the header word comes after. */
	atomic_store_explicit(header + 1, sequence, memory_order_relaxed);
	__builtin_prefetch((const char *)header + PREFETCH_AHEAD, 1);
	if (likely((batch_word | flags) == 0))
		return publish(producer, header, word, next);
	if (batch_word == 0)
		return batch_start(producer, at, word);
	/* Relaxed: it is out of reach, behind the first one's, which is withheld. */
	atomic_store_explicit(header, word, withheld_order);
	return flags & SHMRING_MORE ? 0 : publish_batch(producer);
}

static cold_path int commit_refused(const struct shmring_producer *producer)
{
	return producer->handle.is_forked ? -EOWNERDEAD : -EINVAL;
}

int shmring_commit(struct shmring_producer *producer, size_t length, uint16_t type,
		   unsigned int flags)
{
	if (unlikely(length >= producer->reserved || flags > SHMRING_MORE))
		return commit_refused(producer);
	return commit(producer, length, type, flags);
}

int shmring_flush(struct shmring_producer *producer)
{
	if (producer->handle.is_forked)
		return -EOWNERDEAD;
	if (producer->reserved != 0)
		return -EALREADY;
	return producer->batch_word != 0 ? publish_batch(producer) : 0;
}

void producer_place(struct shmring_producer *producer, uint64_t position, uint64_t sequence)
{
	const struct segment *segment = &producer->handle.segment;
	const uint64_t block = index_block(segment, position);

	/* Whoever was here before may have entered records that were never published. */
	index_forget(segment, position);
	producer->position = position;
	producer->sequence = sequence;
	producer->next_block = (block + (index_lookup(segment, block) != INDEX_NONE))
			       << segment->block_shift;
	producer->batch_word = 0;
	producer->batch_indexed = false;
	producer_set_limit(producer);
}

void producer_drop(struct shmring_producer *producer)
{
	producer->reserved = 0;
	if (producer->batch_word != 0)
		producer_place(producer, producer->batch_position, producer->batch_sequence);
}

int shmring_abort(struct shmring_producer *producer)
{
	if (producer->handle.is_forked)
		return -EOWNERDEAD;
	producer_drop(producer);
	return 0;
}
