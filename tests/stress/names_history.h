/* SPDX-License-Identifier: MIT */
/*
 * names_history.h - can what several processes did to one name at the same time have happened in
 * some order?
 *
 * A name is a register: creating sets it if nothing is there, unlinking clears it, and whoever
 * attaches reads it. Each call is an event with the time at which it began and ended. The calls'
 * results must follow from some order in which no call that had ended comes after one that began
 * later (linearizability; Herlihy and Wing 1990). A call whose process was killed has no end: it
 * may have happened at any time since, or not at all.
 */
#ifndef TESTS_STRESS_NAMES_HISTORY_H
#define TESTS_STRESS_NAMES_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

/* Identity of a ring: never 0, which stands for no ring. */
#define NO_RING 0u

/* Events of one name in one race; a bit for each. */
#define HISTORY_EVENTS 64

enum event_kind {
	EVENT_CREATED,     /* set to `ring`, where there was none */
	EVENT_EXISTS,      /* creating found one already */
	EVENT_UNLINKED,    /* cleared, where there was one */
	EVENT_NONE,        /* found none: unlinking or attaching */
	EVENT_FOUND,       /* attached to `ring` */
	EVENT_FOUND_OTHER, /* found one that is not `ring` */
	EVENT_FOUND_SOME,  /* found one */
};

struct event {
	enum event_kind kind;
	uint64_t ring;
	uint64_t began, ended; /* ended 0: its process was killed meanwhile */
};

struct history {
	unsigned int count;
	struct event events[HISTORY_EVENTS];
};

/* Is there an order that starts with the name bound to `first` (or NO_RING)? */
bool history_possible(const struct history *history, uint64_t first);

/* On stderr, one line each. */
void history_print(const struct history *history, uint64_t first);

#endif
