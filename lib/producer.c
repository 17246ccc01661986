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

int shmring_reserve(struct shmring_producer *producer, size_t maximum, void **data)
{
	uint64_t stride;

	if (unlikely(producer->reserved != 0))
		return -EALREADY;
	if (unlikely(maximum > producer->maximum))
		return -EMSGSIZE;
	stride = record_stride(maximum);
	if (unlikely(producer->position + stride > producer->limit)) {
		int error = producer_make_room(producer, stride);

		if (error)
			return error;
	}
	producer->reserved = (uint64_t)maximum + 1;
	*data = producer->records + (producer->position & producer->mask) + RECORD_HEADER;
	return 0;
}

static cold_path void index_record(struct shmring_producer *producer)
{
	const struct segment *segment = &producer->handle.segment;

	index_store(segment, producer->position);
	producer->next_block = (index_block(segment, producer->position) + 1) << segment->block_shift;
}

static cold_path void wake(struct shmring_producer *producer)
{
	KEEP_ERRNO;

	producer->wakeups += wake_sleepers(producer->sleepers, producer->handle.segment.data->bell);
}

/* The records up to producer->position exist from here on; `word` is the first one's, at `first`. */
static inline void publish(struct shmring_producer *producer, uint64_t first, uint64_t word)
{
	/* [PUBLISH] release: payload, sequence, next zero first; pairs with consumer.c:shmring_read() */
	atomic_store_explicit(word_at(producer, first), word, memory_order_release);
	/* [HEAD] release: records and index first; pairs with walk.c:walk_head() */
	atomic_store_explicit(producer->head, producer->position, memory_order_release);
	producer->published = producer->position;
	if (producer->fences) {
		/* [SLEEP] header word, full fence, then sleepers; pairs with consumer_wait.c:sleep_on_bell() */
		fence_full();
		if (unlikely(atomic_load_explicit(producer->sleepers, memory_order_relaxed) != 0))
			wake(producer);
	}
}

static cold_path void publish_batch(struct shmring_producer *producer)
{
	const struct segment *segment = &producer->handle.segment;
	const uint64_t first = producer->published;
	const uint64_t word = producer->batch_word;

	/* The times in the index are those of publishing. */
	if (producer->position - first >= UINT64_C(1) << segment->block_shift)
		index_touch(segment, first, producer->position);
	producer->batch_word = 0;
	publish(producer, first, word);
	producer_set_limit(producer);
}

static cold_path int commit_refused(const struct shmring_producer *producer)
{
	return producer->handle.is_forked ? -EOWNERDEAD : -EINVAL;
}

/* The first header word of a batch is withheld; the others are out of reach behind it. */
static void commit_to_batch(struct shmring_producer *producer, uint64_t at, uint64_t word)
{
	if (producer->batch_word == 0) {
		producer->batch_word = word;
		producer->batch_sequence = producer->sequence - 1;
		producer_set_limit(producer);
	} else {
		atomic_store_explicit(word_at(producer, at), word, memory_order_relaxed);
	}
}

int shmring_commit(struct shmring_producer *producer, size_t length, uint16_t type, unsigned int flags)
{
	const uint64_t at = producer->position;
	uint64_t word;

	if (unlikely(length >= producer->reserved || (flags & ~SHMRING_MORE) != 0))
		return commit_refused(producer);
	word = record_word((uint32_t)length, type);
	if (unlikely(at >= producer->next_block))
		index_record(producer);
	/* Relaxed: the release in publish comes after. */
	atomic_store_explicit(word_at(producer, at + 8), producer->sequence, memory_order_relaxed);
	producer->position = at + record_stride(length);
	/* [ZERO] before the header word: behind this record is "not yet"; pairs with consumer.c:shmring_read() */
	atomic_store_explicit(word_at(producer, producer->position), 0, memory_order_relaxed);
	producer->sequence++;
	producer->reserved = 0;
	if (likely((producer->batch_word | (flags & SHMRING_MORE)) == 0)) {
		publish(producer, at, word);
	} else {
		commit_to_batch(producer, at, word);
		if (!(flags & SHMRING_MORE))
			publish_batch(producer);
	}
	return 0;
}

int shmring_flush(struct shmring_producer *producer)
{
	if (producer->handle.is_forked)
		return -EOWNERDEAD;
	if (producer->reserved != 0)
		return -EALREADY;
	if (producer->batch_word != 0)
		publish_batch(producer);
	return 0;
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
