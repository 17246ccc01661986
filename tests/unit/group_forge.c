/* SPDX-License-Identifier: MIT */
/* Groups: shmring_check finds nothing wrong with them, whatever state they are in, and names a forged word. */
#include "members.h"

#include <criterion/parameterized.h>
#include <stdatomic.h>

#include "checked.h"

#include "../support/objects.h"

#include "../../lib/layout.h"

#define LENGTH 500

/* A group of three: one holds two records and a bit, one is dead and holds three, one has nothing. */
struct rig {
	const char *name;
	struct layout_control *control;
	unsigned int slot;
	uint64_t first, head;
	struct shmring_consumer *one;
};

static void new_rig(struct rig *rig, enum shmring_policy policy, uint32_t durable)
{
	struct life life = { new_ring(0), "workers", policy, durable, 3, 0, 1 };
	struct shmring_consumer_options options = member_options("workers", policy, 3);
	struct shmring_producer *producer = new_producer(life.ring);
	size_t size;

	write_records(producer, 300, LENGTH);
	rig->name = life.ring;
	rig->first = ring_info(life.ring).oldest_position;
	rig->head = ring_info(life.ring).head_position;
	options.durable = durable;
	rig->one = open_consumer(life.ring, &options);
	expect_run(rig->one, ring_info(life.ring).oldest_sequence, 1, LENGTH);
	open_consumer(life.ring, &options);
	live_and_be_killed(&life);
	rig->slot = slot_of(life.ring, "workers");
	rig->control = object_map(life.ring, OBJECT_CONTROL, &size);
	expect_sound(rig->name);
}

static uint64_t load(const shared_u64 *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* Changes a word: it is then named, or another one at this offset with this value. */
static void forge_seen_as(const struct rig *rig, shared_u64 *word, uint64_t value, uint64_t offset,
			  uint64_t found, int64_t subscription)
{
	const uint64_t was = load(word);

	cr_assert_neq(was, value);
	atomic_store_explicit(word, value, memory_order_relaxed);
	expect_named(rig->name, "control", offset, found, subscription);
	atomic_store_explicit(word, was, memory_order_relaxed);
	expect_sound(rig->name);
}

static void forge(const struct rig *rig, shared_u64 *word, uint64_t value)
{
	const uint64_t offset = (uint64_t)((const char *)word - (const char *)rig->control);

	forge_seen_as(rig, word, value, offset, value, -1);
}

static enum shmring_policy policies[] = { SHMRING_RELIABLE, SHMRING_LOSSY, SHMRING_DEADLINE };

#define EachPolicy(Name)                                                      \
	ParameterizedTestParameters(group_forge, Name)                        \
	{                                                                     \
		return cr_make_param_array(enum shmring_policy, policies, 3); \
	}                                                                     \
	ParameterizedTest(enum shmring_policy *policy, group_forge, Name)

EachPolicy(what_members_hold)
{
	struct rig rig;
	unsigned int holders = 0;

	new_rig(&rig, *policy, 0);
	for (unsigned int i = 0; i < SHMRING_MEMBERS; i++) {
		shared_u64 *hold = &rig.control->member[i].hold, *end = &rig.control->member[i].end;
		const uint64_t was = load(hold);

		if (!member_taken(load(&rig.control->member[i].word)) || was == HOLD_NONE)
			continue;
		cr_assert_eq(load(end) - was, (holders++ == 0 ? 2 : 3) * stride_of(LENGTH));
		forge(&rig, hold, was + 4);
		forge(&rig, hold, was + 8);
		forge(&rig, hold, rig.head + 8);
		forge(&rig, hold, UINT64_MAX - 7);
		forge(&rig, end, load(end) + 4);
		forge(&rig, end, load(end) + 8);
		forge(&rig, end, rig.head + 8);
		forge(&rig, end, rig.head + SMALL);
		forge(&rig, end, UINT64_MAX - 7);
	}
	cr_assert_eq(holders, 2);
}

EachPolicy(state_words)
{
	struct rig rig;
	shared_u64 *state;
	uint64_t offset, was;

	new_rig(&rig, *policy, 0);
	state = &rig.control->state[rig.slot];
	was = load(state);
	offset = offsetof(struct layout_control, state) + rig.slot * sizeof(shared_u64);
	cr_assert(was & SLOT_SHARED);
	for (unsigned int bit = 18; bit < 32; bit++)
		forge_seen_as(&rig, state, was | 1U << bit, offset, was | 1U << bit, rig.slot);
	/* No group: then there are too many members. */
	forge_seen_as(&rig, state, was & ~SLOT_SHARED, offset, 3, rig.slot);
}

EachPolicy(members_of_none)
{
	struct rig rig;

	new_rig(&rig, *policy, 0);
	for (unsigned int i = 0; i < 3; i++) {
		shared_u64 *word = &rig.control->member[i].word;

		cr_assert_eq(member_taken(load(word)), 1);
		forge(&rig, word, load(word) | 1 << 1);
		forge(&rig, word, member_word(1, SHMRING_SUBSCRIPTIONS, 1));
	}
}

/* ---- Sound --------------------------------------------------------------------------------------------------- */

EachPolicy(a_group_is_sound_whatever_happens_to_it)
{
	for (uint32_t durable = 0; durable < 2; durable++) {
		struct tally tally = { 0 };
		struct rig rig;

		new_rig(&rig, *policy, durable);
		expect_ok(shmring_evict(rig.name, "workers"));
		expect_sound(rig.name);
		expect_ok(shmring_rejoin(rig.one, NULL));
		expect_sound(rig.name);
		cr_assert(take_one(rig.one, &tally));
		expect_sound(rig.name);
		drain(&rig.one, 1, &tally);
		expect_sound(rig.name);
		expect_ok(shmring_consumer_close(rig.one));
		expect_sound(rig.name);
		expect_ok(shmring_evict(rig.name, "workers"));
		expect_sound(rig.name);
	}
}

/* What is there for people. */
Test(group_forge, what_anybody_may_find_there)
{
	struct rig rig;

	new_rig(&rig, SHMRING_RELIABLE, 0);
	for (unsigned int i = 0; i < SHMRING_MEMBERS; i++) {
		struct layout_member *line = &rig.control->member[i];

		memset(&line->claimed_ns, 0xa5, sizeof(line->claimed_ns));
		memset(&line->since_ns, 0xa5, sizeof(line->since_ns));
		memset(&line->pid, 0xa5, sizeof(line->pid));
	}
	expect_sound(rig.name);
}

/* How many lines of the table are looked at: also a number that there cannot be ends at the table's end. */
Test(group_forge, the_number_of_lines)
{
	static const uint32_t numbers[] = { 0, SHMRING_MEMBERS + 1, UINT32_MAX };
	struct rig rig;
	shared_u32 *lines;
	uint32_t was;

	new_rig(&rig, SHMRING_RELIABLE, 0);
	lines = &rig.control->lines;
	was = atomic_load_explicit(lines, memory_order_relaxed);
	cr_assert_geq(was, 3);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		atomic_store_explicit(lines, numbers[i], memory_order_relaxed);
		expect_named(rig.name, "control", offsetof(struct layout_control, lines),
			     numbers[i], -1);
		/* Looks for members that are dead, and leaves; those of the group are not seen if there are no lines. */
		expect_ok(shmring_consumer_close(
			new_consumer(rig.name, SHMRING_RELIABLE, SHMRING_NEWEST)));
		atomic_store_explicit(lines, was, memory_order_relaxed);
		expect_sound(rig.name);
	}
}
