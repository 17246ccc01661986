/* SPDX-License-Identifier: MIT */
/* check_control.c - subscriptions and members, while they come and go. */
#include <stddef.h>
#include <string.h>

#include "atomics.h"
#include "check.h"
#include "index.h"
#include "subscription.h"
#include "walk.h"

/* A slot that changes while it is looked at is looked at again, so often at most. */
#define LOOKS_MAX 100

#define AT(member) offsetof(struct layout_control, member)

/* What a slot holds, as it was while its state was `state`. */
struct slot {
	int number;
	uint64_t state;
	uint64_t tail;
	uint64_t deadline_ns;
	unsigned int members;
	char name[SHMRING_SUBSCRIPTION_NAME_MAX + 1];
};

static uint64_t load(const shared_u64 *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

not_seen_by_tsan static void name_copy(char *to, const char *from)
{
	for (unsigned int i = 0; i <= SHMRING_SUBSCRIPTION_NAME_MAX; i++)
		to[i] = from[i];
}

static unsigned int count_members(const struct layout_control *control, unsigned int slot)
{
	unsigned int count = 0;

	for (unsigned int member = 0; member < SHMRING_MEMBERS; member++) {
		uint64_t word = load(&control->member[member].word);

		count += member_taken(word) && member_subscription(word) == slot;
	}
	return count;
}

/* False if it kept changing. */
static bool slot_take(const struct layout_control *control, unsigned int number, struct slot *slot)
{
	for (int look = 0; look < LOOKS_MAX; look++) {
		slot->number = (int)number;
		slot->state = load(&control->state[number]);
		slot->tail = load(&control->tail[number].tail);
		slot->deadline_ns = load(&control->subscription[number].deadline_ns);
		slot->members = count_members(control, number);
		name_copy(slot->name, control->subscription[number].name);
		fence_acquire();
		/*
		 * Two members at once may be one that left and one that came while they were
		 * counted.
		 */
		if (load(&control->state[number]) == slot->state &&
		    (slot->members <= 1 || slot_shared(slot->state) || look >= LOOKS_MAX / 2))
			return true;
	}
	return false;
}

static void report(struct check *check, const struct slot *slot, uint64_t offset, uint64_t found,
		   uint64_t low, uint64_t high, const char *what)
{
	check_report(check, CHECK_CONTROL, offset, found, low, high, slot->number, what);
}

static uint64_t state_offset(const struct slot *slot)
{
	return AT(state) + (uint64_t)slot->number * sizeof(shared_u64);
}

static uint64_t tail_offset(const struct slot *slot)
{
	return AT(tail) + (uint64_t)slot->number * sizeof(struct layout_tail);
}

static uint64_t entry_offset(const struct slot *slot, size_t member)
{
	return AT(subscription) + (uint64_t)slot->number * sizeof(struct layout_subscription) +
	       member;
}

/* False if there is no more to say about it. */
static bool check_state(struct check *check, const struct slot *slot)
{
	const uint64_t known = slot_word(slot_generation(slot->state), slot_policy(slot->state),
					 (enum slot_state)slot_state(slot->state)) |
			       (slot->state & SLOT_FLAGS);

	if (slot_state(slot->state) > SLOT_EVICTED || slot->state != known) {
		report(check, slot, state_offset(slot), slot->state, 0, 0,
		       "the state of a subscription is unknown");
		return false;
	}
	if (slot_state(slot->state) == SLOT_FREE)
		return false;
	if (slot_policy(slot->state) != SHMRING_LOSSY && !policy_gates(slot_policy(slot->state))) {
		report(check, slot, state_offset(slot), slot->state, 0, 0,
		       "the policy of a subscription is unknown");
		return false;
	}
	return true;
}

static void check_entry(struct check *check, const struct slot *slot)
{
	const size_t deadline = offsetof(struct layout_subscription, deadline_ns);

	if (memchr(slot->name, 0, sizeof(slot->name)) == NULL ||
	    name_check_subscription(slot->name) != 0)
		report(check, slot, entry_offset(slot, 0), (unsigned char)slot->name[0], 0, 0,
		       "the name of a subscription is not one");
	if ((slot_policy(slot->state) == SHMRING_DEADLINE) != (slot->deadline_ns != 0) ||
	    slot->deadline_ns > INT64_MAX)
		report(check, slot, entry_offset(slot, deadline), slot->deadline_ns, 0, 0,
		       "the deadline of a subscription does not go with its policy");
	if (slot->members > 1 && !slot_shared(slot->state))
		report(check, slot, state_offset(slot), slot->members, 0, 1,
		       "a subscription has too many members");
	if (slot->members == 0 && !slot_durable(slot->state))
		report(check, slot, state_offset(slot), 0, 1, 1,
		       "a subscription that is not durable has no member");
}

/*
 * Is a position the start of a record? Where that is overwritten, or nothing to go by, it may be.
 */
static bool record_starts(const struct segment *segment, uint64_t position)
{
	const uint64_t start = index_last_below(segment, position + 8);
	uint64_t at = start, stride, sequence;

	if (start == INDEX_NONE)
		return true;
	while (at < position && walk_record(segment, at, &stride, &sequence) == 1)
		at += stride;
	/* [FLOOR] reading, acquire fence, then floor; pairs with floor.c:floor_raise() */
	fence_acquire();
	return at == position || walk_floor(segment) > start;
}

/* Has the slot changed since it was taken? Then what seemed wrong with it need not have been. */
static bool slot_moved(const struct check *check, const struct slot *slot)
{
	const struct layout_control *control = check->segment->control;

	return load(&control->state[slot->number]) != slot->state ||
	       load(&control->tail[slot->number].tail) != slot->tail;
}

/* `floor` was loaded before the slot was. */
static void check_tail(struct check *check, const struct slot *slot, uint64_t floor)
{
	const struct segment *segment = check->segment;
	const bool gates =
		policy_gates(slot_policy(slot->state)) && slot_state(slot->state) == SLOT_ACTIVE;

	if (slot_state(slot->state) == SLOT_JOINING && slot->tail == TAIL_NONE)
		return;
	/* An evicted newcomer's may still be TAIL_NONE. */
	if (slot_state(slot->state) == SLOT_EVICTED && slot->tail == TAIL_NONE)
		return;
	if (slot->tail % 8 != 0) {
		report(check, slot, tail_offset(slot), slot->tail, 0, 0,
		       "the cursor of a subscription is not a multiple of 8");
	} else if (!walk_reached(segment, slot->tail)) {
		if (!slot_moved(check, slot))
			report(check, slot, tail_offset(slot), slot->tail,
			       segment->header.first_position, walk_head(segment),
			       "the cursor of a subscription is outside the stream");
	} else if (gates && slot->tail < floor) {
		report(check, slot, tail_offset(slot), slot->tail, floor, walk_head(segment),
		       "the cursor of a subscription that gates is below floor");
	} else if (slot_state(slot->state) != SLOT_JOINING && !record_starts(segment, slot->tail) &&
		   !slot_moved(check, slot)) {
		report(check, slot, tail_offset(slot), slot->tail, 0, 0,
		       "the cursor of a subscription is in the middle of a record");
	}
}

/*
 * Of a durable subscription: does the mark that agrees with its tail tell the sequence number of
 * the record there? Nothing can be said of one whose record is gone, or that was killed while it
 * moved and has no such mark.
 */
static void check_mark(struct check *check, const struct slot *slot)
{
	const struct segment *segment = check->segment;
	const struct layout_tail *line = &segment->control->tail[slot->number];
	struct place place = { slot->tail, 0 };

	if (!slot_durable(slot->state) || slot_shared(slot->state) ||
	    !walk_reached(segment, slot->tail) || slot->tail < walk_floor(segment) ||
	    walk_sequence(segment, &place) != 0)
		return;
	for (unsigned int i = 0; i < 2; i++) {
		const uint64_t position = load(&line->mark[i].position);
		const uint64_t sequence = load(&line->mark[i].sequence);
		const uint64_t offset = tail_offset(slot) + offsetof(struct layout_tail, mark) +
					i * sizeof(struct layout_mark) +
					offsetof(struct layout_mark, sequence);

		/* Changed while we looked, if the position is another afterwards. */
		if (position == slot->tail && sequence > place.sequence &&
		    load(&line->mark[i].position) == position && !slot_moved(check, slot))
			report(check, slot, offset, sequence, 0, place.sequence,
			       "a durable subscription's mark is ahead of the record it marks");
	}
}

static void check_slot(struct check *check, unsigned int number, struct slot *slot)
{
	const uint64_t floor = walk_floor(check->segment);

	slot->state = 0;
	if (!slot_take(check->segment->control, number, slot) || !check_state(check, slot))
		return;
	check_entry(check, slot);
	check_tail(check, slot, floor);
	check_mark(check, slot);
}

static void check_names(struct check *check, const struct slot *slots)
{
	const struct layout_control *control = check->segment->control;

	for (unsigned int i = 0; i < SHMRING_SUBSCRIPTIONS; i++)
		for (unsigned int j = 0; j < i; j++)
			if (slot_state(slots[i].state) != SLOT_FREE &&
			    slot_state(slots[j].state) != SLOT_FREE &&
			    strncmp(slots[i].name, slots[j].name, sizeof(slots[i].name)) == 0 &&
			    load(&control->state[i]) == slots[i].state &&
			    load(&control->state[j]) == slots[j].state)
				report(check, &slots[i], entry_offset(&slots[i], 0),
				       (unsigned char)slots[i].name[0], 0, 0,
				       "two subscriptions have the same name");
}

/* What a member has claimed: record starts, or none. */
static void check_claim(struct check *check, unsigned int number)
{
	const struct layout_member *line = &check->segment->control->member[number];
	const uint64_t offset = AT(member) + number * sizeof(struct layout_member);
	const uint64_t hold = load(&line->hold), end = load(&line->end);

	if (hold != HOLD_NONE && !walk_reached(check->segment, hold))
		check_report(check, CHECK_CONTROL, offset + offsetof(struct layout_member, hold),
			     hold, 0, 0, -1, "a member holds what is outside the stream");
	else if (hold != HOLD_NONE && !record_starts(check->segment, hold))
		check_report(check, CHECK_CONTROL, offset + offsetof(struct layout_member, hold),
			     hold, 0, 0, -1, "a member holds from the middle of a record on");
	if (end != HOLD_NONE && !walk_reached(check->segment, end))
		check_report(check, CHECK_CONTROL, offset + offsetof(struct layout_member, end),
			     end, 0, 0, -1, "a member's claim ends outside the stream");
	else if (end != HOLD_NONE && !record_starts(check->segment, end))
		check_report(check, CHECK_CONTROL, offset + offsetof(struct layout_member, end),
			     end, 0, 0, -1, "a member's claim ends in the middle of a record");
}

static void check_lines(struct check *check)
{
	const uint32_t lines =
		atomic_load_explicit(&check->segment->control->lines, memory_order_relaxed);

	if (lines > SHMRING_MEMBERS)
		check_report(check, CHECK_CONTROL, offsetof(struct layout_control, lines), lines, 0,
			     SHMRING_MEMBERS, -1, "there are not so many lines of members");
}

static void check_members(struct check *check)
{
	const struct layout_control *control = check->segment->control;

	check_lines(check);
	for (unsigned int member = 0; member < SHMRING_MEMBERS; member++) {
		const uint64_t word = load(&control->member[member].word);
		/* Taken first, so counted by now. */
		const uint32_t lines = atomic_load_explicit(&control->lines, memory_order_relaxed);

		if (word != member_word(member_generation(word), member_subscription(word),
					member_taken(word)) ||
		    member_subscription(word) >= SHMRING_SUBSCRIPTIONS)
			check_report(check, CHECK_CONTROL,
				     AT(member) + member * sizeof(struct layout_member), word, 0, 0,
				     -1, "the word of a member is unknown");
		else if (member_taken(word) && member >= lines)
			check_report(check, CHECK_CONTROL, offsetof(struct layout_control, lines),
				     lines, member + 1, SHMRING_MEMBERS, -1,
				     "a member's line is not among those that are looked at");
		check_claim(check, member);
	}
}

void check_control(struct check *check)
{
	struct slot slots[SHMRING_SUBSCRIPTIONS];

	memset(slots, 0, sizeof(slots));
	for (unsigned int number = 0; number < SHMRING_SUBSCRIPTIONS && check->result == 0;
	     number++)
		check_slot(check, number, &slots[number]);
	check_names(check, slots);
	check_members(check);
}
