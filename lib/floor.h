/* SPDX-License-Identifier: MIT */
/*
 * floor.h - the producer's gate: how far it may overwrite.
 *
 * `floor` moves up before anything below it is overwritten, and not beyond the tail of a subscription that gates. The
 * producer keeps the least of those tails to itself and looks again only when that is used up. A subscription that
 * joins meanwhile is seen by the count of joins, or sees by `want` that it came too late ([GATE] in layout.h).
 */
#ifndef SHMRING_FLOOR_H
#define SHMRING_FLOOR_H

#include "segment.h"

struct floor {
	const struct segment *segment;
	uint64_t floor;        /* as in the data object, which only this process writes */
	uint64_t minimum;      /* no gating tail is below */
	uint64_t joins;        /* the count at the last scan */
	uint64_t reap_next_ns; /* when to look for dead subscriptions again */
};

/* Takes over where a predecessor may have died half-way. Errors: -EBADMSG. */
int floor_take_over(struct floor *floor, const struct segment *segment, uint64_t head);

/* Moves the floor up to at least `least`, at most `head`, by no more than it takes. Errors: -EAGAIN (full). */
int floor_advance(struct floor *floor, uint64_t least, uint64_t head);

#endif
