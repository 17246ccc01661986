/* SPDX-License-Identifier: MIT */
/*
 * names_victim.h - the process that is stepped through a scene, and the places where it has been.
 */
#ifndef TESTS_CRASH_NAMES_VICTIM_H
#define TESTS_CRASH_NAMES_VICTIM_H

#include "names_scene.h"
#include "stepper.h"

/* A place that the victim comes by: an instruction, and what /dev/shm is like before it. */
struct point {
	uint64_t address, state;
	bool first_in_state; /* of all the scene's points */
	bool holds;          /* somebody holds LOCK_NAMES there: the victim */
	bool orphaned;       /* and the control object has a name, and the data object has none */
	bool ring_locked;    /* or it is that of a ring that is there */
	bool looked;         /* the victim has the ring's data object open */
	bool after_rival;    /* somebody else has made the ring */
};

struct victim {
	const struct scene *scene;
	struct stepper stepper;
	struct outside outside; /* names, and what it has open without one; as of the last look */
	uint64_t state;         /* hash of that */
	struct point seen;      /* what of a point follows from that */
	int *result;            /* of its call, when that is over */
};

/* Both of the processes that a scene may have; the second is stopped where it is. */
struct cast {
	struct victim victim, partner;
};

/* Where in the scene the rival comes, if one does. */
struct cue {
	bool given;
	struct point at;
};

/* How to come to a point quickly: first to where its state begins. */
struct way {
	const struct cue *cue;
	const struct point *state, *point;
};

/*
 * Sets the stage, brings the partner to its place, if there is one, and the victim to the beginning
 * of its call.
 */
void cast_start(struct cast *cast, const struct scene *scene);

/*
 * All that, and runs the victim to a point; the rival is let in on the way if there is one. False
 * if it never comes.
 */
bool cast_bring(struct cast *cast, const struct scene *scene, const struct way *way);

/*
 * The partner's part in the end: its result must be as if nobody else had been there. Null if so.
 */
const char *partner_finish(struct cast *cast);
void partner_kill(struct cast *cast);

/* Looks at the state that it has brought about. */
void victim_look(struct victim *victim);

/* Fills in what the last look showed. */
struct point victim_point(const struct victim *victim);

/* Goes on to a point; false if it never comes there. */
bool victim_reach(struct victim *victim, const struct point *point);

/* Lets it finish. Returns what its call did, or -EINTR if it ended otherwise. */
int victim_finish(struct victim *victim);

#endif
