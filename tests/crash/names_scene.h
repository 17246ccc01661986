/* SPDX-License-Identifier: MIT */
/*
 * names_scene.h - the calls that make and remove a ring's names, each with what is in /dev/shm when
 * it comes.
 *
 * /dev/shm is the test's own, and empty before a scene is set.
 */
#ifndef TESTS_CRASH_NAMES_SCENE_H
#define TESTS_CRASH_NAMES_SCENE_H

#include <stdbool.h>

#include "../support/outside.h"

enum operation {
	CREATING,
	UNLINKING,
	COLLECTING,
	OPERATIONS,
};

extern const char *const operation_names[OPERATIONS];

struct scene {
	const char *what;
	enum operation operation;
	void (*set)(void); /* prepares /dev/shm */
	int (*act)(void);  /* the victim's call; returns its result */
	int expected;      /* if nobody interferes */
	bool collects;     /* really, and all of it */
	bool old_kernel;   /* an open file cannot be linked by its descriptor alone */
	bool rival;        /* another makes the ring when the victim's control object is linked */
	bool damaged;      /* the ring cannot be attached to */
	/*
	 * Another process, stopped in its own call where a control object has a name and its data
	 * has none.
	 */
	int (*partner)(void);
	enum operation partner_operation;
	unsigned int rings;   /* of stage_name, there at first */
	unsigned int orphans; /* there at first, whosesoever */
};

extern const struct scene scenes[];
extern const unsigned int scene_count;

/* The ring that it is all about, and one that has nothing to do with it. */
extern const char *stage_name, *bystander_name;

/* Chooses the names. */
void stage_choose_names(void);

/* Empties /dev/shm, and sets the scene. */
void stage_set(const struct scene *scene);

/* Removes all files from /dev/shm. */
void stage_clear(void);

/* Creates the stage's ring; `maker` tells who did, and is found in the tag. */
int stage_create(unsigned char maker);

/* Who made the ring that is there; -1 if none is. */
int stage_maker(void);

/* Makers. */
enum {
	MADE_BEFORE = 1,
	MADE_BY_VICTIM = 2,
	MADE_BY_RIVAL = 3,
	MADE_AFTERWARDS = 4,
};

/*
 * Files that are no ring's, though one of them is named like a control object. They must stay as
 * they are.
 */
void strangers_make(void);
bool strangers_intact(void);
bool stranger(const struct outside_file *file);
#define STRANGERS 2u

#endif
