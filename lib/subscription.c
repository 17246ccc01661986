/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "atomics.h"
#include "liveness.h"
#include "subscription.h"
#include "wait.h"

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

static bool member_of(const struct segment *segment, unsigned int member, unsigned int slot)
{
	uint64_t word = atomic_load_explicit(&segment->control->member[member].word, memory_order_acquire);

	return member_taken(word) && member_subscription(word) == slot;
}

static void member_free(const struct segment *segment, unsigned int member)
{
	shared_u64 *word = &segment->control->member[member].word;
	uint32_t generation = member_generation(atomic_load_explicit(word, memory_order_relaxed));

	atomic_store_explicit(word, member_word(generation + 1, 0, 0), memory_order_release);
}

static bool alive(const struct segment *segment, unsigned int slot)
{
	for (unsigned int member = 0; member < SHMRING_MEMBERS; member++)
		/* An error is no proof of death. */
		if (member_of(segment, member, slot) && lock_held(segment->lock_fd, LOCK_MEMBER(member)) != 0)
			return true;
	return false;
}

/* With the table locked. */
static void members_free(const struct segment *segment, unsigned int slot)
{
	for (unsigned int member = 0; member < SHMRING_MEMBERS; member++)
		if (member_of(segment, member, slot))
			member_free(segment, member);
}

/* With the table locked: frees a slot and all its members. */
static void slot_free(const struct segment *segment, unsigned int slot)
{
	struct layout_control *control = segment->control;
	uint64_t state = state_of(segment, slot);

	while (slot_state(state) != SLOT_FREE &&
	       !atomic_compare_exchange_weak_explicit(&control->state[slot], &state,
						      slot_word(slot_generation(state) + 1, 0, SLOT_FREE),
						      memory_order_acq_rel, memory_order_acquire))
		;
	atomic_fetch_and_explicit(&control->sleepers, ~(UINT64_C(1) << slot), memory_order_relaxed);
	members_free(segment, slot);
}

/* With the table locked. */
static bool slot_free_if_dead(const struct segment *segment, unsigned int slot)
{
	if (slot_state(state_of(segment, slot)) == SLOT_FREE || alive(segment, slot))
		return false;
	slot_free(segment, slot);
	return true;
}

/* Takes a free slot; where there is none, one whose members are dead. Returns it, or a negative errno. */
static int slot_find(const struct segment *segment, const char *name)
{
	int found = -EUSERS;

	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++) {
		if (slot_state(state_of(segment, slot)) != SLOT_FREE &&
		    name_equal(segment->control->subscription[slot].name, name) && !slot_free_if_dead(segment, slot))
			return -EBUSY;
		if (found < 0 && slot_state(state_of(segment, slot)) == SLOT_FREE)
			found = (int)slot;
	}
	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS && found < 0; slot++)
		if (slot_free_if_dead(segment, slot))
			found = (int)slot;
	return found;
}

/* Takes a free member and its lock byte. Returns it, or a negative errno. */
static int member_find(const struct segment *segment)
{
	for (unsigned int member = 0; member < SHMRING_MEMBERS; member++) {
		uint64_t word = atomic_load_explicit(&segment->control->member[member].word, memory_order_acquire);
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

static int name_make_up(char name[SHMRING_SUBSCRIPTION_NAME_MAX + 1])
{
	uint64_t random;
	int error = random_fill(&random, sizeof(random));

	if (!error)
		snprintf(name, SHMRING_SUBSCRIPTION_NAME_MAX + 1, "anonymous-%016llx", (unsigned long long)random);
	return error;
}

/* With the table locked. */
static int join_locked(const struct segment *segment, struct subscription *subscription)
{
	struct layout_control *control = segment->control;
	struct layout_subscription *entry;
	struct layout_member *line;
	int slot, member;

	slot = slot_find(segment, subscription->name);
	if (slot < 0)
		return slot;
	/* Left over by one that died as it joined: it would be taken for one of ours. */
	members_free(segment, (unsigned int)slot);
	member = member_find(segment);
	if (member < 0)
		return member;
	subscription->slot = (unsigned int)slot;
	subscription->member = (unsigned int)member;
	subscription->generation = slot_generation(state_of(segment, subscription->slot)) + 1;

	entry = &control->subscription[slot];
	line = &control->member[member];
	name_copy(entry->name, subscription->name);
	atomic_store_explicit(&entry->since_ns, clock_wall_ns(), memory_order_relaxed);
	atomic_store_explicit(&line->hold, INDEX_NONE, memory_order_relaxed);
	atomic_store_explicit(&line->since_ns, clock_wall_ns(), memory_order_relaxed);
	atomic_store_explicit(&line->pid, (uint32_t)getpid(), memory_order_relaxed);
	atomic_store_explicit(&line->word,
			      member_word(member_generation(atomic_load_explicit(&line->word, memory_order_relaxed)) + 1,
					  subscription->slot, 1),
			      memory_order_release);
	atomic_store_explicit(&control->tail[slot].tail, TAIL_NONE, memory_order_relaxed);
	/* [SLOT] release: the name and times that belong to it; pairs with inspect.c:subscription_look() */
	atomic_store_explicit(&control->state[slot],
			      slot_word(subscription->generation, (unsigned int)subscription->policy, SLOT_JOINING),
			      memory_order_release);
	return 0;
}

int subscription_join(const struct segment *segment, struct subscription *subscription)
{
	int error = subscription->name[0] == '\0' ? name_make_up(subscription->name) : 0;

	if (!error)
		error = table_lock(segment->lock_fd);
	if (error)
		return error;
	error = join_locked(segment, subscription);
	table_unlock(segment->lock_fd);
	return error;
}

uint64_t subscription_gate(const struct segment *segment, unsigned int slot, uint64_t position)
{
	struct layout_control *control = segment->control;

	/*
	 * Comes to an end: once a scan has seen the state, the floor does not move, so this can be too late only for
	 * the one advance that was under way.
	 */
	for (;;) {
		uint64_t want;

		/* [RELEASE] release: a seek may raise the tail; pairs with floor.c:gate_of() */
		atomic_store_explicit(&control->tail[slot].tail, position, memory_order_release);
		/* [JOIN] release: tail and state first; pairs with floor.c:gate_scan() */
		atomic_fetch_add_explicit(&control->joins, 1, memory_order_release);
		/* [GATE] tail and joins, full fence, then want; pairs with floor.c:floor_advance() */
		fence_full();
		/* [OLDEST] acquire: the records from there on; pairs with floor.c:want_store() */
		want = atomic_load_explicit(&segment->data->want, memory_order_acquire) & ~(uint64_t)7;
		if (want <= position)
			return position;
		position = want;
	}
}

static bool state_change(const struct segment *segment, const struct subscription *subscription, uint32_t generation,
			 enum slot_state from, enum slot_state to)
{
	const unsigned int policy = (unsigned int)subscription->policy;
	uint64_t expected = slot_word(subscription->generation, policy, from);

	return atomic_compare_exchange_strong_explicit(&segment->control->state[subscription->slot], &expected,
						       slot_word(generation, policy, to), memory_order_acq_rel,
						       memory_order_acquire);
}

bool subscription_activate(const struct segment *segment, const struct subscription *subscription)
{
	return state_change(segment, subscription, subscription->generation, SLOT_JOINING, SLOT_ACTIVE);
}

bool subscription_reopen(const struct segment *segment, struct subscription *subscription)
{
	/* A new generation: a producer that saw the state before must not take the one after for the same. */
	const uint32_t generation = subscription->generation + 1;

	if (!state_change(segment, subscription, generation, SLOT_ACTIVE, SLOT_JOINING))
		return false;
	subscription->generation = generation;
	return true;
}

void subscription_leave(const struct segment *segment, const struct subscription *subscription)
{
	if (table_lock(segment->lock_fd) == 0) {
		slot_free(segment, subscription->slot);
		table_unlock(segment->lock_fd);
	}
	lock_drop(segment->lock_fd, LOCK_MEMBER(subscription->member));
	subscription_ring_room(segment);
}

bool subscription_evict(const struct segment *segment, unsigned int slot, uint64_t state)
{
	return atomic_compare_exchange_strong_explicit(&segment->control->state[slot], &state,
						slot_word(slot_generation(state), slot_policy(state), SLOT_EVICTED),
						memory_order_acq_rel, memory_order_acquire);
}

bool subscription_reap(const struct segment *segment, unsigned int slot)
{
	bool freed;

	if (alive(segment, slot) || lock_take(segment->lock_fd, LOCK_TABLE) != 0)
		return false;
	freed = slot_free_if_dead(segment, slot);
	table_unlock(segment->lock_fd);
	return freed;
}

unsigned int subscription_count(const struct segment *segment)
{
	unsigned int count = 0;

	for (unsigned int slot = 0; slot < SHMRING_SUBSCRIPTIONS; slot++)
		count += slot_state(state_of(segment, slot)) == SLOT_ACTIVE && alive(segment, slot);
	return count;
}

void subscription_ring_room(const struct segment *segment)
{
	atomic_fetch_add_explicit(&segment->control->room_bell, 1, memory_order_release);
	futex_wake(&segment->control->room_bell, INT_MAX);
}
