/* SPDX-License-Identifier: MIT */
/*
 * poller_wait.c - waiting for any of a poller's members: looking at all, spinning while that has
 * paid off lately, then arming all and sleeping on all their words.
 */
#include <errno.h>

#include "atomics.h"
#include "many.h"
#include "poller.h"

/* Looks at consumers between two at the clock while spinning. */
#define SPIN_LOOKS 32u

/* 0 if it is ready, -EAGAIN if not, or what else there is to tell. */
static int member_look(struct poller_member *member)
{
	const int told = member->told;

	member->told = 0;
	if (told)
		return told;
	return member->producer ? producer_look(member->producer, member->stride)
				: consumer_look(member->consumer);
}

/* Members `first` to `last`; starts where the last look ended, so that none waits for ever. */
static unsigned int look_at_level(struct shmring_poller *poller, const struct roster_list *list,
				  unsigned int first, unsigned int last,
				  struct shmring_event *events, unsigned int room)
{
	const unsigned int length = last - first, start = poller->turn % length;
	unsigned int found = 0;

	/* Not one look more than there is room: some things are told but once. */
	for (unsigned int i = 0; i < length && found < room; i++) {
		const unsigned int turn = (start + i) % length;
		struct poller_member *member = list->item[first + turn];
		const int error = member_look(member);

		if (error == -EAGAIN)
			continue;
		events[found++] = (struct shmring_event){
			.handle = handle_address(member->handle),
			.context = member->context,
			.error = error,
			.priority = member->priority,
		};
		poller->turn = turn + 1;
	}
	return found;
}

/* Where the level that starts there ends. */
static unsigned int level_end(const struct shmring_poller *poller, const struct roster_list *list,
			      unsigned int first)
{
	const struct poller_member *member = list->item[first];
	unsigned int last = first + 1;

	if (!poller->by_priority)
		return list->count;
	while (last < list->count &&
	       ((const struct poller_member *)list->item[last])->priority == member->priority)
		last++;
	return last;
}

static unsigned int look_at_all(struct shmring_poller *poller, struct shmring_event *events,
				unsigned int room)
{
	const struct roster_list *list = roster_enter(&poller->members);
	unsigned int found = 0, last;

	for (unsigned int first = 0; first < list->count && found == 0; first = last) {
		last = level_end(poller, list, first);
		found = look_at_level(poller, list, first, last, events, room);
	}
	roster_leave(&poller->members);
	if (found)
		poller->silent_since_ns = 0;
	return found;
}

/* A look at what is easily seen. */
static bool glance(struct shmring_poller *poller)
{
	const struct roster_list *list = roster_enter(&poller->members);
	unsigned int looks = list->count ? SPIN_LOOKS / list->count + 1 : 0;
	bool found = false;

	for (unsigned int i = 0; i < list->count && !found; i++) {
		const struct poller_member *member = list->item[i];

		if (member->producer)
			found = producer_look(member->producer, member->stride) != -EAGAIN;
	}
	for (; looks > 0 && !found; looks--) {
		for (unsigned int i = 0; i < list->count && !found; i++) {
			const struct poller_member *member = list->item[i];

			found = member->consumer && consumer_glance(member->consumer);
		}
		cpu_pause();
	}
	roster_leave(&poller->members);
	return found;
}

static bool spin_for_any(struct shmring_poller *poller, struct deadline deadline)
{
	const uint64_t until = clock_ns() + poller->spin.budget_ns;

	if (poller->spin.budget_ns == 0)
		return false;
	while (clock_ns() < until && deadline_left(deadline, 1) != 0 &&
	       !handle_cancelled(&poller->handle)) {
		if (glance(poller)) {
			spin_paid(&poller->spin);
			return true;
		}
	}
	return false;
}

/* False: there is something to look at. */
static bool member_arm(struct poller_member *member)
{
	member->armed = true;
	if (member->producer) {
		const int error = producer_arm(member->producer, member->stride, &member->on);

		if (error != -EAGAIN) {
			/* What a look would not find. */
			member->told = error;
			return false;
		}
	} else {
		if (!consumer_arm(member->consumer, &member->on))
			return false;
	}
	return handle_arm(member->handle, member->on.word);
}

void poller_disarm(struct poller_member *member, bool slept, bool overslept)
{
	struct shmring_consumer *consumer = member->consumer;
	enum sleep_end end = SLEEP_NOT;

	if (!member->armed)
		return;
	member->armed = false;
	handle_disarm(member->handle);
	if (member->producer) {
		producer_disarm(member->producer);
		return;
	}
	if (slept) {
		consumer->sleeps++;
		/* Relaxed: the next look orders what it rings for. */
		if (atomic_load_explicit(member->on.word, memory_order_relaxed) !=
		    member->on.expected)
			end = SLEEP_WOKEN;
		else if (overslept)
			consumer_overslept(consumer);
	}
	consumer_disarm(consumer, end);
}

/* What to sleep on, and for how long at most. */
struct sleep_set {
	struct sleep_word words[MANY_MAX];
	unsigned int count;
	int64_t bound_ns;
};

static int64_t nap(struct shmring_poller *poller)
{
	if (poller->silent_since_ns == 0)
		poller->silent_since_ns = clock_ns();
	return many_nap(poller->silent_since_ns);
}

static void shorten(struct sleep_set *set, int64_t bound_ns)
{
	if (bound_ns < set->bound_ns)
		set->bound_ns = bound_ns;
}

/* False: there is something to look at. */
static bool arm_all(struct shmring_poller *poller, struct sleep_set *set)
{
	const bool possible = many_possible();
	const struct roster_list *list;
	bool idle = true;

	set->words[0].word = &poller->members.change;
	/* Acquire: the word, then the members; whoever changes them does it the other way round. */
	set->words[0].expected =
		atomic_load_explicit(&poller->members.change, memory_order_acquire);
	set->count = 1;
	set->bound_ns = RECHECK_NS;
	list = roster_enter(&poller->members);
	for (unsigned int i = 0; i < list->count && idle; i++) {
		struct poller_member *member = list->item[i];

		if (member->consumer) {
			consumer_idle(member->consumer);
			poller->spin.peer = consumer_awaits(member->consumer);
			consumer_room_look(member->consumer);
		}
		if (possible && set->count < MANY_MAX) {
			idle = member_arm(member);
			set->words[set->count++] = member->on;
			shorten(set, member->on.bound_ns);
		} else {
			/* Nobody rings for it, and what a look does not find is not found by arming it. */
			if (member->producer)
				member->told = producer_disturbed(member->producer);
			idle = member->told == 0;
			shorten(set, nap(poller));
		}
	}
	roster_leave(&poller->members);
	return idle;
}

static void disarm_all(struct shmring_poller *poller, bool slept, bool overslept)
{
	const struct roster_list *list = roster_enter(&poller->members);

	for (unsigned int i = 0; i < list->count; i++)
		poller_disarm(list->item[i], slept, overslept);
	roster_leave(&poller->members);
}

static enum sleep_end sleep_once(struct shmring_poller *poller, int64_t left)
{
	enum sleep_end end = SLEEP_NOT;
	struct sleep_set set;

	if (arm_all(poller, &set) && handle_arm(&poller->handle, &poller->members.change)) {
		const uint64_t start = clock_ns();

		shorten(&set, left);
		end = many_sleep(set.words, set.count, set.bound_ns);
		spin_slept(&poller->spin, end == SLEEP_WOKEN ? clock_ns() - start : UINT64_MAX);
	}
	handle_disarm(&poller->handle);
	disarm_all(poller, end != SLEEP_NOT, end == SLEEP_TIMED_OUT && set.bound_ns == RECHECK_NS);
	return end;
}

/* The number of events, or an error. */
static int wait_for_any(struct shmring_poller *poller, struct shmring_event *events,
			unsigned int room, int64_t timeout_ns)
{
	struct deadline deadline = deadline_after(timeout_ns);
	enum sleep_end end = SLEEP_NOT;
	bool spun = false;

	for (;;) {
		unsigned int found;
		int64_t left;

		if (handle_cancelled(&poller->handle))
			return -ECANCELED;
		found = look_at_all(poller, events, room);
		if (found)
			return (int)found;
		if (timeout_ns == 0)
			return -EAGAIN;
		if (end == SLEEP_INTERRUPTED && poller->handle.interruptible)
			return -EINTR;
		left = deadline_left(deadline, RECHECK_NS);
		if (left == 0)
			return -ETIMEDOUT;
		if (!spun) {
			spun = true;
			if (spin_for_any(poller, deadline))
				continue;
		}
		end = sleep_once(poller, left);
	}
}

int shmring_poller_wait(struct shmring_poller *poller, struct shmring_event *events,
			unsigned int room, unsigned int *count, int64_t timeout_ns)
{
	int found;
	KEEP_ERRNO;

	if (!events || !count || room == 0)
		return -EINVAL;
	if (poller->handle.is_forked)
		return -EOWNERDEAD;
	found = wait_for_any(poller, events, room < INT32_MAX ? room : INT32_MAX, timeout_ns);
	if (found < 0)
		return found;
	*count = (unsigned int)found;
	return 0;
}
