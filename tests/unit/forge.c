/* SPDX-License-Identifier: MIT */
/* One word of a sound ring is changed: shmring_check names it, and when it is put back finds nothing wrong. */
#include "unit.h"

#include <stdatomic.h>

#include "checked.h"

#include "../support/objects.h"

#include "../../lib/layout.h"

#define LENGTH 500

/* A ring that has gone round more than twice, with a subscription of every kind, and its two objects. */
struct rig {
	const char *name;
	struct shmring_producer *producer;
	struct layout_data *data;
	struct layout_control *control;
	size_t data_size, control_size;
	uint64_t floor, head;
};

static void new_rig(struct rig *rig)
{
	struct shmring_consumer *consumer;
	struct shmring_info info;

	rig->name = new_ring(0);
	rig->producer = new_producer(rig->name);
	write_records(rig->producer, 300, LENGTH);
	info = ring_info(rig->name);
	rig->floor = info.oldest_position;
	rig->head = info.head_position;
	for (int policy = SHMRING_RELIABLE; policy <= SHMRING_DEADLINE; policy++) {
		static const char *const names[] = { "reliable", "lossy", "deadline" };
		struct shmring_consumer_options options =
			durable_options(names[policy], (enum shmring_policy)policy);

		options.durable = 0;
		consumer = open_consumer(rig->name, &options);
		expect_run(consumer, info.oldest_sequence, 5, LENGTH);
	}
	consumer = open_durable(rig->name, "durable", SHMRING_RELIABLE);
	expect_run(consumer, info.oldest_sequence, 10, LENGTH);
	expect_ok(shmring_consumer_close(consumer));
	consumer = new_deadline(rig->name, "evicted", NEVER);
	expect_run(consumer, info.oldest_sequence, 7, LENGTH);
	expect_ok(shmring_evict(rig->name, "evicted"));
	rig->data = object_map(rig->name, OBJECT_DATA, &rig->data_size);
	rig->control = object_map(rig->name, OBJECT_CONTROL, &rig->control_size);
	expect_sound(rig->name);
}

/* Changes a word; the check must then name the word at this offset, and say that it found this. */
static void forge_seen_as(const struct rig *rig, shared_u64 *word, uint64_t value, uint64_t offset,
			  uint64_t found, int64_t subscription)
{
	const char *base = (const char *)rig->data, *at = (const char *)word;
	int in_data = at >= base && at < base + rig->data_size;
	uint64_t was = atomic_load_explicit(word, memory_order_relaxed);

	cr_assert_neq(was, value);
	atomic_store_explicit(word, value, memory_order_relaxed);
	expect_named(rig->name, in_data ? "data" : "control", offset, found, subscription);
	atomic_store_explicit(word, was, memory_order_relaxed);
	expect_sound(rig->name);
}

static uint64_t offset_in(const struct rig *rig, const shared_u64 *word)
{
	const char *data = (const char *)rig->data, *at = (const char *)word;

	return (uint64_t)(at >= data && at < data + rig->data_size
				  ? at - data
				  : at - (const char *)rig->control);
}

static void forge(const struct rig *rig, shared_u64 *word, uint64_t value)
{
	forge_seen_as(rig, word, value, offset_in(rig, word), value, -1);
}

/* The same, for a word that belongs to a subscription. */
static void forge_of(const struct rig *rig, shared_u64 *word, uint64_t value, unsigned int slot)
{
	forge_seen_as(rig, word, value, offset_in(rig, word), value, slot);
}

/* Changes a word of which it cannot be told that it is the one, rather than another. */
static void forge_somehow(const struct rig *rig, shared_u64 *word, uint64_t value)
{
	uint64_t was = atomic_load_explicit(word, memory_order_relaxed);

	cr_assert_neq(was, value);
	atomic_store_explicit(word, value, memory_order_relaxed);
	expect_unsound(rig->name);
	atomic_store_explicit(word, was, memory_order_relaxed);
	expect_sound(rig->name);
}

static shared_u64 *word_at(const struct rig *rig, uint64_t position)
{
	return (shared_u64 *)(void *)((char *)rig->data + rig->data->header.records_offset +
				      position % SMALL);
}

static uint64_t load(const shared_u64 *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* ---- The data object --------------------------------------------------------------------------------------- */

Test(forge, positions)
{
	struct rig rig;
	shared_u64 *head, *floor, *want, *need, *full;

	new_rig(&rig);
	head = &rig.data->head;
	floor = &rig.data->floor;
	want = &rig.data->want;
	need = &rig.data->need;
	full = &rig.data->full;
	forge(&rig, head, rig.head + 1);
	forge(&rig, head, rig.head - 8);
	forge(&rig, head, UINT64_MAX);
	forge(&rig, head, 4);
	forge_somehow(&rig, head, rig.head + 8);
	forge_somehow(&rig, head, rig.head + SMALL);
	forge_somehow(&rig, head, rig.floor - 8);
	forge_somehow(&rig, head, 0);
	forge(&rig, floor, rig.floor + 1);
	forge(&rig, floor, rig.head + 8);
	forge(&rig, floor, UINT64_MAX);
	forge(&rig, floor, rig.head - SMALL - 8);
	forge(&rig, floor, 0);
	forge_somehow(&rig, floor, rig.floor + 8);
	forge(&rig, want, rig.floor + 4);
	forge(&rig, want, rig.floor - 8);
	forge(&rig, want, rig.head + 8);
	forge(&rig, want, 0);
	forge(&rig, want, UINT64_MAX);
	forge(&rig, need, 3);
	forge(&rig, need, rig.head + 8);
	forge(&rig, need, UINT64_MAX);
	forge(&rig, full, 3);
	forge(&rig, full, rig.head + 8);
}

Test(forge, the_stream_word)
{
	struct rig rig;
	shared_u64 *stream;

	new_rig(&rig);
	stream = &rig.data->stream;
	forge(&rig, stream, stream_word(1, (enum shmring_stream_state)3));
	forge(&rig, stream, stream_word(1, (enum shmring_stream_state)255));
	forge(&rig, stream, stream_word(0, SHMRING_STREAM_OPEN));
	forge(&rig, stream, stream_word(0, SHMRING_STREAM_CLOSED));
	forge(&rig, stream, stream_word(1, SHMRING_STREAM_NEW));
}

Test(forge, the_index)
{
	struct rig rig;
	unsigned int forged = 0;

	new_rig(&rig);
	for (unsigned int i = 0; i < INDEX_ENTRIES; i++) {
		shared_u64 *word = &rig.data->index[i].position;
		uint64_t position = load(word);

		if (position == INDEX_NONE || position % 3 != 0)
			continue;
		forge(&rig, word, position + 4);
		forge(&rig, word, position + SMALL_BLOCK);
		/* What is below floor counts no more, and the block of the first record there may have begun earlier. */
		if (position <= rig.floor)
			continue;
		forge(&rig, word, INDEX_NONE);
		if ((position + 8) / SMALL_BLOCK == position / SMALL_BLOCK)
			forge(&rig, word, position + 8);
		forged++;
	}
	cr_assert_gt(forged, 10);
}

Test(forge, records)
{
	struct rig rig;
	unsigned int forged = 0;

	new_rig(&rig);
	for (uint64_t position = rig.floor; position < rig.head; position += stride_of(LENGTH)) {
		shared_u64 *header = word_at(&rig, position);
		shared_u64 *sequence = word_at(&rig, position + 8);
		const uint64_t word = load(header), number = load(sequence);
		const uint64_t at = offset_in(&rig, header);

		forge(&rig, header, 0);
		forge(&rig, header, word & ~RECORD_WORD_VALID);
		forge_seen_as(&rig, header, record_word(SMALL_MAXIMUM + 1, 0), at,
			      SMALL_MAXIMUM + 1, -1);
		forge_seen_as(&rig, header, record_word(UINT32_MAX, 0), at, UINT32_MAX, -1);
		forge_seen_as(&rig, header, word | 1ULL << 49, at, 3, -1);
		forge_seen_as(&rig, header, word | 1ULL << 63, at, 0x8001, -1);
		forge_somehow(&rig, header, word + 8);
		forge_somehow(&rig, header, word - 8);
		/* Of the first there, the number cannot be told wrong, but that the next one does not follow. */
		if (position == rig.floor) {
			forge_somehow(&rig, sequence, number + 1);
			continue;
		}
		forge(&rig, sequence, number + 1);
		forge(&rig, sequence, number - 1);
		forge(&rig, sequence, 0);
		forge(&rig, sequence, UINT64_MAX);
		forged++;
	}
	cr_assert_gt(forged, 50);
}

Test(forge, the_first_record_of_a_stream)
{
	struct rig rig;
	shared_u64 *sequence;

	rig.name = new_ring_from(1 << 20, 77);
	write_records(new_producer(rig.name), 3, LENGTH);
	rig.data = object_map(rig.name, OBJECT_DATA, &rig.data_size);
	rig.control = object_map(rig.name, OBJECT_CONTROL, &rig.control_size);
	sequence = word_at(&rig, (1 << 20) + 8);
	cr_assert_eq(load(sequence), 77);
	forge(&rig, sequence, 76);
	forge(&rig, &rig.data->floor, (1 << 20) - 8);
	forge(&rig, &rig.data->head, (1 << 20) - 8);
}

Test(forge, what_lies_behind_the_last_record)
{
	struct rig rig;

	new_rig(&rig);
	expect_ok(shmring_producer_close(rig.producer));
	expect_sound(rig.name);
	forge(&rig, word_at(&rig, rig.head), 1);
	forge(&rig, word_at(&rig, rig.head), UINT64_MAX & ~RECORD_WORD_VALID);
	/* A record that is none: too long, or with a number that does not follow. */
	forge_somehow(&rig, word_at(&rig, rig.head), record_word(SMALL_MAXIMUM + 1, 0));
	forge_somehow(&rig, word_at(&rig, rig.head), record_word(8, 0));
}

/* ---- The control object ------------------------------------------------------------------------------------ */

Test(forge, tails)
{
	static const char *const names[] = { "reliable", "lossy", "deadline", "durable" };
	struct rig rig;

	new_rig(&rig);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unsigned int slot = slot_of(rig.name, names[i]);
		shared_u64 *tail = &rig.control->tail[slot].tail;
		uint64_t was = load(tail);

		cr_assert_gt(was, rig.floor);
		forge_of(&rig, tail, was + 4, slot);
		forge_of(&rig, tail, rig.head + 8, slot);
		forge_of(&rig, tail, UINT64_MAX, slot);
		forge_of(&rig, tail, UINT64_MAX - 7, slot);
		forge_of(&rig, tail, rig.head + SMALL, slot);
		forge_of(&rig, tail, was + 8, slot);
		forge_of(&rig, tail, was + 16, slot);
		/* A LOSSY one may have been overtaken. */
		if (strcmp(names[i], "lossy") == 0)
			continue;
		forge_of(&rig, tail, rig.floor - 8, slot);
		forge_of(&rig, tail, 0, slot);
	}
}

Test(forge, state_words)
{
	static const char *const names[] = { "reliable", "lossy", "deadline", "durable",
					     "evicted" };
	struct rig rig;

	new_rig(&rig);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unsigned int slot = slot_of(rig.name, names[i]);
		shared_u64 *state = &rig.control->state[slot];
		uint64_t was = load(state);

		forge_of(&rig, state, (was & ~(uint64_t)0xff) | 4, slot);
		forge_of(&rig, state, was | 0xff, slot);
		forge_of(&rig, state, (was & ~(uint64_t)0xff00) | 3 << 8, slot);
		forge_of(&rig, state, was | 0xff00, slot);
		forge_of(&rig, state, was | 1 << 18, slot);
		forge_of(&rig, state, was | 1U << 31, slot);
	}
}

Test(forge, a_slot_that_is_taken_by_nobody)
{
	struct rig rig;
	unsigned int slot = 40;
	shared_u64 *state;

	new_rig(&rig);
	state = &rig.control->state[slot];
	cr_assert_eq(slot_state(load(state)), SLOT_FREE);
	forge_somehow(&rig, state, slot_word(7, SHMRING_RELIABLE, SLOT_ACTIVE));
	forge_somehow(&rig, state, slot_word(7, SHMRING_LOSSY, SLOT_EVICTED) | SLOT_DURABLE);
	forge_of(&rig, state, slot_word(7, 99, SLOT_ACTIVE), slot);
}

Test(forge, members)
{
	struct rig rig;
	unsigned int forged = 0;

	new_rig(&rig);
	for (unsigned int i = 0; i < SHMRING_MEMBERS; i++) {
		shared_u64 *word = &rig.control->member[i].word;
		const uint64_t was = load(word);
		unsigned int slot = member_subscription(was);

		if (!member_taken(was)) {
			/* A second one of somebody's. */
			slot = slot_of(rig.name, "reliable");
			forge_seen_as(&rig, word, member_word(1, slot, 1),
				      offsetof(struct layout_control, state) + slot * 8, 2, slot);
			break;
		}
		forge(&rig, word, was | 1 << 1);
		forge(&rig, word, was | 1 << 7);
		forge(&rig, word, was | 1 << 24);
		forge(&rig, word, member_word(1, SHMRING_SUBSCRIPTIONS, 1));
		forge(&rig, word, member_word(1, 0xffff, 1));
		/* None, where there must be one. */
		forge_seen_as(&rig, word, 0, offsetof(struct layout_control, state) + slot * 8, 0,
			      slot);
		forged++;
	}
	cr_assert_eq(forged, 4);
}

static uint64_t name_word(const char *letters)
{
	uint64_t word = 0;

	memcpy(&word, letters, strlen(letters));
	return word;
}

Test(forge, names)
{
	struct rig rig;
	unsigned int slot;
	shared_u64 *words;
	uint64_t offset;

	new_rig(&rig);
	slot = slot_of(rig.name, "lossy");
	words = (shared_u64 *)(void *)rig.control->subscription[slot].name;
	offset = offset_in(&rig, words);
	forge_seen_as(&rig, words, 0, offset, 0, slot);
	forge_seen_as(&rig, words, name_word(".lossy"), offset, '.', slot);
	forge_seen_as(&rig, words, name_word("los/sy"), offset, 'l', slot);
	forge_seen_as(&rig, words, name_word("los sy"), offset, 'l', slot);
	forge_seen_as(&rig, words, name_word("\xff"), offset, 0xff, slot);
	/* Another one's: the later of the two is named. */
	forge_seen_as(&rig, words, name_word("evicted"),
		      offsetof(struct layout_control, subscription) +
			      slot_of(rig.name, "evicted") * sizeof(struct layout_subscription),
		      'e', slot_of(rig.name, "evicted"));
	/* Without an end. */
	memset(rig.control->subscription[slot].name, 'a', SHMRING_SUBSCRIPTION_NAME_MAX + 1);
	expect_named(rig.name, "control", offset, 'a', slot);
}

Test(forge, deadlines)
{
	struct rig rig;
	unsigned int reliable, deadline;

	new_rig(&rig);
	reliable = slot_of(rig.name, "reliable");
	deadline = slot_of(rig.name, "deadline");
	forge_of(&rig, &rig.control->subscription[reliable].deadline_ns, 1, reliable);
	forge_of(&rig, &rig.control->subscription[deadline].deadline_ns, 0, deadline);
	forge_of(&rig, &rig.control->subscription[deadline].deadline_ns, 1ULL << 63, deadline);
}

Test(forge, marks_of_a_durable_one)
{
	struct rig rig;
	struct layout_tail *line;
	unsigned int slot, forged = 0;

	new_rig(&rig);
	slot = slot_of(rig.name, "durable");
	line = &rig.control->tail[slot];
	for (int i = 0; i < 2; i++) {
		uint64_t sequence = load(&line->mark[i].sequence);

		/*
		 * The other one is of where it was before, or is going to: anything may be there. And a lower number
		 * is a loss that has not been told yet.
		 */
		if (load(&line->mark[i].position) != load(&line->tail))
			continue;
		forge_of(&rig, &line->mark[i].sequence, sequence + 1, slot);
		forge_of(&rig, &line->mark[i].sequence, UINT64_MAX, slot);
		forged++;
	}
	cr_assert_eq(forged, 1);
}

/* ---- What does not matter ---------------------------------------------------------------------------------- */

static void scribble(void *bytes, size_t size)
{
	memset(bytes, 0xa5, size);
}

Test(forge, what_anybody_may_find_there)
{
	struct rig rig;

	new_rig(&rig);
	scribble(rig.data->bell, sizeof(rig.data->bell));
	scribble(&rig.data->producer_since_ns, 12);
	scribble(&rig.control->joins, 8);
	scribble(&rig.control->room_bell, 4);
	for (unsigned int i = 0; i < SHMRING_SUBSCRIPTIONS; i++)
		scribble(&rig.control->subscription[i].since_ns, 8);
	for (unsigned int i = 0; i < SHMRING_MEMBERS; i++) {
		scribble(&rig.control->member[i].pid, 4);
		scribble(&rig.control->member[i].since_ns, 8);
	}
	scribble((char *)rig.data + sizeof(struct layout_header),
		 LAYOUT_PAGE - sizeof(struct layout_header));
	scribble((char *)rig.control + sizeof(struct layout_header),
		 LAYOUT_PAGE - sizeof(struct layout_header));
	/* What is left in free slots: a name, a cursor. */
	scribble(&rig.control->tail[50].tail, 8);
	scribble(rig.control->subscription[50].name, sizeof(rig.control->subscription[50].name));
	expect_sound(rig.name);
}
