/* SPDX-License-Identifier: MIT */
/*
 * producer.c - writing records.
 *
 * The header word is the message: everything else of a record, and a zero where its successor's header word will
 * be, is stored before it; head, the bell and the index are for those who are not at the record's heels.
 */
#include <errno.h>
#include <string.h>

#include "atomics.h"
#include "index.h"
#include "producer.h"
#include "wait.h"

static inline shared_u64 *word_at(const struct shmring_producer *producer, uint64_t position)
{
	return (shared_u64 *)(void *)(producer->records + (position & producer->mask));
}

void producer_set_limit(struct shmring_producer *producer)
{
	const uint64_t capacity = producer->mask + 1;
	/* The word behind a record is zeroed with it, so it must be free as well. */
	uint64_t limit = producer->floor.floor + capacity - 8;

	if (producer->batch_word != 0) {
		uint64_t batch_limit = producer->published + layout_batch_maximum(capacity);

		if (batch_limit < limit)
			limit = batch_limit;
	}
	producer->limit = limit;
}

cold_path int producer_make_room(struct shmring_producer *producer, uint64_t stride)
{
	const uint64_t capacity = producer->mask + 1;
	const uint64_t end = producer->position + stride;
	int error;
	KEEP_ERRNO;

	if (producer->handle.is_forked)
		return -EOWNERDEAD;
	if (producer->batch_word != 0 && end > producer->published + layout_batch_maximum(capacity))
		return -EMSGSIZE;
	if (end + 8 > producer->floor.floor + capacity) {
		error = floor_advance(&producer->floor, end + 8 - capacity, producer->published);
		if (error)
			return error;
	}
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

static cold_path void index_record(struct shmring_producer *producer)
{
	const struct segment *segment = &producer->handle.segment;

	index_store(segment, producer->position);
	producer->next_block = (index_block(segment, producer->position) + 1) << segment->block_shift;
}

static cold_path int wake(struct shmring_producer *producer)
{
	KEEP_ERRNO;

	producer->wakeups += wake_sleepers(producer->sleepers, producer->handle.segment.data->bell);
	return 0;
}

/* The records from `first`, whose header word is given, up to `next` exist from here on. Returns 0. */
static inline int publish(struct shmring_producer *producer, shared_u64 *first, uint64_t word, uint64_t next)
{
	/* [PUBLISH] release: payload, sequence, next zero first; pairs with consumer.c:shmring_read() */
	atomic_store_explicit(first, word, memory_order_release);
	/* [HEAD] release: records and index first; pairs with walk.c:walk_head() */
	atomic_store_explicit(producer->head, next, memory_order_release);
	producer->published = next;
	if (producer->fences) {
		/* [SLEEP] header word, full fence, then sleepers; pairs with consumer_wait.c:sleep_on_bell() */
		fence_full();
		if (unlikely(atomic_load_explicit(producer->sleepers, memory_order_relaxed) != 0))
			return wake(producer);
	}
	return 0;
}

static __attribute__((noinline)) int publish_batch(struct shmring_producer *producer)
{
	const struct segment *segment = &producer->handle.segment;
	const uint64_t first = producer->published;
	const uint64_t word = producer->batch_word;

	const bool touches = index_block(segment, first) != index_block(segment, producer->position);

	if (touches)
		index_touch(segment, first, producer->position, INDEX_LATER);
	producer->batch_word = 0;
	producer_set_limit(producer);
	publish(producer, word_at(producer, first), word, producer->position);
	if (touches)
		index_touch(segment, first, producer->position, clock_wall_ns());
	return 0;
}

/* The first header word of a batch is withheld; the others are out of reach behind it. */
static __attribute__((noinline)) int batch_start(struct shmring_producer *producer, uint64_t word)
{
	producer->batch_word = word;
	producer->batch_sequence = producer->sequence - 1;
	producer_set_limit(producer);
	return 0;
}

/* Everything of a record but its header word, and then that: at once, or, in a batch, with its first one's. */
static inline int commit(struct shmring_producer *producer, size_t length, uint16_t type, unsigned int flags)
{
	const uint64_t next = producer->position + record_stride(length);
	const uint64_t sequence = producer->sequence;
	const uint64_t batch_word = producer->batch_word;
	const uint64_t word = record_word((uint32_t)length, type);
	shared_u64 *const header = word_at(producer, producer->position);
	shared_u64 *const next_header = word_at(producer, next);

	producer->position = next;
	producer->sequence = sequence + 1;
	producer->reserved = 0;
	/* Relaxed: the release of the header word comes after. */
	atomic_store_explicit(header + 1, sequence, memory_order_relaxed);
	/* [ZERO] before the header word: behind this record is "not yet"; pairs with consumer.c:shmring_read() */
	atomic_store_explicit(next_header, 0, memory_order_relaxed);
	if (likely((batch_word | flags) == 0))
		return publish(producer, header, word, next);
	if (batch_word == 0)
		return batch_start(producer, word);
	atomic_store_explicit(header, word, memory_order_relaxed);
	return flags & SHMRING_MORE ? 0 : publish_batch(producer);
}

static cold_path int commit_slowly(struct shmring_producer *producer, size_t length, uint16_t type, unsigned int flags)
{
	if (producer->handle.is_forked)
		return -EOWNERDEAD;
	if (length >= producer->reserved || (flags & ~SHMRING_MORE) != 0)
		return -EINVAL;
	if (producer->position >= producer->next_block)
		index_record(producer);
	return commit(producer, length, type, flags);
}

int shmring_commit(struct shmring_producer *producer, size_t length, uint16_t type, unsigned int flags)
{
	if (unlikely(length >= producer->reserved || producer->position >= producer->next_block ||
		     flags > SHMRING_MORE))
		return commit_slowly(producer, length, type, flags);
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
	producer->position = producer->published = position;
	producer->sequence = sequence;
	producer->next_block = (block + (index_lookup(segment, block) != INDEX_NONE)) << segment->block_shift;
	producer->batch_word = 0;
	producer_set_limit(producer);
}

void producer_drop(struct shmring_producer *producer)
{
	producer->reserved = 0;
	if (producer->batch_word != 0)
		producer_place(producer, producer->published, producer->batch_sequence);
}

int shmring_abort(struct shmring_producer *producer)
{
	if (producer->handle.is_forked)
		return -EOWNERDEAD;
	producer_drop(producer);
	return 0;
}
