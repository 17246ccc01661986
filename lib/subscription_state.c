/* SPDX-License-Identifier: MIT */
/*
 * subscription_state.c - what becomes of a subscription that is in the table: joined, moved,
 * evicted. No locks.
 */
#include <limits.h>

#include "atomics.h"
#include "subscription.h"
#include "wait.h"

bool subscription_gate(const struct segment *segment, unsigned int slot, uint64_t held,
		       uint64_t *position)
{
	struct layout_control *control = segment->control;
	uint64_t want;

	/* [RELEASE] release: a seek may raise the tail; pairs with floor.c:gate_of() */
	atomic_store_explicit(&control->tail[slot].tail, *position, memory_order_release);
	/* [JOIN] release: tail and state first; pairs with floor.c:gate_scan() */
	atomic_fetch_add_explicit(&control->joins, 1, memory_order_release);
	/* [GATE] tail and joins, full fence, then want; pairs with floor.c:floor_raise() */
	fence_full();
	/* [OLDEST] acquire: the records from there on; pairs with floor.c:want_store() */
	want = atomic_load_explicit(&segment->data->want, memory_order_acquire) & ~(uint64_t)7;
	/* What was held all the time, the producer has seen or will see: it takes `want` back. */
	if (want <= *position || *position == held)
		return true;
	*position = want < held ? want : held;
	return false;
}

/*
 * Another generation for every way back to JOINING: whoever saw the state before must not take the
 * new one for it.
 */
static bool state_change(const struct segment *segment, const struct subscription *subscription,
			 enum slot_state from, uint64_t to)
{
	uint64_t expected =
		slot_word(subscription->generation, (unsigned int)subscription->policy, from) |
		subscription->flags;

	return atomic_compare_exchange_strong_explicit(&segment->control->state[subscription->slot],
						       &expected, to, memory_order_acq_rel,
						       memory_order_acquire);
}

bool subscription_activate(const struct segment *segment, const struct subscription *subscription)
{
	return state_change(segment, subscription, SLOT_JOINING, subscription_active(subscription));
}

bool subscription_reopen(const struct segment *segment, struct subscription *subscription,
			 enum slot_state from)
{
	const uint32_t generation = subscription->generation + 1;
	const uint64_t to = slot_word(generation, (unsigned int)subscription->policy, SLOT_JOINING);

	if (!state_change(segment, subscription, from, to | subscription->flags))
		return false;
	subscription->generation = generation;
	/* Back after an eviction, it is as new: what it kept the producer waiting for is over. */
	if (from == SLOT_EVICTED)
		atomic_store_explicit(&segment->control->subscription[subscription->slot].since_ns,
				      clock_wall_ns(), memory_order_relaxed);
	return true;
}

bool subscription_keep(const struct segment *segment, struct subscription *subscription)
{
	if (!state_change(segment, subscription, SLOT_ACTIVE,
			  subscription_active(subscription) | SLOT_DURABLE))
		return false;
	subscription->flags |= SLOT_DURABLE;
	return true;
}

bool subscription_found(const struct segment *segment, struct subscription *subscription)
{
	const uint64_t flags = subscription->flags | (subscription->durable ? SLOT_DURABLE : 0);
	const uint64_t active = subscription_active(subscription) | flags;

	if (!state_change(segment, subscription, SLOT_JOINING, active))
		return false;
	subscription->flags = flags;
	return true;
}

bool subscription_evict(const struct segment *segment, unsigned int slot, uint64_t state)
{
	const uint64_t to = slot_word(slot_generation(state), slot_policy(state), SLOT_EVICTED) |
			    (state & SLOT_FLAGS);

	if (!atomic_compare_exchange_strong_explicit(&segment->control->state[slot], &state, to,
						     memory_order_acq_rel, memory_order_acquire))
		return false;
	/* Its consumer may sleep. Nothing to wait for has come, so the bell stays as it is. */
	futex_wake(&segment->data->bell[slot], INT_MAX);
	return true;
}

void subscription_ring_room(const struct segment *segment)
{
	atomic_fetch_add_explicit(&segment->control->room_bell, 1, memory_order_release);
	futex_wake(&segment->control->room_bell, INT_MAX);
}
