/* SPDX-License-Identifier: MIT */
/*
 * producer.h - what a producer's handle holds. producer.c writes records; producer_open.c comes
 * and goes; producer_wait.c waits.
 */
#ifndef SHMRING_PRODUCER_H
#define SHMRING_PRODUCER_H

#include "floor.h"
#include "hot.h"
#include "registry.h"

struct shmring_producer {
	struct shmring_producer_hot hot; /* first: programs know it */
	struct handle handle;

	struct floor floor;
	/* a record that starts here or above is the first in its index block */
	uint64_t next_block;
	uint64_t epoch;
	struct spin spin;
	uint64_t wakeups;
	uint64_t sleeps;
	uint64_t late;
};

/*
 * Tries to make room for a record of this stride, and sees to the index. Errors: -EAGAIN, -EMSGSIZE
 * (with the batch), -EOWNERDEAD.
 */
int producer_make_room(struct shmring_producer *producer, uint64_t stride);

/* The head: where the unfinished batch starts, if there is one. */
static inline uint64_t producer_published(const struct shmring_producer *producer)
{
	return producer->hot.batch_word != 0 ? producer->hot.batch_position : producer->hot.position;
}

/* What makes any wait end early, and takes a system call to find: -ECANCELED, -ESTALE, or 0. */
int producer_disturbed(const struct shmring_producer *producer);

/* Would a record of this stride find room? 0, -EAGAIN, or why it never will. */
int producer_look(struct shmring_producer *producer, uint64_t stride);

/*
 * Prepares to sleep until there is room, and says on what. -EAGAIN: sleep; 0: there is room now;
 * otherwise as shmring_producer_wait. producer_disarm has to follow in any case.
 */
int producer_arm(struct shmring_producer *producer, uint64_t stride, struct sleep_word *on);
void producer_disarm(struct shmring_producer *producer);

/* Sets the limit from the floor, the unfinished batch and the index block. */
void producer_set_limit(struct shmring_producer *producer);

/* Starts over at a position, which has no record, as if nothing had been written there. */
void producer_place(struct shmring_producer *producer, uint64_t position, uint64_t sequence);

/* Drops the reservation and the withheld records. */
void producer_drop(struct shmring_producer *producer);

#endif
