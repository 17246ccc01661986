/* SPDX-License-Identifier: MIT */
/*
 * group_dead.c - what dead members left is delivered again.
 *
 * A dead member's line stays as it was and goes on holding the producer back. A living member that
 * takes its lock byte delivers from there; if that one dies as well, the line is still there for
 * the next.
 */
#include <errno.h>

#include "atomics.h"
#include "group.h"
#include "liveness.h"

/*
 * Asking who lives takes a system call a member; a reader that is busy asks no more often than
 * this.
 */
#define DEAD_LOOK_NS NS_PER_MS

static void line_free(const struct shmring_consumer *consumer, unsigned int member)
{
	const struct segment *segment = &consumer->handle.segment;
	KEEP_ERRNO;

	/* [HOLD] release: our reads are over; pairs with floor.c:holds_of() */
	atomic_store_explicit(&segment->control->member[member].hold, HOLD_NONE,
			      memory_order_release);
	/* If somebody has the table, whoever joins next frees the line. */
	if (lock_take(segment->lock_fd, LOCK_TABLE) == 0) {
		subscription_member_free(segment, consumer->subscription.slot, member);
		table_unlock(segment->lock_fd);
	}
	lock_drop(segment->lock_fd, LOCK_MEMBER(member));
}

void group_bury(struct shmring_consumer *consumer)
{
	const struct subscription *subscription = &consumer->subscription;
	const unsigned int member = consumer->claim.member;

	consumer->claim.line = &consumer->handle.segment.control->member[subscription->member];
	consumer->claim.member = subscription->member;
	consumer->claim.flags = 0;
	/* Where there was one, there may be more. */
	consumer->claim.looked_ns = 0;
	line_free(consumer, member);
}

/*
 * With the dead member's lock held: was it really its claim? It notes what it is about to take
 * before it takes it. A claim that was won is below the tail, and has held `want` back ever since.
 */
static bool was_claimed(const struct shmring_consumer *consumer, uint64_t hold, uint64_t end)
{
	struct layout_control *control = consumer->handle.segment.control;
	uint64_t tail;

	if (hold == HOLD_NONE || end == HOLD_NONE || hold % 8 != 0 || end % 8 != 0 || end <= hold ||
	    end - hold > consumer->handle.segment.capacity)
		return false;
	/* Whoever takes over a hold joins: it may be one that the producer has not seen yet. */
	/* [JOIN] release: the hold first; pairs with floor.c:gate_scan() */
	atomic_fetch_add_explicit(&control->joins, 1, memory_order_release);
	/* [GATE] hold and joins, full fence, then want; pairs with floor.c:floor_raise() */
	fence_full();
	if (consumer_gates(consumer) &&
	    atomic_load_explicit(&consumer->handle.segment.data->want, memory_order_acquire) > hold)
		return false;
	tail = group_tail(consumer);
	return tail >= end;
}

/*
 * A claim that was overtaken, in a LOSSY group, is lost. (One that died before it lost the race for
 * it counts as well; somebody else has had those records.)
 */
static bool overtaken(struct shmring_consumer *consumer, uint64_t hold, uint64_t lost)
{
	/* [FLOOR] reading, acquire fence, then floor; pairs with floor.c:floor_raise() */
	fence_acquire();
	if (atomic_load_explicit(consumer_floor(consumer), memory_order_relaxed) <= hold)
		return false;
	if (!consumer_gates(consumer))
		consumer->claim.lost += lost;
	return true;
}

/* With the lock of a dead member held. True if there is something to deliver. */
static bool inherit(struct shmring_consumer *consumer, unsigned int member)
{
	struct layout_member *line = &consumer->handle.segment.control->member[member];
	const uint64_t hold = atomic_load_explicit(&line->hold, memory_order_acquire);
	const uint64_t hold_sequence =
		atomic_load_explicit(&line->hold_sequence, memory_order_acquire);
	const uint64_t end = atomic_load_explicit(&line->end, memory_order_acquire);
	const uint64_t end_sequence =
		atomic_load_explicit(&line->end_sequence, memory_order_acquire);
	const uint64_t tail = group_tail(consumer);

	/* It may have died as it moved a lapped group on: then this is the tail's number. */
	if (hold != HOLD_NONE && hold == tail)
		group_note(line, hold, hold_sequence);
	if (!was_claimed(consumer, hold, end) || end_sequence - hold_sequence > end - hold ||
	    overtaken(consumer, hold, end_sequence - hold_sequence)) {
		line_free(consumer, member);
		return false;
	}
	consumer->hot.cursor = consumer->hot.released = hold;
	consumer->hot.expected = consumer->hot.released_expected = hold_sequence;
	consumer->hot.stop = 0;
	consumer->claim.line = line;
	consumer->claim.member = member;
	consumer->claim.end = end;
	consumer->claim.end_sequence = end_sequence;
	consumer->claim.flags = SHMRING_REDELIVERED;
	return true;
}

bool group_take_over(struct shmring_consumer *consumer, bool now)
{
	const struct segment *segment = &consumer->handle.segment;
	const unsigned int slot = consumer->subscription.slot;
	const unsigned int lines = subscription_lines(segment);
	const uint64_t clock = clock_wall_coarse_ns();
	KEEP_ERRNO;

	/* One claim at a time. */
	if (consumer->hot.released != consumer->claim.end)
		return false;
	if (!now && clock - consumer->claim.looked_ns < DEAD_LOOK_NS)
		return false;
	consumer->claim.looked_ns = clock;
	for (unsigned int member = 0; member < lines; member++) {
		/* Relaxed: it is looked at again with the lock. Whoever sleeps holds nothing. */
		if (member == consumer->subscription.member ||
		    !subscription_has_member(segment, slot, member) ||
		    atomic_load_explicit(&segment->control->member[member].hold,
					 memory_order_relaxed) == HOLD_NONE ||
		    lock_take(segment->lock_fd, LOCK_MEMBER(member)) != 0)
			continue;
		/* It may have left, or somebody else have done this, between the two. */
		if (!subscription_has_member(segment, slot, member))
			lock_drop(segment->lock_fd, LOCK_MEMBER(member));
		else if (inherit(consumer, member))
			return true;
	}
	return false;
}
