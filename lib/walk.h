/* SPDX-License-Identifier: MIT */
/*
 * walk.h - finding places in the stream: from record to record, with the index as a map.
 *
 * Nothing here holds the producer back. A caller whose gate does may rely on what is at or above
 * it; for others the place may be overwritten while they look, and they are told so (-EAGAIN) and
 * look again.
 */
#ifndef SHMRING_WALK_H
#define SHMRING_WALK_H

#include "segment.h"

/* A record start and the sequence number of the record that is, or will be, there. */
struct place {
	uint64_t position;
	uint64_t sequence;
};

/* The next record's position. Everything below is published. */
uint64_t walk_head(const struct segment *segment);

/* The floor: everything from there to head is intact, as far as this load goes. */
uint64_t walk_floor(const struct segment *segment);

/*
 * Where the records end: behind head, if their producer died before it moved head. Errors:
 * -EBADMSG.
 */
int walk_end(const struct segment *segment, uint64_t *end);

/*
 * Could a cursor be there? Head may be a little behind: a reader needs only the record, and the
 * producer may have died (or be stopped) before it moved head.
 */
bool walk_reached(const struct segment *segment, uint64_t position);

/*
 * What is at a position: 1 and the record's stride and sequence number, or 0: no record yet, or
 * -EBADMSG.
 */
int walk_record(const struct segment *segment, uint64_t position, uint64_t *stride,
		uint64_t *sequence);

/* The sequence number at place->position, a record start or the head. Errors: -EAGAIN, -EBADMSG. */
int walk_sequence(const struct segment *segment, struct place *place);

/*
 * The place of a sequence number at or above `from`, at most the head. Errors: -ERANGE, -EAGAIN,
 * -EBADMSG.
 */
int walk_to_sequence(const struct segment *segment, struct place from, uint64_t sequence,
		     struct place *found);

/*
 * A place at or above `from` such that no record behind it was published at or after a time.
 * Errors: as above.
 */
int walk_to_time(const struct segment *segment, struct place from, uint64_t time_ns,
		 struct place *found);

#endif
