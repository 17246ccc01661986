/* SPDX-License-Identifier: MIT */
/*
 * subscription.h - the table of subscriptions and members in the control object: joining, leaving, and freeing what
 * died. All three are done under LOCK_TABLE; see layout.h for the states.
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
	char name[SHMRING_SUBSCRIPTION_NAME_MAX + 1];
};

/*
 * Takes a free slot and a member, with its lock, for subscription->name (empty: made up) and ->policy. The state is
 * JOINING then. Errors: -EBUSY (the name is in use), -EUSERS, -ETIMEDOUT, the kernel's.
 */
int subscription_join(const struct segment *segment, struct subscription *subscription);

/*
 * While JOINING: makes the tail gate at `position`, a record start, or at the lowest one above it that is not about
 * to be overwritten. Returns where.
 */
uint64_t subscription_gate(const struct segment *segment, unsigned int slot, uint64_t position);

/* JOINING to ACTIVE and back, with a new generation then. False if the subscription was evicted. */
bool subscription_activate(const struct segment *segment, const struct subscription *subscription);
bool subscription_reopen(const struct segment *segment, struct subscription *subscription);

/* Frees the slot and the member. If the table stays locked, dropping the lock byte leaves that to a survivor. */
void subscription_leave(const struct segment *segment, const struct subscription *subscription);

/* Producer: evicts a subscription whose state word is still `state`; false if it is not. */
bool subscription_evict(const struct segment *segment, unsigned int slot, uint64_t state);

/* Producer: frees a slot whose members are all dead. Only tries the table's lock. True if it was freed. */
bool subscription_reap(const struct segment *segment, unsigned int slot);

/* Subscriptions that have joined and are alive. */
unsigned int subscription_count(const struct segment *segment);

/* Wakes a producer that waits for room or for consumers. */
void subscription_ring_room(const struct segment *segment);

#endif
