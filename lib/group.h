/* SPDX-License-Identifier: MIT */
/*
 * group.h - members that share a subscription: each record goes to one of them.
 *
 * The tail is what the group has taken; it moves by compare-and-swap alone. What a member has taken
 * and not given back stands in its line of the member table (`hold` to `end`), from before the tail
 * moves over it, and holds the producer back. So whoever dies, and when, what it had is in its
 * line, and a living member delivers it again.
 *
 * group.c: claiming and giving back. group_dead.c: what dead members left. group_open.c: coming,
 * going and rejoining.
 */
#ifndef SHMRING_GROUP_H
#define SHMRING_GROUP_H

#include "consumer.h"

/*
 * What the group has claimed: everything below. Acquire: what was claimed before this is claimed. A
 * damaged word must not become a misaligned access; it then agrees with no comparison.
 */
static inline uint64_t group_tail(const struct shmring_consumer *consumer)
{
	return atomic_load_explicit(consumer_tail(consumer), memory_order_acquire) & ~(uint64_t)7;
}

/* Behind shmring_read and shmring_release, with the same results. */
int group_read(struct shmring_consumer *consumer, struct shmring_record *record);
int group_release(struct shmring_consumer *consumer);

/* After an overrun (LOSSY): what was claimed and not given back is lost. */
void group_give_up(struct shmring_consumer *consumer);

/* Is there a record that nobody has claimed? */
bool group_record_there(const struct shmring_consumer *consumer);

/* Has the group been overtaken? */
bool group_lapped(const struct shmring_consumer *consumer);

/* Called when it has been woken: keeps the producer waking the others. */
void group_woken(struct shmring_consumer *consumer);

/*
 * Takes over what a dead member holds, as the next claim, if there is any. Probes the others'
 * locks: no more often than DEAD_LOOK_NS unless `now`. True if there is something to deliver again.
 */
bool group_take_over(struct shmring_consumer *consumer, bool now);

/* Gives a dead member's line back, all of it delivered. */
void group_bury(struct shmring_consumer *consumer);

/*
 * With the table locked: starts the group, as its first member, with the number that was asked for,
 * which may be gone; or joins it in the middle of its life, and leads it back if it was evicted.
 */
int group_start(struct shmring_consumer *consumer, struct place place);
int group_join(struct shmring_consumer *consumer, uint64_t *lost);

/* After an eviction. Errors: as shmring_rejoin. */
int group_rejoin(struct shmring_consumer *consumer, uint64_t *lost);

/*
 * The sequence number that belongs to a tail: some member's line or a mark knows. False if none
 * does.
 */
bool group_number(const struct segment *segment, unsigned int slot, uint64_t tail,
		  uint64_t *sequence);

/* Notes a pair of position and sequence number in a member's line, as the end of a claim. */
void group_note(struct layout_member *line, uint64_t position, uint64_t sequence);

#endif
