/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "atomics.h"
#include "floor.h"
#include "index.h"
#include "subscription.h"
#include "wait.h"

/* A full ring is looked through for dead subscriptions no more often than this. */
#define REAP_INTERVAL_NS NS_PER_MS

/*
 * The floor moves by this part of the capacity, so that the fence, the look for newcomers and the line that readers
 * share come once for many records. So much of the history goes before it has to.
 */
#define FLOOR_SHARE 32

/*
 * Up to where the member table is in use. Who takes a line counts as a join before it claims
 * anything.
 */
static unsigned int lines_in_use(struct floor *floor)
{
	const struct layout_control *control = floor->segment->control;
	/*
	 * [JOIN] acquire: the lines that are counted are seen; pairs with
	 * subscription.c:member_enter()
	 */
	const uint64_t joins = atomic_load_explicit(&control->joins, memory_order_acquire);

	if (joins == floor->lines_joins)
		return floor->lines;
	floor->lines = subscription_lines(floor->segment);
	while (floor->lines > 0 &&
	       !member_taken(atomic_load_explicit(&control->member[floor->lines - 1].word,
						  memory_order_acquire)))
		floor->lines--;
	floor->lines_joins = joins;
	return floor->lines;
}

/*
 * The least that a group's members have in their hands. The tail was read before, and so brings
 * the joins of all whose claims it counts.
 */
static uint64_t holds_of(struct floor *floor, unsigned int slot)
{
	const struct layout_control *control = floor->segment->control;
	const unsigned int lines = lines_in_use(floor);
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < lines; i++) {
		const struct layout_member *line = &control->member[i];
		const uint64_t word = atomic_load_explicit(&line->word, memory_order_acquire);
		/* [HOLD] acquire: what it held, it is done with; pairs with group.c:hold_store() */
		const uint64_t hold = atomic_load_explicit(&line->hold, memory_order_acquire);

		/* One below the floor is of a claim that was never won. */
		if (member_taken(word) && member_subscription(word) == slot &&
		    hold >= floor->floor && hold < least)
			least = hold;
	}
	return least;
}

/*
 * Where one subscription holds the producer; UINT64_MAX if it does not. Its tail is judged here and
 * nowhere else.
 */
static uint64_t gate_of(struct floor *floor, unsigned int slot, uint64_t head)
{
	struct layout_control *control = floor->segment->control;
	uint64_t state = atomic_load_explicit(&control->state[slot], memory_order_acquire);
	uint64_t tail;

	if (!policy_gates(slot_policy(state)) ||
	    (slot_state(state) != SLOT_ACTIVE && slot_state(state) != SLOT_JOINING))
		return UINT64_MAX;
	/*
	 * [RELEASE] acquire: its reads are over before we overwrite; pairs with
	 * inline.h:shmring_hot_give_back()
	 */
	tail = atomic_load_explicit(&control->tail[slot].tail, memory_order_acquire);
	if (tail >= floor->floor && tail <= head) {
		const uint64_t holds = slot_shared(state) ? holds_of(floor, slot) : UINT64_MAX;

		return holds < tail ? holds : tail;
	}
	/*
	 * JOINING: a newcomer has TAIL_NONE until it asks for a gate. Otherwise it is moving its
	 * tail, which may lie below the floor until it has seen `want`; what it had, or is about to
	 * have, stays.
	 */
	if (slot_state(state) == SLOT_JOINING)
		return tail == TAIL_NONE ? UINT64_MAX : floor->floor;
	/* ACTIVE: no honest cursor is there, unless it has just begun to move. */
	return subscription_evict(floor->segment, slot, state) ? UINT64_MAX : floor->floor;
}

static void gate_scan(struct floor *floor, uint64_t head)
{
	uint64_t minimum = head;

	/*
	 * [JOIN] acquire: the tails that are counted are seen; pairs with
	 * subscription_state.c:subscription_gate()
	 */
	floor->joins = atomic_load_explicit(&floor->segment->control->joins, memory_order_acquire);
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++) {
		uint64_t gate = gate_of(floor, slot, head);

		if (gate < minimum)
			minimum = gate;
	}
	floor->minimum = minimum;
}

/* Frees what died and still gates below `wanted`. Returns true if anything changed. */
static bool reap(struct floor *floor, uint64_t wanted, uint64_t head)
{
	const struct segment *segment = floor->segment;
	uint64_t now = clock_coarse_ns();
	bool changed = false;

	if (now < floor->reap_next_ns)
		return false;
	floor->reap_next_ns = now + REAP_INTERVAL_NS;
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++) {
		if (gate_of(floor, slot, head) >= wanted)
			continue;
		if (subscription_reap(segment, slot))
			changed = true;
		else
			subscription_ring_for_the_dead(segment, slot, wanted);
	}
	return changed;
}

/*
 * Is the wait for this subscription over, by its deadline? Starts the wait if there was none, or if
 * what was waited for has come and this is about more.
 */
static bool too_late(struct floor *floor, unsigned int slot, uint64_t gate, uint64_t wanted,
		     uint64_t now)
{
	const struct layout_subscription *entry = &floor->segment->control->subscription[slot];
	const uint64_t subscribed_ns = atomic_load_explicit(&entry->since_ns, memory_order_relaxed);
	const uint64_t deadline_ns =
		atomic_load_explicit(&entry->deadline_ns, memory_order_relaxed);
	const uint64_t bit = UINT64_C(1) << slot;
	uint64_t waited;

	if (!(floor->awaited & bit) || floor->waiting[slot].subscribed_ns != subscribed_ns ||
	    gate >= floor->waiting[slot].wanted) {
		floor->awaited |= bit;
		floor->waiting[slot].subscribed_ns = subscribed_ns;
		floor->waiting[slot].wanted = wanted;
		floor->waiting[slot].since_ns = now;
	}
	waited = now - floor->waiting[slot].since_ns;
	if (waited >= deadline_ns)
		return true;
	if (deadline_ns - waited < floor->deadline_next_ns - now)
		floor->deadline_next_ns = now + (deadline_ns - waited);
	return false;
}

/*
 * Evicts those who still keep the producer from `wanted` after their deadline. Returns true if
 * there was one.
 */
static bool enforce_deadlines(struct floor *floor, uint64_t wanted, uint64_t head,
			      uint64_t position)
{
	struct layout_control *control = floor->segment->control;
	uint64_t now = 0;
	bool changed = false;

	/* The producer has got on since it last waited. */
	if (floor->awaited_at != position)
		floor->awaited = 0;
	floor->awaited_at = position;
	floor->deadline_next_ns = UINT64_MAX;
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++) {
		/*
		 * [SLOT] acquire: the deadline that belongs to it; pairs with
		 * subscription.c:slot_enter()
		 */
		uint64_t state = atomic_load_explicit(&control->state[slot], memory_order_acquire);

		uint64_t gate;

		if (slot_policy(state) != SHMRING_DEADLINE ||
		    (gate = gate_of(floor, slot, head)) >= wanted) {
			floor->awaited &= ~(UINT64_C(1) << slot);
			continue;
		}
		if (now == 0)
			now = clock_ns();
		if (too_late(floor, slot, gate, wanted, now) &&
		    subscription_evict(floor->segment, slot, state)) {
			floor->awaited &= ~(UINT64_C(1) << slot);
			changed = true;
		}
	}
	return changed;
}

/* Relaxed, all of it: a hint. */
uint32_t floor_awaits(struct floor *floor)
{
	const struct layout_control *control = floor->segment->control;
	const unsigned int lines = lines_in_use(floor);

	for (unsigned int i = 0; i < lines; i++) {
		const struct layout_member *line = &control->member[i];
		const uint64_t word = atomic_load_explicit(&line->word, memory_order_relaxed);
		const unsigned int slot = member_subscription(word);

		if (!member_taken(word) || slot >= SHMRING_SUBSCRIPTIONS ||
		    !policy_gates(slot_policy(
			    atomic_load_explicit(&control->state[slot], memory_order_relaxed))))
			continue;
		if (atomic_load_explicit(&control->tail[slot].tail, memory_order_relaxed) ==
			    floor->minimum ||
		    atomic_load_explicit(&line->hold, memory_order_relaxed) == floor->minimum)
			return atomic_load_explicit(&line->pid, memory_order_relaxed);
	}
	return 0;
}

int64_t floor_patience(const struct floor *floor, int64_t bound)
{
	uint64_t now;

	if (floor->deadline_next_ns == UINT64_MAX)
		return bound;
	now = clock_ns();
	if (floor->deadline_next_ns <= now)
		return 1;
	return floor->deadline_next_ns - now < (uint64_t)bound
		       ? (int64_t)(floor->deadline_next_ns - now)
		       : bound;
}

static void want_store(struct floor *floor, uint64_t want)
{
	/*
	 * [OLDEST] release: the records from there on; pairs with
	 * subscription_state.c:subscription_gate()
	 */
	atomic_store_explicit(&floor->segment->data->want, want, memory_order_release);
}

/*
 * Looks at everyone again, and does without those who are dead or too late. True if the floor may
 * go to `target`.
 */
static bool gates_open(struct floor *floor, uint64_t target, uint64_t head, uint64_t position)
{
	gate_scan(floor, head);
	if (target > floor->minimum && reap(floor, target, head))
		gate_scan(floor, head);
	if (target > floor->minimum && enforce_deadlines(floor, target, head, position))
		gate_scan(floor, head);
	return target <= floor->minimum;
}

/* For people: who keeps the floor from going there is whom the producer waits for. */
static int full(struct floor *floor, uint64_t target)
{
	floor->is_full = target != 0;
	/* Release: whoever looks at it on its own finds head where it counts from. */
	atomic_store_explicit(&floor->segment->data->full, target, memory_order_release);
	return -EAGAIN;
}

/*
 * Lets go of everything below the target, which the private minimum allows. False: somebody has
 * joined below it meanwhile.
 */
static bool floor_raise(struct floor *floor, uint64_t target, uint64_t head)
{
	struct layout_data *data = floor->segment->data;

	want_store(floor, target);
	/*
	 * [GATE] want, full fence, then joins; pairs with subscription_state.c:subscription_gate()
	 */
	fence_full();
	if (atomic_load_explicit(&floor->segment->control->joins, memory_order_acquire) !=
	    floor->joins) {
		gate_scan(floor, head);
		if (target > floor->minimum) {
			want_store(floor, floor->floor);
			return false;
		}
	}
	/*
	 * [FLOOR] floor, release fence, then overwriting; pairs with inline.h:shmring_hot_release()
	 */
	floor->floor = target;
	/* [OLDEST] release: the records from there on; pairs with walk.c:walk_floor() */
	atomic_store_explicit(&data->floor, target, memory_order_release);
	fence_release();
	return true;
}

int floor_advance(struct floor *floor, uint64_t least, uint64_t head, uint64_t position)
{
	const struct segment *segment = floor->segment;
	const uint64_t needed = index_first_at(segment, least, head);
	uint64_t further;

	if (needed > floor->minimum && !gates_open(floor, needed, head, position))
		return full(floor, needed);
	floor->awaited = 0;
	/* Further than needed if nobody has to be waited for: the next records need no advance. */
	further = index_first_at(segment, least + segment->capacity / FLOOR_SHARE, head);
	if (!(further <= floor->minimum && floor_raise(floor, further, head)) &&
	    !(needed <= floor->minimum && floor_raise(floor, needed, head)))
		return full(floor, needed);
	if (floor->is_full)
		full(floor, 0);
	return 0;
}

int floor_take_over(struct floor *floor, const struct segment *segment, uint64_t head)
{
	floor->segment = segment;
	floor->reap_next_ns = 0;
	floor->awaited = 0;
	floor->deadline_next_ns = UINT64_MAX;
	floor->floor = atomic_load_explicit(&segment->data->floor, memory_order_relaxed);
	if (floor->floor > head || head - floor->floor > segment->capacity)
		return -EBADMSG;
	/* A predecessor that died between the two stores had overwritten nothing yet. */
	want_store(floor, floor->floor);
	full(floor, 0);
	floor->minimum = 0;
	floor->lines_joins = ~atomic_load_explicit(&segment->control->joins, memory_order_relaxed);
	gate_scan(floor, head);
	return 0;
}
