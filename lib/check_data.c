/* SPDX-License-Identifier: MIT */
/* check_data.c - positions, records and the index, while a producer may be writing. */
#include "atomics.h"
#include "check.h"
#include "index.h"
#include "liveness.h"
#include "walk.h"

#define AT(member) offsetof(struct layout_data, member)

static void report(struct check *check, uint64_t offset, uint64_t found, uint64_t low,
		   uint64_t high, const char *what)
{
	check_report(check, CHECK_DATA, offset, found, low, high, -1, what);
}

static uint64_t load(const shared_u64 *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

/* A position of the data line: its name is in both texts. */
#define POSITION(member, found, low, high)                                                   \
	check_position(check, AT(member), (found), (low), (high), #member " is out of range", \
		       #member " is not a multiple of 8")

static void check_position(struct check *check, uint64_t offset, uint64_t found, uint64_t low,
			   uint64_t high, const char *out_of_range, const char *misaligned)
{
	if (found % 8 != 0)
		report(check, offset, found, 0, 0, misaligned);
	else if (found < low || found > high)
		report(check, offset, found, low, high, out_of_range);
}

/*
 * In this order: each may only have gone up since the one before was loaded. Returns true, and
 * where the records are, if they can be looked at.
 */
static bool check_positions(struct check *check, uint64_t *from, uint64_t *to)
{
	const struct layout_data *data = check->segment->data;
	const uint64_t first = check->segment->header.first_position;
	const uint64_t capacity = check->segment->capacity;
	const uint64_t floor = load(&data->floor);
	const uint64_t want = load(&data->want);
	const uint64_t need = load(&data->need);
	const uint64_t full = load(&data->full);
	const uint64_t head = load(&data->head);
	const uint64_t floor_after = load(&data->floor);

	POSITION(head, head, first, UINT64_MAX - 7);
	POSITION(floor, floor, first, head);
	POSITION(want, want, floor, head);
	if (need != 0)
		POSITION(need, need, first, head);
	if (full != 0)
		POSITION(full, full, first, head);
	if (head - floor_after > capacity && floor_after <= head)
		report(check, AT(floor), floor_after, head - capacity, head,
		       "floor is more than a capacity below head");
	*from = floor;
	*to = head;
	return check->result == 0 && floor % 8 == 0 && head % 8 == 0 && floor <= head &&
	       head - floor_after <= capacity;
}

static void check_stream(struct check *check)
{
	const uint64_t word = load(&check->segment->data->stream);

	if (stream_state(word) > SHMRING_STREAM_CLOSED)
		report(check, AT(stream), word, 0, 0, "the stream's state is unknown");
	else if ((stream_epoch(word) == 0) != (stream_state(word) == SHMRING_STREAM_NEW))
		report(check, AT(stream), word, 0, 0,
		       "the stream's epoch does not go with its state");
}

static uint64_t offset_of(const struct segment *segment, uint64_t position)
{
	return segment->header.records_offset + (position & (segment->capacity - 1));
}

/* Where the walk is. */
struct step {
	uint64_t position;
	uint64_t sequence; /* expected there */
	bool known;        /* it is */
	uint64_t block;    /* of the record before; UINT64_MAX: not known */
};

/*
 * Looks at one record. Returns its stride, or 0 if the walk ends there. `word`, `sequence` and
 * `start` were loaded before it was seen that the place had not been overwritten.
 */
static uint64_t check_record(struct check *check, struct step *step, uint64_t word,
			     uint64_t sequence, uint64_t start)
{
	const struct segment *segment = check->segment;
	const uint64_t offset = offset_of(segment, step->position);
	const uint64_t block = index_block(segment, step->position);

	if (!(word & RECORD_WORD_VALID)) {
		report(check, offset, word, 0, 0,
		       "below head there is no record where one should start");
		return 0;
	}
	if (record_length(word) > segment->maximum) {
		report(check, offset, record_length(word), 0, segment->maximum,
		       "a record is longer than the longest");
		return 0;
	}
	if (word >> 48 != RECORD_FLAG_VALID)
		report(check, offset, word >> 48, RECORD_FLAG_VALID, RECORD_FLAG_VALID,
		       "a record has unknown flags");
	if (step->known && sequence != step->sequence)
		report(check, offset + 8, sequence, step->sequence, step->sequence,
		       "a record's sequence number is not the next one");
	if (step->block != UINT64_MAX && block != step->block && start != step->position)
		report(check, AT(index) + block % INDEX_ENTRIES * sizeof(struct layout_index_entry),
		       start, step->position, step->position,
		       "the index does not name the first record of its block");
	step->sequence = sequence + 1;
	step->known = true;
	step->block = block;
	return record_stride(record_length(word));
}

/*
 * Every record from `from` to `to` that is still there when the walk comes to it. Returns where it
 * ended.
 */
static uint64_t check_records(struct check *check, uint64_t from, uint64_t to)
{
	const struct segment *segment = check->segment;
	struct step step = { from, 0, false, UINT64_MAX };

	if (from == segment->header.first_position) {
		step.sequence = segment->header.first_sequence;
		step.known = true;
	}
	while (step.position < to && check->result == 0) {
		uint64_t word = load_record_word(segment_word(segment, step.position), false);
		uint64_t sequence =
			load_record_word(segment_sequence(segment, step.position), false);
		uint64_t start = index_lookup(segment, index_block(segment, step.position));
		uint64_t floor, stride;

		/* [FLOOR] reading, acquire fence, then floor; pairs with floor.c:floor_raise() */
		fence_acquire();
		floor = walk_floor(segment);
		if (floor > step.position) {
			/*
			 * Overwritten meanwhile. It goes on with a head start, where the numbers
			 * have to be learnt anew. An end that is jumped over tells nothing.
			 */
			const uint64_t next = index_first_at(
				segment, floor + segment->capacity / 8, walk_head(segment));

			if (next >= to || next <= step.position)
				return UINT64_MAX;
			step = (struct step){ next, 0, false, UINT64_MAX };
			continue;
		}
		stride = check_record(check, &step, word, sequence, start);
		if (stride == 0)
			return UINT64_MAX;
		step.position += stride;
	}
	return step.position;
}

/* No producer lives, and none has been there since `head` was loaded. */
static bool nobody_writes(const struct segment *segment, uint64_t head)
{
	return segment->lock_fd >= 0 && lock_held(segment->lock_fd, LOCK_PRODUCER) == 0 &&
	       load(&segment->data->head) == head;
}

/* Without a producer: what it left at the end. It may have died before it moved head. */
static void check_end(struct check *check, uint64_t head)
{
	const struct segment *segment = check->segment;
	uint64_t end, word;
	int error;

	if (!nobody_writes(segment, head))
		return;
	error = walk_end(segment, &end);
	word = error ? 0 : load_record_word(segment_word(segment, end), false);
	/* A producer may have come meanwhile: then this is its business. */
	if (!nobody_writes(segment, head))
		return;
	if (error)
		report(check, AT(head), head, 0, 0,
		       "the records behind head do not come to an end");
	else
		check_records(check, head, end);
	if (word != 0)
		report(check, offset_of(segment, end), word, 0, 0,
		       "behind the last record there is something other than zero");
}

static void check_index(struct check *check)
{
	const struct segment *segment = check->segment;

	for (unsigned int i = 0; i < INDEX_ENTRIES; i++) {
		const uint64_t position = load(&segment->data->index[i].position);

		if (position != INDEX_NONE &&
		    (position % 8 != 0 || index_block(segment, position) % INDEX_ENTRIES != i))
			report(check, AT(index) + i * sizeof(struct layout_index_entry), position,
			       0, 0,
			       "an index entry's position is not of its block, or misaligned");
	}
}

void check_data(struct check *check)
{
	uint64_t from, to, end;

	check_stream(check);
	check_index(check);
	if (!check_positions(check, &from, &to))
		return;
	end = check_records(check, from, to);
	if (end != UINT64_MAX && end > to && walk_floor(check->segment) <= to)
		report(check, AT(head), to, end, end, "head is in the middle of a record");
	else if (end == to && check->result == 0 && load(&check->segment->data->head) == to)
		check_end(check, to);
}
