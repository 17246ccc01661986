/* SPDX-License-Identifier: MIT */
/* names_rivals.h - what another process does to the same name while the victim is stopped. */
#ifndef TESTS_CRASH_NAMES_RIVALS_H
#define TESTS_CRASH_NAMES_RIVALS_H

#include "names_victim.h"

enum rival {
	RIVAL_COLLECTS,
	RIVAL_CREATES,
	RIVAL_UNLINKS,
	RIVAL_REPLACES, /* unlinks, and creates another */
	RIVAL_FINISHES, /* the partner goes on to its end */
	RIVAL_DIES,     /* the partner is killed */
	RIVALS,
};

extern const char *const rival_names[RIVALS];

/* Does it make sense there, and come to an end soon? */
bool rival_fits(enum rival rival, const struct scene *scene, const struct point *point);

/*
 * Can it go wrong between any two instructions? Then every one of them is tried, also in a short
 * run.
 */
bool rival_matters(enum rival rival, const struct scene *scene);

/*
 * The victim is at the point, and stops there while the rival comes and goes; then it, and its
 * partner, finish. Null if what they say agrees with what is there in the end, or what does not.
 */
const char *rival_overtakes(enum rival rival, struct cast *cast, const struct point *point);

#endif
