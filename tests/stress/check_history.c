/* SPDX-License-Identifier: MIT */
/* Does the judge of race_names tell a history that can be from one that cannot? */
#include "names_history.h"

#include <stdio.h>

#define EVENTS_MAX 6

struct story {
	const char *what;
	bool possible;
	uint64_t first;
	struct event events[EVENTS_MAX]; /* up to the first that began at 0 */
};

static const struct story stories[] = {
	{ "nothing happens", true, NO_RING, { { .began = 0 } } },
	{ "created, found, unlinked, gone",
	  true,
	  NO_RING,
	  { { EVENT_CREATED, 1, 1, 2 },
	    { EVENT_FOUND, 1, 3, 4 },
	    { EVENT_UNLINKED, 0, 5, 6 },
	    { EVENT_NONE, 0, 7, 8 } } },
	{ "found before it was created",
	  false,
	  NO_RING,
	  { { EVENT_FOUND, 1, 1, 2 }, { EVENT_CREATED, 1, 3, 4 } } },
	{ "found while it was created",
	  true,
	  NO_RING,
	  { { EVENT_FOUND, 1, 1, 4 }, { EVENT_CREATED, 1, 2, 3 } } },
	{ "found after it was unlinked",
	  false,
	  1,
	  { { EVENT_UNLINKED, 0, 1, 2 }, { EVENT_FOUND, 1, 3, 4 } } },
	{ "created twice",
	  false,
	  NO_RING,
	  { { EVENT_CREATED, 1, 1, 3 }, { EVENT_CREATED, 2, 2, 4 } } },
	{ "created twice, unlinked between",
	  true,
	  NO_RING,
	  { { EVENT_CREATED, 1, 1, 9 }, { EVENT_CREATED, 2, 2, 8 }, { EVENT_UNLINKED, 0, 3, 7 } } },
	{ "unlinked twice",
	  false,
	  1,
	  { { EVENT_UNLINKED, 0, 1, 3 }, { EVENT_UNLINKED, 0, 2, 4 } } },
	{ "gone, though nobody unlinked it",
	  false,
	  NO_RING,
	  { { EVENT_CREATED, 1, 1, 2 }, { EVENT_NONE, 0, 3, 4 } } },
	{ "unlinked by one who was killed",
	  true,
	  NO_RING,
	  { { EVENT_CREATED, 1, 1, 2 }, { EVENT_NONE, 0, 5, 6 }, { EVENT_UNLINKED, 0, 3, 0 } } },
	{ "unlinked by one who was killed before he began",
	  false,
	  NO_RING,
	  { { EVENT_CREATED, 1, 1, 2 }, { EVENT_NONE, 0, 3, 4 }, { EVENT_UNLINKED, 0, 5, 0 } } },
	{ "created by one who was killed, and found later",
	  true,
	  NO_RING,
	  { { EVENT_CREATED, 1, 1, 0 }, { EVENT_NONE, 0, 3, 4 }, { EVENT_FOUND, 1, 5, 6 } } },
	{ "found, then not yet created",
	  false,
	  NO_RING,
	  { { EVENT_CREATED, 1, 1, 0 }, { EVENT_FOUND, 1, 3, 4 }, { EVENT_NONE, 0, 5, 6 } } },
	{ "one killed unlinks but one ring",
	  false,
	  1,
	  { { EVENT_UNLINKED, 0, 1, 0 }, { EVENT_CREATED, 2, 2, 3 }, { EVENT_NONE, 0, 4, 5 } } },
	{ "another than the one there", false, 1, { { EVENT_FOUND_OTHER, 1, 1, 2 } } },
	{ "another than one that is gone", true, 2, { { EVENT_FOUND_OTHER, 1, 1, 2 } } },
	{ "exists, where none can", false, NO_RING, { { EVENT_EXISTS, 0, 1, 2 } } },
	{ "some, where none can be",
	  false,
	  1,
	  { { EVENT_UNLINKED, 0, 1, 2 }, { EVENT_FOUND_SOME, 0, 3, 4 } } },
};

int main(void)
{
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct history history = { 0 };

		while (history.count < EVENTS_MAX && stories[i].events[history.count].began != 0) {
			history.events[history.count] = stories[i].events[history.count];
			history.count++;
		}
		if (history_possible(&history, stories[i].first) == stories[i].possible)
			continue;
		wrong++;
		fprintf(stderr, "%s: should be %spossible\n", stories[i].what,
			stories[i].possible ? "" : "im");
		history_print(&history, stories[i].first);
	}
	printf("%zu histories, %u judged wrongly\n", sizeof(stories) / sizeof(stories[0]), wrong);
	return wrong != 0;
}
