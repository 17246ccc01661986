/* SPDX-License-Identifier: MIT */
/*
 * group_open.c - a group's first member, those who join it later, and coming back after an
 * eviction.
 */
#include <errno.h>

#include "atomics.h"
#include "group.h"
#include "liveness.h"

/* Each fails only because the group was evicted again meanwhile. */
#define JOINS_MAX 100

/* Nothing claimed, at the group's tail. */
static void idle_at(struct shmring_consumer *consumer, uint64_t tail)
{
	struct claim *claim = &consumer->claim;

	claim->line = &consumer->handle.segment.control->member[consumer->subscription.member];
	claim->member = consumer->subscription.member;
	claim->flags = 0;
	claim->end = consumer->hot.cursor = consumer->hot.released = tail;
	consumer->hot.stop = 0;
	consumer->hot.active = subscription_active(&consumer->subscription);
}

/*
 * Moves the tail if it is still where it was seen: a member that does not know yet may claim from
 * there.
 */
static bool tail_move(struct shmring_consumer *consumer, uint64_t *seen, uint64_t to)
{
	if (!atomic_compare_exchange_strong_explicit(consumer_tail(consumer), seen, to,
						     memory_order_acq_rel, memory_order_acquire))
		return false;
	*seen = to;
	return true;
}

/* With the tail at `tail`, and `place` a place whose number is known: lets the group begin. */
static int begin(struct shmring_consumer *consumer, uint64_t tail, struct place place)
{
	idle_at(consumer, tail);
	consumer->hot.expected = place.sequence;
	consumer_mark(consumer, place);
	if (!subscription_found(&consumer->handle.segment, &consumer->subscription))
		return -ECONNRESET;
	consumer->hot.active = subscription_active(&consumer->subscription);
	return 0;
}

int group_start(struct shmring_consumer *consumer, struct place place)
{
	struct place at = { place.position, 0 };

	/* It may have been asked for a number that is gone. */
	if (walk_sequence(&consumer->handle.segment, &at) != 0 || at.sequence < place.sequence)
		at.sequence = place.sequence;
	consumer->claim.lost = at.sequence - place.sequence;
	/* Nobody else is there yet. */
	atomic_store_explicit(consumer_tail(consumer), at.position, memory_order_release);
	return begin(consumer, at.position, at);
}

/* Takes part in what others have made of the group by now. False if it is not ACTIVE. */
static bool adopt(struct shmring_consumer *consumer, uint64_t state)
{
	struct subscription *subscription = &consumer->subscription;

	subscription->generation = slot_generation(state);
	if (state != subscription_active(subscription))
		return false;
	idle_at(consumer, group_tail(consumer));
	return true;
}

/* The number that is expected at the tail, if somebody knows it. */
static bool number_at(const struct shmring_consumer *consumer, uint64_t tail, uint64_t *sequence)
{
	return group_number(&consumer->handle.segment, consumer->subscription.slot, tail, sequence);
}

/*
 * JOINING: makes the tail a gate, where it is or, where that is gone, above. As subscription_gate,
 * but that the tail may move on meanwhile, by a claim of a member that has not looked at the state
 * yet.
 */
static bool gate_back(struct shmring_consumer *consumer, uint64_t held, uint64_t *seen,
		      struct place *from)
{
	const struct segment *segment = &consumer->handle.segment;
	bool numbered = number_at(consumer, *seen, &from->sequence);

	from->position = *seen;
	for (;;) {
		uint64_t want;

		if (numbered)
			consumer_mark(consumer, *from);
		if (!tail_move(consumer, seen, from->position)) {
			numbered = number_at(consumer, *seen, &from->sequence);
			from->position = *seen;
			continue;
		}
		/* [JOIN] release: tail and state first; pairs with floor.c:gate_scan() */
		atomic_fetch_add_explicit(&segment->control->joins, 1, memory_order_release);
		/*
		 * [GATE] tail and joins, full fence, then want; pairs with floor.c:floor_raise()
		 */
		fence_full();
		/* [OLDEST] acquire: the records from there on; pairs with floor.c:want_store() */
		want = atomic_load_explicit(&segment->data->want, memory_order_acquire) &
		       ~(uint64_t)7;
		if (want <= from->position || from->position == held)
			return numbered;
		from->position = want;
	}
}

/* Finds where a group that gates goes on, and how many records it has lost. */
static int back_gated(struct shmring_consumer *consumer, bool was_joining, uint64_t *seen,
		      struct place *at, uint64_t *lost)
{
	const struct segment *segment = &consumer->handle.segment;
	const uint64_t held = was_joining ? consumer_held_by_the_dead(segment, *seen) : GATE_NEW;
	struct place from;
	bool numbered = gate_back(consumer, held, seen, &from);
	int error;

	at->position = from.position;
	error = walk_sequence(segment, at);
	if (!error && numbered && at->sequence > from.sequence)
		*lost = at->sequence - from.sequence;
	return error;
}

/*
 * The same for one that is LOSSY. If the tail moves on meanwhile, whoever finds it overtaken tells.
 */
static int back_ungated(struct shmring_consumer *consumer, uint64_t *seen, struct place *at,
			uint64_t *lost)
{
	uint64_t expected;
	const bool numbered = number_at(consumer, *seen, &expected);
	int error = consumer_find_ungated(consumer, *seen, at);

	if (!error && tail_move(consumer, seen, at->position) && numbered &&
	    at->sequence > expected)
		*lost = at->sequence - expected;
	return error;
}

/*
 * With the table locked: what dead members of an evicted group held, and was overwritten, is lost.
 * (A claim that one noted and did not win counts as well; that takes a death within some
 * instructions.)
 */
static uint64_t lost_with_the_dead(const struct shmring_consumer *consumer, uint64_t tail)
{
	const struct segment *segment = &consumer->handle.segment;
	const unsigned int slot = consumer->subscription.slot;
	const unsigned int lines = subscription_lines(segment);
	const uint64_t floor = walk_floor(segment);
	uint64_t lost = 0;

	for (unsigned int i = 0; i < lines; i++) {
		const struct layout_member *line = &segment->control->member[i];
		uint64_t hold, end, records;

		if (i == consumer->subscription.member ||
		    !subscription_has_member(segment, slot, i) ||
		    lock_take(segment->lock_fd, LOCK_MEMBER(i)) != 0)
			continue;
		/* With the lock: nobody is just taking it over, or has. */
		hold = atomic_load_explicit(&line->hold, memory_order_acquire);
		end = atomic_load_explicit(&line->end, memory_order_acquire);
		records = atomic_load_explicit(&line->end_sequence, memory_order_acquire) -
			  atomic_load_explicit(&line->hold_sequence, memory_order_acquire);
		if (hold < floor && end <= tail) {
			if (end > hold && records <= end - hold)
				lost += records;
			subscription_member_free(segment, slot, i);
		}
		lock_drop(segment->lock_fd, LOCK_MEMBER(i));
	}
	return lost;
}

/* The next mark must not be written over the one that tells the tail's number. */
static void mark_spare(struct shmring_consumer *consumer, uint64_t tail)
{
	for (unsigned int i = 0; i < 2; i++)
		if (atomic_load_explicit(&consumer->marks->mark[i].position,
					 memory_order_relaxed) == tail)
			consumer->mark = i;
}

/*
 * With the table locked, so that there is but one: leads a group back that was evicted, or that
 * somebody died in leading back. Tells how many records the group has lost.
 */
static int lead_back(struct shmring_consumer *consumer, uint64_t state, uint64_t *lost)
{
	const struct segment *segment = &consumer->handle.segment;
	struct subscription *subscription = &consumer->subscription;
	const uint64_t tail = group_tail(consumer);
	uint64_t seen = tail;
	struct place at;
	int error;

	if (!walk_reached(segment, tail))
		return -EBADMSG;
	if (!subscription_reopen(segment, subscription, (enum slot_state)slot_state(state)))
		return -EAGAIN;
	mark_spare(consumer, tail);
	if (consumer_gates(consumer))
		error = back_gated(consumer, slot_state(state) == SLOT_JOINING, &seen, &at, lost);
	else
		error = back_ungated(consumer, &seen, &at, lost);
	if (!error)
		error = begin(consumer, seen, at);
	if (!error) {
		*lost += lost_with_the_dead(consumer, tail);
	} else {
		/* As it was, for whoever tries next. */
		*lost = 0;
		subscription_evict(
			segment, subscription->slot,
			atomic_load_explicit(consumer_state(consumer), memory_order_acquire));
	}
	return error;
}

int group_join(struct shmring_consumer *consumer, uint64_t *lost)
{
	int error = -EAGAIN;

	/* The state may change meanwhile, by an eviction. */
	for (int attempt = 0; error == -EAGAIN && attempt < JOINS_MAX; attempt++) {
		const uint64_t state =
			atomic_load_explicit(consumer_state(consumer), memory_order_acquire);

		error = adopt(consumer, state) ? 0 : lead_back(consumer, state, lost);
	}
	return error == -EAGAIN ? -ECONNRESET : error;
}

/*
 * After coming back: is what this member had taken and not given back still there? Its line has
 * said so all the time, but for that nobody was held back by it. Then it is read again from where
 * it was released.
 */
static void take_up_again(struct shmring_consumer *consumer, struct claim claim, uint64_t from,
			  uint64_t number)
{
	const struct segment *segment = &consumer->handle.segment;
	uint64_t gone;

	/* [JOIN] release: the hold first; pairs with floor.c:gate_scan() */
	atomic_fetch_add_explicit(&segment->control->joins, 1, memory_order_release);
	/* [GATE] hold and joins, full fence, then want; pairs with floor.c:floor_raise() */
	fence_full();
	gone = consumer_gates(consumer)
		       ? atomic_load_explicit(&segment->data->want, memory_order_acquire)
		       : walk_floor(segment);
	claim.lost = consumer->claim.lost;
	consumer->claim = claim;
	consumer->hot.expected = number;
	consumer->hot.stop = 0;
	consumer->hot.cursor = consumer->hot.released = from;
	consumer->hot.released_expected = number;
	if (gone > from)
		group_give_up(consumer);
}

int group_rejoin(struct shmring_consumer *consumer, uint64_t *lost)
{
	const int lock_fd = consumer->handle.segment.lock_fd;
	const struct claim before = consumer->claim;
	const uint64_t from = consumer->hot.released, number = consumer->hot.released_expected;
	uint64_t gone = 0;
	int error = table_lock(lock_fd);

	if (error)
		return error;
	/* What was told with records that are void now is told again. */
	consumer->claim.lost += consumer->hot.lost - consumer->hot.released_lost;
	consumer->hot.lost = consumer->hot.released_lost;
	/* One of the members leads the group back, and tells its loss; the others only join it. */
	error = group_join(consumer, &gone);
	table_unlock(lock_fd);
	if (!error)
		consumer->claim.lost += gone;
	if (from != before.end)
		take_up_again(consumer, before, from, number);
	if (!error && lost)
		*lost = consumer->claim.lost;
	return error;
}
