/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "atomics.h"
#include "liveness.h"
#include "subscription.h"
#include "wait.h"

/* Each fails only because the subscription has just joined or moved, which takes microseconds. */
#define EVICT_ATTEMPTS 1000

/* ThreadSanitizer does not know that the table's lock orders names between threads. */
not_seen_by_tsan static void name_copy(char *to, const char *from)
{
	for (unsigned int i = 0; i <= SHMRING_SUBSCRIPTION_NAME_MAX; i++)
		to[i] = from[i];
}

not_seen_by_tsan static bool name_equal(const char *one, const char *other)
{
	for (unsigned int i = 0; i <= SHMRING_SUBSCRIPTION_NAME_MAX; i++) {
		if (one[i] != other[i])
			return false;
		if (one[i] == '\0')
			break;
	}
	return true;
}

static uint64_t state_of(const struct segment *segment, unsigned int slot)
{
	return atomic_load_explicit(&segment->control->state[slot], memory_order_acquire);
}

static void member_free(const struct segment *segment, unsigned int member)
{
	shared_u64 *word = &segment->control->member[member].word;
	uint32_t generation = member_generation(atomic_load_explicit(word, memory_order_relaxed));

	atomic_store_explicit(word, member_word(generation + 1, 0, 0), memory_order_release);
}

static bool alive(const struct segment *segment, unsigned int slot)
{
	const unsigned int lines = subscription_lines(segment);

	for (unsigned int member = 0; member < lines; member++)
		/* An error is no proof of death. */
		if (subscription_has_member(segment, slot, member) &&
		    lock_held(segment->lock_fd, LOCK_MEMBER(member)) != 0)
			return true;
	return false;
}

/* With the table locked. */
static void members_free(const struct segment *segment, unsigned int slot)
{
	const unsigned int lines = subscription_lines(segment);

	for (unsigned int member = 0; member < lines; member++)
		if (subscription_has_member(segment, slot, member))
			member_free(segment, member);
}

static void sleeper_clear(const struct segment *segment, unsigned int slot)
{
	atomic_fetch_and_explicit(&segment->control->sleepers, ~(UINT64_C(1) << slot),
				  memory_order_relaxed);
}

/*
 * With the table locked, which makes it the only writer: the tail's number, if this line alone
 * knows it.
 */
static void number_keep(const struct segment *segment, unsigned int slot, unsigned int member)
{
	struct layout_tail *tail = &segment->control->tail[slot];
	const struct layout_member *line = &segment->control->member[member];
	const uint64_t end = atomic_load_explicit(&line->end, memory_order_acquire);
	struct layout_mark *mark = &tail->mark[0];

	if (end == HOLD_NONE || end != atomic_load_explicit(&tail->tail, memory_order_acquire))
		return;
	atomic_store_explicit(&mark->position, TAIL_NONE, memory_order_release);
	atomic_store_explicit(&mark->sequence,
			      atomic_load_explicit(&line->end_sequence, memory_order_acquire),
			      memory_order_release);
	atomic_store_explicit(&mark->position, end, memory_order_release);
}

void subscription_member_free(const struct segment *segment, unsigned int slot, unsigned int member)
{
	if (slot_shared(state_of(segment, slot)))
		number_keep(segment, slot, member);
	member_free(segment, member);
}

/* With the table locked: those that are dead and hold nothing. */
static void members_free_idle(const struct segment *segment, unsigned int slot)
{
	const unsigned int lines = subscription_lines(segment);

	for (unsigned int member = 0; member < lines; member++)
		if (subscription_has_member(segment, slot, member) &&
		    atomic_load_explicit(&segment->control->member[member].hold,
					 memory_order_relaxed) == HOLD_NONE &&
		    lock_held(segment->lock_fd, LOCK_MEMBER(member)) == 0)
			subscription_member_free(segment, slot, member);
}

/* With the table locked: frees a slot and all its members. */
static void slot_free(const struct segment *segment, unsigned int slot)
{
	struct layout_control *control = segment->control;
	uint64_t state = state_of(segment, slot);

	while (slot_state(state) != SLOT_FREE &&
	       !atomic_compare_exchange_weak_explicit(
		       &control->state[slot], &state,
		       slot_word(slot_generation(state) + 1, 0, SLOT_FREE), memory_order_acq_rel,
		       memory_order_acquire))
		;
	sleeper_clear(segment, slot);
	members_free(segment, slot);
}

/* With the table locked: frees a slot that nobody has open and nobody will come back to. */
static bool slot_free_if_dead(const struct segment *segment, unsigned int slot)
{
	uint64_t state = state_of(segment, slot);

	if (slot_state(state) == SLOT_FREE || slot_durable(state) || alive(segment, slot))
		return false;
	slot_free(segment, slot);
	return true;
}

/* A subscription of that name, with its state; or -ESRCH. */
static int slot_named(const struct segment *segment, const char *name, uint64_t *state)
{
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++) {
		/*
		 * [SLOT] acquire: the name that belongs to it; pairs with
		 * subscription.c:slot_enter()
		 */
		*state = state_of(segment, slot);
		if (slot_state(*state) != SLOT_FREE &&
		    name_equal(segment->control->subscription[slot].name, name))
			return (int)slot;
	}
	return -ESRCH;
}

/* A free slot; where there is none, one whose members are dead. Returns it, or a negative errno. */
static int slot_find(const struct segment *segment)
{
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++)
		if (slot_state(state_of(segment, slot)) == SLOT_FREE)
			return (int)slot;
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++)
		if (slot_free_if_dead(segment, slot))
			return (int)slot;
	return -EUSERS;
}

/* Takes a free member and its lock byte. Returns it, or a negative errno. */
static int member_free_find(const struct segment *segment)
{
	for (unsigned int member = 0; member < SHMRING_MEMBERS; member++) {
		uint64_t word = atomic_load_explicit(&segment->control->member[member].word,
						     memory_order_acquire);
		int error;

		if (member_taken(word))
			continue;
		error = lock_take(segment->lock_fd, LOCK_MEMBER(member));
		if (!error)
			return (int)member;
		/* Somebody who is just about to close: there are others. */
		if (error != -EBUSY)
			return error;
	}
	return -EUSERS;
}

/* With the table locked: the same; where there is none, one that died and holds nothing. */
static int member_find(const struct segment *segment)
{
	int member = member_free_find(segment);

	if (member != -EUSERS)
		return member;
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++)
		members_free_idle(segment, slot);
	return member_free_find(segment);
}

static int name_make_up(char name[SHMRING_SUBSCRIPTION_NAME_MAX + 1])
{
	uint64_t random;
	int error = random_fill(&random, sizeof(random));

	if (!error)
		snprintf(name, SHMRING_SUBSCRIPTION_NAME_MAX + 1, "anonymous-%016llx",
			 (unsigned long long)random);
	return error;
}

/* With the table locked: makes `member`, whose lock is held, one of the slot's. */
static void member_enter(const struct segment *segment, unsigned int member, unsigned int slot)
{
	struct layout_member *line = &segment->control->member[member];
	uint32_t generation =
		member_generation(atomic_load_explicit(&line->word, memory_order_relaxed));

	/*
	 * First: who looks for members looks no further than this. Relaxed: the line's word and
	 * `joins` are stored behind it, with release.
	 */
	if (member >= subscription_lines(segment))
		atomic_store_explicit(&segment->control->lines, member + 1, memory_order_relaxed);
	atomic_store_explicit(&line->hold, HOLD_NONE, memory_order_relaxed);
	/* What another group's member noted here is no claim of ours. */
	atomic_store_explicit(&line->end, HOLD_NONE, memory_order_relaxed);
	atomic_store_explicit(&line->since_ns, clock_wall_ns(), memory_order_relaxed);
	atomic_store_explicit(&line->pid, (uint32_t)getpid(), memory_order_relaxed);
	atomic_store_explicit(&line->word, member_word(generation + 1, slot, 1),
			      memory_order_release);
	/* The producer looks at no line above those that it knows to be taken. */
	/* [JOIN] release: the line's word first; pairs with floor.c:lines_in_use() */
	/* [JOIN] and for who looks for the dead; pairs with subscription.c:subscription_reap() */
	atomic_fetch_add_explicit(&segment->control->joins, 1, memory_order_release);
}

/* With the table locked and a free slot. */
static void slot_enter(const struct segment *segment, struct subscription *subscription)
{
	struct layout_control *control = segment->control;
	const unsigned int slot = subscription->slot;
	struct layout_subscription *entry = &control->subscription[slot];

	subscription->generation = slot_generation(state_of(segment, slot)) + 1;
	name_copy(entry->name, subscription->name);
	atomic_store_explicit(&entry->since_ns, clock_wall_ns(), memory_order_relaxed);
	atomic_store_explicit(&entry->deadline_ns, subscription->deadline_ns, memory_order_relaxed);
	atomic_store_explicit(&control->tail[slot].tail, TAIL_NONE, memory_order_relaxed);
	for (unsigned int i = 0; i < 2; i++)
		atomic_store_explicit(&control->tail[slot].mark[i].position, TAIL_NONE,
				      memory_order_relaxed);
	/*
	 * [SLOT] release: the name, times and deadline that belong to it; pairs with
	 * inspect_table.c:subscription_look()
	 */
	/* [SLOT] and likewise for an operator; pairs with subscription.c:slot_named() */
	/* [SLOT] and for the producer; pairs with floor.c:enforce_deadlines() */
	atomic_store_explicit(&control->state[slot],
			      slot_word(subscription->generation,
					(unsigned int)subscription->policy, SLOT_JOINING) |
				      subscription->flags,
			      memory_order_release);
}

/* Is the durable subscription, or group, in a slot what was asked for? */
static bool slot_is_like(const struct segment *segment, unsigned int slot, uint64_t state,
			 const struct subscription *subscription)
{
	const shared_u64 *deadline_ns = &segment->control->subscription[slot].deadline_ns;

	return slot_durable(state) == subscription->durable &&
	       slot_shared(state) == subscription->shared &&
	       slot_policy(state) == (unsigned int)subscription->policy &&
	       atomic_load_explicit(deadline_ns, memory_order_relaxed) == subscription->deadline_ns;
}

/*
 * With the table locked. Returns the slot, free or, with ->resumed set, to go on with; or a
 * negative errno.
 */
static int join_find(const struct segment *segment, struct subscription *subscription)
{
	uint64_t state;
	int slot = slot_named(segment, subscription->name, &state);

	if (slot < 0)
		return slot_find(segment);
	if (alive(segment, (unsigned int)slot)) {
		if (!subscription->shared || !slot_shared(state))
			return -EBUSY;
	} else if (!slot_durable(state)) {
		slot_free(segment, (unsigned int)slot);
		return slot;
	}
	if (!slot_is_like(segment, (unsigned int)slot, state, subscription))
		return -EEXIST;
	subscription->resumed = true;
	subscription->generation = slot_generation(state);
	subscription->flags = state & SLOT_FLAGS;
	return slot;
}

/* With the table locked. */
static int join_locked(const struct segment *segment, struct subscription *subscription)
{
	int slot = join_find(segment, subscription);
	int member;

	if (slot < 0)
		return slot;
	/*
	 * Left over by one that died: it would be taken for one of ours. What it held, somebody
	 * delivers.
	 */
	if (subscription->resumed)
		members_free_idle(segment, (unsigned int)slot);
	else
		members_free(segment, (unsigned int)slot);
	member = member_find(segment);
	if (member < 0)
		return member;
	subscription->slot = (unsigned int)slot;
	subscription->member = (unsigned int)member;
	member_enter(segment, subscription->member, subscription->slot);
	if (!subscription->resumed)
		slot_enter(segment, subscription);
	return 0;
}

int subscription_join(const struct segment *segment, struct subscription *subscription)
{
	int error = subscription->name[0] == '\0' ? name_make_up(subscription->name) : 0;

	subscription->flags = subscription->shared ? SLOT_SHARED : 0;
	if (!error)
		error = table_lock(segment->lock_fd);
	if (error)
		return error;
	error = join_locked(segment, subscription);
	if (error || !subscription->shared)
		table_unlock(segment->lock_fd);
	return error;
}

static void leave_locked(const struct segment *segment, const struct subscription *subscription)
{
	const unsigned int slot = subscription->slot;
	const shared_u64 *hold = &segment->control->member[subscription->member].hold;
	/* Asked through the description that holds our own lock, which it does not see. */
	const bool others = subscription->shared && alive(segment, slot);

	if (!others && !slot_durable(state_of(segment, slot))) {
		slot_free(segment, slot);
		return;
	}
	if (!others)
		sleeper_clear(segment, slot);
	/* What a group's member still holds is left to the others, as if it had died. */
	if (atomic_load_explicit(hold, memory_order_relaxed) == HOLD_NONE)
		subscription_member_free(segment, slot, subscription->member);
}

void subscription_leave_locked(const struct segment *segment,
			       const struct subscription *subscription)
{
	leave_locked(segment, subscription);
	lock_drop(segment->lock_fd, LOCK_MEMBER(subscription->member));
}

void subscription_leave(const struct segment *segment, const struct subscription *subscription)
{
	if (table_lock(segment->lock_fd) == 0) {
		leave_locked(segment, subscription);
		table_unlock(segment->lock_fd);
	}
	lock_drop(segment->lock_fd, LOCK_MEMBER(subscription->member));
	subscription_ring_room(segment);
}

void subscription_ring_for_the_dead(const struct segment *segment, unsigned int slot,
				    uint64_t wanted)
{
	const unsigned int lines = subscription_lines(segment);

	if (!slot_shared(state_of(segment, slot)))
		return;
	for (unsigned int i = 0; i < lines; i++)
		if (subscription_has_member(segment, slot, i) &&
		    atomic_load_explicit(&segment->control->member[i].hold, memory_order_relaxed) <
			    wanted &&
		    lock_held(segment->lock_fd, LOCK_MEMBER(i)) == 0) {
			wake_group(&segment->data->bell[slot]);
			return;
		}
}

bool subscription_reap(const struct segment *segment, unsigned int slot)
{
	const shared_u64 *joins = &segment->control->joins;
	/* [JOIN] acquire: before the state; pairs with subscription.c:member_enter() */
	const uint64_t before = atomic_load_explicit(joins, memory_order_acquire);
	uint64_t state = state_of(segment, slot);
	bool freed;

	/*
	 * The state first: if the slot changes hands after this, the state is another, and nothing
	 * is done to it.
	 */
	if (slot_state(state) == SLOT_FREE || slot_durable(state) || alive(segment, slot))
		return false;
	/*
	 * A group changes hands without that: somebody joined behind what was looked through, and
	 * the last of those who were seen left.
	 */
	if (atomic_load_explicit(joins, memory_order_acquire) != before)
		return false;
	/* Somebody may be stopped while holding the table: that must not hold the producer. */
	if (lock_take(segment->lock_fd, LOCK_TABLE) != 0)
		return subscription_evict(segment, slot, state);
	freed = slot_free_if_dead(segment, slot);
	table_unlock(segment->lock_fd);
	return freed;
}

int subscription_evict_named(const struct segment *segment, const char *name)
{
	for (int attempt = 0; attempt < EVICT_ATTEMPTS; attempt++) {
		uint64_t state;
		int slot = slot_named(segment, name, &state);

		if (slot < 0)
			return slot;
		if (slot_state(state) == SLOT_EVICTED ||
		    subscription_evict(segment, (unsigned int)slot, state))
			return 0;
		/* It has moved on between the two. */
	}
	return -EAGAIN;
}

int subscription_free_named(const struct segment *segment, const char *name)
{
	uint64_t state;
	int slot, error = table_lock(segment->lock_fd);

	if (error)
		return error;
	slot = slot_named(segment, name, &state);
	if (slot < 0)
		error = slot;
	else if (alive(segment, (unsigned int)slot))
		error = -EBUSY;
	else
		slot_free(segment, (unsigned int)slot);
	table_unlock(segment->lock_fd);
	if (!error)
		subscription_ring_room(segment);
	return error;
}

unsigned int subscription_count(const struct segment *segment)
{
	unsigned int count = 0;

	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++)
		count += slot_state(state_of(segment, slot)) == SLOT_ACTIVE && alive(segment, slot);
	return count;
}
