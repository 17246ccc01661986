/* SPDX-License-Identifier: MIT */
/*
 * consumer.c - reading records.
 *
 * All readers run the same code: read, use in place, release. Whether a record was whole is known
 * only afterwards, from `floor`; for a RELIABLE subscription that check never fails.
 */
#include <errno.h>
#include <string.h>

#include "atomics.h"
#include "consumer.h"
#include "group.h"
#include "index.h"
#include "liveness.h"
#include "walk.h"

/*
 * A reader on the producer's heels steals the line that the producer is writing. After this many
 * records in a row it lets the producer get ahead before it looks again: for so long per record and
 * so many of their bytes per nanosecond, about as long as they took to come, but never longer than
 * this.
 */
#define STREAK_LENGTH       4
#define STREAK_PAUSE_NS     100
#define STREAK_BYTES_PER_NS 4
#define STREAK_PAUSE_MAX_NS 3200

/*
 * A reader that only polls looks for the producer once in RECHECK_NS. To know when, it looks at the
 * clock, but not at every look that finds nothing: as rarely as keeps two looks at the clock within
 * these bounds.
 */
#define IDLE_STRIDE_MAX     1024
#define IDLE_CLOCK_SHORT_NS (10 * NS_PER_MS)
#define IDLE_CLOCK_LONG_NS  (25 * NS_PER_MS)

/* A lapped reader goes on this far above the floor, to have a head start. */
#define RESUME_SHARE 8

/* A fast producer can lap a reader again and again; give the caller a chance to notice. */
#define LAPS_MAX 64

bool consumer_lapped(const struct shmring_consumer *consumer)
{
	/* [FLOOR] reading, acquire fence, then floor; pairs with floor.c:floor_raise() */
	fence_acquire();
	return atomic_load_explicit(consumer_floor(consumer), memory_order_relaxed) >
	       consumer->hot.cursor;
}

/*
 * Goes on where the producer is not about to write. What was read and not released stays so, for
 * release to see.
 */
static int resume(struct shmring_consumer *consumer)
{
	const struct segment *segment = &consumer->handle.segment;
	const bool nothing_held = consumer->hot.cursor == consumer->hot.released;
	uint64_t head;

	/* Only an evicted subscription can be overtaken if it gates. */
	if (consumer_gates(consumer) || consumer_evicted(consumer))
		return -ECONNRESET;
	head = walk_head(segment);
	consumer->hot.cursor = index_first_at(
		segment, walk_floor(segment) + segment->capacity / RESUME_SHARE, head);
	if (nothing_held)
		consumer->hot.released = consumer->hot.cursor;
	return 0;
}

/* Whether the ring was removed, and the producer died, can be asked of the kernel alone. */
static void look_for_producer(struct shmring_consumer *consumer, uint64_t stream)
{
	const struct segment *segment = &consumer->handle.segment;

	consumer->checked_ns = clock_coarse_ns();
	if (stream_state(stream) == SHMRING_STREAM_OPEN && segment->lock_fd >= 0 &&
	    lock_held(segment->lock_fd, LOCK_PRODUCER) == 0)
		consumer->dead_epoch = stream_epoch(stream);
	consumer->removed = segment_removed(segment);
}

/* Counts looks that found nothing. True if it is time to look at the clock. */
static bool clock_is_due(struct shmring_consumer *consumer)
{
	uint64_t now, gap;

	if (++consumer->idle_looks < consumer->idle_stride)
		return false;
	now = clock_coarse_ns();
	gap = now - consumer->clock_ns;
	consumer->clock_ns = now;
	consumer->idle_looks = 0;
	if (gap < IDLE_CLOCK_SHORT_NS && consumer->idle_stride < IDLE_STRIDE_MAX)
		consumer->idle_stride = consumer->idle_stride * 2 + 1;
	else if (gap > IDLE_CLOCK_LONG_NS)
		consumer->idle_stride /= 2;
	return true;
}

static bool look_is_due(const struct shmring_consumer *consumer)
{
	return clock_coarse_ns() - consumer->checked_ns >= RECHECK_NS * 9 / 10;
}

static bool stream_ended(const struct shmring_consumer *consumer, uint64_t stream, int *error)
{
	if (stream_state(stream) == SHMRING_STREAM_CLOSED)
		*error = -EPIPE;
	else if (stream_state(stream) == SHMRING_STREAM_OPEN &&
		 consumer->dead_epoch == stream_epoch(stream))
		*error = -EOWNERDEAD;
	else if (consumer->removed)
		*error = -ESTALE;
	else
		return false;
	return true;
}

int consumer_ended(struct shmring_consumer *consumer, bool look, uint64_t *epoch)
{
	const shared_u64 *word = &consumer->handle.segment.data->stream;
	/*
	 * [STREAM] acquire: the caller looks for records once more after this; pairs with
	 * producer_open.c:stream_store()
	 */
	uint64_t stream = atomic_load_explicit(word, memory_order_acquire);
	int error = 0;

	if (look && look_is_due(consumer)) {
		KEEP_ERRNO;

		look_for_producer(consumer, stream);
		/* A successor may have come between the two. */
		stream = atomic_load_explicit(word, memory_order_acquire);
	}
	consumer->seen_stream = stream;
	*epoch = stream_epoch(stream);
	stream_ended(consumer, stream, &error);
	return error;
}

int consumer_tell_end(struct shmring_consumer *consumer, int ended, uint64_t epoch)
{
	if (consumer->removed && consumer->read_told_epoch == epoch)
		return -ESTALE;
	consumer->read_told_epoch = epoch;
	return ended;
}

static void pause_after_streak(const struct shmring_consumer *consumer)
{
	const uint64_t records = consumer->hot.expected - consumer->idle_expected;
	const uint64_t bytes = consumer->hot.cursor - consumer->idle_cursor;
	const uint64_t ns = records * STREAK_PAUSE_NS + bytes / STREAK_BYTES_PER_NS;

	pause_for_ns(ns < STREAK_PAUSE_MAX_NS ? (unsigned int)ns : STREAK_PAUSE_MAX_NS);
}

/*
 * Reading, where anything is out of the ordinary: nothing there, records lost, lapped, damaged,
 * forked.
 */
static int look_closer(struct shmring_consumer *consumer, struct shmring_record *record)
{
	uint64_t epoch = 0;
	int ended = 0;

	if (consumer->handle.is_forked)
		return -EOWNERDEAD;
	if (consumer_evicted(consumer))
		return -ECONNRESET;
	if (consumer->shared)
		return group_read(consumer, record);
	for (int laps = 0; laps < LAPS_MAX;) {
		const shared_u64 *header = consumer_word(consumer, consumer->hot.cursor);
		uint64_t word = consumer_load(consumer, header);
		uint64_t sequence = consumer_load(consumer, header + 1);
		uint64_t lost;

		if (consumer_lapped(consumer)) {
			int error = resume(consumer);

			if (error)
				return error;
			laps++;
		} else if (word & RECORD_WORD_VALID) {
			if (record_length(word) > consumer->hot.maximum ||
			    sequence < consumer->hot.expected)
				return -EBADMSG;
			lost = sequence - consumer->hot.expected;
			consumer->hot.lost += lost;
			shmring_hot_deliver(&consumer->hot, record, word, sequence, lost);
			return 0;
		} else if (ended) {
			/* That there is nothing was seen after that it ended. */
			return consumer_tell_end(consumer, ended, epoch);
		} else if (consumer->hot.expected - consumer->idle_expected >= STREAK_LENGTH) {
			pause_after_streak(consumer);
			consumer_idle(consumer);
		} else {
			consumer_idle(consumer);
			ended = consumer_ended(consumer, clock_is_due(consumer), &epoch);
			if (!ended)
				return -EAGAIN;
		}
	}
	return -EAGAIN;
}

/* With a file descriptor that was left readable because the stream had ended. */
static int look_at_end(struct shmring_consumer *consumer, struct shmring_record *record)
{
	const int error = look_closer(consumer, record);

	/* A successor has come: it would stay readable, and give no edge for what comes next. */
	if (error == -EAGAIN && consumer_fd_idle(consumer, false) == -ECANCELED)
		return -ECANCELED;
	return error;
}

static cold_path int read_slowly(struct shmring_consumer *consumer, struct shmring_record *record)
{
	int error;

	if (consumer->notice && !consumer->handle.is_forked)
		consumer_fd_awake(consumer);
	error = look_closer(consumer, record);
	if (error == -EAGAIN && consumer->notice) {
		error = consumer_fd_idle(consumer, true);
		if (error == 0)
			error = look_at_end(consumer, record);
	}
	return error;
}

int shmring_read(struct shmring_consumer *consumer, struct shmring_record *record)
{
	return likely(shmring_hot_read(&consumer->hot, record)) ? 0 : read_slowly(consumer, record);
}

#ifdef SHMRING_TSAN_BUILD
/* Is what lies at the cursor not overwritten meanwhile? Of a group's records, those in hand. */
static bool kept_for(const struct shmring_consumer *consumer)
{
	return consumer->handle.segment.gates ||
	       (consumer->shared && consumer->hot.cursor < consumer->hot.stop &&
		consumer->subscription.policy == SHMRING_RELIABLE);
}

uint64_t hot_load(const struct shmring_consumer_hot *hot, const uint64_t *word)
{
	return load_record_word((const shared_u64 *)(const void *)word,
				kept_for((const struct shmring_consumer *)(const void *)hot));
}
#endif

void consumer_room_look(const struct shmring_consumer *consumer)
{
	const struct segment *segment = &consumer->handle.segment;
	uint64_t need;
	KEEP_ERRNO;

	if (!consumer_gates(consumer) || consumer->handle.is_forked)
		return;
	/* [ROOM] tail, full fence, then need; pairs with producer_wait.c:producer_arm() */
	fence_full();
	need = atomic_load_explicit(&segment->data->need, memory_order_relaxed);
	/* Of a group, somebody else's claim may have been done before. */
	if (need != 0 && (consumer->shared || consumer->hot.released >= need))
		subscription_ring_room(segment);
}

static cold_path int release_refused(struct shmring_consumer *consumer)
{
	int error;

	if (consumer->handle.is_forked)
		return -EOWNERDEAD;
	if (consumer_evicted(consumer))
		return -ECONNRESET;
	if (consumer->shared) {
		if (consumer->hot.released == consumer->claim.end)
			return 0;
		group_give_up(consumer);
		return -EOVERFLOW;
	}
	/* Nothing was read that could be torn: the next read goes on further ahead. */
	if (consumer->hot.cursor == consumer->hot.released)
		return 0;
	error = resume(consumer);
	if (error)
		return error;
	consumer->hot.expected = consumer->hot.released_expected;
	consumer->hot.lost = consumer->hot.released_lost;
	consumer->hot.released = consumer->hot.cursor;
	return -EOVERFLOW;
}

/*
 * A mark that is being written counts for nothing: the tail agrees with the other one. If that is
 * of the same position, with another number expected there, it goes when the new one is whole.
 */
void consumer_mark(struct shmring_consumer *consumer, struct place place)
{
	struct layout_mark *other = &consumer->marks->mark[consumer->mark];
	struct layout_mark *mark = &consumer->marks->mark[consumer->mark ^= 1];

	atomic_store_explicit(&mark->position, TAIL_NONE, memory_order_relaxed);
	/* Release: each behind the one before, for whoever comes after a kill in between. */
	atomic_store_explicit(&mark->sequence, place.sequence, memory_order_release);
	/* [MARK] release, then the tail with release; pairs with consumer_return.c:mark_find() */
	atomic_store_explicit(&mark->position, place.position, memory_order_release);
	if (atomic_load_explicit(&other->position, memory_order_relaxed) == place.position)
		atomic_store_explicit(&other->position, TAIL_NONE, memory_order_release);
}

static cold_path int release_slowly(struct shmring_consumer *consumer)
{
	const uint64_t before = consumer->hot.released;

	/* [FLOOR] reading, acquire fence, then floor; pairs with floor.c:floor_raise() */
	fence_acquire();
	if (atomic_load_explicit(consumer_floor(consumer), memory_order_relaxed) > before ||
	    consumer_evicted(consumer))
		return release_refused(consumer);
	if (consumer->hot.special) {
		if (consumer->shared)
			return group_release(consumer);
		consumer_mark(consumer,
			      (struct place){ consumer->hot.cursor, consumer->hot.expected });
	}
	shmring_hot_give_back(&consumer->hot);
	if ((before ^ consumer->hot.cursor) >> consumer->hot.block_shift != 0)
		consumer_room_look(consumer);
	return 0;
}

int shmring_release(struct shmring_consumer *consumer)
{
	return likely(shmring_hot_release(&consumer->hot)) ? 0 : release_slowly(consumer);
}

/* What is copied may be overwritten meanwhile; that is found out afterwards. */
not_seen_by_tsan static void copy_out(void *to, const void *from, size_t length)
{
#ifdef SHMRING_TSAN_BUILD
	for (size_t i = 0; i < length; i++)
		((volatile char *)to)[i] = ((const volatile char *)from)[i];
#else
	memcpy(to, from, length);
#endif
}

int shmring_read_copy(struct shmring_consumer *consumer, void *buffer, size_t size,
		      struct shmring_record *record)
{
	/* A torn copy is not released; the next attempt finds a record further ahead. */
	for (int laps = 0; laps < LAPS_MAX; laps++) {
		uint64_t expected, lost;
		int error = consumer->hot.cursor != consumer->hot.released
				    ? shmring_release(consumer)
				    : 0;

		if (unlikely(error))
			return error;
		expected = consumer->hot.expected;
		lost = consumer->hot.lost;
		error = shmring_read(consumer, record);
		if (error)
			return error;
		if (unlikely(record->length > size)) {
			consumer->hot.cursor = record->position;
			if (consumer->shared) {
				consumer->claim.lost = record->lost;
				/* To tell that, or the flags, once more. */
				consumer->hot.stop = 0;
			}
			consumer->hot.expected = consumer->shared ? record->sequence : expected;
			consumer->hot.lost = lost;
			/* Overtaken: then the length may be wrong. */
			if (!consumer_lapped(consumer))
				return -EMSGSIZE;
			continue;
		}
		copy_out(buffer, record->data, record->length);
		record->data = buffer;
		error = shmring_release(consumer);
		if (likely(error != -EOVERFLOW))
			return error;
	}
	return -EAGAIN;
}
