/* SPDX-License-Identifier: MIT */
/*
 * floor.h - the producer's gate: how far it may overwrite.
 *
 * `floor` moves up before anything below it is overwritten, and not beyond the tail of a
 * subscription that gates. The producer keeps the least of those tails to itself and looks again
 * only when that is used up. A subscription that joins meanwhile is seen by the count of joins, or
 * sees by `want` that it came too late ([GATE] in layout.h).
 *
 * A full ring makes the producer look for subscriptions whose process is dead, and for those that
 * have kept it waiting for longer than their deadline.
 */
#ifndef SHMRING_FLOOR_H
#define SHMRING_FLOOR_H

#include "segment.h"

struct floor {
	const struct segment *segment;
	uint64_t floor;        /* as in the data object, which only this process writes */
	uint64_t minimum;      /* no gating tail is below */
	uint64_t joins;        /* the count at the last scan */
	unsigned int lines;    /* of the member table: none above is taken */
	uint64_t lines_joins;  /* the count of joins when that was so */
	bool is_full;          /* there was no room when it was last needed */
	uint64_t reap_next_ns; /* when to look for dead subscriptions again */

	/* Deadlines: who keeps the producer waiting, at which of its positions, and since when. */
	uint64_t awaited;      /* a bit per slot */
	uint64_t awaited_at;
	/* when the first of the deadlines will have passed; UINT64_MAX: never */
	uint64_t deadline_next_ns;
	struct {
		uint64_t subscribed_ns; /* tells apart the holders of a slot */
		uint64_t wanted;        /* where its gate was wanted when the wait began */
		uint64_t since_ns;
	} waiting[SHMRING_SUBSCRIPTIONS];
};

/* Takes over where a predecessor may have died half-way. Errors: -EBADMSG. */
int floor_take_over(struct floor *floor, const struct segment *segment, uint64_t head);

/*
 * Moves the floor up to at least `least`, at most `head`, by no more than it takes. `position` is
 * where the record will go that this is for: deadlines are for the time that it takes to get there.
 * Errors: -EAGAIN (full).
 */
int floor_advance(struct floor *floor, uint64_t least, uint64_t head, uint64_t position);

/* After -EAGAIN: a process that holds the producer back; 0: not known. */
uint32_t floor_awaits(struct floor *floor);

/*
 * After -EAGAIN: how long until somebody's deadline will have passed, but at most `bound`.
 * Nanoseconds.
 */
int64_t floor_patience(const struct floor *floor, int64_t bound);

#endif
