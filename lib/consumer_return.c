/* SPDX-License-Identifier: MIT */
/*
 * consumer_return.c - back to a place in the stream: after an eviction, or as a durable
 * subscription's next process.
 *
 * The place is the first record that was not released. Where it is gone, reading goes on at the
 * oldest one, and the sequence number that was expected tells how many were lost.
 */
#include <errno.h>
#include <time.h>

#include "consumer.h"
#include "group.h"
#include "index.h"
#include "liveness.h"

/* Without a gate, the place may be overwritten while it is looked up; see consumer_open.c. */
#define LOOKUPS_MAX 1000

/* A LOSSY one that was overtaken gets so much of a head start, as in consumer.c. */
#define RESUME_SHARE 8

/* An advance of the floor takes microseconds, unless its producer is stopped. */
#define ADVANCE_PATIENCE_NS (2 * NS_PER_SECOND)
#define ADVANCE_NAP_NS      20000

/*
 * A gate there, or above: where, and its sequence number. The state is JOINING, and ACTIVE
 * afterwards. Each place is marked with the number that is expected at `from`, if `numbered`: who
 * is killed here has lost what lies between.
 */
static int return_gated(struct shmring_consumer *consumer, struct place from, uint64_t held,
			bool numbered, struct place *at)
{
	const struct segment *segment = &consumer->handle.segment;
	int error;

	do {
		if (consumer->marks && numbered)
			consumer_mark(consumer, from);
		at->position = from.position;
	} while (!subscription_gate(segment, consumer->subscription.slot, held, &from.position));
	if (!subscription_activate(segment, &consumer->subscription))
		return -ECONNRESET;
	error = walk_sequence(segment, at);
	/* A gate that did not hold: evicted again meanwhile. */
	return error == -EAGAIN ? -ECONNRESET : error;
}

int consumer_find_ungated(const struct shmring_consumer *consumer, uint64_t position,
			  struct place *at)
{
	const struct segment *segment = &consumer->handle.segment;
	int error = -EAGAIN;

	for (int lookups = 0; error == -EAGAIN && lookups < LOOKUPS_MAX; lookups++) {
		const uint64_t floor = walk_floor(segment);

		at->position = position;
		if (position < floor)
			at->position =
				index_first_at(segment, floor + segment->capacity / RESUME_SHARE,
					       walk_head(segment));
		error = walk_sequence(segment, at);
	}
	return error;
}

static int return_ungated(const struct shmring_consumer *consumer, uint64_t position,
			  struct place *at)
{
	if (!subscription_activate(&consumer->handle.segment, &consumer->subscription))
		return -ECONNRESET;
	return consumer_find_ungated(consumer, position, at);
}

static int come_back(struct shmring_consumer *consumer, struct place from, uint64_t held,
		     bool numbered, struct place *at)
{
	return consumer_gates(consumer) ? return_gated(consumer, from, held, numbered, at)
					: return_ungated(consumer, from.position, at);
}

/*
 * The sequence number that a durable subscription's tail was moved with; false if it was not
 * marked.
 */
static bool mark_find(struct shmring_consumer *consumer, uint64_t tail, uint64_t *sequence)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct layout_mark *mark = &consumer->marks->mark[i];

		/*
		 * [MARK] acquire: the tail agrees with what was marked before it; pairs with
		 * consumer.c:consumer_mark()
		 */
		if (atomic_load_explicit(&mark->position, memory_order_acquire) == tail) {
			*sequence = atomic_load_explicit(&mark->sequence, memory_order_relaxed);
			consumer->mark = i;
			return true;
		}
	}
	return false;
}

uint64_t consumer_held_by_the_dead(const struct segment *segment, uint64_t tail)
{
	struct deadline deadline = deadline_after(ADVANCE_PATIENCE_NS);
	struct timespec nap = { .tv_nsec = ADVANCE_NAP_NS };

	for (;;) {
		uint64_t want;

		/* [JOIN] release: tail and state first; pairs with floor.c:gate_scan() */
		atomic_fetch_add_explicit(&segment->control->joins, 1, memory_order_release);
		/* [GATE] joins, full fence, then want; pairs with floor.c:floor_raise() */
		fence_full();
		want = atomic_load_explicit(&segment->data->want, memory_order_acquire);
		/* It has been done: what was there is gone. */
		if (walk_floor(segment) > tail)
			return GATE_NEW;
		if (want <= tail || lock_held(segment->lock_fd, LOCK_PRODUCER) == 0)
			return tail;
		/* Its producer is stopped half-way. */
		if (deadline_left(deadline, 1) == 0)
			return GATE_NEW;
		nanosleep(&nap, NULL);
	}
}

int consumer_resume(struct shmring_consumer *consumer, struct place *place)
{
	const struct segment *segment = &consumer->handle.segment;
	struct subscription *subscription = &consumer->subscription;
	const uint64_t state = atomic_load_explicit(consumer_state(consumer), memory_order_acquire);
	const uint64_t tail = atomic_load_explicit(consumer_tail(consumer), memory_order_acquire);
	struct place at = { tail, 0 };
	uint64_t held = GATE_NEW;
	bool marked;
	int error;

	if (!walk_reached(segment, tail))
		return -EBADMSG;
	place->sequence = 0;
	marked = mark_find(consumer, tail, &place->sequence);
	place->position = tail;
	if (state == subscription_active(subscription)) {
		/* It has held its gate all the time, or is LOSSY and will find out. */
		if (marked)
			return 0;
		error = walk_sequence(segment, &at);
		if (!error) {
			place->sequence = at.sequence;
			return 0;
		}
		if (error != -EAGAIN)
			return error;
	}
	/* Evicted, or its process died while it moved. */
	if (slot_state(state) == SLOT_JOINING && consumer_gates(consumer))
		held = consumer_held_by_the_dead(segment, tail);
	if (!subscription_reopen(segment, subscription, (enum slot_state)slot_state(state)))
		return -ECONNRESET;
	error = come_back(consumer, *place, held, marked, &at);
	if (!error)
		*place = (struct place){ at.position, marked ? place->sequence : at.sequence };
	return error == -EAGAIN ? -ECONNRESET : error;
}

int shmring_rejoin(struct shmring_consumer *consumer, uint64_t *lost)
{
	const struct segment *segment = &consumer->handle.segment;
	const uint64_t expected = consumer->hot.released_expected;
	struct subscription *subscription = &consumer->subscription;
	struct place at;
	int error;
	KEEP_ERRNO;

	if (consumer->handle.is_forked)
		return -EOWNERDEAD;
	if (!consumer->subscribed)
		return -EINVAL;
	/* The cursor of a group's member stays behind while it has claimed nothing. */
	if (!consumer_evicted(consumer) &&
	    (consumer->shared || !consumer_gates(consumer) || !consumer_lapped(consumer)))
		return -EALREADY;
	consumer_fd_kick(consumer);
	if (consumer->shared)
		return group_rejoin(consumer, lost);
	if (!subscription_reopen(segment, subscription, SLOT_EVICTED) &&
	    !subscription_reopen(segment, subscription, SLOT_ACTIVE) &&
	    !subscription_reopen(segment, subscription, SLOT_JOINING))
		return -EBADMSG;
	error = come_back(consumer, (struct place){ consumer->hot.released, expected }, GATE_NEW,
			  true, &at);
	if (error)
		return error == -EAGAIN ? -ECONNRESET : error;
	if (at.sequence < expected)
		return -EBADMSG;
	consumer->hot.lost = consumer->hot.released_lost;
	consumer_settle(consumer, (struct place){ at.position, expected });
	consumer_room_look(consumer);
	if (lost)
		*lost = at.sequence - expected;
	return 0;
}
