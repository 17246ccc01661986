/* SPDX-License-Identifier: MIT */
/*
 * subscription.h - the table of subscriptions and members in the control object; see layout.h for
 * the states.
 *
 * subscription.c: joining, leaving and freeing what died, all under LOCK_TABLE.
 * subscription_state.c: what becomes of a subscription after that, without a lock, by
 * compare-and-swap of its state word.
 */
#ifndef SHMRING_SUBSCRIPTION_H
#define SHMRING_SUBSCRIPTION_H

#include "segment.h"

/* A place in the table. */
struct subscription {
	unsigned int slot;
	unsigned int member;
	uint32_t generation;
	enum shmring_policy policy;
	uint64_t deadline_ns;
	bool durable;   /* wanted so */
	bool shared;    /* wanted so: a group */
	uint64_t flags; /* SLOT_SHARED, and SLOT_DURABLE once the state word says so */
	bool resumed;   /* it was there: a durable one, or a group with living members */
	char name[SHMRING_SUBSCRIPTION_NAME_MAX + 1];
};

/* Does the producer look at the tails of those with this policy? */
static inline bool policy_gates(unsigned int policy)
{
	return policy == SHMRING_RELIABLE || policy == SHMRING_DEADLINE;
}

/*
 * Takes a free slot and a member, with its lock, for subscription->name (empty: made up) and what
 * else is set. The state is JOINING then. Or, with ->resumed set, takes a member of the durable
 * subscription of that name, in whatever state.
 * Errors: -EBUSY (the name is in use), -EEXIST (a durable one that is not like this), -EUSERS,
 * -ETIMEDOUT, the kernel's. Of a group, the table stays locked: nobody joins one whose first
 * member, or whoever leads it back, is on its way in; where the state is JOINING nevertheless, that
 * one is dead.
 */
int subscription_join(const struct segment *segment, struct subscription *subscription);

/*
 * While JOINING: makes the tail gate at `position`, a record start. False if that came too late;
 * `position` is then the lowest one above it that is not about to be overwritten, for another
 * attempt. That comes to an end: once a scan has seen the state, the floor does not move, so it can
 * be too late only for the one advance that was under way.
 *
 * A subscription that seeks must not give up what it `held` until it has found its new place: it is
 * never too late for that. GATE_NEW for one that holds nothing, or wants to leave it behind.
 */
#define GATE_NEW UINT64_MAX
bool subscription_gate(const struct segment *segment, unsigned int slot, uint64_t held,
		       uint64_t *position);

/* JOINING to ACTIVE; false if the subscription was evicted. */
bool subscription_activate(const struct segment *segment, const struct subscription *subscription);

/* `from` to JOINING, with a new generation; false if the state was another. */
bool subscription_reopen(const struct segment *segment, struct subscription *subscription,
			 enum slot_state from);

/* ACTIVE: makes it durable from now on; false if the subscription was evicted. */
bool subscription_keep(const struct segment *segment, struct subscription *subscription);

/*
 * A group's first member, JOINING: makes it ACTIVE, and durable if wanted, both at once, since
 * others may join from then on. False if the subscription was evicted.
 */
bool subscription_found(const struct segment *segment, struct subscription *subscription);

/* With the table locked: frees a member of a group. What its line knows of the tail is kept. */
void subscription_member_free(const struct segment *segment, unsigned int slot,
			      unsigned int member);

/* The state word that the subscription has while it is ACTIVE. */
static inline uint64_t subscription_active(const struct subscription *subscription)
{
	const unsigned int policy = (unsigned int)subscription->policy;

	return slot_word(subscription->generation, policy, SLOT_ACTIVE) | subscription->flags;
}

/*
 * Frees the member and, unless it is durable, the slot. If the table stays locked, dropping the
 * lock byte leaves that to a survivor.
 */
void subscription_leave(const struct segment *segment, const struct subscription *subscription);

/* The same with the table locked. */
void subscription_leave_locked(const struct segment *segment,
			       const struct subscription *subscription);

/*
 * Evicts a subscription whose state word is still `state`, and tells its consumer; false if it is
 * not.
 */
bool subscription_evict(const struct segment *segment, unsigned int slot, uint64_t state);

/*
 * Producer: makes a subscription that is not durable, and whose members are all dead, hold nobody
 * back: frees it, or, as it only tries the table's lock, marks it as evicted. True if either was
 * done.
 */
bool subscription_reap(const struct segment *segment, unsigned int slot);

/*
 * Producer: a dead member of a group keeps it from `wanted`. Wakes living ones, which do its work
 * then: they may sleep, and no record that could wake them can come.
 */
void subscription_ring_for_the_dead(const struct segment *segment, unsigned int slot,
				    uint64_t wanted);

/* Evicts by name, without a lock. Errors: -ESRCH. */
int subscription_evict_named(const struct segment *segment, const char *name);

/*
 * Lines of the table of members that need to be looked at. It only grows, before a member takes the
 * line: who has loaded anything of that member with acquire, or has the table's lock, sees its line
 * counted.
 */
static inline unsigned int subscription_lines(const struct segment *segment)
{
	const uint32_t lines =
		atomic_load_explicit(&segment->control->lines, memory_order_relaxed);

	return lines < SHMRING_MEMBERS ? lines : SHMRING_MEMBERS;
}

/* Is a line of the table of members, alive or dead, one of this subscription's? */
static inline bool subscription_has_member(const struct segment *segment, unsigned int slot,
					   unsigned int member)
{
	const uint64_t word = atomic_load_explicit(&segment->control->member[member].word,
						   memory_order_acquire);

	return member_taken(word) && member_subscription(word) == slot;
}

/* Frees by name what nobody has open. Errors: -ESRCH, -EBUSY, -ETIMEDOUT, the kernel's. */
int subscription_free_named(const struct segment *segment, const char *name);

/* Subscriptions that have joined and are alive. */
unsigned int subscription_count(const struct segment *segment);

/* Wakes a producer that waits for room or for consumers. */
void subscription_ring_room(const struct segment *segment);

#endif
