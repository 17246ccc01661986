/* SPDX-License-Identifier: MIT */
/* group.c - claiming records, and giving them back. */
#include <errno.h>
#include <limits.h>

#include "atomics.h"
#include "group.h"
#include "index.h"

/*
 * A claim fails because another member's succeeded; this often at most before the caller gets a
 * say.
 */
#define CLAIMS_MAX 1000

/* A fast producer can lap a group again and again; give the caller a chance to notice. */
#define LAPS_MAX 64

/* A lapped group goes on this far above the floor, to have a head start. */
#define RESUME_SHARE 8

/*
 * As in consumer.c: a member on the producer's heels steals the lines that the producer is writing,
 * and lets it get ahead; by more, since it takes more at once.
 */
#define STREAK_LENGTH   4
#define STREAK_PAUSE_NS 3200

void group_note(struct layout_member *line, uint64_t position, uint64_t sequence)
{
	/* [NUMBER] none, number, position, each with release; pairs with group.c:pair_of() */
	atomic_store_explicit(&line->end, HOLD_NONE, memory_order_release);
	atomic_store_explicit(&line->end_sequence, sequence, memory_order_release);
	atomic_store_explicit(&line->end, position, memory_order_release);
}

/* Does a pair in a member's line tell this position's sequence number? */
static bool pair_of(const shared_u64 *word, const shared_u64 *number, uint64_t position,
		    uint64_t *sequence)
{
	/* [NUMBER] position, number, and the position again; pairs with group.c:group_note() */
	if (atomic_load_explicit(word, memory_order_acquire) != position)
		return false;
	*sequence = atomic_load_explicit(number, memory_order_acquire);
	return atomic_load_explicit(word, memory_order_acquire) == position;
}

bool group_number(const struct segment *segment, unsigned int slot, uint64_t tail,
		  uint64_t *sequence)
{
	const unsigned int lines = subscription_lines(segment);

	for (unsigned int i = 0; i < 2; i++) {
		const struct layout_mark *mark = &segment->control->tail[slot].mark[i];

		if (pair_of(&mark->position, &mark->sequence, tail, sequence))
			return true;
	}
	for (unsigned int i = 0; i < lines; i++) {
		const struct layout_member *line = &segment->control->member[i];

		if (pair_of(&line->hold, &line->hold_sequence, tail, sequence) ||
		    pair_of(&line->end, &line->end_sequence, tail, sequence))
			return true;
	}
	return false;
}

static void hold_store(struct shmring_consumer *consumer, uint64_t position)
{
	/* [HOLD] release: our reads below are over; pairs with floor.c:holds_of() */
	atomic_store_explicit(&consumer->claim.line->hold, position, memory_order_release);
}

/*
 * Notes what is about to be claimed. The hold comes first: where the last claim ended is where this
 * one starts, and somebody has to know that place's number all the time.
 */
static void claim_note(struct shmring_consumer *consumer, uint64_t from, uint64_t sequence,
		       uint64_t end, uint64_t end_sequence)
{
	struct layout_member *line = consumer->claim.line;

	atomic_store_explicit(&line->hold_sequence, sequence, memory_order_relaxed);
	hold_store(consumer, from);
	group_note(line, end, end_sequence);
}

/*
 * LOSSY: moves the group on from `tail`, which has been overwritten. The one that does so tells the
 * loss.
 */
static int skip(struct shmring_consumer *consumer, uint64_t tail)
{
	struct segment *segment = &consumer->handle.segment;
	const uint64_t floor = walk_floor(segment);
	struct place at = { index_first_at(segment, floor + segment->capacity / RESUME_SHARE,
					   walk_head(segment)),
			    0 };
	uint64_t expected = 0;
	bool known;

	/* Only an evicted group can be overtaken if it gates. */
	if (consumer_gates(consumer))
		return -ECONNRESET;
	if (walk_sequence(segment, &at) != 0)
		return 0; /* overtaken again */
	known = group_number(segment, consumer->subscription.slot, tail, &expected);
	atomic_store_explicit(&consumer->claim.line->hold_sequence, at.sequence,
			      memory_order_relaxed);
	hold_store(consumer, at.position);
	if (atomic_compare_exchange_strong_explicit(consumer_tail(consumer), &tail, at.position,
						    memory_order_acq_rel, memory_order_relaxed)) {
		group_note(consumer->claim.line, at.position, at.sequence);
		if (known && at.sequence > expected)
			consumer->claim.lost += at.sequence - expected;
	}
	hold_store(consumer, HOLD_NONE);
	return 0;
}

/*
 * Walks over the records at `from`, at most as many as may be claimed at once. Returns how many.
 * `damaged`: the first is none, unless it was overwritten meanwhile.
 */
static uint32_t survey(const struct shmring_consumer *consumer, uint64_t from, uint64_t *end,
		       uint64_t *sequence, bool *damaged)
{
	uint32_t count = 0;

	*end = from;
	while (count < consumer->claim.most) {
		const shared_u64 *header = consumer_word(consumer, *end);
		/*
		 * [PUBLISH] acquire: a valid word brings its record; pairs with
		 * inline.h:shmring_hot_publish()
		 */
		const uint64_t word = consumer_load(consumer, header);

		if (!(word & RECORD_WORD_VALID))
			break;
		if (record_length(word) > consumer->hot.maximum) {
			*damaged = count == 0;
			break;
		}
		if (count == 0)
			*sequence = consumer_load(consumer, header + 1);
		*end += record_stride(record_length(word));
		count++;
	}
	return count;
}

enum whereabouts {
	HERE,    /* what was read at the group's tail was whole */
	MOVED,   /* it was overwritten, but the group has moved on since */
	OVERRUN, /* and the group is still there */
};

/* After reading at `position`, which was the group's tail. */
static enum whereabouts look_again(const struct shmring_consumer *consumer, uint64_t position)
{
	/* [FLOOR] reading, acquire fence, then floor; pairs with floor.c:floor_raise() */
	fence_acquire();
	/* Acquire: a tail that is still there after that was there when floor was. */
	if (atomic_load_explicit(consumer_floor(consumer), memory_order_acquire) <= position)
		return HERE;
	return group_tail(consumer) == position ? OVERRUN : MOVED;
}

static void claim_done(struct shmring_consumer *consumer, uint64_t from, uint64_t sequence,
		       uint64_t end, uint64_t end_sequence)
{
	consumer->hot.cursor = consumer->hot.released = from;
	consumer->claim.end = end;
	consumer->claim.end_sequence = end_sequence;
	consumer->hot.expected = consumer->hot.released_expected = sequence;
	/* The first one of a claim may have a loss to tell. */
	consumer->hot.stop = 0;
	atomic_store_explicit(&consumer->claim.line->claimed_ns, consumer->claim.looked_ns,
			      memory_order_relaxed);
}

/*
 * Whoever was woken wakes another if it leaves records behind: the producer wakes but two. The bell
 * is not ours to ring, and need not be: who is about to sleep looks for records after it has said
 * so.
 */
static void pass_on(struct shmring_consumer *consumer)
{
	const struct segment *segment = &consumer->handle.segment;

	consumer->claim.woken = false;
	if (group_record_there(consumer))
		futex_wake(&segment->data->bell[consumer->subscription.slot], 1);
}

/* Takes the next records. Errors: -EAGAIN (nothing there), -ECONNRESET, -EBADMSG. */
static int claim(struct shmring_consumer *consumer)
{
	int error = -EAGAIN;

	for (int attempt = 0; attempt < CLAIMS_MAX; attempt++) {
		const uint64_t from = group_tail(consumer);
		uint64_t tail = from, end, sequence = 0;
		bool damaged = false;
		const uint32_t count = survey(consumer, from, &end, &sequence, &damaged);
		const enum whereabouts are = look_again(consumer, from);

		if (are == MOVED)
			continue;
		if (are == OVERRUN) {
			error = skip(consumer, from);
			if (error)
				break;
			error = -EAGAIN;
			continue;
		}
		if (count == 0) {
			if (group_tail(consumer) != from)
				continue;
			if (damaged)
				error = -EBADMSG;
			break;
		}
		claim_note(consumer, from, sequence, end, sequence + count);
		/* [HOLD] release: hold and end first; pairs with floor.c:holds_of() */
		if (atomic_compare_exchange_strong_explicit(consumer_tail(consumer), &tail, end,
							    memory_order_acq_rel,
							    memory_order_relaxed)) {
			claim_done(consumer, from, sequence, end, sequence + count);
			if (unlikely(consumer->claim.woken))
				pass_on(consumer);
			return 0;
		}
		/* A hold and its number change apart: there must be none while they do. */
		hold_store(consumer, HOLD_NONE);
		/* The producer may have seen that hold, and sleep because of it. */
		consumer_room_look(consumer);
	}
	hold_store(consumer, HOLD_NONE);
	return error;
}

bool group_record_there(const struct shmring_consumer *consumer)
{
	return consumer_load(consumer, consumer_word(consumer, group_tail(consumer))) &
	       RECORD_WORD_VALID;
}

bool group_lapped(const struct shmring_consumer *consumer)
{
	return look_again(consumer, group_tail(consumer)) == OVERRUN;
}

/*
 * The producer has cleared the group's bit and woken two. Set again, it stands for those that still
 * sleep; if there are none, it costs the producer one futile system call.
 */
void group_woken(struct shmring_consumer *consumer)
{
	atomic_fetch_or_explicit(&consumer->handle.segment.control->sleepers,
				 UINT64_C(1) << consumer->subscription.slot, memory_order_relaxed);
	consumer_fence(consumer);
	consumer->claim.woken = true;
}

void group_give_up(struct shmring_consumer *consumer)
{
	/* What was told with records that are void now is told again. */
	consumer->claim.lost += consumer->hot.lost - consumer->hot.released_lost;
	consumer->hot.lost = consumer->hot.released_lost;
	consumer->claim.lost += consumer->claim.end_sequence - consumer->hot.released_expected;
	consumer->hot.cursor = consumer->hot.released = consumer->claim.end;
	consumer->hot.released_expected = consumer->claim.end_sequence;
	if (consumer->claim.flags & SHMRING_REDELIVERED)
		group_bury(consumer);
	else
		hold_store(consumer, HOLD_NONE);
}

/* With nothing claimed. */
static int next_claim(struct shmring_consumer *consumer)
{
	uint64_t epoch;
	int error;

	if (group_take_over(consumer, false))
		return 0;
	error = claim(consumer);
	if (error == -EAGAIN && consumer->hot.expected - consumer->idle_expected >= STREAK_LENGTH) {
		pause_for_ns(STREAK_PAUSE_NS);
		error = claim(consumer);
	}
	if (error == -EAGAIN)
		consumer_idle(consumer);
	if (error != -EAGAIN)
		return error;
	error = consumer_ended(consumer, true, &epoch);
	/* Once more: what was published before it ended is there now. */
	if (group_record_there(consumer))
		return claim(consumer);
	if (error && group_take_over(consumer, true))
		return 0;
	return error ? consumer_tell_end(consumer, error, epoch) : -EAGAIN;
}

/* With something claimed: the next record of it. False if it has been overwritten. */
static bool deliver(struct shmring_consumer *consumer, struct shmring_record *record)
{
	struct claim *claimed = &consumer->claim;
	const shared_u64 *header = consumer_word(consumer, consumer->hot.cursor);
	const bool whole = consumer->subscription.policy == SHMRING_RELIABLE;
	/*
	 * [PUBLISH] acquire: a valid word brings its record; pairs with inline.h:shmring_hot_publish()
	 */
	const uint64_t word = load_record_word(header, whole);
	const uint64_t sequence = load_record_word(header + 1, whole);
	const uint64_t stride = record_stride(record_length(word));

	if (consumer_lapped(consumer) || !(word & RECORD_WORD_VALID) ||
	    record_length(word) > consumer->hot.maximum ||
	    stride > claimed->end - consumer->hot.cursor)
		return false;
	shmring_hot_deliver(&consumer->hot, record, word, sequence, claimed->lost);
	record->flags = claimed->flags;
	consumer->hot.lost += claimed->lost;
	claimed->lost = 0;
	/* The others are read like a single subscription's, but for those that need a flag. */
	if (claimed->flags == 0)
		consumer->hot.stop = claimed->end;
	return true;
}

int group_read(struct shmring_consumer *consumer, struct shmring_record *record)
{
	for (int laps = 0; laps < LAPS_MAX; laps++) {
		if (consumer->hot.cursor == consumer->claim.end) {
			int error;

			if (consumer->hot.cursor != consumer->hot.released)
				return -EALREADY;
			error = next_claim(consumer);
			if (error)
				return error;
		}
		if (deliver(consumer, record))
			return 0;
		if (consumer_gates(consumer))
			return consumer_evicted(consumer) ? -ECONNRESET : -EBADMSG;
		/* Release tells that what was read before is void as well. */
		if (consumer->hot.cursor != consumer->hot.released)
			return -EALREADY;
		group_give_up(consumer);
	}
	return -EAGAIN;
}

int group_release(struct shmring_consumer *consumer)
{
	const bool all = consumer->hot.cursor == consumer->claim.end;
	const uint64_t before = consumer->hot.released;

	if (consumer->hot.cursor == before)
		return 0;
	consumer->hot.released = consumer->hot.cursor;
	consumer->hot.released_expected = consumer->hot.expected;
	consumer->hot.released_lost = consumer->hot.lost;
	if (!all) {
		/* The number first. Nobody looks it up: no tail is in the middle of a claim. */
		atomic_store_explicit(&consumer->claim.line->hold_sequence, consumer->hot.expected,
				      memory_order_release);
		hold_store(consumer, consumer->hot.cursor);
		if ((before ^ consumer->hot.cursor) >> consumer->hot.block_shift != 0)
			consumer_room_look(consumer);
		return 0;
	}
	if (consumer->claim.flags & SHMRING_REDELIVERED)
		group_bury(consumer);
	else
		hold_store(consumer, HOLD_NONE);
	consumer_room_look(consumer);
	return 0;
}
