/* SPDX-License-Identifier: MIT */
/* names_walk.h - steps a scene from beginning to end, and collects the points that it comes by. */
#ifndef TESTS_CRASH_NAMES_WALK_H
#define TESTS_CRASH_NAMES_WALK_H

#include "names_victim.h"

#define POINTS_MAX 8192
#define STATES_MAX 256

struct walk {
	const struct scene *scene;
	unsigned int points, states;
	uint64_t steps;
	struct cue cue;
	struct point problem_at;        /* if there was one */
	struct point point[POINTS_MAX]; /* distinct, in the order in which they are come by */
};

/* Distinct states of all scenes of one operation: names, objects, locks. */
struct states {
	unsigned int count;
	uint64_t state[STATES_MAX];
};

/*
 * At each new state it is checked that others find what they should, and leave the victim's things
 * alone. Returns null, or what is wrong first.
 */
const char *walk_scene(struct walk *walk, const struct scene *scene, struct states *states);

#endif
