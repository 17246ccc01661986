/* SPDX-License-Identifier: MIT */
/* inspect_table.c - looking at subscriptions and members. */
#include <errno.h>
#include <string.h>

#include "atomics.h"
#include "index.h"
#include "inspect.h"
#include "options.h"
#include "subscription.h"
#include "wait.h"

/*
 * Names are written before a state is, and change with it; the caller compares the states around
 * this.
 */
not_seen_by_tsan static void name_copy(char *to, const char *from)
{
	for (unsigned int i = 0; i < SHMRING_SUBSCRIPTION_NAME_MAX; i++)
		to[i] = from[i];
	to[SHMRING_SUBSCRIPTION_NAME_MAX] = '\0';
}

/* The members of a subscription: how many, whether one is alive, and whose pid to tell. */
static void look_at_members(const struct segment *segment, unsigned int slot,
			    struct shmring_subscription_info *report)
{
	report->alive = SHMRING_DEAD;
	for (unsigned int i = 0; i < SHMRING_MEMBERS; i++) {
		const struct layout_member *line = &segment->control->member[i];
		const uint64_t word = atomic_load_explicit(&line->word, memory_order_acquire);

		if (!member_taken(word) || member_subscription(word) != slot)
			continue;
		report->members++;
		if (report->alive == SHMRING_ALIVE)
			continue;
		report->alive = inspect_life(segment->lock_fd, LOCK_MEMBER(i));
		report->pid = (int32_t)atomic_load_explicit(&line->pid, memory_order_relaxed);
	}
}

/* How long ago the record at a place was published, as far as the index knows. */
static uint64_t age_of(const struct segment *segment, uint64_t position)
{
	uint64_t now = clock_wall_ns();
	uint64_t start = index_last_below(segment, position + 8);
	uint64_t then = start == INDEX_NONE ? 0 : index_time(segment, index_block(segment, start));

	return then != 0 && then < now ? now - then : 0;
}

static void look_at_lag(const struct segment *segment, struct shmring_subscription_info *report,
			uint64_t tail)
{
	struct place head = inspect_place(segment, walk_head);
	struct place at = { tail, 0 };

	/* A producer that died had not moved head yet; or this one moves it just now. */
	if (tail != TAIL_NONE && tail > head.position)
		at = head;
	/*
	 * Gone, not quite joined, or overwritten while we look: then what it will read next is the
	 * oldest.
	 */
	else if (tail < walk_floor(segment) || tail == TAIL_NONE ||
		 walk_sequence(segment, &at) != 0)
		at = inspect_place(segment, walk_floor);
	report->position = at.position;
	report->sequence = at.sequence;
	if (at.position >= head.position)
		return;
	report->lag_bytes = head.position - at.position;
	report->lag_records = head.sequence - at.sequence;
	report->lag_ns = age_of(segment, at.position);
}

/* Is it what the producer is waiting for? */
static bool blocks(const struct segment *segment, uint64_t state, uint64_t tail)
{
	const bool gates = policy_gates(slot_policy(state)) &&
			   (slot_state(state) == SLOT_ACTIVE ||
			    (slot_state(state) == SLOT_JOINING && tail != TAIL_NONE));
	const uint64_t wanted = inspect_wanted(segment);

	return gates && wanted != 0 && tail < wanted &&
	       inspect_life(segment->lock_fd, LOCK_PRODUCER) == SHMRING_ALIVE;
}

/* Where a group stands: at its tail, or at what a member has in its hands. */
static uint64_t least_of(const struct segment *segment, unsigned int slot, uint64_t tail)
{
	const uint64_t floor = walk_floor(segment);
	uint64_t least = tail;

	for (unsigned int i = 0; i < SHMRING_MEMBERS; i++) {
		const struct layout_member *line = &segment->control->member[i];
		const uint64_t word = atomic_load_explicit(&line->word, memory_order_acquire);
		const uint64_t hold = atomic_load_explicit(&line->hold, memory_order_acquire);

		if (member_taken(word) && member_subscription(word) == slot && hold >= floor &&
		    hold < least)
			least = hold;
	}
	return least;
}

static int subscription_look(const struct segment *segment, unsigned int slot,
			     struct shmring_subscription_info *report)
{
	const struct layout_control *control = segment->control;
	uint64_t tail;
	/*
	 * [SLOT] acquire: the name and times that belong to it; pairs with
	 * subscription.c:slot_enter()
	 */
	uint64_t state = atomic_load_explicit(&control->state[slot], memory_order_acquire);

	if (slot_state(state) == SLOT_FREE)
		return -ENOENT;
	memset(report, 0, sizeof(*report));
	name_copy(report->name, control->subscription[slot].name);
	report->policy = (enum shmring_policy)slot_policy(state);
	report->joining = slot_state(state) == SLOT_JOINING;
	report->evicted = slot_state(state) == SLOT_EVICTED;
	report->durable = slot_durable(state);
	report->deadline_ns = (int64_t)atomic_load_explicit(
		&control->subscription[slot].deadline_ns, memory_order_relaxed);
	report->sleeping =
		atomic_load_explicit(&control->sleepers, memory_order_relaxed) >> slot & 1;
	report->since_ns =
		atomic_load_explicit(&control->subscription[slot].since_ns, memory_order_relaxed);
	report->shared = slot_shared(state);
	look_at_members(segment, slot, report);
	tail = atomic_load_explicit(&control->tail[slot].tail, memory_order_acquire);
	if (report->shared)
		tail = least_of(segment, slot, tail);
	look_at_lag(segment, report, tail);
	report->blocking = blocks(segment, state, tail);
	fence_acquire();
	return slot_generation(atomic_load_explicit(&control->state[slot], memory_order_relaxed)) ==
			       slot_generation(state)
		       ? 0
		       : -EAGAIN;
}

int shmring_inspect_subscription(struct shmring_inspector *inspector, unsigned int slot,
				 struct shmring_subscription_info *info)
{
	const struct segment *segment = &inspector->handle.segment;
	struct shmring_subscription_info report;
	int error = report_check(info, sizeof(report));
	KEEP_ERRNO;

	if (error || slot >= SHMRING_SUBSCRIPTIONS)
		return -EINVAL;
	if (inspector->handle.is_forked)
		return -EOWNERDEAD;
	if (!segment->control)
		return -EACCES;
	/* The slot may change hands while we look. */
	error = -EAGAIN;
	for (int looks = 0; error == -EAGAIN && looks < INSPECT_LOOKS_MAX; looks++)
		error = subscription_look(segment, slot, &report);
	if (!error)
		report_copy(info, &report, sizeof(report));
	return error == -EAGAIN ? -ENOENT : error;
}

/* The records between two places, one of which may be gone. */
static uint64_t count_between(const struct segment *segment, uint64_t from, uint64_t to)
{
	struct place low = { from, 0 }, high = { to, 0 };

	if (walk_sequence(segment, &low) != 0 || walk_sequence(segment, &high) != 0)
		return 0;
	return high.sequence - low.sequence;
}

/* Only the records that it holds are looked at, which stay there unless it is LOSSY. */
static int member_look(const struct segment *segment, unsigned int member,
		       struct shmring_member_info *report)
{
	const struct layout_member *line = &segment->control->member[member];
	const uint64_t word = atomic_load_explicit(&line->word, memory_order_acquire);
	uint64_t hold, end, claimed_ns, now;

	if (!member_taken(word))
		return -ENOENT;
	memset(report, 0, sizeof(*report));
	report->slot = member_subscription(word);
	report->alive = inspect_life(segment->lock_fd, LOCK_MEMBER(member));
	report->pid = (int32_t)atomic_load_explicit(&line->pid, memory_order_relaxed);
	report->since_ns = atomic_load_explicit(&line->since_ns, memory_order_relaxed);
	claimed_ns = atomic_load_explicit(&line->claimed_ns, memory_order_relaxed);
	hold = atomic_load_explicit(&line->hold, memory_order_acquire);
	end = atomic_load_explicit(&line->end, memory_order_acquire);
	if (hold != HOLD_NONE && end != HOLD_NONE && hold % 8 == 0 && end % 8 == 0 && hold < end &&
	    end - hold <= segment->capacity) {
		now = clock_wall_coarse_ns();
		report->holds = 1;
		report->position = hold;
		report->end = end;
		report->bytes = end - hold;
		report->records = count_between(segment, hold, end);
		report->held_ns = claimed_ns < now ? now - claimed_ns : 0;
	}
	fence_acquire();
	return atomic_load_explicit(&line->word, memory_order_relaxed) == word ? 0 : -EAGAIN;
}

int shmring_inspect_member(struct shmring_inspector *inspector, unsigned int member,
			   struct shmring_member_info *info)
{
	const struct segment *segment = &inspector->handle.segment;
	struct shmring_member_info report;
	int error = report_check(info, sizeof(report));
	KEEP_ERRNO;

	if (error || member >= SHMRING_MEMBERS)
		return -EINVAL;
	if (inspector->handle.is_forked)
		return -EOWNERDEAD;
	if (!segment->control)
		return -EACCES;
	/* The line may change hands while we look. */
	error = -EAGAIN;
	for (int looks = 0; error == -EAGAIN && looks < INSPECT_LOOKS_MAX; looks++)
		error = member_look(segment, member, &report);
	if (!error)
		report_copy(info, &report, sizeof(report));
	return error == -EAGAIN ? -ENOENT : error;
}
