/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "atomics.h"
#include "index.h"
#include "walk.h"

/* A damaged word must not become a misaligned access. */
static uint64_t aligned(uint64_t position)
{
	return position & ~(uint64_t)7;
}

uint64_t walk_head(const struct segment *segment)
{
	/* [HEAD] acquire: what is below is published; pairs with inline.h:shmring_hot_publish() */
	return aligned(atomic_load_explicit(&segment->data->head, memory_order_acquire));
}

uint64_t walk_floor(const struct segment *segment)
{
	/* [OLDEST] acquire: the records from there on; pairs with floor.c:floor_raise() */
	return aligned(atomic_load_explicit(&segment->data->floor, memory_order_acquire));
}

/* True if what was read at or above `position` may have been overwritten by now. */
static bool overtaken(const struct segment *segment, uint64_t position)
{
	/* [FLOOR] reading, acquire fence, then floor; pairs with floor.c:floor_raise() */
	fence_acquire();
	return walk_floor(segment) > position;
}

int walk_record(const struct segment *segment, uint64_t position, uint64_t *stride,
		uint64_t *sequence)
{
	uint64_t word = load_record_word(segment_word(segment, position), segment->gates);

	if (!(word & RECORD_WORD_VALID))
		return 0;
	if (record_length(word) > segment->maximum)
		return -EBADMSG;
	*stride = record_stride(record_length(word));
	*sequence = load_record_word(segment_sequence(segment, position), segment->gates);
	return 1;
}

int walk_end(const struct segment *segment, uint64_t *end)
{
	const uint64_t head = walk_head(segment);
	uint64_t position = head, stride, sequence;
	int found;

	while ((found = walk_record(segment, position, &stride, &sequence)) == 1) {
		position += stride;
		/* No batch is that long: what is there is damaged, and a walk round and round. */
		if (position - head > segment->capacity)
			return -EBADMSG;
	}
	*end = position;
	return found;
}

bool walk_reached(const struct segment *segment, uint64_t position)
{
	uint64_t at = walk_head(segment), stride, sequence;

	if (position % 8 != 0 || position < segment->header.first_position)
		return false;
	if (position > at && position - at <= segment->capacity)
		while (at < position && walk_record(segment, at, &stride, &sequence) == 1)
			at += stride;
	/* What was walked over may have been overwritten meanwhile; but then head is above it. */
	return position <= at || position <= walk_head(segment);
}

/*
 * Counts records from an indexed one, at `start`, up to the head, where there is no record to tell
 * its number.
 */
static int count_up_to(const struct segment *segment, struct place *place, uint64_t start)
{
	const struct layout_header *header = &segment->header;
	uint64_t position = start, stride, sequence = 0;
	int found;

	if (start == INDEX_NONE) {
		place->sequence = header->first_sequence;
		return place->position == header->first_position ? 0 : -EBADMSG;
	}
	if (place->position - start > segment->capacity)
		return -EBADMSG;
	while (position < place->position) {
		found = walk_record(segment, position, &stride, &sequence);
		if (found != 1)
			return -EBADMSG;
		position += stride;
	}
	place->sequence = sequence + 1;
	return position == place->position ? 0 : -EBADMSG;
}

int walk_sequence(const struct segment *segment, struct place *place)
{
	uint64_t stride, start;
	int error = 0;

	/*
	 * Where there is no record yet, the ones below tell. If they are overwritten meanwhile,
	 * then there is a record by now, and the second look finds it, or else finds that this one
	 * is gone too.
	 */
	for (int look = 0; look < 2; look++) {
		int found = walk_record(segment, place->position, &stride, &place->sequence);

		if (found == 1 && !overtaken(segment, place->position))
			return 0;
		if (overtaken(segment, place->position))
			return -EAGAIN;
		if (found < 0)
			return found;
		start = index_last_below(segment, place->position);
		error = count_up_to(segment, place, start);
		if (!error && !overtaken(segment, start))
			return 0;
	}
	return overtaken(segment, place->position) || error == 0 ? -EAGAIN : error;
}

/*
 * The last indexed place, at or above `from`, before the first that is beyond what is looked for.
 */
static struct place last_before(const struct segment *segment, struct place from, uint64_t head,
				bool (*beyond)(const struct segment *segment, struct place place,
					       uint64_t value),
				uint64_t value)
{
	const uint64_t first = index_block(segment, from.position);
	const uint64_t last = index_block(segment, head);

	/* There are no more blocks than that, also if the head were wrong. */
	for (uint64_t block = first + 1; block <= last && block - first <= INDEX_BLOCKS; block++) {
		struct place place = { index_lookup(segment, block), 0 };
		uint64_t stride;

		if (place.position == INDEX_NONE || place.position < from.position ||
		    place.position >= head)
			continue;
		if (walk_record(segment, place.position, &stride, &place.sequence) != 1 ||
		    beyond(segment, place, value))
			break;
		from = place;
	}
	return from;
}

static bool beyond_sequence(const struct segment *segment, struct place place, uint64_t sequence)
{
	(void)segment;
	return place.sequence > sequence;
}

static bool beyond_time(const struct segment *segment, struct place place, uint64_t time_ns)
{
	/* Everything in earlier blocks was published before the entry's time. */
	return index_time(segment, index_block(segment, place.position)) >= time_ns;
}

int walk_to_sequence(const struct segment *segment, struct place from, uint64_t sequence,
		     struct place *found)
{
	struct place at = last_before(segment, from, walk_head(segment), beyond_sequence, sequence);
	const uint64_t first = at.position;

	while (at.sequence < sequence) {
		uint64_t stride, here;
		int is = walk_record(segment, at.position, &stride, &here);

		if (overtaken(segment, first))
			return -EAGAIN;
		if (is == 0)
			return -ERANGE;
		if (is < 0 || here != at.sequence)
			return -EBADMSG;
		at.position += stride;
		at.sequence++;
		/* Round and round in a damaged ring. */
		if (at.position - first > segment->capacity)
			return -EBADMSG;
	}
	if (overtaken(segment, first))
		return -EAGAIN;
	*found = at;
	return 0;
}

int walk_to_time(const struct segment *segment, struct place from, uint64_t time_ns,
		 struct place *found)
{
	struct place at = last_before(segment, from, walk_head(segment), beyond_time, time_ns);

	if (overtaken(segment, at.position))
		return -EAGAIN;
	*found = at;
	return 0;
}
