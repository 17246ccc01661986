/* SPDX-License-Identifier: MIT */
#include "names_history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* States that led nowhere, so that none is tried twice. */
#define SEEN_SLOTS 65536u

struct search {
	const struct history *history;
	uint64_t must; /* events that ended: all of them have to find their place */
	struct {
		uint64_t done, ring;
		bool used;
	} seen[SEEN_SLOTS];
};

/* What is bound after this event, if it can happen now. */
static bool can_happen(const struct event *event, uint64_t bound, uint64_t *next)
{
	*next = bound;
	switch (event->kind) {
	case EVENT_CREATED:
		*next = event->ring;
		return bound == NO_RING;
	case EVENT_UNLINKED:
		*next = NO_RING;
		return bound != NO_RING;
	case EVENT_NONE:
		return bound == NO_RING;
	case EVENT_FOUND:
		return bound == event->ring;
	case EVENT_FOUND_OTHER:
		return bound != NO_RING && bound != event->ring;
	case EVENT_EXISTS:
	case EVENT_FOUND_SOME:
		return bound != NO_RING;
	}
	return false;
}

/* Had an event that is still to come ended before this one began? */
static bool too_early(const struct search *search, uint64_t done, const struct event *event)
{
	for (unsigned int i = 0; i < search->history->count; i++) {
		const struct event *other = &search->history->events[i];

		if (!(done & (uint64_t)1 << i) && other != event && other->ended != 0 &&
		    other->ended < event->began)
			return true;
	}
	return false;
}

static bool seen_before(struct search *search, uint64_t done, uint64_t ring)
{
	uint64_t slot = (done * 0x9e3779b97f4a7c15ULL ^ ring * 0xbf58476d1ce4e5b9ULL) >> 40;

	for (unsigned int i = 0; i < SEEN_SLOTS; i++, slot++) {
		slot %= SEEN_SLOTS;
		if (!search->seen[slot].used) {
			search->seen[slot].used = true;
			search->seen[slot].done = done;
			search->seen[slot].ring = ring;
			return false;
		}
		if (search->seen[slot].done == done && search->seen[slot].ring == ring)
			return true;
	}
	return false;
}

static bool find_order(struct search *search, uint64_t done, uint64_t bound)
{
	if ((done & search->must) == search->must)
		return true;
	if (seen_before(search, done, bound))
		return false;
	for (unsigned int i = 0; i < search->history->count; i++) {
		const struct event *event = &search->history->events[i];
		const uint64_t bit = (uint64_t)1 << i;
		uint64_t next;

		if ((done & bit) || !can_happen(event, bound, &next) ||
		    too_early(search, done, event))
			continue;
		if (find_order(search, done | bit, next))
			return true;
	}
	return false;
}

bool history_possible(const struct history *history, uint64_t first)
{
	static struct search search;

	memset(&search, 0, sizeof(search));
	search.history = history;
	for (unsigned int i = 0; i < history->count; i++)
		if (history->events[i].ended != 0)
			search.must |= (uint64_t)1 << i;
	return find_order(&search, 0, first);
}

void history_print(const struct history *history, uint64_t first)
{
	static const char *const words[] = {
		[EVENT_CREATED] = "created",      [EVENT_EXISTS] = "found it exists",
		[EVENT_UNLINKED] = "unlinked",    [EVENT_NONE] = "found none",
		[EVENT_FOUND] = "attached to",    [EVENT_FOUND_OTHER] = "found another than",
		[EVENT_FOUND_SOME] = "found one",
	};

	fprintf(stderr, "  at first: ring %llx\n", (unsigned long long)first);
	for (unsigned int i = 0; i < history->count; i++) {
		const struct event *event = &history->events[i];

		fprintf(stderr, "  %llu to ", (unsigned long long)event->began);
		if (event->ended)
			fprintf(stderr, "%llu", (unsigned long long)event->ended);
		else
			fprintf(stderr, "its death");
		fprintf(stderr, ": %s %llx\n", words[event->kind], (unsigned long long)event->ring);
	}
}
